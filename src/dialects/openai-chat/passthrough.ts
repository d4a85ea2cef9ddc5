import type { Cost, GatewayError, Usage } from '../../chat/index.ts'
import type { Handover, ReplyMeta, StreamPipe, StreamSeen } from '../dialect.ts'
import { isObject, type Json, list, object, parseJson, text } from '../json.ts'
import { Kept } from '../kept.ts'
import { encodeStreamError } from './errors.ts'
import { keepChoices, resumedEncoder, wireText } from './kept-choices.ts'
import { ChunkReader, type Finish, type ReadChoice } from './reader.ts'
import { protocol, toolSeed, topLevel } from './shape.ts'
import { learn, type Template } from './template.ts'
import { encodeUsage } from './usage.ts'

/** Longest frame, and most bytes waiting for the end of one, unless the meta says otherwise. */
export const MAX_FRAME_BYTES = 1024 * 1024

const FRAME_END = /\r?\n\r?\n/g
const NON_ASCII = /[^\x00-\x7f]/
const MAX_TEMPLATES = 4
/** Learning is paid for by frames that went the fast way, so that a wire that never repeats itself stops costing it. */
const LEARNING_CREDIT = 8

/** A byte string (latin1) as the UTF-8 text it is, and back. */
const toText = (latin1: string): string =>
  NON_ASCII.test(latin1) ? Buffer.from(latin1, 'latin1').toString('utf8') : latin1
const toBytes = (source: string): string =>
  NON_ASCII.test(source) ? Buffer.from(source, 'utf8').toString('latin1') : source

/**
 * A stream of chunks on its way to a client of the same dialect. Bytes are handled as latin1 text (a character is a
 * byte, UTF-8 passes untouched); frames that repeat go the fast lane (`Template`), all others are parsed. A finish is
 * taken off its chunk and kept until `finish`; usage is dropped for ours.
 */
export class StreamPassthrough implements StreamPipe {
  private readonly meta: ReplyMeta
  private readonly reader: ChunkReader
  private readonly limit: number
  private readonly finishes = new Map<number, { readonly finish: Finish; readonly rest: Json }>()
  private templates: Template[] = []
  private credit: number
  /** Text pieces as JSON spells them in the bytes of the wire; null where nobody could go on with the answer. */
  private readonly kept: Kept | null
  private rest = ''
  /** Bytes for the client that were read only when the upstream had closed. */
  private late = ''
  private badFrames = 0
  /** Top-level facts of the last chunk that the terminal chunks repeat. */
  private trailer: Json = {}

  /** `fastLane: false` parses every frame; the answer is the same. */
  constructor(meta: ReplyMeta, { fastLane = true } = {}) {
    this.meta = meta
    this.credit = fastLane ? LEARNING_CREDIT : Number.NEGATIVE_INFINITY
    this.limit = meta.maxFrameBytes ?? MAX_FRAME_BYTES
    this.reader = new ChunkReader({ hideReasoning: meta.hideReasoning, toolSeed: toolSeed(meta.id) })
    this.kept = meta.keepDelivered === true ? new Kept(wireText) : null
  }

  get seen(): StreamSeen {
    return this.reader.seen
  }

  push(chunk: Uint8Array): Uint8Array | null {
    if (this.seen.done || this.seen.error !== null) return null
    const incoming = latin1(chunk)
    this.rest = this.rest === '' ? incoming : this.rest + incoming
    // A frame ends in a line feed: without a new one there is nothing to look for.
    if (!incoming.includes('\n')) return this.bounded()
    const out = this.drain(this.rest)
    if (out === '') this.bounded()
    return out === '' ? null : Buffer.from(out, 'latin1')
  }

  end(): void {
    const last = this.rest.trim()
    this.rest = ''
    if (last === '' || this.seen.done || this.seen.error !== null) return
    // Some servers leave out the last blank line, or answer with plain JSON; half a frame is no news of its own.
    if (last.startsWith('{'))
      this.late = this.slow(`data:${toBytes(JSON.stringify(parseJson(toText(last))) ?? '')}`, true)
    else this.late = this.slow(last, true)
  }

  finish(usage: Usage, cost: Cost): Uint8Array {
    let out = this.late
    for (const [index, { finish, rest }] of this.finishes) {
      const choice = {
        index,
        delta: {},
        finish_reason: finish.reason,
        native_finish_reason: finish.native,
        ...rest,
      }
      out += this.frame({ ...this.trailer, choices: [choice] })
    }
    const choice = {
      index: 0,
      delta: { role: 'assistant', content: '' },
      finish_reason: null,
      native_finish_reason: null,
    }
    // An empty delta goes with the usage: LangChain's OpenRouter package reads it only from a chunk with a choice.
    const { service_tier, system_fingerprint } = this.trailer
    out += this.frame({
      service_tier,
      system_fingerprint,
      choices: [choice],
      usage: encodeUsage(usage, cost),
    })
    return Buffer.from(`${out}data: [DONE]\n\n`, 'latin1')
  }

  fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array {
    const chunk: Json = {
      error: encodeStreamError(error.code, error.message, { ...error.metadata }),
      choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error', native_finish_reason: null }],
    }
    if (usage !== null) chunk['usage'] = encodeUsage(usage, cost)
    return Buffer.from(this.late + this.frame(chunk), 'latin1')
  }

  handOver(): Handover | null {
    const { kept } = this
    const said = kept?.text ?? null
    if (said === null) return null
    const pending = toText(this.late)
    return { text: said, ...resumedEncoder(this.meta, kept!, said), pending }
  }

  /** Consumes whole frames of `source`; what is left waits in `rest`. */
  private drain(source: string): string {
    let out = ''
    let at = 0
    while (at < source.length) {
      const fast = this.fast(source, at)
      if (fast !== null) {
        out += fast
        at = this.templates[0]!.end
        continue
      }
      FRAME_END.lastIndex = at
      if (FRAME_END.exec(source) === null) break
      const end = FRAME_END.lastIndex
      out += this.slow(source.slice(at, end), false)
      at = end
      if (this.seen.done || this.seen.error !== null) at = source.length
    }
    this.rest = at === 0 ? source : source.slice(at)
    return out
  }

  private bounded(): null {
    if (this.rest.length > this.limit) {
      throw protocol(`The provider sent an event of more than ${this.limit} bytes, which is not accepted.`)
    }
    return null
  }

  private fast(source: string, at: number): string | null {
    const { templates } = this
    for (let i = 0; i < templates.length; i++) {
      const template = templates[i]!
      const out = template.apply(source, at)
      if (out === null) continue
      if (i > 0) {
        templates.splice(i, 1)
        templates.unshift(template)
      }
      this.reader.seen.outputBytes += template.bytes
      if (this.kept !== null) keepFast(this.kept, template)
      if (this.credit < LEARNING_CREDIT) this.credit++
      return out
    }
    return null
  }

  /** One frame the thorough way: its bytes for the client (latin1), or nothing. */
  private slow(frame: string, last: boolean): string {
    if (frame.length > this.limit) return this.unreadable('The provider sent an event that is too long.')
    const data = dataOf(frame)
    if (data === null) return ''
    if (data.trim() === '[DONE]') {
      this.reader.seen.done = true
      return ''
    }
    const chunk = parseJson(toText(data))
    if (!isObject(chunk)) {
      if (last) return ''
      return ++this.badFrames > 1 ? this.unreadable('The provider sent events that are not JSON.') : ''
    }
    const choices = this.reader.read(chunk)
    if (this.kept !== null) keepChoices(this.kept, choices)
    const out = this.rewrite(chunk, choices)
    if (this.reader.takeOpened()) this.templates = []
    else if (out !== '' && this.credit > 0) this.study(frame, chunk)
    return out
  }

  /** What came before it has still to be sent, so it is no exception. */
  private unreadable(message: string): '' {
    this.reader.fail({
      code: 'provider_protocol',
      status: 200,
      message,
      providerCode: null,
      retryAfterMs: null,
    })
    return ''
  }

  private rewrite(chunk: Json, choices: readonly ReadChoice[]): string {
    const kept: Json[] = []
    for (const choice of choices) {
      if (choice.finish !== null) {
        const rest = choice.visible ? {} : choice.rest
        this.finishes.set(choice.index, { finish: choice.finish, rest })
        this.trailer = topLevel(chunk)
      }
      if (this.passes(choice, chunk)) kept.push(encodeChoice(choice))
    }
    return kept.length === 0 ? '' : this.frame({ ...topLevel(chunk), choices: kept })
  }

  /** Roles and empty deltas pass unless they only carried a finish, a usage, or reasoning that is hidden. */
  private passes(choice: ReadChoice, chunk: Json): boolean {
    if (choice.visible) return true
    if (this.seen.error !== null || choice.finish !== null || isObject(chunk['usage'])) return false
    return !this.meta.hideReasoning || text(choice.message['role']) !== null
  }

  private study(frame: string, chunk: Json): void {
    if (isObject(chunk['usage']) || this.seen.error !== null || this.carriesFinish(chunk)) return
    this.credit--
    const { outputBytes } = this.seen
    const template = learn(frame, toText, (marked) => {
      const out = this.rewrite(marked, this.reader.read(marked))
      return out === '' || this.reader.takeOpened() ? null : out
    })
    this.reader.seen.outputBytes = outputBytes
    if (template !== null) this.templates = [template, ...this.templates].slice(0, MAX_TEMPLATES)
  }

  private carriesFinish(chunk: Json): boolean {
    return list(chunk['choices']).some((choice) => text(object(choice)?.['finish_reason']) !== null)
  }

  private frame(body: Json): string {
    const { id, created, model, provider } = this.meta
    const chunk = { id, object: 'chat.completion.chunk', created, model, provider, ...body }
    return toBytes(`data: ${JSON.stringify(chunk)}\n\n`)
  }
}

function keepFast(kept: Kept, { kind, text: said }: Template): void {
  if (kind === 'content') {
    if (kept.open?.kind !== 'text') kept.begin('text', kept.size)
    kept.add(said)
  } else if (kind === 'arguments') kept.lose()
  else if (kept.open?.kind !== 'reasoning') kept.begin('reasoning', kept.size)
}

function latin1(chunk: Uint8Array): string {
  const buffer = Buffer.isBuffer(chunk)
    ? chunk
    : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  return buffer.toString('latin1')
}

/** The data lines of an SSE event joined; null when it has none (comments, keep-alives). */
function dataOf(frame: string): string | null {
  if (frame.startsWith('data:') && frame.indexOf('\n') >= frame.trimEnd().length) return frame.slice(5)
  let data: string | null = null
  for (const line of frame.split(/\r\n|\n|\r/)) {
    if (!line.startsWith('data:')) continue
    data = data === null ? line.slice(5) : `${data}\n${line.slice(5)}`
  }
  return data
}

function encodeChoice({ index, message, rest }: ReadChoice): Json {
  return { index, delta: message, finish_reason: null, native_finish_reason: null, ...rest }
}
