import { perMillion } from './filter.ts'
import type { Candidate, ExclusionReason, Plan } from './plan.types.ts'
import { comparablePrice } from './price.ts'

/** A plan in the words of `waybill route explain --json` and `POST /api/v1/route/explain`. */
export interface Explanation {
  readonly requested: readonly string[]
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

/**
 * The plan as lines for people, from the plan or from its JSON form; no colours, at most `limit` candidates.
 */
export function explainLines(explanation: Explanation, limit = 60): string[] {
  const lines = [
    `${explanation.requested.join(' → ')}   ${explanation.strategy}, up to ${explanation.max_attempts} attempts`,
  ]
  if (explanation.retry_after !== null) {
    lines.push(`every endpoint is cooling down; the first is ready in ${explanation.retry_after} s`)
  }
  const shown = explanation.candidates.slice(0, limit)
  const severalModels = new Set(shown.map((c) => c.model)).size > 1
  const names = shown.map((c) => (severalModels ? `${c.model} @ ${c.tag}` : c.tag))
  const width = names.reduce((widest, name) => Math.max(widest, name.length), 8)
  shown.forEach((c, i) => {
    const place = c.rank === null ? '  – ' : `${String(c.rank).padStart(3)} `
    const price = (c.price_per_million === null ? 'price unknown' : `$${c.price_per_million}/M`).padEnd(13)
    const share = c.weight === null ? '' : `, share ${Math.round(c.weight * 100)} %`
    lines.push(`${place} ${names[i]!.padEnd(width)}  ${price}  ${c.reason}${share}`)
  })
  const hidden = explanation.candidates.length - shown.length
  if (hidden > 0) lines.push(`     and ${hidden} more`)
  if (explanation.error !== null) lines.push(explanation.error.message)
  return lines
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
