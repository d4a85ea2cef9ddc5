import type { Usage } from '../chat/index.ts'
import type { HoldRow, Store } from '../store/index.ts'
import { decodeTariff, frozenVersions } from './codec.ts'
import { type JournalWithLines, journalsOf } from './journals.ts'
import { quote } from './price.ts'
import { itemize, type Receipt } from './receipt.ts'

/** One call's money from its hold to its entries. */
export interface Explanation {
  readonly hold: HoldRow
  /** Counts that were settled, or were last seen; null: none came. */
  readonly usage: Usage | null
  readonly tariffVersion: string | null
  /** The arithmetic by the frozen price list; null when the call has no endpoint or no price. */
  readonly receipt: Receipt | null
  /** The sum of the receipt, rounded up once to nano-USD. */
  readonly priceNanos: bigint | null
  /** What the journals say was paid by whom. */
  readonly chargedNanos: bigint
  readonly writtenOffNanos: bigint
  readonly insuredNanos: bigint
  /** Owed to providers. */
  readonly owedNanos: bigint
  /** Above the list price; 0 without a markup. */
  readonly markupNanos: bigint
  readonly journals: readonly JournalWithLines[]
}

/** Recomputes one charge from what was frozen with its hold; undefined when there is no such hold. */
export async function explainCharge(store: Store, id: string): Promise<Explanation | undefined> {
  const hold = await store.db.selectFrom('holds').selectAll().where('id', '=', id).executeTakeFirst()
  if (hold === undefined) return undefined
  const journals = await journalsOf(store, id)
  const usage = hold.usage === null ? null : (JSON.parse(hold.usage) as Usage)
  const tariffVersion = new Map(frozenVersions(hold)).get(hold.endpoint_id ?? '') ?? null
  const tariff = await frozen(store, tariffVersion, hold.endpoint_id)
  const priced = tariff !== null && usage !== null
  const sum = (fits: (account: string) => boolean): bigint =>
    journals.reduce(
      (all, { lines }) =>
        lines.reduce((total, [account, nanos]) => (fits(account) ? total + nanos : total), all),
      0n,
    )
  const chargedNanos = -sum((account) => account === hold.account_id)
  const writtenOffNanos = -sum((account) => account === 'platform:writeoff' || account === 'platform:test')
  const priceNanos = priced ? quote(tariff, usage)!.nanos : null
  const due = chargedNanos + writtenOffNanos
  return {
    hold,
    usage,
    tariffVersion,
    receipt: priced ? itemize(tariff, usage) : null,
    priceNanos,
    chargedNanos,
    writtenOffNanos,
    insuredNanos: -sum((account) => account === 'platform:insurance'),
    owedNanos: sum((account) => account.startsWith('payable:')),
    markupNanos: priceNanos !== null && due > priceNanos ? due - priceNanos : 0n,
    journals,
  }
}

async function frozen(store: Store, version: string | null, endpointId: string | null) {
  if (version === null || endpointId === null) return null
  const row = await store.db
    .selectFrom('tariffs')
    .select('data')
    .where('version', '=', version)
    .where('endpoint_id', '=', endpointId)
    .executeTakeFirst()
  return row === undefined ? null : decodeTariff(row.data)
}
