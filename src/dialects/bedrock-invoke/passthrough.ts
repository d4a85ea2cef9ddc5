import type { Cost, GatewayError, UpstreamError, Usage } from '../../chat/index.ts'
import { StreamPassthrough, WholePassthrough } from '../anthropic-messages/passthrough.ts'
import type { Handover, ReplyMeta, StreamPipe, StreamSeen } from '../dialect.ts'
import { AwsEventStream } from '../framing/aws-eventstream.ts'
import { readChunk } from './frame.ts'

/** Longest message of a stream, bytes, unless the meta says otherwise: an event in base64 is a third longer. */
const MAX_FRAME_BYTES = 2 * 1024 * 1024

/** To a client of the Messages API: the events are its own and only the frames around them differ. */
export function createPassthrough(meta: ReplyMeta, stream: boolean): StreamPipe {
  return stream ? new InvokePassthrough(meta) : new WholePassthrough(meta)
}

class InvokePassthrough implements StreamPipe {
  private readonly inner: StreamPassthrough
  private readonly framer: AwsEventStream
  private failure: UpstreamError | null = null
  private text = ''

  constructor(meta: ReplyMeta) {
    this.inner = new StreamPassthrough(meta)
    this.framer = new AwsEventStream(meta.maxFrameBytes ?? MAX_FRAME_BYTES, (frame) => {
      const chunk = frame.kind === 'aws-eventstream' && this.failure === null ? readChunk(frame) : null
      if (chunk === null) return
      if ('error' in chunk) this.failure = chunk.error
      else this.text += asServerSent(chunk.json)
    })
  }

  get seen(): StreamSeen {
    return this.failure === null ? this.inner.seen : { ...this.inner.seen, error: this.failure }
  }

  push(chunk: Uint8Array): Uint8Array | null {
    this.framer.push(chunk)
    const { text } = this
    if (text === '') return null
    this.text = ''
    return this.inner.push(Buffer.from(text))
  }

  end(): void {
    this.framer.end()
    this.inner.end()
  }

  handOver(): Handover | null {
    return this.inner.handOver()
  }

  finish(usage: Usage, cost: Cost): Uint8Array {
    return this.inner.finish(usage, cost)
  }

  fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array {
    return this.inner.fail(error, usage, cost)
  }
}

/** Clients read the `event:` line too; the type stands first in what Anthropic writes, and is looked for where it does not. */
function asServerSent(json: string): string {
  const type = /^\{"type":"([a-z_]+)"/.exec(json)?.[1] ?? (JSON.parse(json) as { type?: unknown }).type
  return `event: ${String(type)}\ndata: ${json}\n\n`
}
