import { type ChatEvent, GatewayError } from '../../chat/index.ts'
import type { Frame, ReplyMeta, StreamDecoder } from '../dialect.ts'
import { count, isObject, type Json, list, object, parseJson, text } from '../json.ts'
import { decodeException } from './errors.ts'
import { ConverseReader, reasoningFormat } from './events.ts'

const utf8 = new TextDecoder()

/** AWS event-stream frames → events. `metadata`, with the usage, is the last frame of a whole answer. */
export class ConverseStreamDecoder implements StreamDecoder {
  done = false
  private readonly reader: ConverseReader
  private finished = false

  constructor(meta?: ReplyMeta) {
    this.reader = new ConverseReader(reasoningFormat(meta?.model))
  }

  push(frame: Frame): ChatEvent[] {
    if (frame.kind !== 'aws-eventstream' || this.done) return []
    const { reader } = this
    reader.events = []
    const { headers } = frame
    const payload = parseJson(utf8.decode(frame.payload))
    const failure = headers[':exception-type'] ?? headers[':error-code']
    if (failure !== undefined) this.fail(failure, object(payload) ?? { message: headers[':error-message'] })
    else if (isObject(payload)) this.event(headers[':event-type'] ?? '', payload)
    else throw new GatewayError('provider_protocol', 'The provider sent an event that is not JSON.')
    return reader.events
  }

  end(): ChatEvent[] {
    this.reader.events = []
    if (!this.finished) {
      const message = 'The provider closed the connection before its answer was complete.'
      const error = {
        code: 'provider_cut',
        status: 200,
        message,
        providerCode: null,
        retryAfterMs: null,
      } as const
      this.finished = true
      return [{ type: 'error', error }]
    }
    return []
  }

  private event(type: string, payload: Json): void {
    const { reader } = this
    const place = count(payload['contentBlockIndex']) ?? 0
    switch (type) {
      case 'messageStart':
        reader.events.push({ type: 'start', id: '', model: '' })
        break
      case 'contentBlockStart':
        reader.startBlock(place, object(payload['start']) ?? {})
        break
      case 'contentBlockDelta':
        reader.delta(place, object(payload['delta']) ?? {})
        break
      case 'contentBlockStop':
        reader.stopBlock(place)
        break
      case 'messageStop':
        if (this.finished) break
        this.finished = true
        reader.finish(
          text(payload['stopReason']) ?? 'end_turn',
          object(payload['additionalModelResponseFields']),
        )
        break
      case 'metadata': {
        const usage = object(payload['usage'])
        if (usage !== null) reader.usage(usage)
        this.done = this.finished
        break
      }
      default:
      // Events that are yet to come carry nothing that an answer needs.
    }
  }

  private fail(name: string, payload: Json): void {
    this.done = true
    this.finished = true
    this.reader.events.push({ type: 'error', error: decodeException(name, payload) })
  }
}

/** The events of a whole reply. Throws GatewayError `provider_protocol` when it is none of this dialect. */
export function decodeReply(reply: unknown, meta?: ReplyMeta): ChatEvent[] {
  const message = object(object(object(reply)?.['output'])?.['message'])
  if (!isObject(reply) || message === null || !Array.isArray(message['content'])) {
    throw new GatewayError(
      'provider_protocol',
      'The provider answered with something that is not a Converse reply.',
    )
  }
  const reader = new ConverseReader(reasoningFormat(meta?.model))
  reader.events.push({ type: 'start', id: '', model: '' })
  for (const [place, block] of list(message['content']).entries()) reader.whole(place, object(block) ?? {})
  reader.finish(text(reply['stopReason']) ?? 'end_turn', object(reply['additionalModelResponseFields']))
  const usage = object(reply['usage'])
  if (usage !== null) reader.usage(usage)
  return reader.events
}
