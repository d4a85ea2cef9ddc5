import { type RawBuilder, sql } from 'kysely'
import type { ChainRow, JournalRow, Store } from '../store/index.ts'
import { genesis, journalHash } from './chain.ts'
import type { VerifyReport } from './ledger.ts'

type Fault = VerifyReport['faults'][number]

/** So many faulty rows are named per check; one tampered row shows in several checks anyway. */
const NAMED = 20
const PAGE = 2_000
const OPEN = sql`('reserved', 'dispatched', 'streaming')`

interface Check {
  readonly invariant: string
  readonly table: string
  /** One statement, so that it sees one state while the ledger runs: `name`, `found`, `expected` of what is wrong. */
  readonly query: RawBuilder<{ name: string; found: unknown; expected: unknown }>
  readonly says: string
}

/**
 * Recomputes the whole ledger from its entries and holds and compares; needs no running ledger and holds nobody up.
 * Memory stays bounded: sums are made by the database, chains are walked in pages.
 */
export async function verify(store: Store): Promise<VerifyReport> {
  const faults: Fault[] = []
  for (const check of checks(store.engine)) {
    const { rows } = await check.query.execute(store.db)
    for (const { name, found, expected } of rows) {
      const detail = `${check.says}: found ${found}, expected ${expected}`
      faults.push({ invariant: check.invariant, row: `${check.table} ${name}`, detail })
    }
  }
  faults.push(...(await verifyChains(store)))
  const { rows } = await sql<Totals>`select
    (select coalesce(cast(sum(posted_nanos) as bigint), 0) from accounts where organization_id is not null) as posted,
    (select coalesce(cast(sum(held_nanos) as bigint), 0) from accounts where organization_id is not null) as held,
    (select count(*) from journals) as journals,
    (select count(*) from entries) as entries,
    (select count(*) from holds where state in ${OPEN}) as open`.execute(store.db)
  const totals = rows[0]!
  return {
    ok: faults.length === 0,
    posted_nano: String(totals.posted),
    held_nano: String(totals.held),
    journals: Number(totals.journals),
    entries: Number(totals.entries),
    holds_open: Number(totals.open),
    faults,
  }
}

interface Totals {
  posted: bigint
  held: bigint
  journals: bigint
  entries: bigint
  open: bigint
}

function checks(engine: Store['engine']): Check[] {
  return [...journalChecks(), ...accountChecks(), ...holdChecks(), ...limitChecks(engine)]
}

function journalChecks(): Check[] {
  return [
    {
      invariant: 'I1',
      table: 'journals',
      says: 'the lines of a journal do not add up to zero',
      query: sql`select journal_id as name, cast(sum(amount_nanos) as bigint) as found, 0 as expected from entries
        group by journal_id having sum(amount_nanos) <> 0 limit ${sql.lit(NAMED)}`,
    },
    {
      invariant: 'I1',
      table: 'journals',
      says: 'a journal has no lines',
      query: sql`select j.id as name, 0 as found, 'lines' as expected from journals j
        where not exists (select 1 from entries e where e.journal_id = j.id) limit ${sql.lit(NAMED)}`,
    },
    {
      invariant: 'I1',
      table: 'entries',
      says: 'a line belongs to no journal',
      query: sql`select e.journal_id as name, e.line as found, 'a journal' as expected from entries e
        where not exists (select 1 from journals j where j.id = e.journal_id) limit ${sql.lit(NAMED)}`,
    },
    {
      invariant: 'I10',
      table: 'journals',
      says: 'the chain of a journal is not registered',
      query: sql`select j.id as name, j.chain as found, 'a row in chains' as expected from journals j
        where not exists (select 1 from chains c where c.id = j.chain) limit ${sql.lit(NAMED)}`,
    },
  ]
}

function accountChecks(): Check[] {
  return [
    {
      invariant: 'I3',
      table: 'accounts',
      says: 'posted_nanos is not the sum of the entries',
      query: sql`select a.id as name, a.posted_nanos as found, coalesce(f.total, 0) as expected from accounts a
        left join (select account_id, cast(sum(amount_nanos) as bigint) as total from entries group by account_id) f
        on f.account_id = a.id where a.posted_nanos <> coalesce(f.total, 0) limit ${sql.lit(NAMED)}`,
    },
    {
      invariant: 'I3',
      table: 'accounts',
      says: 'held_nanos is not the sum of the open holds',
      query: sql`select a.id as name, a.held_nanos as found, coalesce(f.total, 0) as expected from accounts a
        left join (select account_id, cast(sum(amount_nanos) as bigint) as total from holds where state in ${OPEN}
        group by account_id) f on f.account_id = a.id
        where a.held_nanos <> coalesce(f.total, 0) limit ${sql.lit(NAMED)}`,
    },
    {
      invariant: 'I3',
      table: 'entries',
      says: 'a line is on an account that does not exist',
      query: sql`select e.journal_id as name, e.account_id as found, 'a row in accounts' as expected from entries e
        where not exists (select 1 from accounts a where a.id = e.account_id) limit ${sql.lit(NAMED)}`,
    },
    {
      invariant: 'I2',
      table: 'accounts',
      says: 'a credit account is overdrawn',
      query: sql`select id as name, posted_nanos - held_nanos as found, '0 or more' as expected from accounts
        where (floor = 1 or id like 'org:%:credit') and (posted_nanos < 0 or posted_nanos - held_nanos < 0)
        limit ${sql.lit(NAMED)}`,
    },
  ]
}

/** The amount that each settled hold took from its account. */
const CHARGED = sql`coalesce((select -cast(sum(e.amount_nanos) as bigint) from journals j
  join entries e on e.journal_id = j.id and e.account_id = h.account_id
  where j.kind = 'charge' and j.reference = h.id), 0)`

function holdChecks(): Check[] {
  return [
    {
      invariant: 'I4',
      table: 'journals',
      says: 'a charge belongs to no settled hold',
      query: sql`select j.id as name, coalesce(h.state, 'no hold') as found, 'settled' as expected from journals j
        left join holds h on h.id = j.reference
        where j.kind = 'charge' and (h.id is null or h.state <> 'settled') limit ${sql.lit(NAMED)}`,
    },
    {
      invariant: 'I12',
      table: 'generations',
      says: 'the usage row does not say what was charged',
      query: sql`select name, found, expected from (select h.id as name, g.id as usage_row,
        coalesce(g.cost_nanos, 0) as found, ${CHARGED} as expected
        from holds h left join generations g on g.id = h.id where h.state = 'settled') t
        where usage_row is null or found <> expected limit ${sql.lit(NAMED)}`,
    },
    {
      invariant: 'I12',
      table: 'generations',
      says: 'a usage row has a cost without a settled hold',
      query: sql`select g.id as name, g.cost_nanos as found, 0 as expected from generations g
        left join holds h on h.id = g.id
        where g.cost_nanos <> 0 and (h.id is null or h.state <> 'settled') limit ${sql.lit(NAMED)}`,
    },
  ]
}

function limitChecks(engine: Store['engine']): Check[] {
  const at = (i: number) =>
    engine === 'sqlite' ? sql`json_extract(k.value, ${sql.lit(`$[${i}]`)})` : sql`(k.value ->> ${sql.lit(i)})`
  const keys =
    engine === 'sqlite'
      ? sql`json_each(h.limits) k`
      : sql`jsonb_array_elements(cast(h.limits as jsonb)) as k(value)`
  const fold = (amount: RawBuilder<unknown>, states: RawBuilder<unknown>) => sql`select
    ${at(0)} as scope, ${at(1)} as scope_id, ${at(2)} as span, cast(${at(3)} as bigint) as window_start,
    cast(sum(${amount}) as bigint) as total from holds h cross join ${keys}
    where h.state in ${states} group by 1, 2, 3, 4`
  const same = sql`f.scope = l.scope and f.scope_id = l.scope_id and f.span = l.span
    and f.window_start = l.window_start`
  const row = sql`l.scope || ' ' || l.scope_id || ' ' || l.span || ' ' || l.window_start`
  return [
    {
      invariant: 'I3',
      table: 'limits',
      says: 'held_nanos is not the sum of the open holds',
      query: sql`select ${row} as name, l.held_nanos as found, coalesce(f.total, 0) as expected from limits l
        left join (${fold(sql`h.amount_nanos`, OPEN)}) f on ${same}
        where l.held_nanos <> coalesce(f.total, 0) limit ${sql.lit(NAMED)}`,
    },
    {
      invariant: 'I3',
      table: 'limits',
      says: 'spent_nanos is not the sum of the charges',
      query: sql`select ${row} as name, l.spent_nanos as found, coalesce(f.total, 0) as expected from limits l
        left join (${fold(CHARGED, sql`('settled')`)}) f on ${same}
        where l.spent_nanos <> coalesce(f.total, 0) limit ${sql.lit(NAMED)}`,
    },
    {
      invariant: 'I6',
      table: 'limits',
      says: 'spent and held pass the cap of the last admission',
      query: sql`select ${row} as name, l.spent_nanos + l.held_nanos as found, l.cap_nanos as expected from limits l
        where l.cap_nanos is not null and l.spent_nanos + l.held_nanos > l.cap_nanos limit ${sql.lit(NAMED)}`,
    },
  ]
}

/** I10: every chain from its registry row on; journals are immutable, so a running ledger is no hindrance. */
async function verifyChains(store: Store): Promise<Fault[]> {
  const faults: Fault[] = []
  const chains = await store.db.selectFrom('chains').selectAll().orderBy('id').execute()
  for (const chain of chains) await verifyChain(store, chain, faults)
  return faults
}

async function verifyChain(store: Store, chain: ChainRow, faults: Fault[]): Promise<void> {
  let head = genesis(chain)
  let next = 1n
  const fault = (row: string, detail: string): void => {
    if (faults.length < NAMED) faults.push({ invariant: 'I10', row, detail })
  }
  for (let from = 0n; from < chain.length; from += BigInt(PAGE)) {
    const to = from + BigInt(PAGE) < chain.length ? from + BigInt(PAGE) : chain.length
    for (const { journal, lines } of await page(store, chain.id, { from, to })) {
      if (journal.seq !== next) fault(`journals ${chain.id}:${next}`, 'the journal is missing from its chain')
      else if (journal.prev_hash !== head)
        fault(`journals ${journal.id}`, 'it does not follow the journal before it')
      const covered = { ...journal, organizationId: journal.organization_id, entries: lines }
      if (journalHash(journal.prev_hash, covered) !== journal.hash) {
        fault(
          `journals ${journal.id}`,
          'the journal or one of its entries was changed: its hash does not fit',
        )
      }
      head = journal.hash
      next = journal.seq + 1n
    }
  }
  if (next !== chain.length + 1n)
    fault(`chains ${chain.id}`, `${next - 1n} journals, ${chain.length} expected`)
  else if (head !== chain.head) fault(`chains ${chain.id}`, 'the head is not the hash of the last journal')
  const beyond = await sql<{ id: string }>`select j.id from journals j join chains c on c.id = j.chain
    where c.id = ${chain.id} and j.seq > c.length order by j.seq limit 1`.execute(store.db)
  for (const { id } of beyond.rows) fault(`journals ${id}`, 'the journal is beyond the end of its chain')
}

type Line = readonly [accountId: string, amount: bigint]

async function page(
  store: Store,
  chain: string,
  range: { readonly from: bigint; readonly to: bigint },
): Promise<{ journal: JournalRow; lines: Line[] }[]> {
  const rows = await store.db
    .selectFrom('journals')
    .leftJoin('entries', 'entries.journal_id', 'journals.id')
    .selectAll('journals')
    .select(['entries.account_id', 'entries.amount_nanos'])
    .where('journals.chain', '=', chain)
    .where('journals.seq', '>', range.from)
    .where('journals.seq', '<=', range.to)
    .orderBy('journals.seq')
    .orderBy('entries.line')
    .execute()
  const journals: { journal: JournalRow; lines: Line[] }[] = []
  for (const { account_id, amount_nanos, ...journal } of rows) {
    let last = journals.at(-1)
    if (last?.journal.id !== journal.id) {
      last = { journal, lines: [] }
      journals.push(last)
    }
    if (account_id !== null && amount_nanos !== null) last.lines.push([account_id, amount_nanos])
  }
  return journals
}
