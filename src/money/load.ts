import { type Kysely, sql } from 'kysely'
import type { Tariff } from '../chat/index.ts'
import type { Database, HoldRow, JournalRow, LimitRow } from '../store/index.ts'
import { decodeHold, decodeTariff, frozenVersions } from './codec.ts'
import { LedgerError, type SettleResult } from './ledger.ts'
import type { Span } from './limits.ts'
import { emptyImage, type Hold, type Image, type Limit, limitOfKey } from './state.ts'

type Db = Kysely<Database>

const PAGE = 10_000
const CHUNK = 500
const OPEN = sql<boolean>`state in ('reserved', 'dispatched', 'streaming')`

/** Reads the memory image: all accounts, the open holds and the limit rows that carry them; others come at their first use. */
export async function loadImage(db: Db): Promise<Image> {
  const image = emptyImage()
  for await (const rows of accountPages(db)) {
    for (const row of rows) {
      image.accounts.set(row.id, {
        id: row.id,
        organizationId: row.organization_id,
        floor: row.floor === 1 ? 1 : 0,
        posted: row.posted_nanos,
        held: row.held_nanos,
      })
    }
  }
  for (const hold of await loadHolds(db, await openHolds(db))) {
    image.holds.set(hold.id, hold)
    for (const key of hold.limits) {
      if (image.limits.has(key)) continue
      const limit = await findLimit(db, limitOfKey(key))
      if (limit !== undefined) image.limits.set(key, limit)
    }
  }
  return image
}

async function* accountPages(db: Db) {
  let after = ''
  for (;;) {
    const rows = await db
      .selectFrom('accounts')
      .selectAll()
      .where('id', '>', after)
      .orderBy('id')
      .limit(PAGE)
      .execute()
    if (rows.length > 0) yield rows
    if (rows.length < PAGE) return
    after = rows.at(-1)!.id
  }
}

/** Without an order, so that the index of open holds serves and not the whole history is read. */
async function openHolds(db: Db): Promise<string[]> {
  const rows = await db.selectFrom('holds').select('id').where(OPEN).execute()
  return rows.map((row) => row.id)
}

/** Those of the holds that are open, with their frozen tariffs. */
export async function loadHolds(db: Db, ids: readonly string[]): Promise<Hold[]> {
  const rows: HoldRow[] = []
  for (let at = 0; at < ids.length; at += CHUNK) {
    const some = ids.slice(at, at + CHUNK)
    rows.push(...(await db.selectFrom('holds').selectAll().where('id', 'in', some).where(OPEN).execute()))
  }
  return await withTariffs(db, rows)
}

async function withTariffs(db: Db, rows: readonly HoldRow[]): Promise<Hold[]> {
  const versions = new Set<string>()
  for (const row of rows) for (const [, version] of frozenVersions(row)) if (version) versions.add(version)
  const tariffs = new Map<string, Tariff>()
  const names = [...versions]
  for (let at = 0; at < names.length; at += CHUNK) {
    const found = await db
      .selectFrom('tariffs')
      .selectAll()
      .where('version', 'in', names.slice(at, at + CHUNK))
      .execute()
    for (const row of found) tariffs.set(`${row.version}\n${row.endpoint_id}`, decodeTariff(row.data))
  }
  return rows.map((row) =>
    decodeHold(row, (version, endpointId) => tariffs.get(`${version}\n${endpointId}`) ?? null),
  )
}

/**
 * What became of a hold that is not open any more.
 * @throws {LedgerError} `unknown_hold` or `released`
 */
export async function loadSettled(db: Db, id: string): Promise<SettleResult> {
  const hold = await db
    .selectFrom('holds')
    .select(['state', 'account_id'])
    .where('id', '=', id)
    .executeTakeFirst()
  if (hold === undefined) throw new LedgerError('unknown_hold', `there is no hold ${id}`)
  if (hold.state !== 'settled') throw new LedgerError('released', `hold ${id} is ${hold.state}`)
  const generation = await db
    .selectFrom('generations')
    .select(['cost_nanos', 'upstream_prompt_nanos', 'upstream_completion_nanos'])
    .where('id', '=', id)
    .executeTakeFirst()
  const writeoff = await db
    .selectFrom('journals')
    .innerJoin('entries', 'entries.journal_id', 'journals.id')
    .select('entries.amount_nanos')
    .where('journals.kind', '=', 'charge')
    .where('journals.reference', '=', id)
    .where('entries.account_id', 'in', ['platform:writeoff', 'platform:test'])
    .executeTakeFirst()
  return {
    chargedNanos: generation === undefined ? 0n : generation.cost_nanos,
    upstreamPromptNanos: generation?.upstream_prompt_nanos ?? null,
    upstreamCompletionNanos: generation?.upstream_completion_nanos ?? null,
    writtenOffNanos: -(writeoff?.amount_nanos ?? 0n),
  }
}

/** Sum of top-ups, grants and corrections of an account, nano-USD. */
export async function loadCredited(db: Db, organizationId: string, accountId: string): Promise<bigint> {
  const row = await db
    .selectFrom('journals')
    .innerJoin('entries', 'entries.journal_id', 'journals.id')
    .select((eb) => eb.fn.sum<bigint>('entries.amount_nanos').as('credited'))
    .where('journals.kind', 'in', ['topup', 'adjustment', 'refund'])
    .where('journals.organization_id', '=', organizationId)
    .where('entries.account_id', '=', accountId)
    .executeTakeFirst()
  return BigInt(row?.credited ?? 0n)
}

/** The credit that carries this reference, with its amount on `accountId`; undefined when there is none. */
export async function findCredit(
  db: Db,
  reference: string,
): Promise<(Pick<JournalRow, 'id'> & { account_id: string; amount_nanos: bigint }) | undefined> {
  return await db
    .selectFrom('journals')
    .innerJoin('entries', 'entries.journal_id', 'journals.id')
    .select(['journals.id', 'entries.account_id', 'entries.amount_nanos'])
    .where('journals.kind', 'in', ['topup', 'adjustment'])
    .where('journals.reference', '=', reference)
    .where('entries.line', '=', 1)
    .executeTakeFirst()
}

/** One limit row, whatever its window; undefined when there is none. */
export async function findLimit(db: Db, ref: Limit['ref']): Promise<Limit | undefined> {
  const row = await db
    .selectFrom('limits')
    .selectAll()
    .where('scope', '=', ref.scope)
    .where('scope_id', '=', ref.scopeId)
    .where('span', '=', ref.span)
    .where('window_start', '=', BigInt(ref.windowStart))
    .executeTakeFirst()
  return row === undefined ? undefined : decodeLimit(row)
}

export function decodeLimit(row: LimitRow): Limit {
  return {
    ref: {
      scope: row.scope,
      scopeId: row.scope_id,
      span: row.span as Span,
      windowStart: Number(row.window_start),
    },
    organizationId: row.organization_id,
    cap: row.cap_nanos,
    spent: row.spent_nanos,
    held: row.held_nanos,
  }
}
