import { createParser, type EventSourceParser } from 'eventsource-parser'
import { GatewayError } from '../../chat/index.ts'
import type { Frame, Framing } from '../dialect.ts'
import { AwsEventStream } from './aws-eventstream.ts'

export const tooLong = (limit: number): GatewayError =>
  new GatewayError(
    'provider_protocol',
    `The provider sent more than ${limit} bytes at once, which is not accepted.`,
  )

/** Bytes at any boundaries in, whole frames out. */
export interface Framer {
  push(chunk: Uint8Array): void
  end(): void
}

/** The framer of that kind; it throws GatewayError `provider_protocol` when a frame is longer than `limit` bytes. */
export function framerFor(framing: Framing, limit: number, emit: (frame: Frame) => void): Framer {
  switch (framing) {
    case 'sse':
      return new SseFramer(limit, emit)
    case 'jsonl':
      return new LineFramer(limit, emit)
    case 'aws-eventstream':
      return new AwsEventStream(limit, emit)
    default:
      return framing satisfies never
  }
}

/** Server-sent events; one that is not closed by a blank line at the end still counts. */
class SseFramer implements Framer {
  private readonly decoder = new TextDecoder()
  private readonly parser: EventSourceParser
  private pending = 0
  private readonly limit: number

  constructor(limit: number, emit: (frame: Frame) => void) {
    this.limit = limit
    this.parser = createParser({
      onEvent: (event) => {
        this.pending = 0
        emit({ kind: 'sse', event: event.event ?? null, data: event.data })
      },
      onComment: () => {
        this.pending = 0
      },
    })
  }

  push(chunk: Uint8Array): void {
    this.pending += chunk.length
    this.parser.feed(this.decoder.decode(chunk, { stream: true }))
    if (this.pending > this.limit) throw tooLong(this.limit)
  }

  end(): void {
    this.parser.feed(`${this.decoder.decode()}\n\n`)
  }
}

/** One JSON value a line. */
class LineFramer implements Framer {
  private readonly decoder = new TextDecoder()
  private readonly emit: (frame: Frame) => void
  private readonly limit: number
  private rest = ''

  constructor(limit: number, emit: (frame: Frame) => void) {
    this.limit = limit
    this.emit = emit
  }

  push(chunk: Uint8Array): void {
    const lines = (this.rest + this.decoder.decode(chunk, { stream: true })).split('\n')
    this.rest = lines.pop() ?? ''
    if (this.rest.length > this.limit) throw tooLong(this.limit)
    for (const line of lines) if (line.trim() !== '') this.emit({ kind: 'jsonl', data: line })
  }

  end(): void {
    if (this.rest.trim() !== '') this.emit({ kind: 'jsonl', data: this.rest })
    this.rest = ''
  }
}
