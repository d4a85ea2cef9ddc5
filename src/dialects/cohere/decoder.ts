import { type ChatEvent, GatewayError } from '../../chat/index.ts'
import type { Frame, StreamDecoder } from '../dialect.ts'
import { count, isObject, type Json, list, object, parseJson, text } from '../json.ts'
import { decodeErrorObject } from '../openai-chat/errors.ts'
import { CohereReader } from './events.ts'

/** SSE frames of Cohere → events. `message-end` is the last one; a `[DONE]` after it says nothing new. */
export class CohereStreamDecoder implements StreamDecoder {
  done = false
  private readonly reader = new CohereReader()
  private badFrames = 0

  push(frame: Frame): ChatEvent[] {
    if (frame.kind === 'aws-eventstream' || this.done || frame.data.trim() === '[DONE]') return []
    const { reader } = this
    reader.events = []
    const event = parseJson(frame.data)
    if (isObject(event)) this.event(event, text(event['type']) ?? (frame.kind === 'sse' ? frame.event : null))
    else if (++this.badFrames > 1) {
      throw new GatewayError('provider_protocol', 'The provider sent events that are not JSON.')
    }
    return reader.events
  }

  end(): ChatEvent[] {
    if (this.done) return []
    this.done = true
    const message = 'The provider closed the connection before its answer was complete.'
    const error = {
      code: 'provider_cut',
      status: 200,
      message,
      providerCode: null,
      retryAfterMs: null,
    } as const
    return [{ type: 'error', error }]
  }

  private event(event: Json, type: string | null): void {
    const { reader } = this
    const place = count(event['index']) ?? 0
    const delta = object(event['delta']) ?? {}
    const message = object(delta['message']) ?? {}
    switch (type) {
      case 'message-start':
        reader.start(event['id'])
        break
      case 'content-start':
      case 'content-delta':
        reader.content(place, object(message['content']) ?? {})
        break
      case 'tool-plan-delta':
        reader.plan(message['tool_plan'])
        break
      case 'tool-call-start':
        reader.startCall(object(message['tool_calls']) ?? {})
        break
      case 'tool-call-delta':
        reader.args(text(object(object(message['tool_calls'])?.['function'])?.['arguments']) ?? '')
        break
      case 'content-end':
      case 'tool-call-end':
        reader.close()
        break
      case 'citation-start':
        reader.cite(place, object(message['citations']) ?? {})
        break
      case 'message-end':
        this.done = true
        reader.finish(text(delta['finish_reason']) ?? 'COMPLETE', text(delta['error']))
        reader.usage(delta['usage'])
        break
      case 'error':
      case null:
        if (event['message'] !== undefined || event['error'] !== undefined) {
          this.done = true
          reader.events.push({ type: 'error', error: decodeErrorObject(event['error'] ?? event) })
        }
        break
      default:
      // `citation-end`, `debug` and events yet to come carry nothing that an answer needs.
    }
  }
}

/** The events of a whole reply. Throws GatewayError `provider_protocol` when it is none of this dialect. */
export function decodeReply(reply: unknown): ChatEvent[] {
  const message = object(object(reply)?.['message'])
  if (!isObject(reply) || message === null) {
    throw new GatewayError(
      'provider_protocol',
      'The provider answered with something that is not a Cohere reply.',
    )
  }
  const reader = new CohereReader()
  reader.start(reply['id'])
  reader.plan(message['tool_plan'])
  for (const [place, block] of list(message['content']).entries()) {
    reader.content(place, object(block) ?? {})
    reader.close()
  }
  for (const call of list(message['tool_calls'])) reader.startCall(object(call) ?? {})
  reader.close()
  for (const citation of list(message['citations'])) reader.cite(0, object(citation) ?? {})
  reader.finish(text(reply['finish_reason']) ?? 'COMPLETE', null)
  reader.usage(reply['usage'])
  return reader.events
}
