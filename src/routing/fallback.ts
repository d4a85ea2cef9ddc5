import { ERRORS, type ErrorCode } from '../chat/index.ts'
import type { Plan } from './plan.types.ts'

/** One upstream try that failed. */
export interface FailedTry {
  /** Position of its endpoint in `plan.order`. */
  readonly index: number
  readonly code: ErrorCode
  /** What the provider asked to wait, ms; null when it said nothing. */
  readonly retryAfterMs: number | null
}

/** What the relay knows beyond the tries. */
export interface FallbackFacts {
  /** Content has reached the client: no other answer may follow it. */
  readonly contentSent: boolean
  /** ms left until the request's own deadline. */
  readonly remainingMs: number
  /** Another credential of the endpoint that failed last is ready. */
  readonly otherCredential?: boolean
  /** The provider takes no more retries at the moment; absent: all do. */
  readonly spent?: (providerId: string) => boolean
}

export type StopReason =
  | 'content_sent'
  | 'caused_by_request'
  | 'attempts_exhausted'
  | 'no_endpoint_left'
  | 'deadline'
  | 'retry_budget'

/** What to do after a failed try. `index` points into `plan.order`. */
export type Fallback =
  /** The same endpoint again, after `waitMs`. */
  | { readonly do: 'retry'; readonly index: number; readonly waitMs: number }
  /** Another endpoint, at once. */
  | { readonly do: 'next'; readonly index: number }
  | { readonly do: 'stop'; readonly reason: StopReason }

/** The longest Retry-After that a client is kept waiting for when no other endpoint of the model is left. */
export const LONGEST_WAIT_MS = 3_000
/** Pause before a lone transient failure is tried again at the same endpoint. */
const SAME_ENDPOINT_PAUSE_MS = 200
/** Wait after a rate limit that names no time. */
const BARE_RATE_LIMIT_MS = 1_000

/** Failures of which another endpoint of the same model knows nothing. */
type Scope =
  /** Another endpoint of the model may do better. */
  | 'endpoint'
  /** Only an endpoint with more room may. */
  | 'room'
  /** Every endpoint of the model would say the same: only another model helps. */
  | 'model'
  /** Ours to answer: nothing upstream helps. */
  | 'none'

function scopeOf(code: ErrorCode): Scope {
  switch (code) {
    case 'context_length_exceeded':
    case 'max_tokens_exceeded':
      return 'room'
    case 'payment_required':
    case 'rate_limit_exceeded':
    case 'answer_diverged':
      return 'endpoint'
    case 'server':
    case 'unavailable':
    case 'loop_detected':
    case 'authentication':
    case 'permission_denied':
    case 'request_timeout':
    case 'method_not_allowed':
    case 'not_implemented':
      return 'none'
    default:
      return ERRORS[code].health ? 'endpoint' : 'model'
  }
}

/** May a lone failure of this kind be gone a moment later? A silent route (timeout) may not. */
function transient(code: ErrorCode): boolean {
  return (
    code === 'provider_unavailable' ||
    code === 'provider_overloaded' ||
    code === 'provider_protocol' ||
    code === 'provider_cut'
  )
}

/** The provider would not answer for what the request says. */
function isRefusal(code: ErrorCode): boolean {
  return code === 'content_policy_violation' || code === 'moderation'
}

/**
 * Decides what follows a failed try: the last of `tries`, which holds all failed tries of the request in order.
 *
 * Before content: the next endpoint of the model, while the model has tries left (1 + retries); after a failure that
 * the request itself caused only the next model of `models[]`. The operator's stand-ins follow failures of providers,
 * a prompt too long only with more room, and refusals only where the operator says so. The same endpoint again only
 * when no other endpoint of its model is left and the failure was transient, once; or after a rate limit of at most
 * 3 s, which is waited out. After content, or with all attempts used: stop. Source: OpenRouter's model fallback
 * documentation; design section 11.
 */
export function fallback(tries: readonly FailedTry[], plan: Plan, facts: FallbackFacts): Fallback {
  const last = tries.at(-1)
  if (last === undefined) return { do: 'stop', reason: 'no_endpoint_left' }
  if (facts.contentSent) return { do: 'stop', reason: 'content_sent' }
  const scope = scopeOf(last.code)
  if (scope === 'none') return { do: 'stop', reason: 'caused_by_request' }
  if (tries.length >= plan.maxAttempts) return { do: 'stop', reason: 'attempts_exhausted' }
  if (facts.remainingMs <= 0) return { do: 'stop', reason: 'deadline' }

  const failed = plan.order[last.index]!
  const mayRetryModel = triesOf(failed.modelId, tries, plan) <= plan.retriesPerModel
  if (mayRetryModel && scope !== 'model') {
    const sibling = nextIndex(tries, plan, failed.modelId, facts)
    // A second key is tried at once; a third only where it takes no other endpoint's try.
    const keys = sibling < 0 || tries.filter(({ index }) => index === last.index).length < 2
    if (facts.otherCredential === true && keyTrouble(last.code) && keys) {
      return { do: 'retry', index: last.index, waitMs: 0 }
    }
    if (sibling >= 0) return { do: 'next', index: sibling }
    const again = sameModelAgain(tries, last, plan, facts)
    if (again !== null && again.waitMs < facts.remainingMs) return { do: 'retry', ...again }
  }
  const other = nextIndex(tries, plan, null, facts)
  if (other >= 0) return { do: 'next', index: other }
  if (facts.spent !== undefined && nextIndex(tries, plan, null, NO_BUDGET) >= 0) {
    return { do: 'stop', reason: 'retry_budget' }
  }
  return { do: 'stop', reason: scope === 'endpoint' ? 'no_endpoint_left' : 'caused_by_request' }
}

/**
 * May the endpoint at place `index` follow these failures? It was not tried, its model has tries left, and none of
 * them says that it would fail as well.
 */
export function mayFollow(index: number, tries: readonly FailedTry[], plan: Plan): boolean {
  const { modelId, contextLength } = plan.order[index]!
  const standIn = plan.standIns?.models.includes(modelId) === true
  let left = 1 + plan.retriesPerModel
  for (const tried of tries) {
    if (tried.index === index) return false
    const known = plan.order[tried.index]!
    const same = known.modelId === modelId
    if (same && --left <= 0) return false
    if (!same && !standIn) continue
    const scope = scopeOf(tried.code)
    if (scope === 'room' && contextLength <= known.contextLength) return false
    if (scope === 'model' && (same || !isRefusal(tried.code) || !plan.standIns!.onRefusal)) return false
  }
  return true
}

const NO_BUDGET: Pick<FallbackFacts, 'spent'> = {}

/** Failures of a credential rather than of the endpoint behind it. */
function keyTrouble(code: ErrorCode): boolean {
  return code === 'provider_auth' || code === 'provider_payment' || code === 'rate_limit_exceeded'
}

/** Which endpoint of the model that failed last is tried again, and after how many ms; null when none should be. */
function sameModelAgain(
  tries: readonly FailedTry[],
  last: FailedTry,
  plan: Plan,
  facts: FallbackFacts,
): { readonly index: number; readonly waitMs: number } | null {
  const { modelId, providerId } = plan.order[last.index]!
  if (!plan.allowFallbacks || facts.spent?.(providerId) === true) return null
  if (last.code === 'rate_limit_exceeded' || (last.retryAfterMs !== null && transient(last.code))) {
    const soonest = soonestOf(modelId, tries, plan)
    if (soonest !== null) return { index: soonest.index, waitMs: soonest.retryAfterMs! }
    const bare = last.retryAfterMs === null && nextIndex(tries, plan, null, facts) < 0
    return bare ? { index: last.index, waitMs: BARE_RATE_LIMIT_MS } : null
  }
  const lone = tries.filter((tried) => tried.index === last.index).length === 1
  return lone && transient(last.code) ? { index: last.index, waitMs: SAME_ENDPOINT_PAUSE_MS } : null
}

/** The try of this model whose provider asked for the shortest wait that a client may be kept for. */
function soonestOf(modelId: string, tries: readonly FailedTry[], plan: Plan): FailedTry | null {
  let soonest: FailedTry | null = null
  for (let i = tries.length - 1; i >= 0; i--) {
    const tried = tries[i]!
    if (plan.order[tried.index]!.modelId !== modelId || tried.retryAfterMs === null) continue
    if (tried.retryAfterMs > LONGEST_WAIT_MS) continue
    // Only the latest word of an endpoint counts.
    if (tries.some((later, j) => j > i && later.index === tried.index)) continue
    if (soonest === null || tried.retryAfterMs < soonest.retryAfterMs!) soonest = tried
  }
  return soonest
}

/** First endpoint that may follow and whose provider takes retries: of `modelId` only, or (null) of any model. */
function nextIndex(
  tries: readonly FailedTry[],
  plan: Plan,
  modelId: string | null,
  { spent }: Pick<FallbackFacts, 'spent'>,
): number {
  for (let i = 0; i < plan.order.length; i++) {
    const endpoint = plan.order[i]!
    if (modelId !== null && endpoint.modelId !== modelId) continue
    if (mayFollow(i, tries, plan) && spent?.(endpoint.providerId) !== true) return i
  }
  return -1
}

function triesOf(modelId: string, tries: readonly FailedTry[], plan: Plan): number {
  let n = 0
  for (const tried of tries) if (plan.order[tried.index]!.modelId === modelId) n++
  return n
}
