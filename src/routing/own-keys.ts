import type { Endpoint } from '../catalog/index.ts'
import type { Draft } from './filter.ts'

/** What to try, first to last, and with whose key: null is the gateway's, at one place or (for the whole list) at all. */
export interface Places {
  readonly order: readonly Endpoint[]
  readonly credentials: readonly (string | null)[] | null
}

/**
 * The order with the caller's own keys: before everything else, `provider.order` too, come the endpoints of prioritized
 * keys, by the order of the keys; then the gateway's capacity; then keys that are kept for fallback. Without fallbacks
 * each model keeps its first place. Source: OpenRouter's BYOK documentation.
 */
export function withOwnKeys(sorted: readonly Draft[], fallbacks: boolean): Places {
  const keyed = sorted.flatMap((d) => (d.own ?? []).map((key) => ({ endpoint: d.endpoint, key })))
  const byOrder = keyed.sort((a, b) => a.key.order - b.key.order)
  const places = [
    ...byOrder
      .filter(({ key }) => !key.fallback)
      .map(({ endpoint, key }) => ({ endpoint, credential: key.id })),
    ...sorted.filter((d) => d.shared).map(({ endpoint }) => ({ endpoint, credential: null })),
    ...byOrder
      .filter(({ key }) => key.fallback)
      .map(({ endpoint, key }) => ({ endpoint, credential: key.id })),
  ]
  const kept = fallbacks
    ? places
    : places.filter(
        ({ endpoint }, i) => places.findIndex((place) => place.endpoint.modelId === endpoint.modelId) === i,
      )
  return { order: kept.map((place) => place.endpoint), credentials: kept.map((place) => place.credential) }
}
