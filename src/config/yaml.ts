import {
  type Alias,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml'
import type { Path, Place } from './problem.ts'

const MAX_BYTES = 1024 * 1024
const MAX_DEPTH = 32
const MAX_VALUES = 50_000
/** One slip makes the parser complain many times. */
const MAX_FAULTS = 3

/** A string of the file, with where it stands: the only thing variables are replaced in. */
export interface ScalarText {
  readonly path: Path
  readonly text: string
}

/** The file as plain data, with the way back to lines and columns. */
export interface YamlFile {
  /** null for an empty file. */
  readonly value: unknown
  readonly scalars: readonly ScalarText[]
  /** Where the value at a path stands; of the closest one above it when it is not in the file. */
  place(path: Path): Place
  /** Where the key of a path stands. */
  keyPlace(path: Path): Place
}

export interface YamlProblem {
  readonly place: Place
  readonly message: string
}

const START: Place = { line: 1, column: 1 }
const keyOf = (path: Path) => JSON.stringify(path)

class TooMuch extends Error {}

/**
 * Reads YAML (JSON is YAML too) under limits: 1 MiB, 32 levels, 50,000 values after aliases are followed. Never throws:
 * what cannot be read comes back as problems with line and column and without any text of the file.
 */
export function readYaml(text: string): YamlFile | readonly YamlProblem[] {
  if (Buffer.byteLength(text) > MAX_BYTES) return [{ place: START, message: 'The file is over 1 MiB.' }]
  try {
    return read(text)
  } catch (error) {
    if (error instanceof TooMuch) return [{ place: START, message: error.message }]
    if (error instanceof RangeError) return [{ place: START, message: tooDeep() }]
    return [{ place: START, message: 'The file cannot be read as YAML.' }]
  }
}

function read(text: string): YamlFile | readonly YamlProblem[] {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, keepSourceTokens: false })
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    return faults
      .slice(0, MAX_FAULTS)
      .map(({ pos, message }) => ({ place: place(pos[0]), message: yamlFault(message) }))
  }
  const walk = new Walk(place)
  const value = walk.value(document.contents, [])
  if (walk.problems.length > 0) return walk.problems
  return {
    value,
    scalars: walk.scalars,
    place: (path) => closest(walk.values, path),
    keyPlace: (path) => walk.keys.get(keyOf(path)) ?? closest(walk.values, path),
  }
}

function closest(places: ReadonlyMap<string, Place>, path: Path): Place {
  for (let length = path.length; length >= 0; length--) {
    const found = places.get(keyOf(path.slice(0, length)))
    if (found !== undefined) return found
  }
  return START
}

/** From nodes to plain data: anchors are followed here, so that their number and depth are bounded. */
class Walk {
  readonly values = new Map<string, Place>()
  readonly keys = new Map<string, Place>()
  readonly scalars: ScalarText[] = []
  readonly problems: YamlProblem[] = []
  readonly #place: (offset: number) => Place
  readonly #anchors = new Map<string, Node>()
  #count = 0

  constructor(place: (offset: number) => Place) {
    this.#place = place
  }

  value(node: unknown, path: Path): unknown {
    if (path.length > MAX_DEPTH) throw new TooMuch(tooDeep())
    if (++this.#count > MAX_VALUES)
      throw new TooMuch(`The file holds more than ${MAX_VALUES} values, aliases followed.`)
    if (isAlias(node)) return this.#alias(node, path)
    const { range, anchor } = (node ?? {}) as Node
    if (anchor !== undefined) this.#anchors.set(anchor, node as Node)
    if (range) this.values.set(keyOf(path), this.#place(range[0]))
    if (isMap(node)) return this.#map(node.items, path)
    if (isSeq(node)) return node.items.map((item, index) => this.value(item, [...path, index]))
    if (!isScalar(node)) return null
    if (typeof node.value === 'string') this.scalars.push({ path, text: node.value })
    return node.value
  }

  #alias(node: Alias, path: Path): unknown {
    const target = this.#anchors.get(node.source)
    if (target !== undefined) return this.value(target, path)
    const place = this.#place(node.range?.[0] ?? 0)
    this.problems.push({
      place,
      message: 'This alias (`*…`) names an anchor (`&…`) that does not stand above it.',
    })
    return null
  }

  #map(items: readonly unknown[], path: Path): Record<string, unknown> {
    const record: Record<string, unknown> = {}
    for (const item of items) {
      if (!isPair(item)) continue
      const { key, value } = item
      const place = this.#place((key as Node).range?.[0] ?? 0)
      if (!isScalar(key) || key.value === '__proto__') {
        this.problems.push({ place, message: 'A key must be a plain word.' })
        continue
      }
      const name = String(key.value)
      const at = [...path, name]
      this.keys.set(keyOf(at), place)
      record[name] = this.value(value, at)
    }
    return record
  }
}

const tooDeep = () => `The file is nested more than ${MAX_DEPTH} levels deep.`

/** The parser's message without the pieces of the file it may quote: they can hold keys. */
function yamlFault(message: string): string {
  if (message.includes('Map keys must be unique')) return 'This key stands here twice; keep one.'
  if (message.includes('call stack')) return tooDeep()
  if (message.includes('multiple documents')) return 'The file holds a second document (`---`); keep one.'
  if (message.includes('Tabs')) return 'A tab cannot indent YAML; use spaces.'
  const [plain] = message.split(/: ["']|: \S*$/)
  return `This is not valid YAML: ${plain!.replaceAll(/\s+/g, ' ').replace(/[.:]?$/, '.')}`
}
