import type { ChatEvent } from '../../chat/index.ts'
import { decodeReply as decodeMessage, MessageStreamDecoder } from '../anthropic-messages/decode-stream.ts'
import type { Frame, StreamDecoder } from '../dialect.ts'
import { parseJson } from '../json.ts'
import { intervened, readChunk } from './frame.ts'

/** AWS event-stream frames → events, by the decoder of the Messages API. */
export class InvokeStreamDecoder implements StreamDecoder {
  private readonly messages = new MessageStreamDecoder()
  private blocked = false
  private failed = false

  push(frame: Frame): ChatEvent[] {
    if (frame.kind !== 'aws-eventstream' || this.failed) return []
    const chunk = readChunk(frame)
    if (chunk === null) return []
    if ('error' in chunk) {
      this.failed = true
      return [{ type: 'error', error: chunk.error }]
    }
    this.blocked ||= chunk.json.includes('INTERVENED') && intervened(parseJson(chunk.json))
    const events = this.messages.push({ kind: 'sse', event: null, data: chunk.json })
    return this.blocked ? events.map(asBlocked) : events
  }

  end(): ChatEvent[] {
    return this.failed ? [] : this.messages.end()
  }
}

/** The events of a whole message. Throws GatewayError `provider_protocol` when it is none. */
export function decodeReply(reply: unknown): ChatEvent[] {
  const events = decodeMessage(reply)
  return intervened(reply) ? events.map(asBlocked) : events
}

const asBlocked = (event: ChatEvent): ChatEvent =>
  event.type === 'finish' ? { ...event, reason: 'content_filter', native: 'guardrail_intervened' } : event
