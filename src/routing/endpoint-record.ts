import type { ErrorCode } from '../chat/index.ts'
import { Breaker } from './breaker.ts'
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
  /** ms from sending to the first token; null when none came. */
  readonly ttftMs: number | null
  /** ms from sending to the end. */
  readonly durationMs: number
  readonly outputTokens: number
}

export const SECOND = 1_000
export const MINUTE = 60_000
/** Longest cool-down that a Retry-After can cause. */
const LONGEST_COOLING_MS = 600 * SECOND
/** Cool-down after a rate limit that names no time; doubles with each in a row, up to the longest. */
const BARE_COOLING_MS = SECOND
const LONGEST_BARE_COOLING_MS = 25 * SECOND
/** Percentiles are worked out at most this often. */
const FIGURES_LIFE_MS = SECOND
/** Endpoints and credentials remembered; beyond it the oldest is forgotten. */
const MOST_REMEMBERED = 10_000

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
  /** End of the cool-down by credential (`''`: none needed). */
  readonly coolingUntil = new Map<string, number>()
  limitsInARow = 0
  recoveredAt = 0
  figuresAt = Number.NEGATIVE_INFINITY
  ttft: PercentileFigures | null = null
  speed: PercentileFigures | null = null

  constructor(random: () => number) {
    this.breaker = new Breaker(random)
  }

  count(ok: boolean, nowMs: number): void {
    this.outage.add(ok, nowMs)
    this.uptime5m.add(ok, nowMs)
    this.uptime30m.add(ok, nowMs)
    this.uptime1d.add(ok, nowMs)
  }

  refreshFigures(nowMs: number): void {
    if (nowMs - this.figuresAt < FIGURES_LIFE_MS) return
    this.figuresAt = nowMs
    this.ttft = this.ttft5m.percentiles(nowMs)
    this.speed = this.speed5m.percentiles(nowMs, true)
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

  /** Cools down for one credential, as long as the provider asked or, when it named no time, ever longer. */
  cool(credentialId: string | null, askedMs: number | null, nowMs: number): void {
    const bare = Math.min(LONGEST_BARE_COOLING_MS, BARE_COOLING_MS * 2 ** Math.min(this.limitsInARow, 10))
    this.limitsInARow++
    const wait = askedMs === null || askedMs <= 0 ? bare : Math.min(askedMs, LONGEST_COOLING_MS)
    const key = credentialId ?? ''
    if (!this.coolingUntil.has(key)) makeRoom(this.coolingUntil)
    this.coolingUntil.set(key, Math.max(this.coolingUntil.get(key) ?? 0, nowMs + wait))
  }

  /** ms until the readiest of the credentials may be used; without a list, until the last cool-down ends. */
  coolingLeft(credentialIds: readonly string[] | null, nowMs: number): number {
    let until = 0
    if (credentialIds === null || credentialIds.length === 0) {
      for (const at of this.coolingUntil.values()) until = Math.max(until, at)
    } else {
      until = Number.POSITIVE_INFINITY
      for (const id of credentialIds) until = Math.min(until, this.coolingUntil.get(id) ?? 0)
    }
    if (until > nowMs) return until - nowMs
    if (credentialIds === null) this.coolingUntil.clear()
    return 0
  }
}

/** Forgets the oldest entry of a full map. */
export function makeRoom(map: Map<string, unknown>): void {
  if (map.size < MOST_REMEMBERED) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}
