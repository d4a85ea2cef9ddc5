import type { Tariff } from '../chat/index.ts'
import type { ChainRow, TariffRow } from '../store/index.ts'
import type { Chain, Sealed } from './chain.ts'
import { encodeTariff } from './codec.ts'
import { LedgerError, type SettleRecord } from './ledger.ts'
import {
  type AccountDelta,
  type AlertStep,
  apply,
  type Change,
  type Hold,
  type Image,
  type Limit,
  type LimitDelta,
} from './state.ts'

/** A row to change by so much; `fresh`: it does not exist yet. */
interface AccountSum {
  readonly organizationId: string | null
  readonly floor: 0 | 1
  readonly fresh: boolean
  posted: bigint
  held: bigint
}

interface LimitSum {
  readonly limit: Limit
  readonly fresh: boolean
  spent: bigint
  held: bigint
}

/** What one atomic write holds: the sum of the changes decided since the last one, as differences. */
export class Unit {
  readonly holds = new Map<string, { hold: Hold; readonly fresh: boolean }>()
  readonly accounts = new Map<string, AccountSum>()
  readonly limits = new Map<string, LimitSum>()
  readonly journals: Sealed[] = []
  readonly records: SettleRecord[] = []
  readonly tariffs: TariffRow[] = []
  /** In the order in which they were decided. */
  readonly alerts: AlertStep[] = []
  /** The end of the chain before the first journal of the unit. */
  before: ChainRow | null = null

  get empty(): boolean {
    return this.holds.size === 0 && this.accounts.size === 0
  }

  /** Makes the change in the image and keeps it for the write. */
  add(image: Image, change: Change, chain: Chain): void {
    for (const delta of change.accounts) this.#account(delta, !image.accounts.has(delta.id))
    const freshHold = change.hold !== null && !image.holds.has(change.hold.id)
    const freshLimits = change.limits.map((delta) => !image.limits.has(delta.key))
    apply(image, change)
    change.limits.forEach((delta, i) => {
      this.#limit(delta, freshLimits[i]!, image)
    })
    if (change.hold !== null) this.#hold(change.hold, freshHold)
    if (change.alerts !== undefined) this.alerts.push(...change.alerts)
    if (change.journal === null) return
    this.before ??= chain.row()
    this.journals.push(chain.seal(change.journal))
  }

  #hold(hold: Hold, fresh: boolean): void {
    const known = this.holds.get(hold.id)
    if (known === undefined) this.holds.set(hold.id, { hold, fresh })
    else known.hold = hold
  }

  #account(delta: AccountDelta, fresh: boolean): void {
    const sum = this.accounts.get(delta.id)
    if (sum !== undefined) {
      sum.posted += delta.posted
      sum.held += delta.held
      return
    }
    const { id, organizationId, floor, posted, held } = delta
    this.accounts.set(id, { organizationId, floor, fresh, posted, held })
  }

  #limit(delta: LimitDelta, fresh: boolean, image: Image): void {
    const sum = this.limits.get(delta.key)
    if (sum !== undefined) {
      sum.spent += delta.spent
      sum.held += delta.held
      return
    }
    const limit = image.limits.get(delta.key)
    if (limit !== undefined)
      this.limits.set(delta.key, { limit, fresh, spent: delta.spent, held: delta.held })
  }
}

/** Tariff versions that the database already has, so that each is written once. */
export class TariffBook {
  /** Endpoints that a tariff object was written for: the common case needs no text. */
  #known = new WeakMap<Tariff, string[]>()
  readonly #written = new Map<string, string>()

  /** Rows of the hold's tariffs that were not written yet. @throws {LedgerError} when one version names two price lists. */
  missing(hold: Pick<Hold, 'tariffs' | 'createdAt'>): TariffRow[] {
    const rows: TariffRow[] = []
    for (const [endpointId, tariff] of hold.tariffs) {
      if (tariff === null || this.#known.get(tariff)?.includes(endpointId)) continue
      const { version } = tariff
      const key = `${version}\n${endpointId}`
      const data = encodeTariff(tariff)
      const written = this.#written.get(key)
      if (written !== undefined && written !== data) {
        throw new LedgerError('conflict', `tariff version ${version} of ${endpointId} changed its prices`)
      }
      this.#known.set(tariff, [...(this.#known.get(tariff) ?? []), endpointId])
      if (written !== undefined) continue
      this.#written.set(key, data)
      rows.push({ version, endpoint_id: endpointId, data, first_used_at: BigInt(hold.createdAt) })
    }
    return rows
  }

  /** After a failed write nothing is known to be there. */
  forget(): void {
    this.#known = new WeakMap()
    this.#written.clear()
  }
}
