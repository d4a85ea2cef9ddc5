import {
  type Admission,
  GATE_RETRY_MS,
  type Gate,
  type Rate,
  type SharedState,
  type Verdict,
} from './shared.ts'

/** So many buckets are kept before those that are full again are looked for. */
const SWEEP_AT = 20_000
const PASS: Verdict = { ok: true }

/**
 * The shared state of a single node. A bucket is one number: the time at which it will be full again (the generic cell
 * rate algorithm, ITU-T I.371), so a bucket that is full needs no entry.
 */
export class MemoryState implements SharedState {
  readonly #now: () => number
  readonly #fullAt = new Map<string, number>()
  readonly #inside = new Map<string, number>()
  #sweepAt = SWEEP_AT

  /** @param now monotonic ms */
  constructor(now: () => number) {
    this.#now = now
  }

  admit({ rates, gates }: Admission): Verdict {
    const now = this.#now()
    for (let i = 0; i < gates.length; i++) {
      const { key, limit } = gates[i]!
      if ((this.#inside.get(key) ?? 0) >= limit)
        return { ok: false, by: 'gate', index: i, retryAfterMs: GATE_RETRY_MS, remaining: 0 }
    }
    for (let i = 0; i < rates.length; i++) {
      const refusal = refused(rates[i]!, this.#fullAt.get(rates[i]!.key) ?? 0, now)
      if (refusal !== null) return { ok: false, by: 'rate', index: i, ...refusal }
    }
    for (const { key } of gates) this.#inside.set(key, (this.#inside.get(key) ?? 0) + 1)
    for (const rate of rates) this.#take(rate, now)
    return PASS
  }

  correct(_group: string, rates: readonly Rate[]): void {
    const now = this.#now()
    for (const rate of rates) this.#take(rate, now)
  }

  leave({ gates }: { readonly gates: readonly Gate[] }): void {
    for (const { key } of gates) {
      const left = (this.#inside.get(key) ?? 0) - 1
      if (left > 0) this.#inside.set(key, left)
      else this.#inside.delete(key)
    }
  }

  /** Buckets that are remembered. */
  get size(): number {
    return this.#fullAt.size
  }

  async close(): Promise<void> {}

  #take({ key, limit, windowMs, cost }: Rate, now: number): void {
    const fullAt = Math.max(this.#fullAt.get(key) ?? 0, now) + (cost * windowMs) / limit
    if (fullAt <= now) this.#fullAt.delete(key)
    else this.#fullAt.set(key, fullAt)
    if (this.#fullAt.size >= this.#sweepAt) this.#sweep(now)
  }

  /** Buckets that are full again are as good as new ones. */
  #sweep(now: number): void {
    for (const [key, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(key)
    this.#sweepAt = Math.max(SWEEP_AT, this.#fullAt.size * 2)
  }
}

/** When the bucket lets the cost pass, and what it would let pass now; null when it does at once. */
function refused(
  { limit, windowMs, cost }: Rate,
  fullAt: number,
  now: number,
): { retryAfterMs: number; remaining: number } | null {
  const filling = Math.max(0, fullAt - now)
  const wait = filling + (Math.min(cost, limit) * windowMs) / limit - windowMs
  if (wait <= 0) return null
  const remaining = Math.max(0, Math.floor(((windowMs - filling) * limit) / windowMs))
  return { retryAfterMs: Math.ceil(wait), remaining }
}
