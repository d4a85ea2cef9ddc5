import { CompiledQuery, type Kysely, type Transaction } from 'kysely'
import type { Usage } from '../chat/index.ts'
import type { Database, TariffRow } from '../store/index.ts'
import type { Chain } from './chain.ts'
import { alertRow, encodeUsage, holdRow } from './codec.ts'
import { LedgerError, type LimitRef } from './ledger.ts'
import { decodeLimit } from './load.ts'
import {
  type Account,
  type AlertStep,
  emptyImage,
  type Hold,
  type HoldState,
  type Image,
  limitKey,
} from './state.ts'
import type { Unit } from './unit.ts'

type Db = Kysely<Database>
type Tx = Transaction<Database>

const OPEN = `('reserved', 'dispatched', 'streaming')`
/** One clock for all nodes: the server's, ms. */
const SERVER_NOW = 'cast(extract(epoch from clock_timestamp()) * 1000 as bigint)'
/** A node that was not heard of for so long is dead: others resolve its holds. */
const LEASE_MS = 30_000

/** What the commands of one transaction may change. */
export interface Wanted {
  readonly holds: ReadonlyMap<string, Hold | null>
  readonly accounts: ReadonlySet<string>
  readonly limits: ReadonlyMap<string, Omit<LimitRef, 'capNanos'>>
}

/** Makes limit rows that are not there, so that there is something to lock. In key order: nobody waits in a circle. */
export async function ensureLimits(
  tx: Tx,
  rows: readonly { readonly ref: Omit<LimitRef, 'capNanos'>; readonly organizationId: string }[],
): Promise<void> {
  const data = rows.map(({ ref, organizationId }) => ({
    ...limitColumns(ref),
    organization_id: organizationId,
    cap_nanos: null,
    spent_nanos: 0,
    held_nanos: 0,
  }))
  await run(tx, ENSURE_LIMITS, [json(data)])
}

const ENSURE_LIMITS = `insert into limits select * from json_populate_recordset(null::limits, $1::json) r
  order by r.scope, r.scope_id, r.span, r.window_start on conflict do nothing`

/**
 * Locks what is wanted, one kind after the other and each in key order, and reads it: the image that the commands of
 * this transaction are decided on. Accounts of the platform are not locked: they have no floor and change by differences.
 */
export async function lockImage(tx: Tx, wanted: Wanted): Promise<Image> {
  const limits = [...wanted.limits.values()].map(limitColumns)
  const rows = await run<{ kind: string; data: string }>(tx, LOCK, [
    json([...wanted.holds.keys()]),
    json([...wanted.accounts]),
    json(limits),
  ])
  const image = emptyImage()
  for (const { kind, data } of rows) {
    const cells = JSON.parse(data)
    if (kind === 'h') readHold(image, cells, wanted)
    else if (kind === 'a') readAccount(image, cells)
    else readLimit(image, cells)
  }
  return image
}

const LOCK = `with
  h as (select * from holds where id in (select json_array_elements_text($1::json)) order by id for update),
  a as (select * from accounts where id in (select json_array_elements_text($2::json)) order by id for update),
  l as (select * from limits where (scope, scope_id, span, window_start) in
    (select scope, scope_id, span, window_start from json_populate_recordset(null::limits, $3::json))
    order by scope, scope_id, span, window_start for update)
  select 'h' as kind, json_build_array(id, state, amount_nanos::text, attempt, endpoint_id, usage)::text as data from h
  union all
  select 'a', json_build_array(id, organization_id, floor, posted_nanos::text, held_nanos::text)::text from a
  union all
  select 'l', json_build_array(scope, scope_id, span, window_start::text, organization_id, cap_nanos::text,
    spent_nanos::text, held_nanos::text)::text from l`

function readHold(
  image: Image,
  cells: [string, HoldState, string, number, string | null, string | null],
  wanted: Wanted,
): void {
  const [id, state, amount, attempt, endpointId, usage] = cells
  const known = wanted.holds.get(id)
  if (state === 'settled' || state === 'released') return
  if (known == null) throw new LedgerError('conflict', `hold ${id} exists already`)
  const parsed = usage === null ? null : (JSON.parse(usage) as Usage)
  image.holds.set(id, { ...known, state, amount: BigInt(amount), attempt, endpointId, usage: parsed })
}

function readAccount(image: Image, cells: [string, string | null, number, string, string]): void {
  const [id, organizationId, floor, posted, held] = cells
  const account: Account = {
    id,
    organizationId,
    floor: floor === 1 ? 1 : 0,
    posted: BigInt(posted),
    held: BigInt(held),
  }
  image.accounts.set(id, account)
}

function readLimit(
  image: Image,
  cells: [string, string, string, string, string, string | null, string, string],
): void {
  const [scope, scope_id, span, window_start, organization_id, cap, spent, held] = cells
  const limit = decodeLimit({
    scope,
    scope_id,
    span,
    window_start: BigInt(window_start),
    organization_id,
    cap_nanos: cap === null ? null : BigInt(cap),
    spent_nanos: BigInt(spent),
    held_nanos: BigInt(held),
  })
  image.limits.set(limitKey(limit.ref), limit)
}

/**
 * Writes a unit in one statement. Rows change only where they are as they were decided on; a count that differs undoes
 * everything.
 */
export async function writeUnit(tx: Tx, unit: Unit, chain: Chain): Promise<void> {
  const payload = payloadOf(unit, chain)
  const rows = await run<{ holds: bigint; accounts: bigint; limits: bigint }>(
    tx,
    WRITE,
    PAYLOAD.map((name) => json(payload[name])),
  )
  const done = rows[0]!
  if (
    Number(done.holds) !== payload.changed.length ||
    Number(done.accounts) !== payload.own.length ||
    Number(done.limits) !== payload.limits.length
  ) {
    throw new LedgerError('unavailable', 'the ledger changed under a decision')
  }
  for (const told of unit.alerts) await writeAlert(tx, told)
}

/** A statement of its own: few units tell something, and the others do not pay for it. */
async function writeAlert(tx: Tx, told: AlertStep): Promise<void> {
  if (told.type === 'alert') await run(tx, ALERT, [json([alertRow(told.alert)])])
  else await run(tx, REARM, [told.at, told.organizationId])
}

const ALERT = `insert into alerts select * from json_populate_recordset(null::alerts, $1::json)
  on conflict do nothing`
/** Twice in one millisecond, the second time changes nothing. */
const REARM = `update alerts a set window_start = $1 where scope = 'balance' and scope_id = $2 and window_start = 0
  and not exists (select 1 from alerts b where b.scope = 'balance' and b.scope_id = a.scope_id
  and b.threshold = a.threshold and b.window_start = $1)`

type Payload = ReturnType<typeof payloadOf>

/** The parameters of `WRITE`, each a list of rows as JSON: parsed once each. */
const PAYLOAD = [
  'fresh',
  'changed',
  'own',
  'shared',
  'limits',
  'journals',
  'entries',
  'chains',
  'generations',
  'attempts',
  'waybills',
] as const satisfies readonly (keyof Payload)[]

const rowset = (table: string, name: keyof Payload): string =>
  `json_populate_recordset(null::${table}, $${PAYLOAD.indexOf(name) + 1}::json)`
const copy = (table: string, name: keyof Payload): string =>
  `(insert into ${table} select * from ${rowset(table, name)})`

const WRITE = `with
  fresh as ${copy('holds', 'fresh')},
  changed as (update holds h set state = x.state, amount_nanos = x.amount_nanos, attempt = x.attempt,
    endpoint_id = x.endpoint_id, usage = x.usage from ${rowset('holds', 'changed')} x
    where h.id = x.id and h.state in ${OPEN} returning 1),
  own as (update accounts a set posted_nanos = a.posted_nanos + x.posted_nanos,
    held_nanos = a.held_nanos + x.held_nanos from ${rowset('accounts', 'own')} x
    where a.id = x.id and (a.floor = 0
    or a.posted_nanos + x.posted_nanos - a.held_nanos - x.held_nanos >= 0) returning 1),
  shared as (insert into accounts select * from ${rowset('accounts', 'shared')} r order by r.id
    on conflict (id) do update set posted_nanos = accounts.posted_nanos + excluded.posted_nanos,
    held_nanos = accounts.held_nanos + excluded.held_nanos),
  caps as (update limits l set cap_nanos = x.cap_nanos, spent_nanos = l.spent_nanos + x.spent_nanos,
    held_nanos = l.held_nanos + x.held_nanos from ${rowset('limits', 'limits')} x
    where l.scope = x.scope and l.scope_id = x.scope_id and l.span = x.span and l.window_start = x.window_start
    and (x.cap_nanos is null
    or l.spent_nanos + x.spent_nanos + l.held_nanos + x.held_nanos <= x.cap_nanos) returning 1),
  moved as ${copy('journals', 'journals')},
  lines as ${copy('entries', 'entries')},
  head as (insert into chains select * from ${rowset('chains', 'chains')}
    on conflict (id) do update set length = excluded.length, head = excluded.head),
  used as ${copy('generations', 'generations')},
  tried as ${copy('attempts', 'attempts')},
  why as ${copy('waybills', 'waybills')}
  select (select count(*) from changed) as holds, (select count(*) from own) as accounts,
    (select count(*) from caps) as limits`

function payloadOf(unit: Unit, chain: Chain) {
  const holds = [...unit.holds.values()]
  const accounts = [...unit.accounts].map(([id, sum]) => ({
    fresh: sum.fresh,
    row: {
      id,
      organization_id: sum.organizationId,
      posted_nanos: sum.posted,
      held_nanos: sum.held,
      floor: sum.floor,
    },
  }))
  return {
    fresh: holds.filter(({ fresh }) => fresh).map(({ hold }) => holdRow(hold)),
    changed: holds.filter(({ fresh }) => !fresh).map(({ hold }) => changedRow(hold)),
    own: accounts.filter(({ fresh }) => !fresh).map(({ row }) => row),
    shared: accounts.filter(({ fresh }) => fresh).map(({ row }) => row),
    limits: [...unit.limits.values()].map(({ limit, spent, held }) => ({
      ...limitColumns(limit.ref),
      cap_nanos: limit.cap,
      spent_nanos: spent,
      held_nanos: held,
    })),
    journals: unit.journals.map(({ id, seq, draft, prevHash, hash, chain: name }) => ({
      id,
      chain: name,
      seq,
      kind: draft.kind,
      reference: draft.reference,
      organization_id: draft.organizationId,
      at: draft.at,
      memo: draft.memo,
      prev_hash: prevHash,
      hash,
    })),
    entries: unit.journals.flatMap(({ id, draft }) =>
      draft.entries.map(([account_id, amount_nanos], line) => ({
        journal_id: id,
        line,
        account_id,
        amount_nanos,
      })),
    ),
    chains: unit.before === null ? [] : [chain.row()],
    generations: unit.records.map((record) => record.generation),
    attempts: unit.records.flatMap((record) => record.attempts),
    waybills: unit.records.flatMap((record) => record.waybill ?? []),
  }
}

function changedRow(hold: Hold) {
  return {
    id: hold.id,
    state: hold.state,
    amount_nanos: hold.amount,
    attempt: hold.attempt,
    endpoint_id: hold.endpointId,
    usage: encodeUsage(hold.usage),
  }
}

/** Price lists never change and other nodes may write them at the same time: outside the transaction nobody waits. */
export async function writeTariffs(db: Db, rows: readonly TariffRow[]): Promise<void> {
  if (rows.length > 0) await run(db, WRITE_TARIFFS, [json(rows)])
}

const WRITE_TARIFFS = `insert into tariffs select * from json_populate_recordset(null::tariffs, $1::json) r
  order by r.version, r.endpoint_id on conflict do nothing`

/** Says that the node lives. */
export async function heartbeat(db: Db, node: string): Promise<void> {
  await run(db, HEARTBEAT, [node])
}

const HEARTBEAT = `insert into nodes (id, epoch, started_at, heartbeat_at) values ($1, $1, ${SERVER_NOW}, ${SERVER_NOW})
  on conflict (id) do update set heartbeat_at = excluded.heartbeat_at`

/** Open holds that nobody will resolve: of dead nodes, or past their time. */
export async function strandedHolds(db: Db, limit: number): Promise<string[]> {
  const rows = await run<{ id: string }>(db, STRANDED, [limit])
  return rows.map((row) => row.id)
}

const STRANDED = `select h.id from holds h where h.state in ${OPEN} and (h.expires_at < ${SERVER_NOW}
  or not exists (select 1 from nodes n where n.id = h.node and n.heartbeat_at > ${SERVER_NOW} - ${LEASE_MS}))
  limit $1`

/** Fixed text: the statements of every transaction are not built anew each time. */
async function run<Row>(db: Db, text: string, parameters: readonly unknown[]): Promise<Row[]> {
  return (await db.executeQuery<Row>(CompiledQuery.raw(text, [...parameters]))).rows
}

function limitColumns({ scope, scopeId, span, windowStart }: Omit<LimitRef, 'capNanos'>) {
  return { scope, scope_id: scopeId, span, window_start: windowStart }
}

/** bigint as decimal strings; characters that Postgres text cannot hold are replaced. */
function json(value: unknown): string {
  return JSON.stringify(value, (_, cell) => (typeof cell === 'bigint' ? cell.toString() : cell)).replace(
    /\\u0000|\\ud[89a-f][0-9a-f]{2}/g,
    '\\ufffd',
  )
}
