import type { Dropped } from '../chat/index.ts'

/** Service tiers that cost more than the list price. Source: OpenAI, Google and Anthropic price lists (2026-11). */
const DEARER: ReadonlySet<unknown> = new Set(['priority', 'fast', 'scale'])

/**
 * Takes a tier out of a body that the provider would bill above the endpoint's tariff: what is held and charged is the
 * tariff, so nothing dearer may be asked for.
 * @param field `service_tier`, `serviceTier` or `speed`, as the format spells it
 */
export function dropDearerTier(
  body: Record<string, unknown>,
  field: string,
  drop: (dropped: Dropped) => void,
): void {
  if (!DEARER.has(body[field])) return
  drop({
    parameter: field === 'speed' ? 'speed' : 'service_tier',
    reason: `no price is known for "${body[field]}"`,
  })
  delete body[field]
}
