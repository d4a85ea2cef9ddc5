import type { Tariff, Usage } from '../chat/index.ts'
import type { LimitRef, Owner, Refusal, ReserveCommand, SettleResult, Spent } from './ledger.ts'

/** A balance in the image. A floor of 1 means that posted - held never falls below zero. */
export interface Account {
  readonly id: string
  readonly organizationId: string | null
  readonly floor: 0 | 1
  posted: bigint
  held: bigint
}

/** A cap and what counts against it. `spent + held <= cap` holds from the admission that set the cap on. */
export interface Limit {
  readonly ref: Omit<LimitRef, 'capNanos'>
  readonly organizationId: string
  /** Cap as of the last admission. */
  cap: bigint | null
  spent: bigint
  held: bigint
}

export type HoldState = 'reserved' | 'dispatched' | 'streaming' | 'settled' | 'released'

/** Money set aside for one request; immutable, a step makes a new one. */
export interface Hold {
  readonly id: string
  readonly owner: Owner
  readonly state: HoldState
  readonly accountId: string
  readonly amount: bigint
  /** Keys of the limit rows that carry it (`limitKey`). */
  readonly limits: readonly string[]
  readonly tariffs: ReadonlyMap<string, Tariff | null>
  readonly attempt: number
  readonly endpointId: string | null
  readonly usage: Usage | null
  readonly node: string
  readonly createdAt: number
  readonly expiresAt: number
}

/** What decisions read: everything (embedded) or the locked rows of one transaction (Postgres). */
export interface Image {
  readonly accounts: Map<string, Account>
  readonly limits: Map<string, Limit>
  /** Open holds. */
  readonly holds: Map<string, Hold>
}

export interface AccountDelta {
  readonly id: string
  readonly organizationId: string | null
  readonly floor: 0 | 1
  readonly posted: bigint
  readonly held: bigint
}

export interface LimitDelta {
  readonly key: string
  readonly spent: bigint
  readonly held: bigint
  /** Set by an admission: the cap that it was checked against, and what a new row needs. */
  readonly admitted?: { readonly ref: LimitRef; readonly organizationId: string }
}

/** A movement of money before it has a place in a chain; entries sum to 0. */
export interface Draft {
  readonly kind: 'charge' | 'topup' | 'adjustment'
  readonly reference: string
  readonly organizationId: string
  readonly at: number
  readonly memo: string | null
  readonly entries: readonly (readonly [accountId: string, amount: bigint])[]
}

/** What people are told about money, written together with the charge that caused it. */
export interface Alert {
  /** `key`, `budget-…`: a cap of which `threshold` percent are spent; `balance`: credit fell below `threshold` nano-USD. */
  readonly scope: string
  readonly scopeId: string
  readonly span: LimitRef['span']
  readonly windowStart: number
  readonly threshold: bigint
  /** The cap; null for a balance. */
  readonly capNanos: bigint | null
  /** What is spent of the cap, or left of the balance. */
  readonly amountNanos: bigint
  readonly owner: { readonly organizationId: string } & Partial<Owner>
  /** The hold or credit that caused it. */
  readonly cause: string
  readonly at: number
}

/** `rearm`: the balance of the organization has recovered, so that its next fall is told again. */
export type AlertStep =
  | { readonly type: 'alert'; readonly alert: Alert }
  | { readonly type: 'rearm'; readonly organizationId: string; readonly at: number }

/** What is worth an alert. */
export interface AlertRules {
  /** Percent of a cap, whole numbers from 1 to 100. */
  readonly thresholds: readonly number[]
  /** Prepaid credit below this is low; null: never. */
  readonly lowBalanceNanos: bigint | null
}

export interface Change {
  readonly hold: Hold | null
  readonly accounts: readonly AccountDelta[]
  readonly limits: readonly LimitDelta[]
  readonly journal: Draft | null
  /** In order; absent: nothing is to be told. */
  readonly alerts?: readonly AlertStep[]
}

export type Command =
  | { readonly type: 'reserve'; readonly reserve: ReserveCommand; readonly node: string }
  | { readonly type: 'extend'; readonly id: string; readonly amount: bigint }
  | { readonly type: 'checkpoint'; readonly id: string; readonly mark: Mark }
  | ({ readonly type: 'settle' } & Settle)
  | { readonly type: 'release'; readonly id: string }
  | ({ readonly type: 'credit' } & Credit)

export interface Mark {
  readonly attempt: number
  readonly endpointId: string
  readonly phase: 'dispatched' | 'streaming'
  readonly usage: Usage | null
}

export interface Settle {
  readonly id: string
  readonly endpointId: string | null
  readonly providerId: string | null
  readonly usage: Usage
  readonly charge: boolean
  readonly upstream?: readonly Spent[]
  readonly now: number
  readonly markupPpm: bigint
}

export interface Credit {
  readonly organizationId: string
  readonly amount: bigint
  readonly source: string
  readonly reference: string
  readonly memo: string | null
  readonly now: number
}

/** Why a command can't apply: money said no, or the hold is not (or already) there. */
export type Denial =
  | Refusal
  | { readonly kind: 'no_hold' }
  | { readonly kind: 'duplicate' }
  /** A sum would not fit the 64 bits of its column. */
  | { readonly kind: 'overflow' }

export type Decision =
  | { readonly ok: true; readonly change: Change; readonly settled: SettleResult | null }
  | { readonly ok: false; readonly denial: Denial }

/** The account a request of the organization draws on; only prepaid credit has a floor. */
export function accountId(organizationId: string, account: ReserveCommand['account']): string {
  const tail = account === 'prepaid' ? 'credit' : account === 'unlimited' ? 'usage' : 'test'
  return `org:${organizationId}:${tail}`
}

/** One text per limit row: the JSON of its key, as hold rows store it. */
export function limitKey(ref: Omit<LimitRef, 'capNanos'>): string {
  return JSON.stringify([ref.scope, ref.scopeId, ref.span, ref.windowStart])
}

/** The inverse of `limitKey`. */
export function limitOfKey(key: string): Omit<LimitRef, 'capNanos'> {
  const [scope, scopeId, span, windowStart] = JSON.parse(key) as [string, string, LimitRef['span'], number]
  return { scope, scopeId, span, windowStart }
}

export function emptyImage(): Image {
  return { accounts: new Map(), limits: new Map(), holds: new Map() }
}

/** Makes a decided change to the image; a resolved hold leaves it. */
export function apply(image: Image, change: Change): void {
  for (const delta of change.accounts) {
    const account = image.accounts.get(delta.id)
    if (account === undefined) image.accounts.set(delta.id, { ...delta })
    else {
      account.posted += delta.posted
      account.held += delta.held
    }
  }
  for (const delta of change.limits) {
    const limit = image.limits.get(delta.key)
    if (limit !== undefined) {
      limit.spent += delta.spent
      limit.held += delta.held
      if (delta.admitted !== undefined) limit.cap = delta.admitted.ref.capNanos
    } else if (delta.admitted !== undefined) {
      const { ref, organizationId } = delta.admitted
      const { capNanos: cap, ...row } = ref
      image.limits.set(delta.key, { ref: row, organizationId, cap, spent: delta.spent, held: delta.held })
    }
  }
  const hold = change.hold
  if (hold === null) return
  if (hold.state === 'settled' || hold.state === 'released') image.holds.delete(hold.id)
  else image.holds.set(hold.id, hold)
}

/** The unique reference of a credit: one (source, reference) moves money once. */
export function creditReference(command: { readonly source: string; readonly reference: string }): string {
  return `${command.source}:${command.reference}`
}
