import type { ChatEvent } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { isObject, type Json, list, object, parseJson, text } from '../json.ts'
import type { WireMessage } from './wire.ts'
import { MessageWriter } from './writer.ts'

/**
 * A whole message: what a client would add up from the stream. An error in the events stands as `error` beside what was
 * produced.
 */
export function encodeReply(events: readonly ChatEvent[], meta: ReplyMeta): WireMessage {
  const writer = new MessageWriter(meta)
  // The message exists even when nothing was said.
  const wire = [...events.flatMap((event) => writer.push(event)), ...writer.close()]
  let message: Json = emptyMessage(meta)
  const args = new Map<number, string>()
  const blocks: Json[] = []
  for (const event of wire) {
    const at = Number(event['index'])
    switch (event['type']) {
      case 'message_start':
        message = { ...(event['message'] as Json) }
        break
      case 'content_block_start':
        blocks[at] = { ...(event['content_block'] as Json) }
        break
      case 'content_block_delta':
        addDelta(blocks[at] ?? {}, object(event['delta']) ?? {}, at, args)
        break
      case 'message_delta': {
        const { type: _type, delta, ...rest } = event
        message = { ...message, ...object(delta), ...rest }
        break
      }
      case 'error':
        message = {
          ...message,
          error: event['error'],
          ...(event['usage'] !== undefined && { usage: event['usage'] }),
        }
        break
      default:
    }
  }
  for (const [at, json] of args) blocks[at]!['input'] = isObject(parseJson(json)) ? parseJson(json) : {}
  return { ...message, content: blocks } as WireMessage
}

function emptyMessage({ id, model, provider }: ReplyMeta): Json {
  const usage = { input_tokens: 0, output_tokens: 0 }
  const stops = { stop_reason: null, stop_sequence: null, stop_details: null }
  return { id, type: 'message', role: 'assistant', model, provider, content: [], ...stops, usage }
}

function addDelta(block: Json, delta: Json, at: number, args: Map<number, string>): void {
  switch (delta['type']) {
    case 'text_delta':
      block['text'] = `${text(block['text']) ?? ''}${String(delta['text'])}`
      break
    case 'thinking_delta':
      block['thinking'] = `${text(block['thinking']) ?? ''}${String(delta['thinking'])}`
      break
    case 'signature_delta':
      block['signature'] = delta['signature']
      break
    case 'citations_delta':
      block['citations'] = [...list(block['citations']), delta['citation']]
      break
    case 'input_json_delta':
      args.set(at, `${args.get(at) ?? ''}${String(delta['partial_json'])}`)
      break
    default: {
      const { type: _type, ...rest } = delta
      Object.assign(block, rest)
    }
  }
}
