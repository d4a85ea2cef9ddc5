import type { ChatEvent, GatewayError } from '../../chat/index.ts'
import type { ReplyMeta, StreamEncoder } from '../dialect.ts'
import type { Json } from '../json.ts'
import { isFull } from './errors.ts'
import type { WireResponse } from './wire.ts'
import { ResponseWriter, type ToldResponse } from './writer.ts'

/** One event as SSE text, named twice as OpenAI does. */
export const sse = (event: Json): string => `event: ${event['type']}\ndata: ${JSON.stringify(event)}\n\n`

/** OpenRouter ends its streams of responses so; OpenAI's clients take it. */
export const END_MARK = 'data: [DONE]\n\n'

/** Events → SSE text; the terminal event holds the whole response. */
export class ResponsesStreamEncoder implements StreamEncoder {
  private readonly writer: ResponseWriter
  private out = ''

  /** `told`: the client has been told so much of the response already. */
  constructor(meta: ReplyMeta, told?: ToldResponse) {
    this.writer = new ResponseWriter(meta, (event) => {
      this.out += sse(event)
    })
    if (told !== undefined) this.writer.resume(told)
  }

  push(event: ChatEvent): string {
    this.writer.push(event)
    return this.take()
  }

  end(): string {
    this.writer.end()
    return this.take() + END_MARK
  }

  private take(): string {
    const { out } = this
    this.out = ''
    return out
  }
}

/** A whole reply in OpenRouter's shape; an error in the events makes it a failed response beside what was produced. */
export function encodeReply(events: readonly ChatEvent[], meta: ReplyMeta): WireResponse {
  const writer = new ResponseWriter(meta, () => undefined)
  for (const event of events) writer.push(event)
  return writer.end()
}

/** A full context is no HTTP error here but an incomplete response without output; null for all other errors. */
export function answerError(error: GatewayError, meta: ReplyMeta, stream: boolean): string | null {
  const { code, message, metadata, status, retryAfterMs } = error
  if (!isFull(code)) return null
  const told: ChatEvent = {
    type: 'error',
    error: { code, message, status, providerCode: null, retryAfterMs },
    metadata,
  }
  if (!stream) return JSON.stringify(encodeReply([told], meta))
  const encoder = new ResponsesStreamEncoder(meta)
  return encoder.push(told) + encoder.end()
}
