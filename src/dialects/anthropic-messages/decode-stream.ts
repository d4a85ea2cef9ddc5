import { type ChatEvent, GatewayError } from '../../chat/index.ts'
import type { Frame, StreamDecoder } from '../dialect.ts'
import { isObject, parseJson } from '../json.ts'
import { EventReader } from './events.ts'

/** SSE frames of the provider → events. The JSON says the type of an event; the `event:` line only repeats it. */
export class MessageStreamDecoder implements StreamDecoder {
  private readonly reader = new EventReader()
  private badFrames = 0

  push(frame: Frame): ChatEvent[] {
    if (frame.kind === 'aws-eventstream') return []
    const event = parseJson(frame.data)
    if (isObject(event)) return this.reader.read(event)
    if (frame.data.trim() !== '' && ++this.badFrames > 1) {
      throw new GatewayError('provider_protocol', 'The provider sent events that are not JSON.')
    }
    return []
  }

  end(): ChatEvent[] {
    return this.reader.end()
  }
}

/** The events of a whole message. Throws GatewayError `provider_protocol` when it is none of this dialect. */
export function decodeReply(reply: unknown): ChatEvent[] {
  const reader = new EventReader()
  if (isObject(reply) && reply['type'] === 'error') return reader.read(reply)
  if (!isObject(reply) || !Array.isArray(reply['content'])) {
    throw new GatewayError('provider_protocol', 'The provider answered with something that is not a message.')
  }
  return [...reader.readMessage(reply), ...reader.end()]
}
