import type { Endpoint } from '../catalog/index.ts'
import type { UpstreamError } from '../chat/index.ts'
import {
  type FailedTry,
  type Fallback,
  fallback,
  LONGEST_WAIT_MS,
  mayFollow,
  type Plan,
} from '../routing/index.ts'
import type { Failure } from './trace.ts'
import type { RelayDeps, Target } from './types.ts'

/** What has been tried for one request, and what follows from it: endpoints by the plan, credentials by what failed. */
export class Tries {
  readonly failures: Failure[] = []
  readonly #plan: Plan
  readonly #deps: RelayDeps
  readonly #failedCredentials = new Set<string>()
  /** Those of them that are only rate-limited, and only at the present endpoint. */
  #limited: string[] = []
  /** Found by `next`, for the try that it asked for: picking a credential twice could use up a probe. */
  #target: { readonly endpoint: Endpoint; readonly target: Target | null } | null = null

  constructor(plan: Plan, deps: RelayDeps) {
    this.#plan = plan
    this.#deps = deps
  }

  add(index: number, endpoint: Endpoint, error: UpstreamError, credentialId: string | null): void {
    this.failures.push({ index, provider: endpoint.providerName, model: endpoint.modelId, error })
    if (credentialId === null || !blamesCredential(error)) return
    this.#failedCredentials.add(credentialId)
    if (error.code === 'rate_limit_exceeded') this.#limited.push(credentialId)
  }

  /** What to do after the last failure, before any content was sent. */
  next(endpoint: Endpoint, remainingMs: number): Fallback {
    const last = this.failures.at(-1)
    let otherCredential = false
    if (last !== undefined && blamesCredential(last.error) && this.#failedCredentials.size > 0) {
      this.#target = { endpoint, target: this.#deps.target(endpoint, this.#failedCredentials) }
      otherCredential = this.#target.target !== null
    }
    const { health, clock } = this.#deps
    const now = clock.tick()
    const next = fallback(this.#failed(), this.#plan, {
      contentSent: false,
      remainingMs,
      otherCredential,
      spent: (providerId) => !health.mayRetry(providerId, now),
    })
    // A rate limit holds for its time and its endpoint, a refusal of the key for the whole request.
    if (next.do === 'next' || (next.do === 'retry' && next.waitMs > 0)) {
      for (const id of this.#limited) this.#failedCredentials.delete(id)
      this.#limited = []
      this.#target = null
    }
    return next
  }

  /**
   * The first endpoint from `index` on whose breaker lets this request through. When none does, somebody is asked all
   * the same: of the same model the one that has done best of late.
   */
  admitted(index: number): number {
    const { order } = this.#plan
    const now = this.#deps.clock.tick()
    const failed = this.failures.length === 0 ? null : this.#failed()
    for (let i = index; i < order.length; i++) {
      if (i !== index && failed !== null && !mayFollow(i, failed, this.#plan)) continue
      const { id, modelId } = order[i]!
      if (this.#deps.health.admit(id, now, order[i + 1]?.modelId === modelId)) return i
    }
    return index < order.length - 1 ? this.#leastBad(index, failed, now) : index
  }

  #leastBad(index: number, failed: readonly FailedTry[] | null, now: number): number {
    const { order } = this.#plan
    const { health } = this.#deps
    let best = index
    let share = health.goodShare(order[index]!.id, now)
    for (let i = index + 1; i < order.length; i++) {
      const { id, modelId } = order[i]!
      if (modelId !== order[index]!.modelId || (failed !== null && !mayFollow(i, failed, this.#plan)))
        continue
      const other = health.goodShare(id, now)
      if (other <= share) continue
      best = i
      share = other
    }
    return best
  }

  /** ms to wait before the first try: the rest of a short cool-down of the only model's readiest endpoint; else 0. */
  get firstWaitMs(): number {
    const { coolingMs, order, standIns } = this.#plan
    if (coolingMs === 0 || coolingMs > LONGEST_WAIT_MS) return 0
    const alone = order.every(
      ({ modelId }) => modelId === order[0]!.modelId || standIns?.models.includes(modelId),
    )
    return alone ? coolingMs : 0
  }

  /** Another endpoint could still be asked after the one at `index`. */
  othersAfter(index: number): boolean {
    const { order, maxAttempts } = this.#plan
    if (this.failures.length === 0) return order.length > 1 && maxAttempts > 1
    const tries = [...this.#failed(), { index, code: 'provider_timeout', retryAfterMs: null } as const]
    return tries.length < maxAttempts && order.some((_, i) => mayFollow(i, tries, this.#plan))
  }

  /** All failures, last the one that the client is told of: what it asked for rather than what stood in for it. */
  get told(): readonly Failure[] {
    const standIns = this.#plan.standIns?.models ?? []
    const asked = this.failures.filter(({ model }) => !standIns.includes(model))
    if (asked.length === 0 || standIns.length === 0) return this.failures
    return [...this.failures.filter(({ model }) => standIns.includes(model)), ...asked]
  }

  #failed(): FailedTry[] {
    return this.failures.map(({ index, error: { code, retryAfterMs } }) => ({ index, code, retryAfterMs }))
  }

  /** How to reach the endpoint with a credential that has not failed; null when there is none. */
  target(endpoint: Endpoint): Target | null {
    const found = this.#target
    this.#target = null
    return found?.endpoint === endpoint ? found.target : this.#deps.target(endpoint, this.#failedCredentials)
  }
}

/** Another credential of the same endpoint may be taken where this one was refused. */
function blamesCredential({ code }: UpstreamError): boolean {
  return code === 'provider_auth' || code === 'provider_payment' || code === 'rate_limit_exceeded'
}
