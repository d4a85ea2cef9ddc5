import type { Endpoint } from '../catalog/index.ts'
import type { UpstreamError } from '../chat/index.ts'
import { type Fallback, fallback, type Plan } from '../routing/index.ts'
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
    const tries = this.failures.map(({ index, error: { code, retryAfterMs } }) => ({
      index,
      code,
      retryAfterMs,
    }))
    const next = fallback(tries, this.#plan, { contentSent: false, remainingMs, otherCredential })
    // A rate limit holds for its time and its endpoint, a refusal of the key for the whole request.
    if (next.do === 'next' || (next.do === 'retry' && next.waitMs > 0)) {
      for (const id of this.#limited) this.#failedCredentials.delete(id)
      this.#limited = []
      this.#target = null
    }
    return next
  }

  /** The first endpoint from `index` on whose breaker lets this request through; `index` itself when none does. */
  admitted(index: number): number {
    const { order } = this.#plan
    const now = this.#deps.clock.tick()
    for (let i = index; i < order.length; i++) {
      const tried = i !== index && this.failures.some((failure) => failure.index === i)
      if (!tried && this.#deps.health.admit(order[i]!.id, now)) return i
    }
    return index
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
