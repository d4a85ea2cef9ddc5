import { type ChatEvent, GatewayError } from '../../chat/index.ts'
import type { Frame, ReplyMeta, StreamDecoder } from '../dialect.ts'
import { isObject, parseJson } from '../json.ts'
import { EventReader } from './events.ts'

/**
 * The events of a whole reply; a list is a stream that was not asked for as SSE, told in one piece. Throws GatewayError
 * `provider_protocol` when it is none of this dialect.
 */
export function decodeReply(reply: unknown, meta?: ReplyMeta): ChatEvent[] {
  const chunks = Array.isArray(reply) ? reply : [reply]
  const isKnown = (chunk: unknown) =>
    isObject(chunk) &&
    ['candidates', 'promptFeedback', 'usageMetadata', 'error'].some((key) => chunk[key] !== undefined)
  if (chunks.length === 0 || !chunks.every(isKnown)) {
    throw new GatewayError(
      'provider_protocol',
      'The provider answered with something that is not a generateContent response.',
    )
  }
  const reader = new EventReader(meta)
  return [...chunks.flatMap((chunk) => reader.read(chunk)), ...reader.end()]
}

/** SSE frames of Google's API → events. There is no end mark: the end of the stream is one. */
export class GeminiStreamDecoder implements StreamDecoder {
  private readonly reader: EventReader
  private badFrames = 0

  constructor(meta?: ReplyMeta) {
    this.reader = new EventReader(meta)
  }

  push(frame: Frame): ChatEvent[] {
    if (frame.kind === 'aws-eventstream' || frame.data.trim() === '[DONE]') return []
    const chunk = parseJson(frame.data)
    if (isObject(chunk)) return this.reader.read(chunk)
    if (Array.isArray(chunk)) return chunk.filter(isObject).flatMap((one) => this.reader.read(one))
    if (++this.badFrames > 1) {
      throw new GatewayError('provider_protocol', 'The provider sent events that are not JSON.')
    }
    return []
  }

  end(): ChatEvent[] {
    return this.reader.end()
  }
}
