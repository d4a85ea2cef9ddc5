import { stripTypeScriptTypes } from 'node:module'
import { posix } from 'node:path'
import { type Literal, mask } from './mask.ts'

/** One import of a source file. */
export interface Import {
  readonly specifier: string
  readonly line: number
  /** `import('…')` and `new URL('….ts', …)`; read only when that line runs. */
  readonly lazy: boolean
  /** Erased before the program runs. */
  readonly typeOnly: boolean
  /** The names in braces; empty for `* as`, a default, a lazy import. */
  readonly names: readonly string[]
  /** The file below src/ it names; undefined for packages and Node's modules. */
  readonly target: string | undefined
}

/** A source file as the rules see it. */
export interface Source {
  /** Below src/, with forward slashes, e.g. `money/price.ts`. */
  readonly path: string
  readonly imports: readonly Import[]
  /** The code without types, comments and string contents; its lines are those of the file. */
  readonly code: string
  readonly literals: readonly Literal[]
}

/** `money` for `money/price.ts`; undefined for files directly in src/. */
export function roomOf(path: string): string | undefined {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : undefined
}

/** The line of a position in a text, counted from 1. */
export function lineAt(text: string, at: number): number {
  return text.slice(0, at).split('\n').length
}

const FORMS: readonly { readonly pattern: RegExp; readonly lazy: boolean }[] = [
  { pattern: /(?<![.\w$])(?:import|export)\s+(?:type\s+)?([\w$*\s{},]*?)\bfrom\s*(?=['"])/g, lazy: false },
  { pattern: /(?<![.\w$])(?:import|export)\s*(?:type\s*)?(\{[\w$\s,]*\})\s*from\s*(?=['"])/g, lazy: false },
  { pattern: /(?<![.\w$])import\s*()(?=['"])/g, lazy: false },
  { pattern: /(?<![.\w$])import\s*\(\s*()(?=['"])/g, lazy: true },
  { pattern: /(?<![.\w$])new\s+URL\(\s*()(?=['"])/g, lazy: true },
]

function namesIn(clause: string): string[] {
  const braces = /\{([^}]*)\}/.exec(clause)?.[1] ?? ''
  const names = braces.split(',').map(
    (part) =>
      part
        .trim()
        .replace(/^type\s+/, '')
        .split(/\s/)[0]!,
  )
  return names.filter(Boolean)
}

function importsIn(
  path: string,
  code: string,
  literals: readonly Literal[],
): Map<string, Omit<Import, 'typeOnly'>> {
  const values = new Map(literals.map((literal) => [literal.at, literal.value]))
  const found = new Map<string, Omit<Import, 'typeOnly'>>()
  for (const { pattern, lazy } of FORMS) {
    for (const match of code.matchAll(pattern)) {
      const quote = match.index + match[0].length
      const specifier = values.get(quote)
      if (specifier === undefined || (match[0].startsWith('new') && !/^\.{1,2}\/.*\.ts$/.test(specifier)))
        continue
      const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined
      const line = lineAt(code, quote)
      found.set(`${line}:${specifier}`, { specifier, line, lazy, names: namesIn(match[1] ?? ''), target })
    }
  }
  return found
}

/** Reads a TypeScript file. `path` is below src/. Throws where the text cannot be run by type stripping. */
export function readSource(path: string, text: string): Source {
  const written = mask(text)
  const run = mask(stripTypeScriptTypes(text))
  const atRunTime = importsIn(path, run.code, run.literals)
  const imports = [...importsIn(path, written.code, written.literals)].map(([key, found]) => ({
    ...found,
    typeOnly: !atRunTime.has(key),
  }))
  return { path, imports, code: run.code, literals: run.literals }
}
