import type { Candidate, ExclusionReason, Plan, Route } from './plan.types.ts'
import { comparablePrice } from './price.ts'
import { perMillion } from './words.ts'

/** A plan in the words of `POST /api/v1/route/explain` and `waybill route explain --json`. */
export interface Explanation {
  readonly requested: readonly string[]
  /** Catalog ids that the names led to. */
  readonly resolved: readonly string[]
  /** How each name led to which models, and what a router made of the request. */
  readonly routes: readonly Route[]
  /** Models of the operator's `fallbacks` that come last. */
  readonly stand_ins: readonly string[]
  readonly strategy: string
  readonly max_attempts: number
  readonly allow_fallbacks: boolean
  /** Seconds to wait when every endpoint is cooling down, else null. */
  readonly retry_after: number | null
  readonly error: { readonly code: string; readonly message: string } | null
  /** Those to try, first to last, then those left out. */
  readonly candidates: readonly {
    readonly rank: number | null
    readonly model: string
    readonly provider: string
    readonly tag: string
    readonly endpoint: string
    readonly excluded: ExclusionReason | null
    /** Why it was left out, or why it stands where it stands. */
    readonly reason: string
    /** Comparable price, USD per million tokens, e.g. `0.26`. */
    readonly price_per_million: string | null
    /** Share of the draw for the first place, 0..1. */
    readonly weight: number | null
  }[]
}

/** The plan as an object for JSON. */
export function explainPlan(plan: Plan): Explanation {
  return {
    requested: plan.requested,
    resolved: [...new Set(plan.candidates.map(({ endpoint }) => endpoint.modelId))],
    routes: plan.routes ?? [],
    stand_ins: plan.standIns?.models ?? [],
    strategy: plan.strategy,
    max_attempts: plan.maxAttempts,
    allow_fallbacks: plan.allowFallbacks,
    retry_after: plan.coolingMs > 0 ? Math.ceil(plan.coolingMs / 1_000) : null,
    error: plan.refusal === null ? null : { code: plan.refusal.code, message: plan.refusal.message },
    candidates: ranked(plan).map((candidate) => ({
      rank: candidate.rank === null ? null : candidate.rank + 1,
      model: candidate.endpoint.modelId,
      provider: candidate.endpoint.providerName,
      tag: candidate.endpoint.tag,
      endpoint: candidate.endpoint.id,
      excluded: candidate.excluded,
      reason: candidate.detail ?? candidate.note,
      price_per_million: priceOf(candidate),
      weight: candidate.weight === null ? null : Math.round(candidate.weight * 1_000) / 1_000,
    })),
  }
}

/** Also of what was left out, where the tariff is known: USD per million tokens. */
function priceOf({ price, endpoint }: Candidate): string | null {
  const known = price ?? (endpoint.tariff === null ? null : comparablePrice(endpoint.tariff))
  return known === null ? null : perMillion(known).slice(1, -2)
}

function ranked(plan: Plan): Candidate[] {
  return plan.candidates.toSorted(
    (a, b) => (a.rank ?? Number.POSITIVE_INFINITY) - (b.rank ?? Number.POSITIVE_INFINITY) || 0,
  )
}
