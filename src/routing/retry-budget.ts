import { makeRoom } from './limits.ts'
import { OutcomeWindow } from './window.ts'

/** Failed retries of a provider: this share of its requests, and so many a second besides. */
const SHARE = 0.2
const PER_SECOND = 10
const SECONDS = 10
/** Providers remembered. */
const MOST = 1_000

/**
 * Keeps retries from multiplying an outage. A provider takes retries as long as those that failed there within ten
 * seconds are fewer than 20 % of its first attempts plus ten a second; retries that succeed cost nothing, so a healthy
 * provider can take over any load. Source of the figures: Finagle's retry budget.
 */
export class RetryBudgets {
  /** Good: first attempts; bad: failed retries. */
  readonly #providers = new Map<string, OutcomeWindow>()

  note(providerId: string, retry: boolean, failed: boolean, nowMs: number): void {
    if (retry && !failed) return
    let window = this.#providers.get(providerId)
    if (window === undefined) {
      makeRoom(this.#providers, MOST)
      window = new OutcomeWindow(SECONDS, 1_000)
      this.#providers.set(providerId, window)
    }
    window.add(!retry, nowMs)
  }

  allows(providerId: string, nowMs: number): boolean {
    const window = this.#providers.get(providerId)
    if (window === undefined) return true
    const { good, bad } = window.sum(nowMs, SECONDS * 1_000)
    // One a second goes through whatever has failed: it finds a provider that is back.
    return bad < PER_SECOND * SECONDS + SHARE * good || window.sum(nowMs, 1_000).bad === 0
  }
}
