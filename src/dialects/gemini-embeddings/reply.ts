import { type ChatEvent, GatewayError, NO_USAGE, type Usage } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { decodeErrorObject } from '../gemini/errors.ts'
import { count, isObject, type Json, list, object } from '../json.ts'
import { embeddingEvents } from '../openai-embeddings/events.ts'

/** The events of a batch (AI Studio) or of predictions (Vertex). Throws GatewayError `provider_protocol` when it is neither. */
export function decodeReply(reply: unknown, meta?: ReplyMeta): ChatEvent[] {
  if (isObject(reply) && reply['error']) return [{ type: 'error', error: decodeErrorObject(reply['error']) }]
  const wire = object(reply) ?? {}
  const predictions = list(wire['predictions']).map((item) => object(object(item)?.['embeddings']))
  const found = predictions.length > 0 ? predictions : list(wire['embeddings']).map(object)
  const vectors = found.map((embedding) => {
    const values = embedding?.['values']
    if (Array.isArray(values) && values.every((value) => typeof value === 'number')) return values
    throw unreadable()
  })
  if (vectors.length === 0) throw unreadable()
  return embeddingEvents(vectors, { id: '', model: '', usage: usageOf(wire, predictions) }, meta)
}

/** Older models of AI Studio count nothing; Vertex counts each input. */
function usageOf(wire: Json, predictions: readonly (Json | null)[]): Usage | null {
  const told = count(object(wire['usageMetadata'])?.['promptTokenCount'])
  const counts = predictions.map((embedding) => count(object(embedding?.['statistics'])?.['token_count']))
  const counted = counts.length > 0 && counts.every((tokens) => tokens !== null)
  const promptTokens = told ?? (counted ? counts.reduce((sum, tokens) => sum + tokens, 0) : null)
  return promptTokens === null ? null : { ...NO_USAGE, promptTokens }
}

function unreadable(): GatewayError {
  return new GatewayError(
    'provider_protocol',
    'The provider answered with something that is no list of embeddings.',
  )
}
