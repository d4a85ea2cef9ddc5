import type { ChatEvent, Cost, GatewayError, Usage } from '../../chat/index.ts'
import { Collector } from '../collector.ts'
import type { Handover, ReplyMeta, StreamPipe, StreamSeen } from '../dialect.ts'
import { type Json, list, object, text, without } from '../json.ts'
import { SsePassthrough } from '../sse-passthrough.ts'
import { Watch } from '../watch.ts'
import { encodeReply } from './encode-reply.ts'
import { encodeError, encodeErrorObject } from './errors.ts'
import { EventReader } from './events.ts'
import { decodeReply } from './reply.ts'
import { GeminiStreamEncoder } from './stream.ts'
import { decodeUsage, encodeCost, encodeUsage } from './usage.ts'

const MAX_FRAME_BYTES = 1024 * 1024
const USAGE: ReadonlySet<string> = new Set(['usageMetadata'])

/** The pipe for clients and providers that both speak this format. */
export function createPassthrough(meta: ReplyMeta, stream: boolean): StreamPipe {
  return stream ? new StreamPassthrough(meta) : new WholePassthrough(meta)
}

/** `usageMetadata` as the provider wrote it, with the cost; written anew when it is not what is billed. */
function told(raw: Json | null, usage: Usage, cost: Cost | null): Json {
  const known = raw === null ? null : decodeUsage(raw)
  const same =
    known !== null &&
    known.promptTokens === usage.promptTokens &&
    known.completionTokens === usage.completionTokens
  return same ? { ...raw, ...(cost !== null && encodeCost(cost)) } : encodeUsage(usage, cost)
}

/**
 * A candidate without thoughts that the client does not want to see; their signatures stay. Null when nothing is left of
 * it: a chunk without any part makes Google's SDKs leave the whole turn out of their history.
 */
function hideThoughts(candidate: unknown): unknown {
  const content = object(object(candidate)?.['content'])
  const parts = list(content?.['parts'])
  if (!parts.some((part) => object(part)?.['thought'] === true)) return candidate
  const kept = parts.flatMap((part) => {
    if (object(part)?.['thought'] !== true) return [part]
    const signature = object(part)?.['thoughtSignature']
    return signature === undefined ? [] : [{ text: '', thought: true, thoughtSignature: signature }]
  })
  const ends = object(candidate)?.['finishReason'] !== undefined
  if (kept.length === 0 && !ends) return null
  return { ...object(candidate), content: { ...content, parts: kept.length === 0 ? [{ text: '' }] : kept } }
}

/** A chunk in the client's view: ids and model are ours, usage waits for the end. */
function rewrite(chunk: Json, { id, model, hideReasoning }: ReplyMeta): Json {
  const seen = without(chunk, USAGE)
  if (hideReasoning && seen['candidates'] !== undefined) {
    seen['candidates'] = list(seen['candidates'])
      .map(hideThoughts)
      .filter((candidate) => candidate !== null)
  }
  return { ...seen, modelVersion: model, responseId: id }
}

/** Frames pass one by one; those that end a candidate are held until `finish`. */
class StreamPassthrough extends SsePassthrough {
  private readonly reader: EventReader
  private readonly held: Json[] = []
  private usage: Json | null = null

  constructor(meta: ReplyMeta) {
    super(meta, MAX_FRAME_BYTES)
    this.reader = new EventReader(meta)
  }

  finish(usage: Usage, cost: Cost): Uint8Array {
    const frames = this.held.length > 0 ? this.held : [rewrite({}, this.meta)]
    for (const [i, chunk] of frames.entries()) {
      const isLast = i === frames.length - 1
      this.write(isLast ? { ...chunk, usageMetadata: told(this.usage, usage, cost) } : chunk)
    }
    return this.flush() ?? new Uint8Array(0)
  }

  fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array {
    const { code, message, metadata, retryAfterMs } = error
    const wire = encodeErrorObject(code, message, metadata, retryAfterMs)
    const paid = usage === null ? {} : { usageMetadata: told(this.usage, usage, cost) }
    this.write({ error: wire, ...rewrite(paid, this.meta), ...paid })
    return this.flush() ?? new Uint8Array(0)
  }

  handOver(): Handover | null {
    const { kept } = this.watch
    const text = kept?.text ?? null
    if (text === null) return null
    const encoder = new GeminiStreamEncoder(this.meta)
    const open = kept!.open
    if (open !== null) {
      // Citations are told by their place in all the text.
      encoder.push({ type: 'block-start', index: open.index, block: { kind: open.kind } })
      encoder.push({ type: 'block-delta', index: open.index, delta: { kind: 'text', text } })
    }
    return { text, kept: kept!, encoder, pending: this.take() }
  }

  protected override ended(): void {
    this.see(this.reader.end())
    this.watch.seen.done = this.seen.error === null
  }

  protected override frame(_name: string | null, data: string): void {
    const chunk = this.read(data)
    if (chunk === null) return
    this.see(this.reader.read(chunk))
    this.usage = object(chunk['usageMetadata']) ?? this.usage
    if (this.seen.error !== null) return
    const seen = rewrite(chunk, this.meta)
    const candidates = list(seen['candidates'])
    const ends = candidates.some((candidate) => text(object(candidate)?.['finishReason']) !== null)
    if (ends) this.held.push(seen)
    else if (candidates.length > 0) this.write(seen)
  }

  private see(events: readonly ChatEvent[]): void {
    for (const event of events) this.watch.see(event)
  }

  private write(chunk: Json): void {
    this.out += `data: ${JSON.stringify(chunk)}\n\n`
  }
}

/** The whole answer, collected, rewritten once and let go by `finish`. */
class WholePassthrough implements StreamPipe {
  private readonly meta: ReplyMeta
  private readonly watch: Watch
  private readonly collected = new Collector()
  private reply: Json = {}

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
    if (reply === undefined) return
    const events = decodeReply(reply, this.meta)
    for (const event of events) this.watch.see(event)
    this.reply = object(reply) ?? encodeReply(events, this.meta)
    this.watch.seen.done = this.seen.error === null
  }

  finish(usage: Usage, cost: Cost): Uint8Array {
    const usageMetadata = told(object(this.reply['usageMetadata']), usage, cost)
    return Buffer.from(JSON.stringify({ ...rewrite(this.reply, this.meta), usageMetadata }))
  }

  /** What was produced before the provider failed goes out beside the error; without it the bare error. */
  fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array {
    const { body } = encodeError(error, this.meta.id)
    const paid =
      usage === null ? {} : { usageMetadata: told(object(this.reply['usageMetadata']), usage, cost) }
    const produced = this.seen.content ? rewrite(this.reply, this.meta) : {}
    return Buffer.from(JSON.stringify({ ...produced, ...body, ...(this.seen.content && paid) }))
  }
}
