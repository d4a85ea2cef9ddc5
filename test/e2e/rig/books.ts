import { join } from 'node:path'
import Database from 'better-sqlite3'
import pg from 'pg'
import { expect } from 'vitest'
import type { RunningGateway } from '../../harness/gateway.ts'
import { nanos } from './client.ts'

/** One row per call that the ledger knows an end of. */
export interface BookedCall {
  readonly id: string
  readonly upstreamId: string | null
  readonly promptTokens: number
  readonly completionTokens: number
  readonly source: string
  readonly result: string
  /** nano-USD */
  readonly cost: bigint | null
}

/** The ledger's tables, read past the gateway. */
export interface LedgerBook {
  rows(sql: string): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

export function sqliteBook(dataDir: string): LedgerBook {
  const db = new Database(join(dataDir, 'waybill.db'), { readonly: true })
  db.defaultSafeIntegers(true)
  return {
    rows: async (sql) => db.prepare(sql).all() as Record<string, unknown>[],
    close: async () => void db.close(),
  }
}

export async function postgresBook(url: string): Promise<LedgerBook> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return {
    rows: async (sql) => (await client.query(sql)).rows as Record<string, unknown>[],
    close: () => client.end(),
  }
}

/** What each call was charged, nano-USD, by its id. Throws when one was charged twice. */
export async function chargesIn(
  book: LedgerBook,
  account = 'org:default:credit',
): Promise<Map<string, bigint>> {
  const rows = await book.rows(
    `select j.reference as id, -e.amount_nanos as nanos from journals j join entries e on e.journal_id = j.id where j.kind = 'charge' and e.account_id = '${account}'`,
  )
  const charges = new Map<string, bigint>()
  for (const row of rows) {
    const id = String(row['id'])
    if (charges.has(id)) throw new Error(`${id} was charged twice`)
    charges.set(id, BigInt(String(row['nanos'])))
  }
  return charges
}

export async function callsIn(book: LedgerBook): Promise<Map<string, BookedCall>> {
  const rows = await book.rows(
    'select id, upstream_id, prompt_tokens, completion_tokens, usage_source, result, cost_nanos from generations',
  )
  const calls = rows.map(
    (row): BookedCall => ({
      id: String(row['id']),
      upstreamId: row['upstream_id'] === null ? null : String(row['upstream_id']),
      promptTokens: Number(row['prompt_tokens']),
      completionTokens: Number(row['completion_tokens']),
      source: String(row['usage_source']),
      result: String(row['result']),
      cost: row['cost_nanos'] === null ? null : BigInt(String(row['cost_nanos'])),
    }),
  )
  return new Map(calls.map((call) => [call.id, call]))
}

/** Posted and held of the prepaid account, nano-USD, as the tables hold them at this moment. */
export async function standingIn(book: LedgerBook): Promise<{ posted: bigint; held: bigint }> {
  const [row] = await book.rows(
    "select posted_nanos as posted, held_nanos as held from accounts where id = 'org:default:credit'",
  )
  return { posted: BigInt(String(row?.['posted'] ?? 0)), held: BigInt(String(row?.['held'] ?? 0)) }
}

export interface Standing {
  readonly available: bigint
  readonly posted: bigint
  readonly held: bigint
  readonly credited: bigint
  readonly used: bigint
}

/** The balance as the API tells it, nano-USD. */
export async function standing(gateway: RunningGateway): Promise<Standing> {
  const { status, body } = await gateway.call('GET', '/admin/credits', undefined, gateway.operatorKey)
  expect(status).toBe(200)
  const read = (name: string) => signed(String(body.data[name]))
  return {
    available: read('available_usd'),
    posted: read('posted_usd'),
    held: read('held_usd'),
    credited: read('credited_usd'),
    used: read('used_usd'),
  }
}

function signed(decimal: string): bigint {
  return decimal.startsWith('-') ? -nanos(decimal.slice(1)) : nanos(decimal)
}

export async function topUp(gateway: RunningGateway, usd: number | string): Promise<void> {
  const added = await gateway.call('POST', '/admin/credits', { amount_usd: usd }, gateway.operatorKey)
  expect(added.status).toBe(201)
}

/** Recomputes the whole ledger through the API and expects it sound. */
export async function expectSound(
  gateway: RunningGateway,
): Promise<{ readonly posted: bigint; readonly held: bigint; readonly open: number }> {
  const { body } = await gateway.call('GET', '/admin/ledger/verify', undefined, gateway.operatorKey)
  expect(body.data).toMatchObject({ ok: true, faults: [] })
  return {
    posted: BigInt(body.data.posted_nano),
    held: BigInt(body.data.held_nano),
    open: body.data.holds_open,
  }
}
