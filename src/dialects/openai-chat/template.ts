import { count, isObject, type Json, list, object, parseJson } from '../json.ts'

/**
 * The fast lane for plain delta frames. Providers repeat each frame byte for byte but for the text in it. A template is
 * learnt from a frame that went the slow way: what stands before, between and after its variable strings, and what the
 * slow way made of it. A later frame that equals those bytes differs from the learnt one in its strings alone, so the
 * same rewriting holds, without parsing it.
 *
 * Why this is sound: at learning, the variable strings are replaced by marks and the frame is parsed again; only if
 * exactly those values changed (no duplicate or escaped key, no second occurrence) is a template made, and its output
 * is the slow lane's own, cut at the marks. All text is latin1: one character is one byte of the wire.
 */
export class Template {
  private readonly ins: readonly string[]
  private readonly outs: readonly string[]
  /** Which input string stands after `outs[i]`. */
  private readonly holes: readonly number[]
  private readonly spans: string[] = []
  /** Member of the delta that the first string is. */
  readonly kind: (typeof TEXTS)[number]
  /** UTF-8 bytes of the first string of the frame matched last, with escapes resolved. */
  bytes = 0
  /** Position after the frame matched last. */
  end = 0

  constructor(
    kind: Template['kind'],
    ins: readonly string[],
    outs: readonly string[],
    holes: readonly number[],
  ) {
    this.kind = kind
    this.ins = ins
    this.outs = outs
    this.holes = holes
  }

  /** The first string of the frame matched last, as JSON spells it. */
  get text(): string {
    return this.spans[0]!
  }

  /** Rewrites the frame at `start`, or returns null when it is not of this template. */
  apply(source: string, start: number): string | null {
    const { ins, spans } = this
    let at = start + ins[0]!.length
    if (!same(source, start, at, ins[0]!)) return null
    for (let i = 1; i < ins.length; i++) {
      const end = stringEnd(source, at)
      if (end < 0 || !same(source, end, end + ins[i]!.length, ins[i]!)) return null
      if (i === 1) {
        if (end === at) return null
        this.bytes = end - at - escapes
      }
      spans[i - 1] = source.slice(at, end)
      at = end + ins[i]!.length
    }
    this.end = at
    const { outs, holes } = this
    let out = outs[0]!
    for (let i = 0; i < holes.length; i++) out += spans[holes[i]!]! + outs[i + 1]!
    return out
  }
}

/** Comparing a slice is ten times as fast as `startsWith` with a position: memory against memory, not character by character. */
const same = (source: string, start: number, end: number, expected: string): boolean =>
  source.slice(start, end) === expected

/** Backslashes of the last string scanned by `stringEnd`. */
let escapes = 0
const PLAIN = /[^"\\\x00-\x1f]*/y

/** Position of the quote that ends the JSON string begun before `at`; -1 when the slow lane must look (`\u`, control characters, no end). */
function stringEnd(source: string, at: number): number {
  escapes = 0
  let position = at
  for (;;) {
    PLAIN.lastIndex = position
    PLAIN.test(source)
    position = PLAIN.lastIndex
    const code = source.charCodeAt(position)
    if (code === 0x22) return position
    if (code !== 0x5c || !'"\\/bfnrt'.includes(source[position + 1] ?? 'x')) return -1
    escapes++
    position += 2
  }
}

/** Where variable strings may stand: the first found is the frame's text, the others padding beside it. */
const TEXTS = ['content', 'reasoning_content', 'reasoning', 'arguments'] as const
const PADDINGS = ['obfuscation', 'p'] as const

/**
 * Learns a template from `frame` (latin1, with its ending blank line). `rewrite` is the slow lane without memory: a
 * chunk in, the bytes for the client (latin1) out, or null when it cannot be told without memory. Returns null when the
 * frame is none to learn from.
 */
export function learn(
  frame: string,
  decode: (latin1: string) => string,
  rewrite: (chunk: Json) => string | null,
): Template | null {
  if (!frame.startsWith('data:') || frame.indexOf('\n') < frame.trimEnd().length) return null
  const payload = (source: string) => parseJson(decode(source.slice('data:'.length)))
  const original = payload(frame)
  if (!isObject(original)) return null
  const found = holesOf(frame, original)
  if (found === null) return null
  const ins: string[] = []
  let marked = ''
  let at = 0
  for (const [i, hole] of found.entries()) {
    ins.push(frame.slice(at, hole.start))
    marked += ins[i] + mark(i)
    at = hole.end
  }
  ins.push(frame.slice(at))
  marked += ins.at(-1)
  const changed = frame.includes('W4yBh0Le') ? undefined : payload(marked)
  if (!isObject(changed)) return null
  for (const [i, hole] of found.entries()) {
    if (read(changed, hole.path) !== mark(i)) return null
  }
  const output = rewrite(structuredClone(changed))
  for (const hole of found) write(changed, hole.path, read(original, hole.path))
  if (output === null || JSON.stringify(changed) !== JSON.stringify(original)) return null
  const pieces = output.split(/W4yBh0Le(\d)x/)
  return new Template(
    found[0]!.path.at(-1) as Template['kind'],
    ins,
    pieces.filter((_, i) => i % 2 === 0),
    pieces.filter((_, i) => i % 2 === 1).map(Number),
  )
}

const mark = (hole: number): string => `W4yBh0Le${hole}x`

interface Hole {
  readonly path: readonly (string | number)[]
  readonly start: number
  readonly end: number
}

/** The variable strings of a frame by position: one text, and padding where there is some; null when not exactly one text. */
function holesOf(frame: string, chunk: Json): Hole[] | null {
  const choices = list(chunk['choices'])
  const delta = object(object(choices[0])?.['delta'])
  if (choices.length !== 1 || delta === null) return null
  const calls = list(delta['tool_calls'])
  const texts = TEXTS.filter((key) =>
    key === 'arguments' ? calls.length > 0 : typeof delta[key] === 'string' && delta[key] !== '',
  )
  const key = texts[0]
  if (texts.length !== 1 || key === undefined || calls.length > 1) return null
  if (object(delta['function_call']) !== null) return null
  // Without an index it takes memory to know which call a fragment belongs to.
  if (key === 'arguments' && count(object(calls[0])?.['index']) === null) return null
  const path = ['choices', 0, 'delta', ...(key === 'arguments' ? ['tool_calls', 0, 'function', key] : [key])]
  const holes = [span(frame, key, path)]
  const detail = list(delta['reasoning_details'])
  // OpenRouter-like providers say reasoning twice.
  if (detail.length === 1 && typeof object(detail[0])?.['text'] === 'string') {
    holes.push(span(frame, 'text', ['choices', 0, 'delta', 'reasoning_details', 0, 'text']))
  }
  for (const padding of PADDINGS) {
    if (typeof chunk[padding] === 'string') holes.push(span(frame, padding, [padding]))
  }
  if (holes.some((hole) => hole === null)) return null
  const known = holes as Hole[]
  // The text comes first on every known wire; elsewhere the slow lane serves.
  return known.every((hole, i) => i === 0 || hole.start > known[i - 1]!.end) ? known : null
}

/** The one place where `"key":"…"` stands in the frame. */
function span(frame: string, key: string, path: Hole['path']): Hole | null {
  const needle = new RegExp(`"${key}"\\s*:\\s*"`, 'g')
  if (needle.exec(frame) === null) return null
  const start = needle.lastIndex
  if (needle.exec(frame) !== null) return null
  const end = stringEnd(frame, start)
  return end < start ? null : { path, start, end }
}

function read(source: unknown, path: Hole['path']): unknown {
  return path.reduce((value, key) => (value as Record<string | number, unknown> | undefined)?.[key], source)
}

function write(source: unknown, path: Hole['path'], value: unknown): void {
  const parent = read(source, path.slice(0, -1)) as Record<string | number, unknown>
  parent[path.at(-1)!] = value
}
