import { type ChatEvent, GatewayError, NO_USAGE, type Usage } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { count, object, text } from '../json.ts'
import { embeddingEvents } from '../openai-embeddings/events.ts'

/** The events of an Embed v2 reply. Throws GatewayError `provider_protocol` when it is none. */
export function decodeReply(reply: unknown, meta?: ReplyMeta): ChatEvent[] {
  const wire = object(reply)
  const vectors = object(wire?.['embeddings'])?.['float']
  if (!Array.isArray(vectors) || !vectors.every(isVector))
    throw new GatewayError(
      'provider_protocol',
      'The provider answered with something that is no list of embeddings.',
    )
  const facts = { id: text(wire?.['id']) ?? '', model: '', usage: usageOf(wire?.['meta']) }
  return embeddingEvents(vectors, facts, meta)
}

const isVector = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'number')

/** Tokens of text and of images are billed under two names. */
function usageOf(meta: unknown): Usage | null {
  const units = object(object(meta)?.['billed_units'])
  const [texts, images] = [count(units?.['input_tokens']), count(units?.['image_tokens'])]
  return texts === null && images === null
    ? null
    : { ...NO_USAGE, promptTokens: (texts ?? 0) + (images ?? 0) }
}
