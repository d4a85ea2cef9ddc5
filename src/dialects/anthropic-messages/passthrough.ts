import { type Cost, GatewayError, type Usage } from '../../chat/index.ts'
import { Collector } from '../collector.ts'
import type { Handover, ReplyMeta, StreamPipe, StreamSeen } from '../dialect.ts'
import { count, isObject, type Json, object, parseJson, text } from '../json.ts'
import { Kept } from '../kept.ts'
import { decodeStreamError, failure } from './errors.ts'
import { frame, MessageStreamEncoder } from './stream.ts'
import { Tap } from './tap.ts'
import { encodeUsage } from './usage.ts'

/** Longest event of a stream, unless the meta says otherwise (bytes). */
const MAX_FRAME_BYTES = 1024 * 1024

const FRAME_END = /\r?\n\r?\n/g

const tooLong = (limit: number): GatewayError =>
  new GatewayError(
    'provider_protocol',
    `The provider sent more than ${limit} bytes at once, which is not accepted.`,
  )

/** Same dialect on both sides, streamed or whole. */
export function createPassthrough(meta: ReplyMeta, stream: boolean): StreamPipe {
  return stream ? new StreamPassthrough(meta) : new WholePassthrough(meta)
}

/**
 * A stream on its way to a client of the same dialect. Events pass byte for byte, but for the message's id, model and
 * provider. `message_delta`, `message_stop` and errors are held until the settle, then written with usage and cost.
 */
export class StreamPassthrough implements StreamPipe {
  private readonly meta: ReplyMeta
  private readonly tap = new Tap()
  private readonly limit: number
  /** What has been delivered; null where nobody could go on with it. */
  private readonly kept: Kept | null
  /** Bytes as latin1 text, so that what is not changed passes untouched. */
  private rest = ''
  private last: Json = {}
  /** Read only when the upstream had closed. */
  private late = ''
  private badFrames = 0

  constructor(meta: ReplyMeta) {
    this.meta = meta
    this.limit = meta.maxFrameBytes ?? MAX_FRAME_BYTES
    this.kept = meta.keepDelivered === true ? new Kept() : null
  }

  get seen(): StreamSeen {
    return this.tap.seen
  }

  push(chunk: Uint8Array): Uint8Array | null {
    const { seen } = this.tap
    if (seen.done || seen.error !== null) return null
    const incoming = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
    this.rest = this.rest === '' ? incoming : this.rest + incoming
    const out = incoming.includes('\n') ? this.drain() : ''
    if (out === '' && this.rest.length > this.limit) throw tooLong(this.limit)
    return out === '' ? null : Buffer.from(out, 'latin1')
  }

  end(): void {
    const { rest } = this
    this.rest = ''
    if (rest.trim() === '' || this.seen.done || this.seen.error !== null) return
    // A server may leave out the last blank line, or answer with plain JSON; half an event is no news of its own.
    this.late = this.frame(
      rest.trimStart().startsWith('{') ? `data: ${rest.trim()}\n\n` : `${rest}\n\n`,
      true,
    )
  }

  finish(usage: Usage, cost: Cost): Uint8Array {
    const { delta, ...others } = this.last
    const told = encodeUsage(usage, cost, this.tap.raw)
    const end = { type: 'message_delta', ...others, delta: delta ?? {}, usage: told }
    return Buffer.concat([
      Buffer.from(this.late, 'latin1'),
      Buffer.from(frame(end) + frame({ type: 'message_stop' })),
    ])
  }

  fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array {
    const body: Json = failure(error.code, error.message, error.metadata, this.meta.id)
    if (usage !== null) body['usage'] = encodeUsage(usage, cost, this.tap.raw)
    return Buffer.concat([Buffer.from(this.late, 'latin1'), Buffer.from(frame(body))])
  }

  handOver(): Handover | null {
    const said = this.kept?.text ?? null
    if (said === null) return null
    const kept = this.kept!
    const encoder = new MessageStreamEncoder(this.meta, kept)
    return { text: said, kept, encoder, pending: Buffer.from(this.late, 'latin1').toString('utf8') }
  }

  /** Handles the whole events of `rest` and leaves what is not whole yet. */
  private drain(): string {
    const source = this.rest
    let out = ''
    let from = 0
    FRAME_END.lastIndex = 0
    for (let match = FRAME_END.exec(source); match !== null; match = FRAME_END.exec(source)) {
      const end = match.index + match[0].length
      if (end - from > this.limit) {
        this.unreadable(tooLong(this.limit).message)
        break
      }
      out += this.frame(source.slice(from, end), false)
      from = end
      if (this.seen.done || this.seen.error !== null) break
    }
    this.rest = source.slice(from)
    return out
  }

  /** One event; what of it goes to the client now. */
  private frame(raw: string, closing: boolean): string {
    const data = dataOf(raw)
    if (data === null) return ''
    const event = parseJson(Buffer.from(data, 'latin1').toString('utf8'))
    if (!isObject(event)) {
      if (!closing && ++this.badFrames > 1) this.unreadable('The provider sent events that are not JSON.')
      return ''
    }
    switch (event['type']) {
      case 'message_start':
        return this.start(event)
      case 'content_block_start':
        this.tap.block(object(event['content_block']))
        if (this.kept !== null) keepBlock(this.kept, event)
        return raw
      case 'content_block_delta':
        this.tap.delta(object(event['delta']))
        if (this.kept !== null) keepDelta(this.kept, object(event['delta']))
        return raw
      case 'content_block_stop':
        if (this.kept !== null) this.kept.open = null
        return raw
      case 'message_delta':
        this.tap.usage(event['usage'])
        this.tap.stop(object(event['delta'])?.['stop_reason'])
        this.last = mergeLast(this.last, event)
        return ''
      case 'message_stop':
        this.tap.seen.done = true
        return ''
      case 'error':
        this.tap.seen.error = decodeStreamError(event)
        return ''
      default:
        return raw
    }
  }

  /** What came before it has still to be sent, so it is no exception. */
  private unreadable(message: string): void {
    const known = { status: 200, providerCode: null, retryAfterMs: null }
    this.tap.seen.error = { code: 'provider_protocol', message, ...known }
  }

  private start(event: Json): string {
    const message = object(event['message']) ?? {}
    this.tap.seen.upstreamId = text(message['id'])
    this.tap.usage(message['usage'])
    const { id, model, provider } = this.meta
    const told = frame({ ...event, message: { ...message, id, model, provider } })
    return Buffer.from(told, 'utf8').toString('latin1')
  }
}

/** Thinking of this API comes back signed. */
function keepBlock(kept: Kept, event: Json): void {
  const block = object(event['content_block'])
  const index = count(event['index']) ?? kept.size
  if (block?.['type'] === 'thinking') kept.begin('reasoning', index, true)
  else if (block?.['type'] === 'redacted_thinking') kept.size = index + 1
  else if (block?.['type'] === 'text') {
    kept.begin('text', index)
    if (typeof block['text'] === 'string') kept.add(block['text'])
  } else kept.lose()
}

function keepDelta(kept: Kept, delta: Json | null): void {
  if (delta?.['type'] === 'text_delta') kept.add(text(delta['text']) ?? '')
}

function mergeLast(known: Json, { type: _type, usage: _usage, ...event }: Json): Json {
  const delta = { ...object(known['delta']), ...object(event['delta']) }
  return { ...known, ...event, delta }
}

/** The data lines of an SSE event joined; null when it has none. */
function dataOf(raw: string): string | null {
  let data: string | null = null
  for (const line of raw.split(/\r\n|\n|\r/)) {
    if (line.startsWith('data:')) data = data === null ? line.slice(5) : `${data}\n${line.slice(5)}`
  }
  return data
}

/** The whole message, collected, told with our facts and let go by `finish`. */
export class WholePassthrough implements StreamPipe {
  private readonly meta: ReplyMeta
  private readonly tap = new Tap()
  private readonly collected = new Collector()
  private message: Json = {}

  constructor(meta: ReplyMeta) {
    this.meta = meta
  }

  get seen(): StreamSeen {
    return this.tap.seen
  }

  push(chunk: Uint8Array): null {
    return this.collected.push(chunk)
  }

  end(): void {
    const reply = this.collected.takeJson()
    // Half a body is a cut answer (`seen.finish` stays null), not a malformed one.
    if (!isObject(reply)) return
    const { seen } = this.tap
    if (reply['type'] === 'error') {
      seen.error = decodeStreamError(reply)
      return
    }
    const content = reply['content']
    if (!Array.isArray(content)) {
      throw new GatewayError(
        'provider_protocol',
        'The provider answered with something that is not a message.',
      )
    }
    this.message = reply
    seen.upstreamId = text(reply['id'])
    for (const block of content) this.tap.block(object(block))
    this.tap.usage(reply['usage'])
    this.tap.stop(reply['stop_reason'])
    seen.done = true
  }

  finish(usage: Usage, cost: Cost): Uint8Array {
    return this.body({ usage: encodeUsage(usage, cost, this.tap.raw) })
  }

  /** What was produced before the provider failed goes out under the error; without it the bare error. */
  fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array {
    const told = failure(error.code, error.message, error.metadata, this.meta.id)
    const paid = usage === null ? {} : { usage: encodeUsage(usage, cost, this.tap.raw) }
    if (!this.seen.content) return Buffer.from(JSON.stringify({ ...told, ...paid }))
    return this.body({ error: told['error'], ...paid })
  }

  private body(fields: Json): Uint8Array {
    const { id, model, provider } = this.meta
    return Buffer.from(JSON.stringify({ ...this.message, id, model, provider, ...fields }))
  }
}
