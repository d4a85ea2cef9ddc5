import { ERRORS, type ErrorCode } from '../chat/index.ts'
import { REFUSED_MS, type RefusedCredential, RefusedCredentials } from './credentials.ts'
import { type AttemptOutcome, EndpointRecord, MINUTE, SECOND } from './endpoint-record.ts'
import { makeRoom } from './limits.ts'
import type { EndpointHealth, PercentileFigures } from './plan.types.ts'
import { RetryBudgets } from './retry-budget.ts'
import type { OutcomeWindow } from './window.ts'

export type { RefusedCredential } from './credentials.ts'
export type { AttemptOutcome } from './endpoint-record.ts'

/** Published figures of an endpoint: uptime in per cent, latency in ms, throughput in tokens per second. */
export interface EndpointStats {
  readonly uptime_last_5m: number | null
  readonly uptime_last_30m: number | null
  readonly uptime_last_1d: number | null
  readonly latency_last_30m: PercentileFigures | null
  readonly throughput_last_30m: PercentileFigures | null
}

/** What an operator should hear of. */
export type HealthEvent =
  | { readonly type: 'credential_refused'; readonly credentialId: string; readonly code: ErrorCode }
  | { readonly type: 'credential_works'; readonly credentialId: string }
  | { readonly type: 'breaker_opened' | 'breaker_closed'; readonly endpointId: string }

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

/** Endpoints remembered (about 14 KB each); beyond it the oldest is forgotten. */
const MOST_ENDPOINTS = 10_000

/**
 * What real outcomes say about endpoints and credentials: windows of success, percentiles, breakers and cool-downs.
 * Keeps no clock: every call takes the time, ms on one monotonic scale. Memory is constant per endpoint (about 14 KB,
 * from its first outcome on) and bounded overall.
 */
export class HealthBook {
  readonly #random: () => number
  readonly #tell: (event: HealthEvent) => void
  readonly #endpoints = new Map<string, EndpointRecord>()
  readonly #refused = new RefusedCredentials()
  readonly #budgets = new RetryBudgets()

  /** `random` in [0, 1) spreads the probes of breakers; `tell` hears what an operator should. */
  constructor(random: () => number, tell: (event: HealthEvent) => void = () => {}) {
    this.#random = random
    this.#tell = tell
  }

  /**
   * Notes how an attempt ended. Counted against the endpoint: refused keys, missing models, 5xx, timeouts, cut and
   * unreadable answers; not counted: rate limits and what the request itself caused (400, 403, 413, 422).
   * Source: OpenRouter's uptime documentation.
   */
  record(endpointId: string, credentialId: string | null, outcome: AttemptOutcome, nowMs: number): void {
    const known = this.#endpoint(endpointId)
    const { result, providerId } = outcome
    if (result === 'cancelled') {
      known.forgetProbe(credentialId)
      if (outcome.ttftMs !== null) known.measure(outcome, nowMs)
      return
    }
    if (providerId !== undefined)
      this.#budgets.note(providerId, outcome.retry === true, result === 'failed', nowMs)
    const sentMs = nowMs - outcome.durationMs
    if (outcome.code !== 'provider_timeout') known.alive()
    if (result === 'ok') this.#succeeded(endpointId, known, credentialId, outcome, nowMs, sentMs)
    else this.#failed(endpointId, known, credentialId, outcome, nowMs, sentMs)
  }

  /**
   * Asks leave to send to an endpoint. Given while its breaker is closed, save for a share during the seconds after an
   * outage or rate limit when another endpoint can take it (`spare`); half-open, to one at a time, whose outcome must be
   * recorded; refused while it is open: go on to the next endpoint, or send anyway when none is left.
   */
  admit(endpointId: string, nowMs: number, spare = false): boolean {
    return this.#endpoints.get(endpointId)?.admit(nowMs, spare) ?? true
  }

  /** A stream is on its way to the endpoint. */
  sent(endpointId: string, nowMs: number): void {
    this.#endpoints.get(endpointId)?.sent(nowMs)
  }

  /** The first token of a stream has come. */
  alive(endpointId: string): void {
    this.#endpoints.get(endpointId)?.alive()
  }

  /** Share of good outcomes of late, 0..1, to compare endpoints none of which is well; ½ where nothing is known. */
  goodShare(endpointId: string, nowMs: number): number {
    const known = this.#endpoints.get(endpointId)
    if (known === undefined) return 0.5
    const { good, bad } = known.outage.sum(nowMs, 30 * SECOND)
    return good + bad === 0 ? 0.5 : good / (good + bad)
  }

  /** False while too many retries have failed at the provider: a retry goes elsewhere, or nowhere. */
  mayRetry(providerId: string, nowMs: number): boolean {
    return this.#budgets.allows(providerId, nowMs)
  }

  /** Time to the first token that 99 % of the endpoint's streams of five minutes kept, ms; null while too few were seen. */
  slowFirstToken(endpointId: string, nowMs: number): number | null {
    return this.#endpoints.get(endpointId)?.slowFirstToken(nowMs) ?? null
  }

  /**
   * Health as routing sees it. With the ids of the provider's credentials the cool-down is that of the readiest one,
   * and an endpoint whose keys are all refused counts as open.
   */
  health(endpointId: string, nowMs: number, credentialIds: readonly string[] | null = null): EndpointHealth {
    const known = this.#endpoints.get(endpointId)
    const readyAt = credentialIds === null ? 0 : this.#keyReadyAt(credentialIds, known)
    if (known === undefined) return readyAt > nowMs ? { ...HEALTHY, breaker: 'open' } : HEALTHY
    known.refreshFigures(nowMs)
    const recent = known.outage.sum(nowMs, 30 * SECOND)
    const outage = recent.bad > 0 && recent.bad * 5 >= recent.good + recent.bad
    const { good, bad } = known.uptime5m.sum(nowMs, 5 * MINUTE, known.recoveredAt)
    known.putLast = outage || (good + bad >= 100 && good < 0.95 * (good + bad))
    const state = known.breaker.state(nowMs)
    return {
      outage,
      uptime5m: good + bad === 0 ? null : good / (good + bad),
      samples5m: good + bad,
      ttftP50Ms: known.ttft === null ? null : known.ttft.p50,
      throughputP50: known.speed === null ? null : known.speed.p50,
      ttftMs: known.ttft,
      throughput: known.speed,
      coolingMs: known.limits.left(credentialIds, nowMs),
      breaker: readyAt > nowMs ? 'open' : state === 'closed' && known.idle(nowMs) ? 'half-open' : state,
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
    const known = endpointId === null ? undefined : this.#endpoints.get(endpointId)
    let ready = 0
    let soonest: string | null = null
    let soonestAt = Number.POSITIVE_INFINITY
    for (const id of ids) {
      const at = this.#readyAt(id, known)
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
      if (this.#readyAt(id, known) <= nowMs && left-- === 0) picked = id
    }
    if (picked === null) return null
    this.#refused.trying(picked, nowMs)
    known?.keyBreaker(picked)?.admit(nowMs)
    return picked
  }

  /** Credentials that their providers refused and that have not worked since: what an alert is about. */
  refusedCredentials(): RefusedCredential[] {
    return this.#refused.list()
  }

  /** Takes a credential back into use, as after its key was replaced or proved. */
  enableCredential(id: string): void {
    if (this.#refused.enable(id)) this.#tell({ type: 'credential_works', credentialId: id })
  }

  /** A provider said outside of any request that it does not take this credential. */
  refuseCredential(id: string, nowMs: number): void {
    this.#refuse(id, 'provider_auth', nowMs)
  }

  /** The provider of these endpoints answers again: those with an open breaker are due for their probe. */
  expect(endpointIds: readonly string[], nowMs: number): void {
    for (const id of endpointIds) this.#endpoints.get(id)?.breaker.probeNow(nowMs)
  }

  /** The provider of these endpoints does not answer at all: their breakers open before a request has to find out. */
  suspect(endpointIds: readonly string[], nowMs: number): void {
    for (const id of endpointIds) {
      if (this.#endpoint(id).breaker.trip(nowMs)) this.#tell({ type: 'breaker_opened', endpointId: id })
    }
  }

  #endpoint(id: string): EndpointRecord {
    let known = this.#endpoints.get(id)
    if (known === undefined) {
      makeRoom(this.#endpoints, MOST_ENDPOINTS)
      known = new EndpointRecord(this.#random)
      this.#endpoints.set(id, known)
    }
    return known
  }

  #succeeded(
    endpointId: string,
    known: EndpointRecord,
    credentialId: string | null,
    outcome: AttemptOutcome,
    nowMs: number,
    sentMs: number,
  ): void {
    const revived = known.revives(nowMs)
    this.#judge(endpointId, known, true, credentialId, nowMs, sentMs)
    if (revived) {
      known.recover(nowMs)
      known.breaker.ramp(nowMs)
    }
    known.count(true, nowMs)
    known.succeed(credentialId, nowMs)
    if (credentialId !== null) this.enableCredential(credentialId)
    known.measure(outcome, nowMs)
  }

  #failed(
    endpointId: string,
    known: EndpointRecord,
    credentialId: string | null,
    outcome: AttemptOutcome,
    nowMs: number,
    sentMs: number,
  ): void {
    const code = outcome.code ?? 'provider_unavailable'
    // Of an endpoint that is down waits tell nothing, and would make its probes ever longer.
    const waited = code === 'provider_timeout' && known.breaker.state(nowMs) === 'closed'
    if (waited && outcome.ttftMs !== null) known.waited(outcome.ttftMs, nowMs)
    if (code === 'rate_limit_exceeded' || outcome.retryAfterMs !== null) {
      known.cool(credentialId, outcome.retryAfterMs, nowMs, sentMs)
    }
    if (credentialId !== null && (code === 'provider_auth' || code === 'provider_payment')) {
      known.forgetProbe(credentialId)
      if (outcome.status === 403 && code === 'provider_auth') {
        this.#forbid(endpointId, known, credentialId, nowMs)
        return
      }
      known.count(false, nowMs)
      this.#refuse(credentialId, code, nowMs)
    } else if (ERRORS[code].health) {
      known.count(false, nowMs)
      this.#judge(endpointId, known, false, credentialId, nowMs, sentMs)
    } else if (code !== 'server' && known.breaker.state(nowMs) !== 'closed') {
      // The provider answered, if only to say no to this request: it is back.
      this.#judge(endpointId, known, true, credentialId, nowMs, sentMs)
    } else known.forgetProbe(credentialId)
  }

  #judge(
    endpointId: string,
    known: EndpointRecord,
    ok: boolean,
    credentialId: string | null,
    nowMs: number,
    sentMs: number,
  ): void {
    const change = known.judge(ok, credentialId, nowMs, sentMs)
    if (change === null) return
    if (change === 'closed') known.recover(nowMs)
    this.#tell({ type: change === 'opened' ? 'breaker_opened' : 'breaker_closed', endpointId })
  }

  #refuse(credentialId: string, code: ErrorCode, nowMs: number): void {
    if (this.#refused.refuse(credentialId, code, nowMs)) {
      this.#tell({ type: 'credential_refused', credentialId, code })
    }
  }

  /** 403 may mean one model of many: the key rests at this endpoint, and everywhere when a second one forbids it too. */
  #forbid(endpointId: string, known: EndpointRecord, credentialId: string, nowMs: number): void {
    known.limits.rest(credentialId, nowMs + REFUSED_MS)
    if (this.#refused.forbid(credentialId, endpointId)) this.#refuse(credentialId, 'provider_auth', nowMs)
  }

  /** When this credential may be used, with an endpoint: also there. */
  #readyAt(credentialId: string, known: EndpointRecord | undefined): number {
    const at = this.#keyAt(credentialId, known)
    return Math.max(at, known?.limits.readyAt(credentialId) ?? 0)
  }

  /** The same without cool-downs. */
  #keyAt(credentialId: string, known: EndpointRecord | undefined): number {
    return Math.max(this.#refused.readyAt(credentialId), known?.keyBreaker(credentialId)?.readyAt ?? 0)
  }

  #keyReadyAt(credentialIds: readonly string[], known: EndpointRecord | undefined): number {
    if (credentialIds.length === 0) return 0
    let soonest = Number.POSITIVE_INFINITY
    for (const id of credentialIds) soonest = Math.min(soonest, this.#keyAt(id, known))
    return soonest
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
