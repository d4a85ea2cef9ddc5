import type { ErrorCode } from '../chat/index.ts'
import { Breaker } from './breaker.ts'
import { Limits, makeRoom } from './limits.ts'
import type { PercentileFigures } from './plan.types.ts'
import { FigureWindow, OutcomeWindow } from './window.ts'

/** How one attempt at an endpoint ended. */
export interface AttemptOutcome {
  /** `cancelled`: the client left before there was a verdict. */
  readonly result: 'ok' | 'failed' | 'cancelled'
  /** What went wrong; null unless failed. */
  readonly code: ErrorCode | null
  /** What the provider asked to wait, ms; null when it said nothing. */
  readonly retryAfterMs: number | null
  /** ms from sending to the first token, after a timeout those waited in vain; null when neither is known. */
  readonly ttftMs: number | null
  /** ms from sending to the end. */
  readonly durationMs: number
  readonly outputTokens: number
  /** Whose retry budget it counts in; absent: in none. */
  readonly providerId?: string
  /** It followed a failed attempt of the same request. */
  readonly retry?: boolean
  /** HTTP status of the provider; null or absent when none came. */
  readonly status?: number | null
}

export const SECOND = 1_000
export const MINUTE = 60_000
/** Fewer times to the first token than this over five minutes say nothing about the slowest of them. */
const ENOUGH_FIGURES = 50
/** Percentiles are worked out at most this often. */
const FIGURES_LIFE_MS = SECOND
/** So many streams sent, and no token of any in this time or thrice the endpoint's usual: it has fallen silent. */
const SILENT_STREAMS = 5
const SILENT_MS = SECOND
const SILENT_FACTOR = 3
/** Routing puts an endpoint last after an outage; without any traffic for so long a request may find out how it is. */
const IDLE_MS = 10 * SECOND
/** So many failures and no success since: one success then says that it is back. */
const REVIVED_ROW = 2
/** A request that tries an endpoint after a rate limit and reports nothing for so long is given up. */
const TRYING_MS = 10 * SECOND
/** Credentials with a breaker of their own at one endpoint; beyond it the oldest is forgotten. */
const MOST_KEYS = 200

/** What is remembered of one endpoint. */
export class EndpointRecord {
  readonly breaker: Breaker
  readonly outage = new OutcomeWindow(30, SECOND)
  readonly uptime5m = new OutcomeWindow(30, 10 * SECOND)
  readonly uptime30m = new OutcomeWindow(30, MINUTE)
  readonly uptime1d = new OutcomeWindow(48, 30 * MINUTE)
  readonly ttft5m = new FigureWindow(5, MINUTE)
  readonly ttft30m = new FigureWindow(6, 5 * MINUTE)
  readonly speed5m = new FigureWindow(5, MINUTE)
  readonly speed30m = new FigureWindow(6, 5 * MINUTE)
  readonly limits = new Limits()
  /** Breakers by credential, from the second credential on that was used here. */
  readonly #keys = new Map<string, Breaker>()
  readonly #random: () => number
  #firstKey: string | null = null
  #severalKeys = false
  /** The credential of the present row of failures, and whether another one is in that row. */
  #rowKey: string | null = null
  #rowMixed = false
  /** Streams sent since its last sign of life, and when the first of them was. */
  #waiting = 0
  #waitingSince = 0
  /** Routing puts it last: kept from the last look at its health. */
  putLast = false
  #countedAt = 0
  /** While a request tries an endpoint that was limited, is silent, or is put last and idle. */
  #tryingUntil = 0
  recoveredAt = 0
  figuresAt = Number.NEGATIVE_INFINITY
  ttft: PercentileFigures | null = null
  speed: PercentileFigures | null = null

  constructor(random: () => number) {
    this.#random = random
    this.breaker = new Breaker(random)
  }

  /** The breaker of one credential at this endpoint; undefined where it shares the endpoint's. */
  keyBreaker(credentialId: string): Breaker | undefined {
    return this.#keys.size === 0 ? undefined : this.#keys.get(credentialId)
  }

  /**
   * Notes an outcome that says how the endpoint is. With several credentials each has a breaker of its own, and the
   * endpoint's opens only on failures of more than one: what a single key does is no outage of the endpoint.
   */
  judge(ok: boolean, credentialId: string | null, nowMs: number, sentMs: number): 'opened' | 'closed' | null {
    if (credentialId === null) return this.breaker.note(ok, nowMs, sentMs)
    this.#meet(credentialId)
    if (this.#keys.size === 0 && credentialId === this.#firstKey) return this.breaker.note(ok, nowMs, sentMs)
    this.#breakerOf(credentialId).note(ok, nowMs, sentMs)
    this.#rowMixed = !ok && (this.#rowMixed || (this.#rowKey !== null && this.#rowKey !== credentialId))
    this.#rowKey = ok ? null : (this.#rowKey ?? credentialId)
    const counts = ok || this.#rowMixed || this.breaker.state(nowMs) !== 'closed'
    return counts ? this.breaker.note(ok, nowMs, sentMs) : null
  }

  /**
   * May a request be sent? What its breaker says; and after a rate limit, while it is silent, or put last and idle, one
   * at a time where another endpoint can take the others (`spare`), until one has succeeded.
   */
  admit(nowMs: number, spare: boolean): boolean {
    const closed = this.breaker.state(nowMs) === 'closed'
    if (!this.breaker.admit(nowMs, spare)) return false
    if (!closed || !spare || !this.#doubtful(nowMs)) return true
    if (nowMs < this.#tryingUntil) return false
    this.#tryingUntil = nowMs + TRYING_MS
    return true
  }

  #doubtful(nowMs: number): boolean {
    return this.#limited || this.idle(nowMs) || this.#silent(nowMs)
  }

  /** Put last for what it did, and so without traffic that could tell that it is back. */
  idle(nowMs: number): boolean {
    return this.putLast && nowMs - this.#countedAt >= IDLE_MS
  }

  /** Is a success at this moment the sign that it is back? */
  revives(nowMs: number): boolean {
    return this.idle(nowMs) && this.breaker.row >= REVIVED_ROW
  }

  /** A stream is on its way. */
  sent(nowMs: number): void {
    if (this.#waiting++ === 0) this.#waitingSince = nowMs
  }

  /** It has answered something. */
  alive(): void {
    this.#waiting = 0
  }

  /** Known to be quick, and now none of its streams begins: found long before their deadlines tell. */
  #silent(nowMs: number): boolean {
    if (this.#waiting < SILENT_STREAMS || nowMs - this.#waitingSince < SILENT_MS) return false
    const slow = this.slowFirstToken(nowMs)
    return slow !== null && nowMs - this.#waitingSince >= slow * SILENT_FACTOR
  }

  /** Of several keys the limited one is passed by; a limit of the only one is a limit of the endpoint. */
  get #limited(): boolean {
    return !this.#severalKeys && this.limits.limited
  }

  /** A success: the load comes back little by little when it follows a rate limit. */
  succeed(credentialId: string | null, nowMs: number): void {
    const limited = this.#limited
    if (!this.limits.succeed(credentialId) || !limited) return
    this.#tryingUntil = 0
    this.breaker.ramp(nowMs)
  }

  /** A rate limit, or a time that the provider wants to be left alone for. */
  cool(credentialId: string | null, askedMs: number | null, nowMs: number, sentMs: number): void {
    this.#tryingUntil = 0
    if (credentialId !== null) this.#meet(credentialId)
    this.limits.cool(credentialId, askedMs, nowMs, sentMs)
  }

  /** An attempt ended without a verdict. */
  forgetProbe(credentialId: string | null): void {
    this.#tryingUntil = 0
    this.breaker.forgetProbe()
    if (credentialId !== null) this.keyBreaker(credentialId)?.forgetProbe()
  }

  #meet(credentialId: string): void {
    this.#firstKey ??= credentialId
    if (credentialId !== this.#firstKey) this.#severalKeys = true
  }

  #breakerOf(credentialId: string): Breaker {
    let known = this.#keys.get(credentialId)
    if (known === undefined) {
      makeRoom(this.#keys, MOST_KEYS)
      known = new Breaker(this.#random)
      this.#keys.set(credentialId, known)
    }
    return known
  }

  count(ok: boolean, nowMs: number): void {
    this.#countedAt = nowMs
    this.#tryingUntil = 0
    this.outage.add(ok, nowMs)
    this.uptime5m.add(ok, nowMs)
    this.uptime30m.add(ok, nowMs)
    this.uptime1d.add(ok, nowMs)
  }

  /** The slow end of the times to the first token, ms; null while too few were seen. */
  slowFirstToken(nowMs: number): number | null {
    this.refreshFigures(nowMs)
    return this.ttft === null || this.ttft5m.total < ENOUGH_FIGURES ? null : this.ttft.p99
  }

  refreshFigures(nowMs: number): void {
    if (nowMs - this.figuresAt < FIGURES_LIFE_MS) return
    this.figuresAt = nowMs
    this.ttft = this.ttft5m.percentiles(nowMs)
    this.speed = this.speed5m.percentiles(nowMs, true)
  }

  /** Waited in vain: routing and deadlines take it for a first token that came just then; published figures do not. */
  waited(ttftMs: number, nowMs: number): void {
    this.ttft5m.add(ttftMs, nowMs)
  }

  measure(outcome: AttemptOutcome, nowMs: number): void {
    if (outcome.ttftMs !== null) {
      this.ttft5m.add(outcome.ttftMs, nowMs)
      this.ttft30m.add(outcome.ttftMs, nowMs)
    }
    if (outcome.outputTokens > 0 && outcome.durationMs > 0) {
      const speed = (outcome.outputTokens * 1_000) / outcome.durationMs
      this.speed5m.add(speed, nowMs)
      this.speed30m.add(speed, nowMs)
    }
  }

  /** It is back: what it did during the outage no longer weighs in routing (the published uptime keeps it). */
  recover(nowMs: number): void {
    this.outage.clear()
    this.recoveredAt = nowMs
  }
}
