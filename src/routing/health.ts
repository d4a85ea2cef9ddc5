import { ERRORS, type ErrorCode } from '../chat/index.ts'
import { type AttemptOutcome, EndpointRecord, MINUTE, makeRoom, SECOND } from './endpoint-record.ts'
import type { EndpointHealth, PercentileFigures } from './plan.types.ts'
import type { OutcomeWindow } from './window.ts'

export type { AttemptOutcome } from './endpoint-record.ts'

/** Published figures of an endpoint: uptime in per cent, latency in ms, throughput in tokens per second. */
export interface EndpointStats {
  readonly uptime_last_5m: number | null
  readonly uptime_last_30m: number | null
  readonly uptime_last_1d: number | null
  readonly latency_last_30m: PercentileFigures | null
  readonly throughput_last_30m: PercentileFigures | null
}

/** A credential that is left alone since its provider refused it. */
export interface RefusedCredential {
  readonly id: string
  readonly code: ErrorCode
  readonly sinceMs: number
  readonly untilMs: number
}

/** Health of an endpoint that nothing is known about. */
export const HEALTHY: EndpointHealth = {
  outage: false,
  uptime5m: null,
  samples5m: 0,
  ttftP50Ms: null,
  throughputP50: null,
  ttftMs: null,
  throughput: null,
  coolingMs: 0,
  breaker: 'closed',
}

/** How long a refused key rests before one request may try it again. */
const REFUSED_MS = 10 * MINUTE
/** While that one request is under way. */
const TRYING_MS = 30 * SECOND

/**
 * What real outcomes say about endpoints and credentials: windows of success, percentiles, breakers and cool-downs.
 * Keeps no clock: every call takes the time, ms on one monotonic scale. Memory is constant per endpoint (about 13 KB,
 * from its first outcome on) and bounded overall.
 */
export class HealthBook {
  readonly #random: () => number
  readonly #endpoints = new Map<string, EndpointRecord>()
  readonly #refused = new Map<string, { code: ErrorCode; sinceMs: number; untilMs: number }>()

  /** `random` in [0, 1) spreads the probes of breakers. */
  constructor(random: () => number) {
    this.#random = random
  }

  /**
   * Notes how an attempt ended. Counted against the endpoint: refused keys, missing models, 5xx, timeouts, cut and
   * unreadable answers; not counted: rate limits and what the request itself caused (400, 403, 413, 422).
   * Source: OpenRouter's uptime documentation.
   */
  record(endpointId: string, credentialId: string | null, outcome: AttemptOutcome, nowMs: number): void {
    const known = this.#endpoint(endpointId)
    if (outcome.result === 'cancelled') {
      known.breaker.forgetProbe()
      if (outcome.ttftMs !== null) known.measure(outcome, nowMs)
      return
    }
    const sentMs = nowMs - outcome.durationMs
    if (outcome.result === 'ok') {
      this.#succeeded(known, credentialId, outcome, nowMs, sentMs)
      return
    }
    const code = outcome.code ?? 'provider_unavailable'
    if (code === 'rate_limit_exceeded' || outcome.retryAfterMs !== null) {
      known.cool(credentialId, outcome.retryAfterMs, nowMs)
    }
    if (credentialId !== null && (code === 'provider_auth' || code === 'provider_payment')) {
      known.count(false, nowMs)
      known.breaker.forgetProbe()
      this.#refuse(credentialId, code, nowMs)
    } else if (ERRORS[code].health) {
      known.count(false, nowMs)
      known.breaker.note(false, nowMs, sentMs)
    } else if (known.breaker.state(nowMs) !== 'closed') {
      // The provider answered, if only to say no to this request: it is back.
      if (known.breaker.note(true, nowMs, sentMs)) known.recover(nowMs)
    }
  }

  /**
   * Asks leave to send to an endpoint. Always given while its breaker is closed; half-open, to one at a time, whose
   * outcome must be recorded; refused while it is open: go on to the next endpoint, or send anyway when none is left.
   */
  admit(endpointId: string, nowMs: number): boolean {
    return this.#endpoints.get(endpointId)?.breaker.admit(nowMs) ?? true
  }

  /**
   * Health as routing sees it. With the ids of the provider's credentials the cool-down is that of the readiest one,
   * and an endpoint whose keys are all refused counts as open.
   */
  health(endpointId: string, nowMs: number, credentialIds: readonly string[] | null = null): EndpointHealth {
    const known = this.#endpoints.get(endpointId)
    const keyless = credentialIds !== null && this.#allRefused(credentialIds, nowMs)
    if (known === undefined) return keyless ? { ...HEALTHY, breaker: 'open' } : HEALTHY
    known.refreshFigures(nowMs)
    const recent = known.outage.sum(nowMs, 30 * SECOND)
    const outage = recent.bad > 0 && recent.bad * 5 >= recent.good + recent.bad
    const { good, bad } = known.uptime5m.sum(nowMs, 5 * MINUTE, known.recoveredAt)
    return {
      outage,
      uptime5m: good + bad === 0 ? null : good / (good + bad),
      samples5m: good + bad,
      ttftP50Ms: known.ttft === null ? null : known.ttft.p50,
      throughputP50: known.speed === null ? null : known.speed.p50,
      ttftMs: known.ttft,
      throughput: known.speed,
      coolingMs: known.coolingUntil.size === 0 ? 0 : known.coolingLeft(credentialIds, nowMs),
      breaker: keyless ? 'open' : known.breaker.state(nowMs),
    }
  }

  /** The figures that the API publishes for an endpoint; null where there is nothing to tell. */
  stats(endpointId: string, nowMs: number): EndpointStats {
    const known = this.#endpoints.get(endpointId)
    if (known === undefined) return NO_STATS
    return {
      uptime_last_5m: percent(known.uptime5m.sum(nowMs, 5 * MINUTE)),
      uptime_last_30m: percent(known.uptime30m.sum(nowMs, 30 * MINUTE)),
      uptime_last_1d: percent(known.uptime1d.sum(nowMs, 1_440 * MINUTE)),
      latency_last_30m: known.ttft30m.percentiles(nowMs),
      throughput_last_30m: known.speed30m.percentiles(nowMs, true),
    }
  }

  /**
   * One of the provider's credentials, by chance among those that are neither refused nor, for this endpoint, cooling;
   * the one that is ready soonest when none is; null for an empty list. A refused key that has rested is given to one
   * caller at a time.
   */
  pickCredential(
    ids: readonly string[],
    nowMs: number,
    random: () => number,
    endpointId: string | null = null,
  ): string | null {
    const cooling = endpointId === null ? undefined : this.#endpoints.get(endpointId)?.coolingUntil
    let ready = 0
    let soonest: string | null = null
    let soonestAt = Number.POSITIVE_INFINITY
    for (const id of ids) {
      const at = this.#readyAt(id, cooling)
      if (at <= nowMs) ready++
      if (at < soonestAt) {
        soonestAt = at
        soonest = id
      }
    }
    let left = ready === 0 ? -1 : Math.floor(random() * ready)
    let picked = soonest
    for (const id of ids) {
      if (left < 0) break
      if (this.#readyAt(id, cooling) <= nowMs && left-- === 0) picked = id
    }
    const refused = picked === null ? undefined : this.#refused.get(picked)
    if (refused !== undefined) refused.untilMs = Math.max(refused.untilMs, nowMs + TRYING_MS)
    return picked
  }

  /** Credentials that their providers refused and that have not worked since: what an alert is about. */
  refusedCredentials(): RefusedCredential[] {
    return [...this.#refused].map(([id, { code, sinceMs, untilMs }]) => ({ id, code, sinceMs, untilMs }))
  }

  /** Takes a credential back into use, as after its key was replaced or proved. */
  enableCredential(id: string): void {
    this.#refused.delete(id)
  }

  #endpoint(id: string): EndpointRecord {
    let known = this.#endpoints.get(id)
    if (known === undefined) {
      makeRoom(this.#endpoints)
      known = new EndpointRecord(this.#random)
      this.#endpoints.set(id, known)
    }
    return known
  }

  #succeeded(
    known: EndpointRecord,
    credentialId: string | null,
    outcome: AttemptOutcome,
    nowMs: number,
    sentMs: number,
  ): void {
    if (known.breaker.note(true, nowMs, sentMs)) known.recover(nowMs)
    known.count(true, nowMs)
    known.limitsInARow = 0
    if (credentialId !== null && this.#refused.size > 0) this.#refused.delete(credentialId)
    known.measure(outcome, nowMs)
  }

  #refuse(credentialId: string, code: ErrorCode, nowMs: number): void {
    const known = this.#refused.get(credentialId)
    if (known === undefined) makeRoom(this.#refused)
    const sinceMs = known?.sinceMs ?? nowMs
    this.#refused.set(credentialId, { code, sinceMs, untilMs: nowMs + REFUSED_MS })
  }

  #readyAt(credentialId: string, cooling: ReadonlyMap<string, number> | undefined): number {
    const refused = this.#refused.size === 0 ? 0 : (this.#refused.get(credentialId)?.untilMs ?? 0)
    return Math.max(refused, cooling?.get(credentialId) ?? 0)
  }

  #allRefused(credentialIds: readonly string[], nowMs: number): boolean {
    if (this.#refused.size === 0 || credentialIds.length === 0) return false
    for (const id of credentialIds) if (this.#readyAt(id, undefined) <= nowMs) return false
    return true
  }
}

const NO_STATS: EndpointStats = {
  uptime_last_5m: null,
  uptime_last_30m: null,
  uptime_last_1d: null,
  latency_last_30m: null,
  throughput_last_30m: null,
}

function percent(window: OutcomeWindow): number | null {
  const all = window.good + window.bad
  return all === 0 ? null : Math.round((window.good / all) * 100_000) / 1_000
}
