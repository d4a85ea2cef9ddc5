import type { GatewayError, Meter, Outcome, Settled, Tariff, Usage } from '../chat/index.ts'
import { providerOf } from './codec.ts'
import { type Ledger, LedgerError, type Refusal, type SettleRecord, type SettleResult } from './ledger.ts'

export interface MeterOptions {
  /** The hold, already reserved. */
  readonly holdId: string
  /** `durable` of the reserve. */
  readonly held: Promise<void>
  /** What the request needs on that endpoint, nano-USD; null when its price is unknown (nothing more to hold). */
  readonly needed: (endpointId: string) => bigint | null
  /** Absent: the hold covers the worst case and is never raised while the answer comes. */
  readonly ahead?: Ahead
  /** Provider that an endpoint belongs to; by default read from the endpoint id (`<model>@<provider>[/…]`). */
  readonly providerOf?: (endpointId: string) => string
  /** Wall clock, ms. */
  readonly now: () => number
  /** The organization's own provider key serves the call. */
  readonly isByok?: boolean
  /**
   * Rows to write with the charge, given how the request ended. `charge` is null for a release. Called when the charge
   * is decided; again only if its commit had to be repeated.
   */
  readonly record: (end: MeterEnd) => SettleRecord | null
}

/** How a hold that is less than the worst case keeps ahead of a long answer. Amounts in nano-USD. */
export interface Ahead {
  readonly heldNanos: bigint
  /** The worst case on an endpoint: never more is held. */
  readonly most: (endpointId: string) => bigint | null
  /** What a usage costs so far; null when the price is unknown. */
  readonly costOf: (endpointId: string, usage: Usage) => bigint | null
  /** Price of what can come from one checkpoint to the next. */
  readonly step: (endpointId: string) => bigint
  /** What the client is told when no more can be held. */
  readonly short: (refusal: Refusal) => GatewayError
}

export type MeterEnd =
  | { readonly type: 'settled'; readonly outcome: Outcome; readonly charge: SettleResult }
  | { readonly type: 'released'; readonly reason: string }

/** Frozen tariffs of the plan, as a reserve takes them. */
export function freeze(
  endpoints: Iterable<{ readonly id: string; readonly tariff: Tariff | null }>,
): Map<string, Tariff | null> {
  const tariffs = new Map<string, Tariff | null>()
  for (const { id, tariff } of endpoints) tariffs.set(id, tariff)
  return tariffs
}

/** The relay's meter of one request over its hold in the ledger. The first settle or release counts, later ones repeat its answer. */
export function createMeter(ledger: Ledger, options: MeterOptions): Meter {
  return new HoldMeter(ledger, options)
}

class HoldMeter implements Meter {
  readonly held: Promise<void>
  readonly #ledger: Ledger
  readonly #options: MeterOptions
  /** Endpoint by attempt number, as checkpoints told it. */
  readonly #endpoints: string[] = []
  #heldNanos: bigint
  #raising = false
  #short: GatewayError | null = null
  #onShort: (error: GatewayError) => void = nothing
  #settled: Promise<Settled> | null = null
  #released: Promise<void> | null = null

  constructor(ledger: Ledger, options: MeterOptions) {
    this.#ledger = ledger
    this.#options = options
    this.held = options.held
    this.#heldNanos = options.ahead?.heldNanos ?? 0n
  }

  async extend(endpointId: string): Promise<boolean> {
    const amount = this.#options.needed(endpointId)
    if (amount === null) return true
    const result = await this.#ledger.extend(this.#options.holdId, amount)
    if (!result.ok && result.refusal.kind === 'unavailable') {
      throw new LedgerError('unavailable', result.refusal.message)
    }
    if (!result.ok) return false
    if (amount > this.#heldNanos) this.#heldNanos = amount
    await result.durable
    return true
  }

  watch(onShort: (error: GatewayError) => void): void {
    this.#onShort = onShort
  }

  checkpoint(mark: Parameters<Meter['checkpoint']>[0]): void {
    this.#endpoints[mark.attempt] = mark.endpointId
    if (this.#settled === null && this.#released === null) {
      this.#ledger.checkpoint(this.#options.holdId, mark)
      if (mark.usage !== null && this.#options.ahead !== undefined) {
        this.#keepAhead(this.#options.ahead, mark.endpointId, mark.usage)
      }
    }
  }

  /** Raises the hold two steps before the answer reaches it, and gives up one step before when that can't be done. */
  #keepAhead(ahead: Ahead, endpointId: string, usage: Usage): void {
    if (this.#short !== null) this.#onShort(this.#short)
    if (this.#short !== null || this.#raising) return
    const cost = ahead.costOf(endpointId, usage)
    const step = ahead.step(endpointId)
    const most = ahead.most(endpointId)
    const held = this.#heldNanos
    if (cost === null || cost + 2n * step <= held || most === null || held >= most) return
    const wanted = 2n * held > cost + 6n * step ? 2n * held : cost + 6n * step
    this.#raising = true
    this.#raise(wanted < most ? wanted : most)
      .then((refusal) => {
        this.#raising = false
        if (refusal === null || cost + step <= held) return
        this.#short = ahead.short(refusal)
        this.#onShort(this.#short)
      })
      // The store failed: the settle will tell.
      .catch(nothing)
  }

  /** Raises the hold as far as balance and limits go; resolves to what is in the way once nothing is left. */
  async #raise(wanted: bigint): Promise<Refusal | null> {
    for (let amount = wanted; ; ) {
      const result = await this.#ledger.extend(this.#options.holdId, amount)
      if (result.ok) {
        this.#heldNanos = amount
        return null
      }
      const { refusal } = result
      if (refusal.kind === 'unavailable') return null
      const left = refusal.kind === 'balance' ? refusal.availableNanos : refusal.remainingNanos
      if (left <= 0n || this.#heldNanos + left >= amount) return refusal
      amount = this.#heldNanos + left
    }
  }

  settle(outcome: Outcome): Promise<Settled> {
    if (this.#released !== null) return this.#released.then(() => this.#nothing())
    this.#settled ??= this.#settle(outcome)
    return this.#settled
  }

  release(reason: string): Promise<void> {
    // A settle that failed is resolved by the ledger itself, without a charge.
    if (this.#settled !== null) return this.#settled.then(nothing, nothing)
    const { holdId, now, record } = this.#options
    this.#released ??= this.#ledger.release(holdId, now(), () => record({ type: 'released', reason }))
    return this.#released
  }

  async #settle(outcome: Outcome): Promise<Settled> {
    const { holdId, now, record } = this.#options
    const endpointId = this.#endpoints[outcome.attempt] ?? null
    const provider = this.#options.providerOf ?? providerOf
    const upstream = outcome.upstream?.flatMap(({ attempt, usage }) => {
      const at = this.#endpoints[attempt]
      return at === undefined ? [] : { endpointId: at, providerId: provider(at), usage }
    })
    const charge = await this.#ledger.settle({
      id: holdId,
      endpointId,
      providerId: endpointId === null ? null : provider(endpointId),
      usage: outcome.usage,
      charge: outcome.result !== 'failed',
      ...(upstream !== undefined && { upstream }),
      now: now(),
      record: (result) => record({ type: 'settled', outcome, charge: result }),
    })
    return {
      costNanos: charge.chargedNanos,
      upstreamPromptNanos: charge.upstreamPromptNanos,
      upstreamCompletionNanos: charge.upstreamCompletionNanos,
      isByok: this.#options.isByok ?? false,
    }
  }

  #nothing(): Settled {
    const isByok = this.#options.isByok ?? false
    return { costNanos: 0n, upstreamPromptNanos: null, upstreamCompletionNanos: null, isByok }
  }
}

function nothing(): void {}
