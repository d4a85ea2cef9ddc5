import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A recorded exchange with a provider; the format is described beside the recordings. */
export interface RecordedCase {
  readonly id: string
  readonly dialect: string
  readonly category: string
  readonly flags: readonly string[]
  readonly model: string
  readonly stream: boolean
  readonly request: { readonly url_path: string | null; readonly body: unknown }
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly kind: 'json' | 'sse' | 'ndjson' | 'text' | 'eventstream'
    readonly body?: unknown
    readonly text?: string
    readonly chunks_base64?: readonly string[]
  }
  /** Folder of the recording, usually the provider. */
  readonly folder: string
}

interface IndexEntry {
  readonly id: string
  readonly file: string
}

const root = (name: string): string => fileURLToPath(new URL(`../../shared/${name}`, import.meta.url))

/** Where recorded traffic lies beside a checkout. */
export const FIXTURES = root('fixtures')
/** Error cases built from documented shapes where nobody has recorded them. */
export const CONSTRUCTED = root('fixtures-constructed')
/** A clone without recordings runs the hand-written cases only. */
export const hasFixtures = existsSync(join(FIXTURES, 'INDEX.json'))
/** Reason to show for tests that are left out. */
export const WITHOUT_FIXTURES = 'recorded traffic is not beside this checkout (../shared/fixtures)'

function load(directory: string): RecordedCase[] {
  const index = join(directory, 'INDEX.json')
  if (!existsSync(index)) return []
  const entries = JSON.parse(readFileSync(index, 'utf8')) as IndexEntry[]
  return entries.map(({ file }) => {
    const path = file.replace(/^(open|constructed)\//, '')
    const recorded = JSON.parse(readFileSync(join(directory, path), 'utf8')) as RecordedCase
    return { ...recorded, folder: path.includes('/') ? path.split('/')[0]! : recorded.dialect }
  })
}

let recorded: readonly RecordedCase[] | undefined

/** Every recorded case, in the order of the index; empty without recordings. */
export function recordedCases(): readonly RecordedCase[] {
  recorded ??= load(FIXTURES)
  return recorded
}

/** Every constructed error case; empty without them. */
export function constructedCases(): readonly RecordedCase[] {
  return load(CONSTRUCTED)
}

/** The body of a response as bytes on the wire. */
export function responseBytes({ response }: RecordedCase): Buffer {
  if (response.chunks_base64 !== undefined) {
    return Buffer.concat(response.chunks_base64.map((chunk) => Buffer.from(chunk, 'base64')))
  }
  return Buffer.from(
    response.text ?? (typeof response.body === 'string' ? response.body : JSON.stringify(response.body)),
  )
}

/** A small deterministic generator of numbers in [0, 1), for repeatable tests. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** Cuts bytes at random places, also inside characters and frames; pieces are 1 to `most` bytes long. */
export function rechunk(bytes: Uint8Array, seed: number, most = 200): Uint8Array[] {
  const random = seeded(seed)
  const pieces: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    const size = 1 + Math.floor(random() * most)
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

/** One piece for each byte. */
export function everyByte(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
}
