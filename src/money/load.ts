import { type Kysely, sql } from 'kysely'
import type { Tariff } from '../chat/index.ts'
import type { Database, HoldRow, JournalRow, LimitRow } from '../store/index.ts'
import { decodeHold, decodeTariff, frozenVersions } from './codec.ts'
import { LedgerError, type SettleResult } from './ledger.ts'
import { type Span, windowStart } from './limits.ts'
import { type Account, type Hold, type Image, type Limit, limitKey } from './state.ts'

type Db = Kysely<Database>

const PAGE = 10_000
const OPEN = sql<boolean>`state in ('reserved', 'dispatched', 'streaming')`
const SPANS: readonly Span[] = ['total', 'daily', 'weekly', 'monthly']

/** First ms of the window before the current one: what the memory image keeps of a span. */
export function keptFrom(span: Span, now: number): number {
  return span === 'total' ? 0 : windowStart(span, windowStart(span, now) - 1)
}

/** Reads the memory image: all accounts, limit rows of the current and the previous windows and those with holds, open holds. */
export async function loadImage(db: Db, now: number): Promise<Image> {
  const accounts = new Map<string, Account>()
  for await (const rows of pages(db, 'accounts')) {
    for (const row of rows) {
      accounts.set(row.id, {
        id: row.id,
        organizationId: row.organization_id,
        floor: row.floor === 1 ? 1 : 0,
        posted: row.posted_nanos,
        held: row.held_nanos,
      })
    }
  }
  const limits = new Map<string, Limit>()
  for (const span of SPANS) await loadLimits(db, limits, { span, from: keptFrom(span, now) })
  const holds = new Map<string, Hold>()
  for (const hold of await loadHolds(db, null)) holds.set(hold.id, hold)
  return { accounts, limits, holds }
}

/** Accounts in pages by id. */
async function* pages(db: Db, table: 'accounts') {
  let after = ''
  for (;;) {
    const rows = await db
      .selectFrom(table)
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

async function loadLimits(
  db: Db,
  limits: Map<string, Limit>,
  which: { readonly span: Span; readonly from: number },
): Promise<void> {
  let after: readonly [scope: string, scopeId: string, windowStart: bigint] = ['', '', -1n]
  for (;;) {
    const rows = await db
      .selectFrom('limits')
      .selectAll()
      .where('span', '=', which.span)
      .where((eb) => eb.or([eb('window_start', '>=', BigInt(which.from)), eb('held_nanos', '>', 0n)]))
      .where(sql<boolean>`(scope, scope_id, window_start) > (${after[0]}, ${after[1]}, ${after[2]})`)
      .orderBy('scope')
      .orderBy('scope_id')
      .orderBy('window_start')
      .limit(PAGE)
      .execute()
    for (const row of rows) {
      const limit = decodeLimit(row)
      limits.set(limitKey(limit.ref), limit)
    }
    if (rows.length < PAGE) return
    const last = rows.at(-1)!
    after = [last.scope, last.scope_id, last.window_start]
  }
}

/** Open holds with their frozen tariffs; `ids` null: all of them. */
export async function loadHolds(db: Db, ids: readonly string[] | null): Promise<Hold[]> {
  const rows: HoldRow[] = []
  let after = ''
  for (;;) {
    let query = db.selectFrom('holds').selectAll().where(OPEN).where('id', '>', after)
    if (ids !== null) query = query.where('id', 'in', ids)
    const page = await query.orderBy('id').limit(PAGE).execute()
    rows.push(...page)
    if (page.length < PAGE) break
    after = page.at(-1)!.id
  }
  return await withTariffs(db, rows)
}

async function withTariffs(db: Db, rows: readonly HoldRow[]): Promise<Hold[]> {
  const versions = new Set<string>()
  for (const row of rows) for (const [, version] of frozenVersions(row)) if (version) versions.add(version)
  const tariffs = new Map<string, Tariff>()
  const names = [...versions]
  for (let at = 0; at < names.length; at += 500) {
    const found = await db
      .selectFrom('tariffs')
      .selectAll()
      .where('version', 'in', names.slice(at, at + 500))
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
