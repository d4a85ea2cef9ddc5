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
}

export type StopReason =
  | 'content_sent'
  | 'caused_by_request'
  | 'attempts_exhausted'
  | 'no_endpoint_left'
  | 'deadline'

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
  return code === 'provider_unavailable' || code === 'provider_overloaded' || code === 'provider_protocol'
}

/**
 * Decides what follows a failed try: the last of `tries`, which holds all failed tries of the request in order.
 *
 * Before content: the next endpoint of the model, while the model has tries left (1 + retries); after a failure that
 * the request itself caused only the next model of `models[]`. The same endpoint again only when no other endpoint of
 * its model is left and the failure was transient, once; or after a rate limit of at most 3 s, which is waited out.
 * After content, or with all attempts used: stop. Source: OpenRouter's model fallback documentation; design section 11.
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
  if (facts.otherCredential === true && mayRetryModel && keyTrouble(last.code)) {
    return { do: 'retry', index: last.index, waitMs: 0 }
  }
  if (mayRetryModel && scope !== 'model') {
    const sibling = nextIndex(tries, plan, failed.modelId)
    if (sibling >= 0) return { do: 'next', index: sibling }
    const waitMs = pauseBeforeRetry(tries, last, plan)
    if (waitMs !== null && waitMs < facts.remainingMs) return { do: 'retry', index: last.index, waitMs }
  }
  const other = nextIndex(tries, plan, null)
  if (other >= 0) return { do: 'next', index: other }
  return { do: 'stop', reason: scope === 'endpoint' ? 'no_endpoint_left' : 'caused_by_request' }
}

/** Failures of a credential rather than of the endpoint behind it. */
function keyTrouble(code: ErrorCode): boolean {
  return code === 'provider_auth' || code === 'provider_payment' || code === 'rate_limit_exceeded'
}

/** ms to wait before the endpoint of `last` is tried again, or null when it should not be. */
function pauseBeforeRetry(tries: readonly FailedTry[], last: FailedTry, plan: Plan): number | null {
  if (!plan.allowFallbacks) return null
  if (last.retryAfterMs !== null && (last.code === 'rate_limit_exceeded' || transient(last.code))) {
    return last.retryAfterMs <= LONGEST_WAIT_MS ? last.retryAfterMs : null
  }
  if (last.code === 'rate_limit_exceeded') {
    return nextIndex(tries, plan, null) < 0 ? BARE_RATE_LIMIT_MS : null
  }
  const lone = tries.filter((tried) => tried.index === last.index).length === 1
  return lone && transient(last.code) ? SAME_ENDPOINT_PAUSE_MS : null
}

/** First untried endpoint that may follow: of `modelId` only, or (null) of any model that is still open. */
function nextIndex(tries: readonly FailedTry[], plan: Plan, modelId: string | null): number {
  const room = modelId === null ? 0 : roomNeeded(tries, plan, modelId)
  for (let i = 0; i < plan.order.length; i++) {
    const endpoint = plan.order[i]!
    if (modelId !== null && endpoint.modelId !== modelId) continue
    if (room > 0 && endpoint.contextLength <= room) continue
    if (tries.some((tried) => tried.index === i)) continue
    if (modelId === null && !modelOpen(endpoint.modelId, tries, plan)) continue
    return i
  }
  return -1
}

/** The largest context among this model's endpoints that found the request too long, tokens; 0 when none did. */
function roomNeeded(tries: readonly FailedTry[], plan: Plan, modelId: string): number {
  let most = 0
  for (const tried of tries) {
    const endpoint = plan.order[tried.index]!
    if (endpoint.modelId === modelId && scopeOf(tried.code) === 'room') {
      most = Math.max(most, endpoint.contextLength)
    }
  }
  return most
}

function modelOpen(modelId: string, tries: readonly FailedTry[], plan: Plan): boolean {
  if (triesOf(modelId, tries, plan) > plan.retriesPerModel) return false
  return !tries.some((tried) => {
    const scope = scopeOf(tried.code)
    return (scope === 'model' || scope === 'room') && plan.order[tried.index]!.modelId === modelId
  })
}

function triesOf(modelId: string, tries: readonly FailedTry[], plan: Plan): number {
  let n = 0
  for (const tried of tries) if (plan.order[tried.index]!.modelId === modelId) n++
  return n
}
