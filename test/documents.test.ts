import { execFile } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { renderReference } from '../scripts/generate-reference.ts'
import { loadConfig } from '../src/config/index.ts'
import { waybill } from './harness/command.ts'
import { type RunningGateway, startGateway } from './harness/gateway.ts'

const ROOT = join(import.meta.dirname, '..')

/** Every document of the repository, path from the root → text. */
const documents: Readonly<Record<string, string>> = Object.fromEntries(
  [ROOT, join(ROOT, 'docs')]
    .flatMap((dir) =>
      readdirSync(dir, { recursive: dir !== ROOT, encoding: 'utf8' }).map((name) => join(dir, name)),
    )
    .filter((path) => path.endsWith('.md'))
    .map((path) => [relative(ROOT, path), readFileSync(path, 'utf8')]),
)

interface Block {
  readonly from: string
  readonly language: string
  readonly text: string
}

const blocks: readonly Block[] = Object.entries(documents).flatMap(([from, text]) =>
  [...text.matchAll(/^```(\w*)\n(.*?)^```/gms)].map(([, language, body]) => ({
    from,
    language: language!,
    text: body!,
  })),
)

const of = (language: string, from?: string) =>
  blocks.filter((block) => block.language === language && (from === undefined || block.from === from))

/** Commands of a block, lines that end in a backslash joined. */
const commands = ({ text }: Block) =>
  text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))

describe('the documents', () => {
  it('are there', () => {
    for (const path of ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'])
      expect(documents).toHaveProperty([path])
  })

  it.each(Object.keys(documents))('%s names no path of a machine and nothing unfinished', (path) => {
    const text = documents[path]!
    expect(text).not.toMatch(/(^|[\s"'`(])\/(home|Users|root|work|tmp)\//m)
    expect(text).not.toMatch(/\b(TODO|FIXME|TBD|coming soon)\b/i)
  })

  it.each(Object.keys(documents))('%s links to what exists', (path) => {
    for (const [, target] of documents[path]!.matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue
      const file = join(ROOT, dirname(path), target!)
      expect([target, existsSync(file)]).toEqual([target, true])
    }
  })

  it('name files of the tree that exist', () => {
    for (const path of ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'])
      for (const [, name] of documents[path]!.matchAll(/`((?:src|scripts|test|docs|bench|bin)\/[\w./-]+)`/g))
        if (!name!.includes('NNNN') && !name!.includes('YYYY'))
          expect([path, name, existsSync(join(ROOT, name!))]).toEqual([path, name, true])
    // Hops are named from src/ on.
    for (const [, name] of documents['ARCHITECTURE.md']!.matchAll(
      /`((?:http|relay|routing|money|start|config)\/[\w./-]+)`/g,
    ))
      expect([name, existsSync(join(ROOT, 'src', name!))]).toEqual([name, true])
  })

  it('know every room', () => {
    const rooms = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    )
    for (const { name } of rooms) expect(documents['ARCHITECTURE.md']).toContain(`\`${name}\``)
  })

  it.each(Object.entries(renderReference()))(
    '%s is what scripts/generate-reference.ts makes',
    (path, text) => {
      expect(documents[path]).toBe(text)
    },
  )

  it('show configurations that load', () => {
    const shown = of('yaml')
    expect(shown.length).toBeGreaterThan(1)
    for (const { from, text } of shown) {
      const env = { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' }
      const paths = { cwd: '/', home: '/', root: '/' }
      const loaded = loadConfig({ text, fileName: 'waybill.yaml', env, flags: {}, paths })
      expect([from, loaded.ok ? [] : loaded.errors]).toEqual([from, []])
    }
  })
})

describe('every command that is shown', () => {
  let gateway: RunningGateway
  let scratch: string

  beforeAll(async () => {
    gateway = await startGateway()
    scratch = mkdtempSync(join(tmpdir(), 'waybill-documents-'))
    symlinkSync(join(ROOT, 'node_modules'), join(scratch, 'node_modules'))
  })

  afterAll(async () => {
    await gateway?.remove()
    rmSync(scratch, { recursive: true, force: true })
  })

  const env = () => ({ ...process.env, WAYBILL_API_KEY: gateway.key })
  const here = (text: string) => text.replaceAll('http://127.0.0.1:7788', gateway.url)
  const run = (program: string, args: readonly string[]) =>
    promisify(execFile)(program, [...args], { cwd: scratch, env: env(), timeout: 20_000 })

  const lines = of('sh').flatMap((block) => commands(block).map((line) => [block.from, line] as const))

  it('is of a kind that is run here', () => {
    expect(lines.length).toBeGreaterThan(15)
    for (const [, line] of lines) expect(line).toMatch(/^(npm (start|test|run \w+)$|npx waybill |curl )/)
  })

  it('npm knows its scripts', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    for (const [, line] of lines)
      if (line.startsWith('npm ')) expect(scripts).toHaveProperty([line.split(' ').at(-1)!])
  })

  it.each(lines.filter(([, line]) => line.startsWith('npx waybill ')))('%s: %s', async (_, line) => {
    const words = (line.match(/"[^"]*"|\S+/g) ?? []).slice(2).map((word) => word.replaceAll('"', ''))
    const ran = await waybill([...words, '--data', gateway.dataDir], { cwd: scratch })
    expect(ran).toMatchObject({ code: 0 })
    expect(ran.out).not.toBe('')
  })

  it.each(lines.filter(([, line]) => line.startsWith('curl ')))('%s: curl', async (_, line) => {
    const { stdout } = await run('bash', ['-c', here(line)])
    expect(stdout).toContain('data: [DONE]')
  })

  it('the TypeScript of the README', async () => {
    const [block] = of('ts', 'README.md')
    const file = join(scratch, 'first.mts')
    writeFileSync(file, here(block!.text))
    const { stdout } = await run(process.execPath, [file])
    expect(stdout.trim()).toBe('[simulated] Hello')
  })

  it('the Python of the README', async (context) => {
    const known = await run('python3', ['-c', 'import openai']).then(
      () => true,
      () => false,
    )
    if (!known) return context.skip('by design: the openai package is not installed for python3')
    const [block] = of('python', 'README.md')
    const { stdout } = await run('python3', ['-c', here(block!.text)])
    expect(stdout.trim()).toBe('[simulated] Hello')
  })
})
