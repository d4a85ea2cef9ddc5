import type { ChatEvent, Cost, GatewayError, UpstreamError, Usage } from '../chat/index.ts'
import { Collector } from './collector.ts'
import type {
  ClientDialect,
  Handover,
  ReplyMeta,
  StreamDecoder,
  StreamEncoder,
  StreamPipe,
  StreamSeen,
  UpstreamDialect,
} from './dialect.ts'
import { type Framer, framerFor } from './framing/framer.ts'
import type { Kept } from './kept.ts'
import { type RescueWay, Seam } from './seam.ts'
import { Watch } from './watch.ts'

const MAX_FRAME_BYTES = 1024 * 1024

/** The pipe from one dialect to another, or straight through when both are the same. */
export function pipeFor(
  upstream: UpstreamDialect,
  client: ClientDialect,
  meta: ReplyMeta,
  stream: boolean,
): StreamPipe {
  return (upstream.passesTo ?? upstream.id) === client.id && upstream.createPassthrough
    ? upstream.createPassthrough(meta, stream)
    : translatePipe(upstream, client, meta, stream)
}

/** Decodes one dialect, encodes the other. Finish and usage are kept until `finish`, like every terminal frame. */
export function translatePipe(
  upstream: UpstreamDialect,
  client: ClientDialect,
  meta: ReplyMeta,
  stream: boolean,
): StreamPipe {
  return stream
    ? new StreamTranslation(upstream, client.createStreamEncoder(meta), meta)
    : new WholeTranslation(upstream, client, meta)
}

/**
 * Goes on with a client's stream from the answer of another endpoint. `meta` is that of the second answer, for its
 * decoder; the client is told the facts of the first to its end. An answer that diverges from what was delivered shows as
 * `seen.error` (`answer_diverged`).
 */
export function rescuePipe(
  upstream: UpstreamDialect,
  meta: ReplyMeta,
  handover: Handover,
  way: RescueWay,
): StreamPipe {
  return new StreamTranslation(
    upstream,
    handover.encoder,
    { ...meta, keepDelivered: false },
    { handover, way },
  )
}

/** The end of a stream that began with comments only: the error in the client's shape. */
export function failedStream(client: ClientDialect, meta: ReplyMeta, error: GatewayError): Uint8Array {
  const encoder = client.createStreamEncoder(meta)
  return Buffer.from(encoder.push(errorEvent(error)) + encoder.end())
}

const DIVERGED: UpstreamError = {
  code: 'answer_diverged',
  status: 200,
  message: 'The new answer does not begin with what was delivered.',
  providerCode: null,
  retryAfterMs: null,
}

class StreamTranslation implements StreamPipe {
  private readonly watch: Watch
  private readonly decoder: StreamDecoder
  private readonly encoder: StreamEncoder
  private readonly framer: Framer
  private readonly held: ChatEvent[] = []
  /** What has been delivered, by this pipe and those before it; null when nobody could go on with it. */
  private readonly kept: Kept | null
  private readonly seam: Seam | null
  private out = ''

  constructor(
    upstream: UpstreamDialect,
    encoder: StreamEncoder,
    meta: ReplyMeta,
    rescue: { readonly handover: Handover; readonly way: RescueWay } | null = null,
  ) {
    this.watch = new Watch(meta)
    this.decoder = upstream.createStreamDecoder(meta)
    this.encoder = encoder
    this.kept = rescue?.handover.kept ?? this.watch.kept
    this.seam = rescue && new Seam(rescue.handover, rescue.way, (event) => this.tell(event))
    this.out = rescue?.handover.pending ?? ''
    this.framer = framerFor(upstream.framing, meta.maxFrameBytes ?? MAX_FRAME_BYTES, (frame) => {
      if (this.seen.error === null) this.take(this.decoder.push(frame))
      if (this.decoder.done && this.seen.error === null) this.watch.seen.done = true
    })
  }

  get seen(): StreamSeen {
    return this.watch.seen
  }

  push(chunk: Uint8Array): Uint8Array | null {
    this.framer.push(chunk)
    return this.flush()
  }

  end(): void {
    this.framer.end()
    this.take(this.decoder.end())
    this.watch.seen.done = this.seen.error === null
  }

  finish(usage: Usage, cost: Cost): Uint8Array {
    for (const event of this.held) if (event.type === 'finish') this.out += this.encoder.push(event)
    this.out += this.encoder.push({ type: 'usage', usage, cost }) + this.encoder.end()
    return this.flush() ?? new Uint8Array(0)
  }

  fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array {
    if (usage !== null)
      this.out += this.encoder.push({ type: 'usage', usage, ...(cost !== null && { cost }) })
    this.out += this.encoder.push(errorEvent(error)) + this.encoder.end()
    return this.flush() ?? new Uint8Array(0)
  }

  handOver(): Handover | null {
    const text = this.kept?.text ?? null
    return text === null ? null : { text, kept: this.kept!, encoder: this.encoder, pending: this.out }
  }

  private take(events: readonly ChatEvent[]): void {
    for (const event of events) {
      const terminal = this.watch.see(event)
      if (terminal) this.held.push(event)
      if (this.seam === null) {
        if (!terminal) this.out += this.encoder.push(event)
      } else {
        if (event.type === 'finish') this.seam.end()
        else if (!terminal) this.seam.push(event)
        if (this.seam.diverged) this.watch.seen.error ??= DIVERGED
      }
    }
  }

  private tell(event: ChatEvent): void {
    this.kept!.see(event)
    this.out += this.encoder.push(event)
  }

  private flush(): Uint8Array | null {
    if (this.out === '') return null
    const bytes = Buffer.from(this.out)
    this.out = ''
    return bytes
  }
}

class WholeTranslation implements StreamPipe {
  private readonly watch: Watch
  private readonly upstream: UpstreamDialect
  private readonly client: ClientDialect
  private readonly meta: ReplyMeta
  private readonly collected = new Collector()
  private events: ChatEvent[] = []

  constructor(upstream: UpstreamDialect, client: ClientDialect, meta: ReplyMeta) {
    this.watch = new Watch(meta)
    this.upstream = upstream
    this.client = client
    this.meta = meta
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
    this.events = this.upstream.decodeReply(reply, this.meta)
    for (const event of this.events) this.watch.see(event)
    this.watch.seen.done = this.seen.error === null
  }

  finish(usage: Usage, cost: Cost): Uint8Array {
    const events: ChatEvent[] = [
      ...this.events.filter(({ type }) => type !== 'usage'),
      { type: 'usage', usage, cost },
    ]
    return Buffer.from(JSON.stringify(this.client.encodeReply(events, this.meta)))
  }

  /** What was produced before the provider failed goes out under the error; without it the bare error. */
  fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array {
    if (!this.seen.content) {
      return Buffer.from(JSON.stringify(this.client.encodeError(error, this.meta.id).body))
    }
    const events = this.events.filter(({ type }) => type !== 'usage' && type !== 'error')
    if (usage !== null) events.push({ type: 'usage', usage, ...(cost !== null && { cost }) })
    return Buffer.from(JSON.stringify(this.client.encodeReply([...events, errorEvent(error)], this.meta)))
  }
}

function errorEvent(error: GatewayError): ChatEvent {
  const { code, status, message, retryAfterMs, metadata } = error
  return { type: 'error', error: { code, status, message, providerCode: null, retryAfterMs }, metadata }
}
