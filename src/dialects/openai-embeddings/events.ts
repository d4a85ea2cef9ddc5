import { type ChatEvent, GatewayError, type Usage } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { object } from '../json.ts'
import { inputsOf } from './input.ts'
import { DIALECT, type Vector } from './wire.ts'

export interface EmbeddingFacts {
  /** The provider's id of the call; empty when it gave none. */
  readonly id: string
  readonly model: string
  /** null: the provider counted nothing. */
  readonly usage: Usage | null
}

/**
 * An answer of embeddings as events: a block for each input, in order. Throws GatewayError `provider_protocol` when there
 * is not exactly one vector for each input of the request.
 */
export function embeddingEvents(
  vectors: readonly Vector[],
  { id, model, usage }: EmbeddingFacts,
  meta: ReplyMeta | undefined,
): ChatEvent[] {
  checkCount(vectors.length, meta)
  const events: ChatEvent[] = [{ type: 'start', id, model }]
  for (const [index, vector] of vectors.entries()) {
    events.push(
      { type: 'block-start', index, block: { kind: 'opaque', dialect: DIALECT, data: null } },
      { type: 'block-delta', index, delta: { kind: 'opaque', data: vector } },
      { type: 'block-stop', index },
    )
  }
  if (usage !== null) events.push({ type: 'usage', usage })
  events.push({ type: 'finish', reason: 'stop', native: null })
  return events
}

/** Vectors belong to inputs by position only: one too few would shift all that follow. */
export function checkCount(found: number, meta: ReplyMeta | undefined): void {
  if (meta?.request === undefined) return
  const asked = inputsOf(meta.request.wire).length
  if (found === asked) return
  throw new GatewayError(
    'provider_protocol',
    `The provider answered ${asked} inputs with ${found} embeddings.`,
  )
}

/** The vectors among an answer's events, in order. */
export function vectorsIn(events: readonly ChatEvent[]): Vector[] {
  return events.flatMap((event) =>
    event.type === 'block-delta' && event.delta.kind === 'opaque' ? [event.delta.data as Vector] : [],
  )
}

/** The encoding that the client of this answer reads. */
export function encodingFor(meta: ReplyMeta): 'float' | 'base64' {
  return object(meta.request?.wire)?.['encoding_format'] === 'base64' ? 'base64' : 'float'
}
