import type { Cost, GatewayError, Usage } from '../chat/index.ts'
import type { ReplyMeta, StreamPipe, StreamSeen } from './dialect.ts'
import { type Framer, framerFor } from './framing/framer.ts'
import { isObject, type Json, parseJson } from './json.ts'
import { protocol } from './openai-chat/shape.ts'
import { Watch } from './watch.ts'

/** A stream of server-sent events on its way to a client of the same format: framing, account and what waits to go out. */
export abstract class SsePassthrough implements StreamPipe {
  protected readonly meta: ReplyMeta
  protected readonly watch: Watch
  /** Written and not yet given on. */
  protected out = ''
  private readonly framer: Framer
  private badFrames = 0
  private closed = false

  /** @param maxFrameBytes longest event, where the meta names none */
  constructor(meta: ReplyMeta, maxFrameBytes: number) {
    this.meta = meta
    this.watch = new Watch(meta)
    this.framer = framerFor('sse', meta.maxFrameBytes ?? maxFrameBytes, (frame) => {
      if (frame.kind === 'sse' && this.seen.error === null) this.frame(frame.event, frame.data)
    })
  }

  get seen(): StreamSeen {
    return this.watch.seen
  }

  push(bytes: Uint8Array): Uint8Array | null {
    this.framer.push(bytes)
    return this.flush()
  }

  end(): void {
    this.closed = true
    this.framer.end()
    this.ended()
  }

  abstract finish(usage: Usage, cost: Cost): Uint8Array
  abstract fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array
  /** One event; terminal ones are kept for `finish`. */
  protected abstract frame(name: string | null, data: string): void
  /** After the last event: sets `seen.done`. */
  protected abstract ended(): void

  /** The event's object; null for an end mark, half an event at the end, and a broken one. Throws at the second such. */
  protected read(data: string): Json | null {
    const event = parseJson(data)
    if (isObject(event)) return event
    if (!this.closed && data.trim() !== '[DONE]' && ++this.badFrames > 1) {
      throw protocol('The provider sent events that are not JSON.')
    }
    return null
  }

  protected take(): string {
    const { out } = this
    this.out = ''
    return out
  }

  protected flush(): Uint8Array | null {
    return this.out === '' ? null : Buffer.from(this.take())
  }
}
