import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { check } from './check-rooms.ts'
import { mask } from './rooms/mask.ts'
import type { Rooms } from './rooms/rules.ts'
import { readSource } from './rooms/source.ts'

const ROOMS: Rooms = {
  edge: { uses: ['middle', 'words'], lazily: ['main.ts'] },
  middle: { uses: ['words'], types: ['edge'], pure: [/./], impure: [/^refresh/] },
  providers: { uses: ['words'] },
  words: { uses: [] },
}

/** The violations of a tree of files (path below src/ → text), as `path:line rule`. */
function violations(files: Record<string, string>): string[] {
  const sources = Object.entries(files).map(([path, text]) => readSource(path, text))
  return check(sources, ROOMS, new Set(['acme'])).map(({ path, line, rule }) => `${path}:${line} ${rule}`)
}

describe('arrows', () => {
  it('let a room use those it lists, through their index.ts', () => {
    expect(
      violations({ 'edge/a.ts': "import { x } from '../middle/index.ts'\nimport './b.ts'\nimport 'kysely'" }),
    ).toEqual([])
  })

  it('refuse a room that is not listed, naming file, line and what is allowed', () => {
    expect(violations({ 'words/a.ts': "\nexport { x } from '../edge/index.ts'" })).toEqual([
      'words/a.ts:2 arrow: words must not import edge (it may use no other room)',
    ])
  })

  it.each([
    ['over several lines', "import {\n  x,\n  type Y,\n} from '../edge/index.ts'", 4],
    ['for its effects', "import '../edge/index.ts'", 1],
    ['lazily', "const x = () => import('../edge/index.ts')", 1],
    ['as a worker', "new Worker(new URL('../edge/writer.ts', import.meta.url))", 1],
    ['as a type in an expression', "let x: import('../edge/index.ts').X", 1],
    ['with every name', "export * from '../edge/index.ts'", 1],
  ])('see an import %s', (_, text, line) => {
    expect(violations({ 'words/a.ts': text })).toEqual([
      `words/a.ts:${line} arrow: words must not import edge (it may use no other room)`,
    ])
  })

  it('refuse another door than index.ts', () => {
    expect(violations({ 'edge/a.ts': "import { x } from '../middle/plan.ts'" })).toEqual([
      'edge/a.ts:1 door: import middle through middle/index.ts, not middle/plan.ts',
    ])
  })

  it('allow types alone where only types are listed', () => {
    const text = "import type { X } from '../edge/index.ts'\nimport { y } from '../edge/index.ts'"
    expect(violations({ 'middle/a.ts': text })).toEqual([
      'middle/a.ts:2 arrow: middle may import types alone from edge: write `import type`',
    ])
  })

  it('let main.ts and app.ts import everything, and nobody import them but lazily where listed', () => {
    const files = {
      'main.ts': "import { x } from './words/deep/x.ts'",
      'edge/a.ts': "export const start = () => import('../main.ts')",
      'edge/b.ts': "import { main } from '../main.ts'",
    }
    expect(violations(files)).toEqual(['edge/b.ts:1 edge must not import main.ts, which joins the rooms'])
  })

  it('refuse rooms that nobody listed', () => {
    const rule = 'room: not a known room; they are listed in scripts/check-rooms.ts'
    expect(violations({ 'utils/a.ts': '', 'helper.ts': '' })).toEqual([
      `helper.ts:1 ${rule}`,
      `utils/a.ts:1 ${rule}`,
    ])
  })

  it('leave tests alone', () => {
    expect(violations({ 'words/a.test.ts': "import { x } from '../edge/deep.ts'\nDate.now()" })).toEqual([])
  })
})

describe('purity', () => {
  it.each([
    ['Date.now()', 'Date.now'],
    ['new Date()', 'new Date()'],
    ['new Date', 'new Date()'],
    ['Math.random()', 'Math.random'],
    ['performance.now()', 'performance'],
    ["process.env['X']", 'process'],
    ["await fetch('x')", 'fetch'],
    ['setTimeout(f, 1)', 'a timer'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a program
    ['`${`${Math.random()}`}`', 'Math.random'],
  ])('refuses %s', (code, name) => {
    expect(
      violations({ 'middle/a.ts': `export const f = async (f: () => void) => {\n  return ${code}\n}` }),
    ).toEqual([`middle/a.ts:2 pure: ${name} must come in as an argument`])
  })

  it('lets comments, strings, types, parameters and dates of a given time be', () => {
    const text = [
      '// Date.now() would be wrong here',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a program
      "const text = 'process.env' + `Math.random() ${1} fetch(`",
      'const slashes = /["\'`]Math.random()/.test(text) || 4 / 2 > 1 / 3',
      'type Now = typeof Date.now',
      'export const f = (clock: { fetch(): Date }, at: number) => [clock.fetch(), new Date(at)]',
    ].join('\n')
    expect(violations({ 'middle/a.ts': text })).toEqual([])
  })

  it("refuses Node's modules, except types and what only computes", () => {
    const text = [
      "import type { IncomingMessage } from 'node:http'",
      "import { createHash } from 'node:crypto'",
      "import { crc32 } from 'node:zlib'",
      "import { randomBytes } from 'node:crypto'",
      "import { readFileSync } from 'node:fs'",
    ].join('\n')
    expect(violations({ 'middle/a.ts': text })).toEqual([
      'middle/a.ts:4 pure: must not import node:crypto',
      'middle/a.ts:5 pure: must not import node:fs',
    ])
  })

  it('refuses the way round through an impure file of the same room, but not the index that shows both', () => {
    const files = {
      'middle/refresh.ts': 'export const now = () => Date.now()',
      'middle/plan.ts': "import { now } from './refresh.ts'\nexport const f = now",
      'middle/index.ts': "export * from './refresh.ts'",
    }
    expect(violations(files)).toEqual(['middle/plan.ts:1 pure: must not import middle/refresh.ts'])
  })
})

describe('cycles', () => {
  it('are refused with the whole circle', () => {
    const files = {
      'words/a.ts': "import { b } from './b.ts'",
      'words/b.ts': "import { c } from './c.ts'",
      'words/c.ts': "import { a } from './a.ts'",
    }
    expect(violations(files)).toEqual([
      'words/c.ts:1 cycle: words/a.ts → words/b.ts → words/c.ts → words/a.ts',
    ])
  })

  it('of types alone are none', () => {
    const files = {
      'words/a.ts': "import { b } from './b.ts'",
      'words/b.ts': "import type { A } from './a.ts'",
    }
    expect(violations(files)).toEqual([])
  })
})

describe('providers', () => {
  it.each(["id === 'acme'", "'acme' !== id", "ids.includes('acme')", "id.startsWith('acme')"])(
    'are not asked for by name: %s',
    (code) => {
      const text = `export const f = (id: string, ids: string[]) => ids.length > 0 && ${code}`
      expect(violations({ 'edge/a.ts': text })).toEqual([
        "edge/a.ts:1 provider: 'acme' is compared here; make the difference a field of the provider's data",
      ])
    },
  )

  it('may be named where nothing is compared, and in their own room', () => {
    const files = {
      'edge/a.ts': "export const example = 'acme'",
      'providers/a.ts': "export const f = (x: string) => x === 'acme'",
    }
    expect(violations(files)).toEqual([])
  })
})

describe('mask', () => {
  it('keeps length and lines whatever the text is', () => {
    const piece = fc.constantFrom(
      "'",
      '"',
      '`',
      '${',
      '}',
      '{',
      '/',
      '*',
      '//',
      '/*',
      '*/',
      '\\',
      '\n',
      'a',
      ' ',
      '(',
      ')',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const text = pieces.join('')
        const { code } = mask(text)
        expect(code.length).toBe(text.length)
        expect(code.split('\n').map((line) => line.length)).toEqual(
          text.split('\n').map((line) => line.length),
        )
      }),
      { numRuns: 300 },
    )
  })
})
