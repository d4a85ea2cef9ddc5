import { type ChatEvent, GatewayError } from '../../chat/index.ts'
import type { Frame, ReplyMeta, StreamDecoder } from '../dialect.ts'
import { isObject, parseJson } from '../json.ts'
import { ResponseReader } from './events.ts'

/** SSE frames of a Responses API → events. The end is the terminal event; a `[DONE]` after it says nothing new. */
export class ResponsesStreamDecoder implements StreamDecoder {
  private readonly reader: ResponseReader
  private badFrames = 0

  constructor(meta?: ReplyMeta) {
    this.reader = new ResponseReader(meta)
  }

  push(frame: Frame): ChatEvent[] {
    if (frame.kind === 'aws-eventstream' || frame.data.trim() === '[DONE]') return []
    const event = parseJson(frame.data)
    if (isObject(event)) {
      const named = event['type'] === undefined && frame.kind === 'sse' && frame.event !== null
      return this.reader.read(named ? { ...event, type: frame.event } : event)
    }
    if (++this.badFrames > 1) {
      throw new GatewayError('provider_protocol', 'The provider sent events that are not JSON.')
    }
    return []
  }

  end(): ChatEvent[] {
    return this.reader.cut()
  }
}

/** The events of a whole response. Throws GatewayError `provider_protocol` when it is none of this dialect. */
export function decodeReply(reply: unknown, meta?: ReplyMeta): ChatEvent[] {
  if (!isObject(reply) || !(Array.isArray(reply['output']) || reply['error'])) {
    throw new GatewayError(
      'provider_protocol',
      'The provider answered with something that is not a response object.',
    )
  }
  // An error without a response around it failed as a whole.
  return new ResponseReader(meta).readWhole(
    Array.isArray(reply['output']) ? reply : { ...reply, status: 'failed' },
  )
}
