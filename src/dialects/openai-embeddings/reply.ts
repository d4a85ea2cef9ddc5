import type { ChatEvent } from '../../chat/index.ts'
import { GatewayError } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { count, isObject, list, object, text } from '../json.ts'
import { decodeErrorObject, encodeStreamError } from '../openai-chat/errors.ts'
import { embeddingEvents, encodingFor, vectorsIn } from './events.ts'
import { decodeUsage, encodeUsage } from './usage.ts'
import { encoded, signedBytes } from './vector.ts'
import type { Vector, WireReply } from './wire.ts'

/** The events of a reply. Throws GatewayError `provider_protocol` when it is no list of embeddings, one for each input. */
export function decodeReply(reply: unknown, meta?: ReplyMeta): ChatEvent[] {
  if (isObject(reply) && reply['error']) return [{ type: 'error', error: decodeErrorObject(reply['error']) }]
  if (!isObject(reply) || !Array.isArray(reply['data'])) throw unreadable()
  const items = list(reply['data']).map((item, position) => {
    const wire = object(item)
    return { index: count(wire?.['index']) ?? position, vector: vectorOf(wire?.['embedding'], meta) }
  })
  items.sort((a, b) => a.index - b.index)
  const facts = {
    id: text(reply['id']) ?? '',
    model: text(reply['model']) ?? '',
    usage: decodeUsage(reply['usage']),
  }
  return embeddingEvents(
    items.map(({ vector }) => vector),
    facts,
    meta,
  )
}

function vectorOf(wire: unknown, meta: ReplyMeta | undefined): Vector {
  if (typeof wire === 'string') return meta?.quirks?.embeddings?.int8 ? signedBytes(wire) : wire
  if (Array.isArray(wire) && wire.every((value) => typeof value === 'number')) return wire
  throw unreadable()
}

function unreadable(): GatewayError {
  return new GatewayError(
    'provider_protocol',
    'The provider answered with something that is no list of embeddings.',
  )
}

/** A reply in OpenRouter's shape, its vectors in the encoding that the request asks for. */
export function encodeReply(events: readonly ChatEvent[], meta: ReplyMeta): WireReply {
  const encoding = encodingFor(meta)
  const reply: WireReply = {
    id: meta.id,
    object: 'list',
    model: meta.model,
    provider: meta.provider,
    data: vectorsIn(events).map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: encoded(vector, encoding),
    })),
  }
  for (const event of events) {
    if (event.type === 'usage') reply.usage = encodeUsage(event.usage, event.cost ?? null)
    if (event.type === 'error')
      reply['error'] = encodeStreamError(event.error.code, event.error.message, { ...event.metadata })
  }
  return reply
}
