import type { Meter, Outcome, Settled, Tariff } from '../chat/index.ts'
import { providerOf } from './codec.ts'
import { type Ledger, LedgerError, type SettleRecord, type SettleResult } from './ledger.ts'

export interface MeterOptions {
  /** The hold, already reserved. */
  readonly holdId: string
  /** `durable` of the reserve. */
  readonly held: Promise<void>
  /** Worst case of the request on that endpoint, nano-USD; null when its price is unknown (nothing more to hold). */
  readonly worstCase: (endpointId: string) => bigint | null
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
  #settled: Promise<Settled> | null = null
  #released: Promise<void> | null = null

  constructor(ledger: Ledger, options: MeterOptions) {
    this.#ledger = ledger
    this.#options = options
    this.held = options.held
  }

  async extend(endpointId: string): Promise<boolean> {
    const amount = this.#options.worstCase(endpointId)
    if (amount === null) return true
    const result = await this.#ledger.extend(this.#options.holdId, amount)
    if (!result.ok && result.refusal.kind === 'unavailable') {
      throw new LedgerError('unavailable', result.refusal.message)
    }
    if (!result.ok) return false
    await result.durable
    return true
  }

  checkpoint(mark: Parameters<Meter['checkpoint']>[0]): void {
    this.#endpoints[mark.attempt] = mark.endpointId
    if (this.#settled === null && this.#released === null) {
      this.#ledger.checkpoint(this.#options.holdId, mark)
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
