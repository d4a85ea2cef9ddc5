import type { Cost, GatewayError, Usage } from '../../chat/index.ts'
import { Collector } from '../collector.ts'
import type { Handover, ReplyMeta, StreamPipe, StreamSeen } from '../dialect.ts'
import { count, isObject, type Json, list, object, text } from '../json.ts'
import { encodeStreamError } from '../openai-chat/errors.ts'
import { SsePassthrough } from '../sse-passthrough.ts'
import { Watch } from '../watch.ts'
import { decodeReply } from './decoder.ts'
import { responseObject } from './echo.ts'
import { END_MARK, ResponsesStreamEncoder, sse } from './encoder.ts'
import { encodeError, isFull, responseCode } from './errors.ts'
import { ResponseReader } from './events.ts'
import { encodeUsage } from './usage.ts'

/** The last event repeats the whole answer and the request: longer than a delta by far. */
const MAX_FRAME_BYTES = 8 * 1024 * 1024

/** Same dialect on both sides, streamed or whole. */
export function createPassthrough(meta: ReplyMeta, stream: boolean): StreamPipe {
  return stream ? new StreamPassthrough(meta) : new WholePassthrough(meta)
}

/** Members of a response object that are ours, over the provider's. */
function ours(response: Json, meta: ReplyMeta): Json {
  const { id, created: created_at, model, provider } = meta
  const { user: _user, safety_identifier: _identifier, ...rest } = response
  return {
    ...rest,
    id,
    created_at,
    model,
    provider,
    store: false,
    previous_response_id: null,
    usage: null,
    // The client sees its own names of these, if it gave any.
    user: meta.request?.wire['user'] ?? null,
    safety_identifier: meta.request?.wire['safety_identifier'] ?? null,
    ...(meta.hideReasoning && { output: list(response['output']).filter((item) => !isReasoning(item)) }),
  }
}

/** The text of a message that is complete. */
function saidIn(item: Json): string {
  if (item['type'] !== 'message') return ''
  return list(item['content'])
    .map((part) => text(object(part)?.['text']) ?? '')
    .join('')
}

const isReasoning = (item: unknown): boolean => object(item)?.['type'] === 'reasoning'

/** A response that ended in an error, around what there is of it. */
function failed(response: Json, error: GatewayError): Json {
  const { metadata } = encodeStreamError(error.code, error.message, { ...error.metadata })
  const common = { ...response, error_type: metadata['error_type'] }
  if (isFull(error.code)) {
    return { ...common, status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }
  }
  const told = { code: responseCode(error.code), message: error.message, metadata }
  return { ...common, status: 'failed', error: told }
}

/**
 * A stream of response events on its way to a client of the same format. Data of events passes as it came; events that
 * repeat the response are rewritten (id, model, usage and cost are ours), the terminal one waits for `finish`. An error
 * is kept from the client: the relay decides what becomes of it.
 */
class StreamPassthrough extends SsePassthrough {
  private readonly reader = new ResponseReader()
  /** Places in the output of reasoning that is hidden. */
  private readonly hidden = new Set<number>()
  /** Items that are complete: what a failed response still shows. */
  private readonly items: Json[] = []
  /** The message that is being told, and in which of its parts. */
  private message: { readonly item: Json; part: number | null } | null = null
  private response: Json | null = null
  private terminal: Json | null = null
  private sequence = 0

  constructor(meta: ReplyMeta) {
    super(meta, MAX_FRAME_BYTES)
  }

  finish(usage: Usage, cost: Cost): Uint8Array {
    const event = this.terminal ?? { type: 'response.completed', response: this.response ?? {} }
    const response = { ...object(event['response']), usage: encodeUsage(usage, cost) }
    this.out += sse({ ...event, response, sequence_number: this.sequence })
    return Buffer.from(this.take() + END_MARK)
  }

  fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array {
    const before = this.response ?? responseObject(this.meta, 'in_progress', null)
    const output = this.items
    const response = failed(
      { ...before, output, ...(usage !== null && { usage: encodeUsage(usage, cost) }) },
      error,
    )
    if (response['status'] === 'failed') {
      this.tell('error', { ...object(response['error']), param: null })
    }
    this.tell(`response.${response['status']}`, { response })
    return Buffer.from(this.take() + END_MARK)
  }

  handOver(): Handover | null {
    const { kept } = this.watch
    const text = kept?.text ?? null
    const { message } = this
    // Reasoning that is open and a message of several parts have more to them than their text.
    if (text === null || kept?.open?.kind === 'reasoning' || (message?.part ?? 0) > 0) return null
    if (message === null) {
      if (kept!.open !== null) return null
    } else if (kept!.open === null) kept!.begin('text', kept!.size)
    const before = this.items.map(saidIn).join('').length
    const open = message && { ...message, index: kept!.open!.index, said: text.slice(before) }
    const encoder = new ResponsesStreamEncoder(this.meta, {
      sequence: this.sequence,
      output: this.items,
      message: open,
    })
    return { text, kept: kept!, encoder, pending: this.take() }
  }

  private tell(type: string, fields: Json): void {
    this.out += sse({ type, ...fields, sequence_number: this.sequence++ })
  }

  protected override ended(): void {
    this.watch.seen.done = this.seen.finish !== null
  }

  protected override frame(name: string | null, data: string): void {
    const { seen } = this.watch
    if (seen.finish !== null) return
    const event = this.read(data)
    if (event === null) return
    const type = text(event['type']) ?? name
    for (const told of this.reader.read(type === event['type'] ? event : { ...event, type }))
      this.watch.see(told)
    if (seen.error !== null || type === 'error' || type === null) return
    this.sequence = Math.max(this.sequence, (count(event['sequence_number']) ?? 0) + 1)
    if (isObject(event['response'])) this.lifecycle(type, event, event['response'])
    else if (this.visible(type, event)) this.out += `event: ${type}\ndata: ${data}\n\n`
  }

  private lifecycle(type: string, event: Json, wire: Json): void {
    const response = ours(wire, this.meta)
    this.response = response
    // Other members of the event are accounts of resellers.
    const rewritten = { type, response, sequence_number: event['sequence_number'] }
    if (this.seen.finish === null) this.out += sse(rewritten)
    else {
      this.sequence = count(event['sequence_number']) ?? this.sequence
      this.terminal = rewritten
    }
  }

  private visible(type: string, event: Json): boolean {
    const at = count(event['output_index'])
    const item = object(event['item'])
    const reasoning = isReasoning(item) || type.startsWith('response.reasoning')
    if (this.meta.hideReasoning && at !== null && reasoning) this.hidden.add(at)
    const shown = at === null || !this.hidden.has(at)
    if (shown && item !== null) this.remember(type, item)
    if (type === 'response.content_part.added' && this.message !== null)
      this.message.part = count(event['content_index']) ?? 0
    return shown
  }

  private remember(type: string, item: Json): void {
    if (type === 'response.output_item.done') {
      this.items.push(item)
      this.message = null
    } else if (type === 'response.output_item.added' && item['type'] === 'message')
      this.message = { item, part: null }
  }
}

/** The whole response, collected, rewritten once and let go by `finish`. */
class WholePassthrough implements StreamPipe {
  private readonly meta: ReplyMeta
  private readonly watch: Watch
  private readonly collected = new Collector()
  private response: Json = {}

  constructor(meta: ReplyMeta) {
    this.meta = meta
    this.watch = new Watch(meta)
  }

  get seen(): StreamSeen {
    return this.watch.seen
  }

  push(chunk: Uint8Array): null {
    return this.collected.push(chunk)
  }

  end(): void {
    const reply = this.collected.takeJson()
    // Half a body is a cut answer: `seen.finish` stays null.
    if (!isObject(reply)) return
    for (const event of decodeReply(reply)) this.watch.see(event)
    this.response = ours(reply, this.meta)
    this.watch.seen.done = this.seen.error === null
  }

  finish(usage: Usage, cost: Cost): Uint8Array {
    return Buffer.from(JSON.stringify({ ...this.response, usage: encodeUsage(usage, cost) }))
  }

  fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array {
    if (!this.seen.content) return Buffer.from(JSON.stringify(encodeError(error, this.meta.id).body))
    const paid = usage === null ? {} : { usage: encodeUsage(usage, cost) }
    return Buffer.from(JSON.stringify(failed({ ...this.response, ...paid }, error)))
  }
}
