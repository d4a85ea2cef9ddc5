import { OutcomeWindow } from './window.ts'

/** Failures in a row that open a breaker. */
const IN_A_ROW = 5
/** Or this share of at least so many outcomes within ten seconds. */
const SHARE = 0.5
const ENOUGH = 20
const WINDOW_MS = 10_000
/** First probe after this long, each next one that much later, never more than the longest apart. */
const FIRST_PROBE_MS = 10_000
const LONGEST_PROBE_MS = 25_000
/** Shortest share of the wait that chance leaves, so that breakers opened together do not probe together. */
const JITTER = 0.2
/** A probe that reports nothing for so long is given up, and the next one may go. */
const PROBE_LIFE_MS = 30_000

/**
 * Stops sending where five in a row, or half of at least twenty in ten seconds, have failed; then lets one probe at a
 * time through: after 10 s, then 20 s, then every 25 s, less up to a fifth by chance. One good probe closes it.
 */
export class Breaker {
  readonly #window = new OutcomeWindow(10, 1_000)
  readonly #random: () => number
  #row = 0
  /** Times it opened since it was last closed. */
  #opened = 0
  #openedAt = 0
  #probeAt = 0
  #probeUntil = 0

  constructor(random: () => number) {
    this.#random = random
  }

  state(nowMs: number): 'closed' | 'open' | 'half-open' {
    if (this.#opened === 0) return 'closed'
    return nowMs >= this.#probeAt && nowMs >= this.#probeUntil ? 'half-open' : 'open'
  }

  /** Takes the probe of a half-open breaker; false when somebody else has it or it is not due. Closed: always true. */
  admit(nowMs: number): boolean {
    const state = this.state(nowMs)
    if (state === 'half-open') this.#probeUntil = nowMs + PROBE_LIFE_MS
    return state !== 'open'
  }

  /**
   * Notes the outcome of a request that was sent at `sentMs`; true when it closed an open breaker. What was sent before
   * it opened says nothing about now and changes nothing.
   */
  note(ok: boolean, nowMs: number, sentMs: number): boolean {
    if (this.#opened > 0) return sentMs >= this.#openedAt && this.#noteOpen(ok, nowMs)
    this.#window.add(ok, nowMs)
    this.#row = ok ? 0 : this.#row + 1
    if (!ok && (this.#row >= IN_A_ROW || this.#mostlyFailing(nowMs))) this.#open(nowMs)
    return false
  }

  /** A probe ended without a verdict: the next request may probe. */
  forgetProbe(): void {
    this.#probeUntil = 0
  }

  #noteOpen(ok: boolean, nowMs: number): boolean {
    if (ok) {
      this.#opened = 0
      this.#row = 0
      this.#probeUntil = 0
      this.#window.clear()
      return true
    }
    this.#open(nowMs)
    return false
  }

  #mostlyFailing(nowMs: number): boolean {
    const { good, bad } = this.#window.sum(nowMs, WINDOW_MS)
    return good + bad >= ENOUGH && bad >= SHARE * (good + bad)
  }

  #open(nowMs: number): void {
    this.#opened++
    this.#openedAt = nowMs
    const wait = Math.min(LONGEST_PROBE_MS, FIRST_PROBE_MS * this.#opened)
    this.#probeAt = nowMs + wait * (1 - JITTER * this.#random())
    this.#probeUntil = 0
  }
}
