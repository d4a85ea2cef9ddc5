import { type ChatEvent, GatewayError, NO_USAGE, type Usage } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { count, type Json, object, text } from '../json.ts'
import { embeddingEvents } from '../openai-embeddings/events.ts'

/**
 * The events of a reply of Titan (one vector) or Cohere (a list, by type or plain). Cohere's says no tokens: they are
 * estimated then. Throws GatewayError `provider_protocol` when it is neither.
 */
export function decodeReply(reply: unknown, meta?: ReplyMeta): ChatEvent[] {
  const wire = object(reply) ?? {}
  const vectors = vectorsOf(wire)
  if (vectors.length === 0 || !vectors.every(isVector)) {
    throw new GatewayError(
      'provider_protocol',
      'The provider answered with something that is no list of embeddings.',
    )
  }
  return embeddingEvents(vectors, { id: text(wire['id']) ?? '', model: '', usage: usageOf(wire) }, meta)
}

function vectorsOf(wire: Json): unknown[] {
  const { embedding, embeddings, embeddingsByType } = wire
  const list = object(embeddings)?.['float'] ?? embeddings
  if (Array.isArray(list)) return list
  const one = embedding ?? object(embeddingsByType)?.['float']
  return one === undefined ? [] : [one]
}

const isVector = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'number')

function usageOf(wire: Json): Usage | null {
  const promptTokens = count(wire['inputTextTokenCount'])
  return promptTokens === null ? null : { ...NO_USAGE, promptTokens }
}
