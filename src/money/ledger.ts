import type { Tariff, Usage } from '../chat/index.ts'
import type { AttemptRow, GenerationRow, WaybillRow } from '../store/index.ts'

/** Where a hold stands and whose it is. */
export interface Owner {
  readonly organizationId: string
  readonly workspaceId: string
  readonly creatorUserId: string | null
  readonly keyHash: string
}

/** A cap that the request counts against, resolved for the window of admission. */
export interface LimitRef {
  readonly scope: string
  readonly scopeId: string
  readonly span: 'total' | 'daily' | 'weekly' | 'monthly'
  readonly windowStart: number
  /** null: counted, never refused. */
  readonly capNanos: bigint | null
}

export interface ReserveCommand {
  /** `gen-…`, minted by the caller; reserving twice with one id is an error. */
  readonly id: string
  readonly owner: Owner
  /** `prepaid`: credit account with a floor; `unlimited`: usage account without one; `test`: simulated calls. */
  readonly account: 'prepaid' | 'unlimited' | 'test'
  /** Worst case of the request, nano-USD. */
  readonly amountNanos: bigint
  readonly limits: readonly LimitRef[]
  /** Tariffs of the endpoints in the plan, frozen with the hold; null where the price is unknown. */
  readonly tariffs: ReadonlyMap<string, Tariff | null>
  /** ms since the epoch. */
  readonly now: number
  /** When the hold counts as leaked and is resolved by the rules of crash recovery. */
  readonly expiresAt: number
}

export type ReserveResult =
  | {
      readonly ok: true /** Resolves when the hold is durable; on Postgres already. */
      readonly durable: Promise<void>
    }
  | { readonly ok: false; readonly refusal: Refusal }

/** Why money said no; becomes a 402 with a sentence. */
export type Refusal =
  | { readonly kind: 'balance'; readonly availableNanos: bigint; readonly neededNanos: bigint }
  | {
      readonly kind: 'limit'
      readonly limit: LimitRef
      readonly remainingNanos: bigint
      readonly neededNanos: bigint
    }
  /** The store failed: 503, never a yes. */
  | { readonly kind: 'unavailable'; readonly message: string }

/** Work of one endpoint for a request, at its own usage: what its provider bills. */
export interface Spent {
  readonly endpointId: string
  readonly providerId: string
  readonly usage: Usage
}

export interface SettleCommand {
  readonly id: string
  /** Endpoint that served: selects the frozen tariff. null: nothing was served (charge 0). */
  readonly endpointId: string | null
  readonly providerId: string | null
  readonly usage: Usage
  /** False: charge 0 whatever the usage (zero-completion insurance, error finish); the provider's price goes to `platform:insurance`. */
  readonly charge: boolean
  /**
   * All that was worked upstream, where it is not just `usage` at `endpointId`: an answer that broke at one endpoint and was
   * finished at another. What it costs beyond the provider's price of `usage` goes to `platform:insurance`.
   */
  readonly upstream?: readonly Spent[]
  readonly now: number
  /**
   * Rows that must be durable together with the charge. `cost` columns are filled by the ledger. A function is given the
   * decided charge; it is called again when a commit had to be repeated, so it only builds rows. With null the ledger
   * writes a minimal generation row itself: charges and usage rows always agree.
   */
  readonly record: SettleRecord | ((result: SettleResult) => SettleRecord | null) | null
}

export interface SettleRecord {
  readonly generation: GenerationRow
  readonly attempts: readonly AttemptRow[]
  readonly waybill: WaybillRow | null
}

export interface SettleResult {
  /** null: the endpoint has no known price. */
  readonly chargedNanos: bigint | null
  readonly upstreamPromptNanos: bigint | null
  readonly upstreamCompletionNanos: bigint | null
  /** Beyond the hold and the free balance, booked to `platform:writeoff`. */
  readonly writtenOffNanos: bigint
}

export interface Balance {
  readonly postedNanos: bigint
  readonly heldNanos: bigint
  /** posted - held */
  readonly availableNanos: bigint
  /** Sum of all top-ups and grants. */
  readonly creditedNanos: bigint
  /** Sum of all charges. */
  readonly usedNanos: bigint
}

export interface LimitState {
  readonly spentNanos: bigint
  readonly heldNanos: bigint
}

export interface VerifyReport {
  readonly ok: boolean
  /** Sum of posted and of held over the accounts of organizations. */
  readonly posted_nano: string
  readonly held_nano: string
  readonly journals: number
  readonly entries: number
  readonly holds_open: number
  /** Each names table and row. */
  readonly faults: readonly { readonly invariant: string; readonly row: string; readonly detail: string }[]
}

/** Why the ledger could not do what it was told; everything but `unavailable` is a mistake of the caller or a late call. */
export type LedgerFault =
  /** The store failed: answer 503. */
  | 'unavailable'
  /** The hold was never made. */
  | 'unknown_hold'
  /** The hold was freed before: nothing can be charged any more. */
  | 'released'
  /** One id or reference used for two different things. */
  | 'conflict'
  /** A correction would take a balance below zero. */
  | 'refused'
  /** Credit would add up to more than an account can hold: 9 billion USD. */
  | 'overflow'

export class LedgerError extends Error {
  override readonly name = 'LedgerError'
  readonly fault: LedgerFault

  constructor(fault: LedgerFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}

/**
 * The only writer of balances. One contract, two engines: embedded (memory image + writer thread) and Postgres
 * (guarded SQL in one transaction). Amounts are nano-USD in bigint.
 */
export interface Ledger {
  /** Holds the worst case against account and limits, all or nothing. Embedded: answers at once, `durable` follows. */
  reserve(command: ReserveCommand): Promise<ReserveResult>
  /** Raises an open hold to at least `amountNanos`; refused like a reserve. */
  extend(id: string, amountNanos: bigint): Promise<ReserveResult>
  /** Where the request stands, for recovery. Fire and forget: order is kept, failure shows at the settle. */
  checkpoint(
    id: string,
    mark: {
      readonly attempt: number
      readonly endpointId: string
      readonly phase: 'dispatched' | 'streaming'
      readonly usage: Usage | null
    },
  ): void
  /**
   * Resolves when durable. A hold that is already settled resolves to the same result; a released one rejects. When the
   * store stays broken it rejects with `unavailable`, and the request is never charged: its client saw no end.
   */
  settle(command: SettleCommand): Promise<SettleResult>
  /** Frees the hold; resolves when durable. Nothing happens when it is already released, settled or unknown. */
  release(id: string, now: number, record: SettleCommand['record']): Promise<void>
  /**
   * Adds credit; idempotent by (source, reference). `amountNanos` may be negative for a correction, never below 0
   * available (rejects with `refused`). One reference with two amounts rejects with `conflict`.
   */
  credit(command: {
    readonly organizationId: string
    readonly amountNanos: bigint
    readonly source: string
    readonly reference: string
    readonly memo: string | null
    readonly now: number
  }): Promise<Balance>
  balance(organizationId: string, account: 'prepaid' | 'unlimited' | 'test'): Promise<Balance>
  /** Spent and held of a limit row; zeros when the window has no row yet. */
  limit(ref: Omit<LimitRef, 'capNanos'>): Promise<LimitState>
  /** Resolves every hold that a crash left open, by the rules of crash recovery. Runs before the server listens; idempotent. */
  recover(now: number): Promise<{ readonly released: number; readonly settled: number }>
  /** Recomputes everything from entries and holds: I1-I4, I6, I10, I12. */
  verify(): Promise<VerifyReport>
  close(): Promise<void>
}
