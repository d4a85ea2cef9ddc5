import { OutcomeWindow } from './window.ts'

/** Failures in a row that open a breaker; while it ramps up after an outage fewer do. */
const IN_A_ROW = 5
const IN_A_ROW_RAMPING = 2
/** Or this share of at least so many outcomes within ten seconds. */
const SHARE = 0.5
const ENOUGH = 20
const WINDOW_MS = 10_000
/** First probe after this long, each next one that much later, never more than the longest apart. */
const FIRST_PROBE_MS = 10_000
const LONGEST_PROBE_MS = 25_000
/** Between the failure of a probe that took long and the next one. */
const SHORTEST_PAUSE_MS = 1_000
/** Shortest share of the wait that chance leaves, so that breakers opened together do not probe together. */
const JITTER = 0.2
/** A probe that reports nothing for so long is given up, and the next one may go. */
const PROBE_LIFE_MS = 30_000
/** After a good probe the load comes back over this time, beginning with this share of it. */
const RAMP_MS = 5_000
const RAMP_FROM = 0.1
/** Opened again sooner than this after it closed, the waits between probes go on where they were. */
const STEADY_MS = 60_000

/**
 * Stops sending where five in a row, or half of at least twenty in ten seconds, have failed; then lets one probe at a
 * time through: after 10 s, then 20 s, then every 25 s, less up to a fifth by chance. One good probe closes it; the load
 * then returns over five seconds, so that what has just come back is not overrun.
 */
export class Breaker {
  readonly #window = new OutcomeWindow(10, 1_000)
  readonly #random: () => number
  #row = 0
  #isOpen = false
  /** Times it opened without a steady time between them: the length of the wait for a probe. */
  #times = 0
  #openedAt = 0
  #closedAt = Number.NEGATIVE_INFINITY
  #rampAt = Number.NEGATIVE_INFINITY
  #probeAt = 0
  #probeUntil = 0
  /** Share of a request that the ramp has saved up. */
  #credit = 0

  constructor(random: () => number) {
    this.#random = random
  }

  state(nowMs: number): 'closed' | 'open' | 'half-open' {
    if (!this.#isOpen) return 'closed'
    return nowMs >= this.#probeAt && nowMs >= this.#probeUntil ? 'half-open' : 'open'
  }

  /** Failures since the last success. */
  get row(): number {
    return this.#row
  }

  /** When the next request may be sent, monotonic ms; 0 while it is closed. */
  get readyAt(): number {
    return this.#isOpen ? Math.max(this.#probeAt, this.#probeUntil) : 0
  }

  /**
   * Takes the probe of a half-open breaker; false when somebody else has it or it is not due. Closed: true, except for
   * the share that the ramp after an outage leaves to others, when there are (`spare`).
   */
  admit(nowMs: number, spare = false): boolean {
    if (!this.#isOpen) return !spare || nowMs - this.#rampAt >= RAMP_MS || this.#ramped(nowMs)
    const due = this.state(nowMs) === 'half-open'
    if (due) this.#probeUntil = nowMs + PROBE_LIFE_MS
    return due
  }

  /**
   * Notes the outcome of a request that was sent at `sentMs`; tells whether it opened or closed the breaker. What was
   * sent before it opened says nothing about now and changes nothing.
   */
  note(ok: boolean, nowMs: number, sentMs: number): 'opened' | 'closed' | null {
    if (this.#isOpen) return sentMs >= this.#openedAt ? this.#noteOpen(ok, nowMs, sentMs) : null
    // Sent into the outage, back after it: the outage is known already.
    if (!ok && sentMs < this.#closedAt && nowMs - this.#closedAt < STEADY_MS) return null
    this.#window.add(ok, nowMs)
    this.#row = ok ? 0 : this.#row + 1
    if (ok || (this.#row < this.#rowAllowed(nowMs) && !this.#mostlyFailing(nowMs))) return null
    if (nowMs - this.#closedAt >= STEADY_MS) this.#times = 0
    this.#open(nowMs, nowMs)
    return 'opened'
  }

  /** A probe ended without a verdict: the next request may probe. */
  forgetProbe(): void {
    this.#probeUntil = 0
  }

  /** From now on the load comes back little by little, also where no failure had opened it. */
  ramp(nowMs: number): void {
    this.#rampAt = nowMs
    this.#credit = 0
  }

  /** Something else says that it is worth a try: an open breaker may be probed now. */
  probeNow(nowMs: number): void {
    this.#probeAt = Math.min(this.#probeAt, nowMs)
  }

  /** Opens it on other evidence than requests. False when it was open. */
  trip(nowMs: number): boolean {
    if (this.#isOpen) return false
    this.#open(nowMs, nowMs)
    return true
  }

  #noteOpen(ok: boolean, nowMs: number, sentMs: number): 'closed' | null {
    if (!ok) {
      // Sent past an open breaker for want of a better endpoint: no probe, and it puts none off.
      if (this.#probeUntil > 0) this.#open(nowMs, sentMs)
      return null
    }
    this.#isOpen = false
    this.#closedAt = nowMs
    this.#row = 0
    this.#probeUntil = 0
    this.#window.clear()
    this.ramp(nowMs)
    return 'closed'
  }

  /** Every so-manieth request goes through, ever more of them. */
  #ramped(nowMs: number): boolean {
    this.#credit += Math.max(RAMP_FROM, (nowMs - this.#rampAt) / RAMP_MS)
    if (this.#credit < 1) return false
    this.#credit -= 1
    return true
  }

  #rowAllowed(nowMs: number): number {
    return nowMs - this.#closedAt < RAMP_MS ? IN_A_ROW_RAMPING : IN_A_ROW
  }

  #mostlyFailing(nowMs: number): boolean {
    const { good, bad } = this.#window.sum(nowMs, WINDOW_MS)
    return good + bad >= ENOUGH && bad >= SHARE * (good + bad)
  }

  /** The wait counts from when the last probe was sent: one that hung for long must not put the next one off. */
  #open(nowMs: number, sentMs: number): void {
    this.#isOpen = true
    this.#times++
    this.#openedAt = nowMs
    const wait = Math.min(LONGEST_PROBE_MS, FIRST_PROBE_MS * this.#times)
    this.#probeAt = Math.max(sentMs + wait * (1 - JITTER * this.#random()), nowMs + SHORTEST_PAUSE_MS)
    this.#probeUntil = 0
    this.#row = 0
  }
}
