import type { PercentileFigures } from './plan.types.ts'

/**
 * Good and bad outcomes over a sliding window, in a ring of buckets: constant memory, no allocation per entry. The
 * window is as exact as one bucket is wide.
 */
export class OutcomeWindow {
  readonly #width: number
  readonly #stamps: Float64Array
  readonly #good: Uint32Array
  readonly #bad: Uint32Array
  /** Results of the last `sum`. */
  good = 0
  bad = 0

  constructor(buckets: number, widthMs: number) {
    this.#width = widthMs
    this.#stamps = new Float64Array(buckets).fill(-1)
    this.#good = new Uint32Array(buckets)
    this.#bad = new Uint32Array(buckets)
  }

  add(ok: boolean, nowMs: number): void {
    const stamp = Math.floor(nowMs / this.#width)
    const i = stamp % this.#stamps.length
    if (this.#stamps[i] !== stamp) {
      this.#stamps[i] = stamp
      this.#good[i] = 0
      this.#bad[i] = 0
    }
    if (ok) this.#good[i]!++
    else this.#bad[i]!++
  }

  /** Puts the outcomes of the last `spanMs`, but none from before `sinceMs`, into `good` and `bad`. */
  sum(nowMs: number, spanMs: number, sinceMs = 0): this {
    const newest = Math.floor(nowMs / this.#width)
    const first = Math.max(newest - Math.round(spanMs / this.#width) + 1, Math.ceil(sinceMs / this.#width))
    this.good = 0
    this.bad = 0
    for (let i = 0; i < this.#stamps.length; i++) {
      const stamp = this.#stamps[i]!
      if (stamp < first || stamp > newest) continue
      this.good += this.#good[i]!
      this.bad += this.#bad[i]!
    }
    return this
  }

  clear(): void {
    this.#stamps.fill(-1)
  }
}

const STEPS = 128
/** Each step of the scale is a tenth above the one before, so a figure is right within 5 %. */
const LOG_BASE = Math.log(1.1)
/** Scratch space of `percentiles`. */
const TOTALS = new Uint32Array(STEPS)

/** A count that would pass this halves its bucket, which keeps the shares. */
const FULL = 65_535

/** A sliding window of positive figures, kept as counts on a logarithmic scale from 1 to about 200,000. */
export class FigureWindow {
  readonly #width: number
  readonly #stamps: Float64Array
  readonly #counts: Uint16Array
  /** Figures that the last `percentiles` saw. */
  total = 0

  constructor(buckets: number, widthMs: number) {
    this.#width = widthMs
    this.#stamps = new Float64Array(buckets).fill(-1)
    this.#counts = new Uint16Array(buckets * STEPS)
  }

  add(value: number, nowMs: number): void {
    const stamp = Math.floor(nowMs / this.#width)
    const i = stamp % this.#stamps.length
    if (this.#stamps[i] !== stamp) {
      this.#stamps[i] = stamp
      this.#counts.fill(0, i * STEPS, (i + 1) * STEPS)
    }
    const step = value <= 1 ? 0 : Math.min(STEPS - 1, Math.floor(Math.log(value) / LOG_BASE))
    if (this.#counts[i * STEPS + step] === FULL) this.#halve(i)
    this.#counts[i * STEPS + step]!++
  }

  #halve(bucket: number): void {
    for (let at = bucket * STEPS; at < (bucket + 1) * STEPS; at++) this.#counts[at]! >>= 1
  }

  /**
   * The values that 50, 75, 90 and 99 % of the figures do not exceed; with `falling`, the ones they reach at least.
   * null without figures in the window.
   */
  percentiles(nowMs: number, falling = false): PercentileFigures | null {
    const newest = Math.floor(nowMs / this.#width)
    const first = newest - this.#stamps.length + 1
    const totals = TOTALS.fill(0)
    let n = 0
    for (let i = 0; i < this.#stamps.length; i++) {
      if (this.#stamps[i]! < first || this.#stamps[i]! > newest) continue
      for (let step = 0; step < STEPS; step++) {
        const count = this.#counts[i * STEPS + step]!
        totals[step]! += count
        n += count
      }
    }
    this.total = n
    if (n === 0) return null
    const at = (share: number): number => quantile(totals, Math.max(1, Math.ceil(n * share)))
    return falling
      ? { p50: at(0.5), p75: at(0.25), p90: at(0.1), p99: at(0.01) }
      : { p50: at(0.5), p75: at(0.75), p90: at(0.9), p99: at(0.99) }
  }
}

/** Middle of the step that holds the `rank`-th smallest figure, three significant digits. */
function quantile(totals: Uint32Array, rank: number): number {
  let seen = 0
  for (let step = 0; step < STEPS; step++) {
    seen += totals[step]!
    if (seen >= rank) return Number(Math.exp((step + 0.5) * LOG_BASE).toPrecision(3))
  }
  return 0
}
