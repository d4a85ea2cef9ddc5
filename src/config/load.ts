// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of configuration files are written like that
import { dirname, resolve } from 'node:path'
import { findProvider } from '../providers/index.ts'
import { buildConfig } from './build.ts'
import type { Config, Source } from './config.ts'
import type { Paths } from './context.ts'
import { interpolate } from './interpolate.ts'
import { faultsOf, isMapping, valueAt } from './issues.ts'
import { coerce, type Flags, type Override, overlay, setAt } from './overlay.ts'
import { type Path, type Problem, pathText } from './problem.ts'
import { fileSchema } from './schema.ts'
import { schemaAt } from './schema-walk.ts'
import { OTHER_VARIABLES, SETTINGS } from './settings.ts'
import { closest } from './suggest.ts'
import { readYaml, type YamlFile } from './yaml.ts'

/** Everything a configuration is made of, as plain values: `main.ts` reads file and environment. */
export interface ConfigInput {
  /** Text of the file; null when there is none. */
  readonly text: string | null
  /** Path of the file, absolute or below `paths.cwd`; also how messages call it. */
  readonly fileName: string | null
  readonly env: Readonly<Record<string, string | undefined>>
  /** By name without dashes, e.g. `{ port: '80', detect: false }`; see `SETTINGS`. */
  readonly flags: Flags
  readonly paths: Paths
}

export type LoadResult =
  | {
      readonly ok: true
      readonly config: Config
      readonly warnings: readonly Problem[]
      /** By dotted path, for every setting and every provider of the file. */
      readonly sources: Readonly<Record<string, Source>>
    }
  | { readonly ok: false; readonly errors: readonly Problem[]; readonly warnings: readonly Problem[] }

/**
 * Makes the configuration: flag over environment over file over default. Pure and total: any text yields a
 * configuration or a list of problems, all that can be found at once, in the order of the file.
 */
export function loadConfig(input: ConfigInput): LoadResult {
  return new Loading(input).run()
}

class Loading {
  readonly #input: ConfigInput
  readonly #name: string
  readonly #errors: Problem[] = []
  readonly #warnings: Problem[] = []
  #file: YamlFile | null = null
  #overrides: readonly Override[] = []
  /** Dotted path → variables that went into the value. */
  readonly #variables = new Map<string, { readonly names: readonly string[]; readonly whole: boolean }>()
  readonly #leftOut = new Set<string>()

  constructor(input: ConfigInput) {
    this.#input = input
    this.#name = input.fileName ?? 'waybill.yaml'
  }

  run(): LoadResult {
    const { env, flags } = this.#input
    const tree = this.#readFile()
    if (tree === null) return this.#failed()
    this.#replaceVariables(tree)
    pruneEmpty(tree, [])
    this.#overrides = overlay(tree, env, flags)
    this.#warnOfSlips()
    const parsed = fileSchema.safeParse(tree)
    if (!parsed.success) {
      for (const fault of faultsOf(parsed.error, tree, (path) => this.#variables.has(pathText(path)))) {
        this.#fail(this.#problem(fault.path, fault.message, fault.atKey))
      }
      return this.#failed()
    }
    const config = buildConfig(parsed.data, [...this.#leftOut], {
      paths: this.#input.paths,
      baseOf: (path) => (this.#overrideOf(path) ? this.#input.paths.cwd : this.#fileDirectory()),
      keySource: (path) => this.#keySource(path),
      problem: (path, message, atKey = false) => this.#fail(this.#problem(path, message, atKey)),
    })
    if (this.#errors.length > 0) return this.#failed()
    return { ok: true, config, warnings: this.#warnings, sources: this.#sources(tree) }
  }

  /** One complaint a value is enough: later ones are usually consequences. */
  #fail(problem: Problem): void {
    const known = problem.path !== '' && this.#errors.some(({ path }) => path === problem.path)
    if (!known) this.#errors.push(problem)
  }

  #failed(): LoadResult {
    const order = (problem: Problem) =>
      problem.place === null ? -1 : problem.place.line * 1e4 + problem.place.column
    const errors = [...this.#errors].sort((a, b) => order(a) - order(b))
    return { ok: false, errors, warnings: this.#warnings }
  }

  /** The file as a tree that may be changed; null when it cannot be read. */
  #readFile(): Record<string, unknown> | null {
    const { text } = this.#input
    if (text === null) return {}
    const file = readYaml(text)
    if (!('value' in file)) {
      for (const { place, message } of file) {
        this.#errors.push({ where: this.#where(place), message, place, path: '' })
      }
      return null
    }
    this.#file = file
    if (file.value === null) return {}
    if (isMapping(file.value)) return file.value
    this.#fail(this.#problem([], 'The file must be a mapping of keys, such as `server:` and `providers:`.'))
    return null
  }

  /** `${VAR}` in strings. An unset one without default leaves its provider out; anywhere else it is an error. */
  #replaceVariables(tree: Record<string, unknown>): void {
    for (const { path, text } of this.#file?.scalars ?? []) {
      if (!text.includes('${')) continue
      const result = interpolate(text, this.#input.env)
      if (result.malformed) {
        const rule = 'Write ${VARIABLE} or ${VARIABLE:-default}, and $${ where ${ itself is meant.'
        this.#fail(this.#problem(path, `${pathText(path)} holds a \`\${\` that names no variable. ${rule}`))
      } else if (result.missing.length > 0) {
        this.#unset(path, result.missing)
      } else {
        const { used: names, whole } = result
        if (names.length > 0) this.#variables.set(pathText(path), { names, whole })
        setAt(tree, path, coerce(path, result.text))
      }
    }
    const providers = tree['providers']
    if (!isMapping(providers)) return
    for (const name of Object.keys(providers)) {
      if (this.#leftOut.has(canonical(name))) delete providers[name]
    }
  }

  #unset(path: Path, missing: readonly string[]): void {
    const [section, name] = path
    const plural = missing.length > 1 ? 'are' : 'is'
    const what = `${missing.join(' and ')}, which ${plural} not set`
    if (section !== 'providers' || typeof name !== 'string') {
      const remedy = `Set it, or give a default: \${${missing[0]}:-value}.`
      this.#fail(this.#problem(path, `${pathText(path)} needs ${what}. ${remedy}`))
      return
    }
    if (this.#leftOut.has(canonical(name))) return
    this.#leftOut.add(canonical(name))
    const effect = `Provider ${name} is left out: ${pathText(path)} needs ${what}.`
    this.#warnings.push(this.#problem(path, effect))
  }

  /** A variable with our prefix that is nearly a setting was meant to be one. */
  #warnOfSlips(): void {
    const known = [...SETTINGS.map(({ env }) => env), ...OTHER_VARIABLES]
    for (const name of Object.keys(this.#input.env)) {
      if (!name.startsWith('WAYBILL_') || known.includes(name)) continue
      const meant = closest(name, known)
      if (meant === null || Math.abs(meant.length - name.length) > 2) continue
      const message = `This variable is not read. Did you mean \`${meant}\`?`
      this.#warnings.push({ where: name, message, place: null, path: '' })
    }
  }

  #problem(path: Path, message: string, atKey = false): Problem {
    const override = this.#overrideOf(path)
    const file = this.#file
    if (override !== undefined || file === null) {
      return { where: override?.name ?? this.#name, message, place: null, path: pathText(path) }
    }
    const place = atKey ? file.keyPlace(path) : file.place(path)
    return { where: this.#where(place), message, place, path: pathText(path) }
  }

  #where({ line, column }: { line: number; column: number }): string {
    return `${this.#name}:${line}:${column}`
  }

  #overrideOf(path: Path): Override | undefined {
    return this.#overrides.find(({ setting }) => setting.path.every((step, index) => path[index] === step))
  }

  #keySource(path: Path): string {
    const found = this.#variables.get(pathText(path))
    return found?.whole ? `env:${found.names[0]}` : 'file'
  }

  #fileDirectory(): string {
    const { fileName, paths } = this.#input
    return fileName === null ? paths.cwd : dirname(resolve(paths.cwd, fileName))
  }

  #sources(tree: Record<string, unknown>): Record<string, Source> {
    const sources: Record<string, Source> = {}
    const file = this.#file
    const fromFile = (path: Path): Source => ({
      kind: 'file',
      name: `${this.#name}:${file!.keyPlace(path).line}`,
    })
    for (const { path } of SETTINGS) {
      const override = this.#overrideOf(path)
      const inFile = file !== null && valueAt(tree, path) !== undefined
      sources[pathText(path)] = override
        ? { kind: override.kind, name: override.name }
        : inFile
          ? fromFile(path)
          : { kind: 'default', name: 'default' }
    }
    const { providers } = tree
    for (const name of isMapping(providers) ? Object.keys(providers) : []) {
      sources[`providers.${canonical(name)}`] = fromFile(['providers', name])
    }
    return sources
  }
}

/** Id of a provider's name in the file. */
const canonical = (name: string) => findProvider(name)?.id ?? name

/** `server:` with nothing behind it is a section not yet filled in; `openai:` means "with the key of the environment". */
function pruneEmpty(node: Record<string, unknown>, path: Path): void {
  const known = schemaAt(path)
  for (const [key, value] of Object.entries(node)) {
    const at = [...path, key]
    if (value === null && known?.kind === 'record' && schemaAt(at)?.kind === 'object') node[key] = {}
    else if (value === null && known?.keys.includes(key)) delete node[key]
    else if (isMapping(value)) pruneEmpty(value, at)
    else if (Array.isArray(value)) {
      value.forEach((item, index) => {
        if (isMapping(item)) pruneEmpty(item, [...at, index])
      })
    }
  }
}
