// The rooms of src/ and who may import whom (ARCHITECTURE.md tells why). Part of `npm run check`.
// To let a room use another one, add it here; when that makes a circle of rooms, the thing is in the wrong room.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { arrows, cycles, providerNames, purity, type Rooms, type Violation } from './rooms/rules.ts'
import { readSource, type Source } from './rooms/source.ts'

const EVERY_FILE = [/./]

export const ROOMS: Rooms = {
  // The edge: mounts everything, decides nothing.
  http: {
    uses: [
      'relay',
      'routing',
      'dialects',
      'providers',
      'catalog',
      'chat',
      'money',
      'identity',
      'usage',
      'alerts',
      'store',
      'config',
      'telemetry',
      'lib',
    ],
  },
  // One call: do it. It meters through a port of chat/, so it doesn't know money/.
  relay: { uses: ['routing', 'dialects', 'providers', 'catalog', 'chat', 'telemetry', 'lib'] },
  // One call: decide.
  routing: { uses: ['catalog', 'chat', 'lib'], pure: EVERY_FILE },
  dialects: { uses: ['chat', 'lib'], pure: EVERY_FILE },
  providers: { uses: ['catalog', 'chat', 'lib'], types: ['dialects'] },
  catalog: { uses: ['chat', 'lib'], pure: EVERY_FILE, impure: [/^refresh/, /^seed/] },
  // The vocabulary that all rooms share.
  chat: { uses: [], pure: EVERY_FILE },
  money: { uses: ['store', 'chat', 'lib'], pure: [/^(amount|price|state)\.ts$/] },
  identity: { uses: ['store', 'chat', 'lib'] },
  usage: { uses: ['store', 'catalog', 'chat', 'lib'] },
  // What money wrote down to be told goes out.
  alerts: { uses: ['store', 'lib'] },
  store: { uses: ['lib'] },
  config: { uses: ['providers', 'catalog', 'chat', 'lib'] },
  // A client of the HTTP API and nothing else; `waybill start` and work without a server load more when asked for.
  cli: { uses: ['lib'], lazily: ['main.ts', 'start/index.ts'] },
  // A provider in this process, for trying things out; the relay meets it as a transport.
  simulator: { uses: ['catalog', 'chat', 'lib'] },
  // The life of the process: puts the rooms together, listens, reloads, restores, drains.
  start: { uses: [], joins: true },
  telemetry: { uses: ['lib'] },
  lib: { uses: [] },
}

/** Every rule over a set of sources, in the order of files and lines. */
export function check(
  sources: readonly Source[],
  rooms: Rooms,
  providerIds: ReadonlySet<string>,
): Violation[] {
  const violations = [
    ...arrows(sources, rooms),
    ...purity(sources, rooms),
    ...cycles(sources),
    ...providerNames(sources, providerIds),
  ]
  return violations.sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line)
}

/** The ids of known providers: one file each. */
function providerIds(directory: string): Set<string> {
  const names = existsSync(directory) ? readdirSync(directory) : []
  return new Set(names.filter((name) => /^[^.]+\.ts$/.test(name)).map((name) => basename(name, '.ts')))
}

function readTree(directory: string): Source[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) =>
    name.replaceAll('\\', '/'),
  )
  const files = names.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts')).sort()
  return files.map((name) => {
    try {
      return readSource(name, readFileSync(join(directory, name), 'utf8'))
    } catch (error) {
      throw new Error(`src/${name} cannot be read as TypeScript without enums and the like`, { cause: error })
    }
  })
}

if (process.argv[1] === import.meta.filename) {
  const src = join(import.meta.dirname, '../src')
  const violations = check(readTree(src), ROOMS, providerIds(join(src, 'providers/definitions')))
  for (const { path, line, rule } of violations) console.log(`src/${path}:${line}  ${rule}`)
  process.exitCode = violations.length > 0 ? 1 : 0
}
