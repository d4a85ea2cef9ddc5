import { type Import, lineAt, roomOf, type Source } from './source.ts'

/** A room of src/ and what it may do. */
export interface Room {
  /** The rooms it may import from. */
  readonly uses: readonly string[]
  /** Rooms of which it may know the types alone. */
  readonly types?: readonly string[]
  /** Files, as patterns of their path in the room, that are pure: no clock, chance, environment, network, disk. */
  readonly pure?: readonly RegExp[]
  /** Exceptions from `pure`. */
  readonly impure?: readonly RegExp[]
  /** Files that it may import lazily, with `import('…')`, and not otherwise. */
  readonly lazily?: readonly string[]
  /** Puts the rooms together: may import everything, and nobody imports it but lazily. */
  readonly joins?: boolean
}

export type Rooms = Readonly<Record<string, Room>>

/** A broken rule, at a line of a file below src/. */
export interface Violation {
  readonly path: string
  readonly line: number
  readonly rule: string
}

/** Files directly in src/: they join the rooms and may import everything. */
const JOINTS: readonly string[] = ['main.ts', 'app.ts']

const isTest = (path: string) => /(^|[./])(test|bench)\.ts$/.test(path) || path.includes('/testing/')

function arrowRule(from: string, rooms: Rooms, found: Import): string | undefined {
  const to = found.target!
  const room = roomOf(from)!
  const other = roomOf(to)
  if (other === room) return undefined
  const allowed = rooms[room]!
  if (allowed.joins || (found.lazy && allowed.lazily?.includes(to))) return undefined
  if (other === undefined || rooms[other]?.joins)
    return `${room} must not import ${to}, which joins the rooms`
  if (!rooms[other]) return `${to} is outside the rooms of src/`
  if (!allowed.uses.includes(other)) {
    if (!allowed.types?.includes(other)) {
      return `arrow: ${room} must not import ${other} (it may use ${allowed.uses.join(', ') || 'no other room'})`
    }
    if (!found.typeOnly) return `arrow: ${room} may import types alone from ${other}: write \`import type\``
  }
  return to === `${other}/index.ts` ? undefined : `door: import ${other} through ${other}/index.ts, not ${to}`
}

/** Rooms import along the arrows, and other rooms through their index.ts alone. */
export function arrows(sources: readonly Source[], rooms: Rooms): Violation[] {
  const violations: Violation[] = []
  for (const { path, imports } of sources) {
    const room = roomOf(path)
    if (isTest(path)) continue
    if (room === undefined ? !JOINTS.includes(path) : !rooms[room]) {
      violations.push({
        path,
        line: 1,
        rule: 'room: not a known room; they are listed in scripts/check-rooms.ts',
      })
      continue
    }
    for (const found of imports) {
      const rule =
        room !== undefined && found.target !== undefined ? arrowRule(path, rooms, found) : undefined
      if (rule) violations.push({ path, line: found.line, rule })
    }
  }
  return violations
}

/** Code that makes a function depend on more than its arguments. */
const IMPURE: readonly (readonly [RegExp, string])[] = [
  [/(?<![.\w$])Date\.now\b/g, 'Date.now'],
  [/(?<![.\w$])new\s+Date\s*(?:\(\s*\)|(?![\s(\w$.]))/g, 'new Date()'],
  [/(?<![.\w$])Math\.random\b/g, 'Math.random'],
  [/(?<![.\w$])performance\./g, 'performance'],
  [/(?<![.\w$])process\./g, 'process'],
  [/(?<![.\w$])console\./g, 'console'],
  [/(?<![.\w$])crypto\./g, 'crypto'],
  [/(?<![.\w$])fetch\s*\(/g, 'fetch'],
  [/(?<![.\w$])(?:setTimeout|setInterval|setImmediate)\s*\(/g, 'a timer'],
]

/** Node's modules that compute and nothing else; of node:crypto these names. */
const COMPUTING: ReadonlySet<string> = new Set(['node:buffer', 'node:zlib', 'node:string_decoder'])
const HASHING: ReadonlySet<string> = new Set(['createHash', 'createHmac', 'hash', 'timingSafeEqual'])

function isPure(path: string, rooms: Rooms): boolean {
  const room = rooms[roomOf(path) ?? '']
  const file = path.slice(path.indexOf('/') + 1)
  const some = (patterns: readonly RegExp[] = []) => patterns.some((pattern) => pattern.test(file))
  return !isTest(path) && room !== undefined && some(room.pure) && !some(room.impure)
}

function impureImport(found: Import, path: string, rooms: Rooms): string | undefined {
  if (found.typeOnly) return undefined
  if (found.target !== undefined) {
    const within = roomOf(found.target) === roomOf(path)
    return within && !isPure(found.target, rooms) && !path.endsWith('/index.ts') ? found.target : undefined
  }
  if (!found.specifier.startsWith('node:') || COMPUTING.has(found.specifier)) return undefined
  const hashing = found.names.length > 0 && found.names.every((name) => HASHING.has(name))
  return found.specifier === 'node:crypto' && hashing ? undefined : found.specifier
}

/** Pure files take clock, chance, environment, network and disk as arguments, and import pure files of their room. */
export function purity(sources: readonly Source[], rooms: Rooms): Violation[] {
  const violations: Violation[] = []
  for (const { path, imports, code } of sources) {
    if (!isPure(path, rooms)) continue
    for (const [pattern, name] of IMPURE) {
      for (const match of code.matchAll(pattern)) {
        violations.push({
          path,
          line: lineAt(code, match.index),
          rule: `pure: ${name} must come in as an argument`,
        })
      }
    }
    for (const found of imports) {
      const name = impureImport(found, path, rooms)
      if (name) violations.push({ path, line: found.line, rule: `pure: must not import ${name}` })
    }
  }
  return violations
}

/** No file imports itself through others; types, which are erased, don't count. */
export function cycles(sources: readonly Source[]): Violation[] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const done = new Set<string>()
  const violations: Violation[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (done.has(path)) return
    for (const found of byPath.get(path)?.imports ?? []) {
      if (found.typeOnly || found.target === undefined || !byPath.has(found.target)) continue
      const start = [...trail, path].indexOf(found.target)
      if (start < 0) visit(found.target, [...trail, path])
      else {
        const circle = [...trail, path].slice(start).concat(found.target).join(' → ')
        violations.push({ path, line: found.line, rule: `cycle: ${circle}` })
      }
    }
    done.add(path)
  }
  for (const { path } of sources) visit(path, [])
  return violations
}

/** Where a string is compared: `x === '…'`, `'…' === x`, `case '…'`, `.includes('…')` and their like. */
const COMPARED_BEFORE =
  /(?:[=!]==?|(?<![\w$])case|\.(?:includes|startsWith|endsWith|has|indexOf|equals)\()\s*$/
const COMPARED_AFTER = /^\s*[=!]==?/

/** A provider's quirks live in providers/ and dialects/: nobody else asks which provider it is. */
export function providerNames(sources: readonly Source[], ids: ReadonlySet<string>): Violation[] {
  const violations: Violation[] = []
  for (const { path, code, literals } of sources) {
    if (isTest(path) || roomOf(path) === 'providers' || roomOf(path) === 'dialects') continue
    for (const { at, value } of literals) {
      if (!ids.has(value)) continue
      const after = code.slice(at + value.length + 2)
      if (!COMPARED_BEFORE.test(code.slice(Math.max(0, at - 40), at)) && !COMPARED_AFTER.test(after)) continue
      const rule = `provider: '${value}' is compared here; make the difference a field of the provider's data`
      violations.push({ path, line: lineAt(code, at), rule })
    }
  }
  return violations
}
