import { deepEqual } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { NO_USAGE, type Tariff } from '../../src/chat/index.ts'
import { systemClock } from '../../src/lib/index.ts'
import {
  type AlertRules,
  type Ledger,
  type LimitRef,
  openLedger,
  type ReserveCommand,
  type SettleCommand,
} from '../../src/money/index.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { freshDatabase } from '../harness/postgres.ts'

export const ENDPOINT = 'acme/one@acme'

/** $1 per million prompt tokens, $2 per million completion tokens: 1,000 and 2,000 nano-USD a token. */
export const TARIFF: Tariff = {
  version: 'one',
  prompt: 1_000_000n,
  completion: 2_000_000n,
  cacheRead: null,
  cacheWrite: null,
  cacheWrite1h: null,
  reasoning: null,
  request: 0n,
  tiers: [],
}

/** What every ledger of these tests tells. */
export const RULES: AlertRules = { thresholds: [50, 80, 90, 100], lowBalanceNanos: 1_000_000n }

/** One process on the data: a store and its ledger. */
export interface Node {
  readonly store: Store
  readonly ledger: Ledger
  /** Ends the process; open holds stay behind. */
  close(): Promise<void>
}

/** A fresh database of one engine. The embedded one admits one node at a time. */
export interface World {
  readonly engine: 'sqlite' | 'postgres'
  start(): Promise<Node>
  drop(): Promise<void>
}

export async function sqliteWorld(): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), 'waybill-money-'))
  return {
    engine: 'sqlite',
    start: async () => node(await openStore({ dataDir, clock: systemClock })),
    drop: () => rm(dataDir, { recursive: true, force: true }),
  }
}

export async function postgresWorld(): Promise<World> {
  const database = await freshDatabase()
  return {
    engine: 'postgres',
    start: async () =>
      node(await openStore({ database: database.url, dataDir: '', poolSize: 4, clock: systemClock })),
    drop: () => database.drop(),
  }
}

async function node(store: Store): Promise<Node> {
  const ledger = await openLedger(store, { clock: systemClock, node: 'test', alerts: () => RULES })
  return {
    store,
    ledger,
    close: async () => {
      await ledger.close()
      await store.close()
    },
  }
}

export function reserveOf(
  id: string,
  over: Partial<ReserveCommand> = {},
  organizationId = 'default',
): ReserveCommand {
  const now = Date.now()
  return {
    id,
    owner: { organizationId, workspaceId: 'default', creatorUserId: null, keyHash: 'key' },
    account: 'prepaid',
    amountNanos: 10_000_000n,
    limits: [],
    tariffs: new Map([[ENDPOINT, TARIFF]]),
    now,
    expiresAt: now + 3_600_000,
    ...over,
  }
}

/** Every share of every cap that is spent was told, once, and nothing else; throws AssertionError. */
export async function alertsAgree(store: Store): Promise<void> {
  const limits = await store.db.selectFrom('limits').selectAll().where('cap_nanos', 'is not', null).execute()
  const expected = limits.flatMap((row) =>
    RULES.thresholds
      .filter((percent) => row.spent_nanos * 100n >= row.cap_nanos! * BigInt(percent))
      .map((percent) => `${row.scope} ${row.scope_id} ${row.span} ${row.window_start} ${percent}`),
  )
  const told = await store.db.selectFrom('alerts').selectAll().where('scope', '<>', 'balance').execute()
  const rows = told.map(
    (row) => `${row.scope} ${row.scope_id} ${row.span} ${row.window_start} ${row.threshold}`,
  )
  deepEqual(rows.sort(), expected.sort())
}

/** A settle for so many completion tokens at 2,000 nano-USD each. */
export function settleOf(
  id: string,
  completionTokens: number,
  over: Partial<SettleCommand> = {},
): SettleCommand {
  return {
    id,
    endpointId: ENDPOINT,
    providerId: 'acme',
    usage: { ...NO_USAGE, completionTokens },
    charge: true,
    now: Date.now(),
    record: null,
    ...over,
  }
}

export function capOf(scopeId: string, capNanos: bigint | null, span: LimitRef['span'] = 'total'): LimitRef {
  const windowStart = span === 'total' ? 0 : Math.floor(Date.now() / 86_400_000) * 86_400_000
  return { scope: 'key', scopeId, span, windowStart, capNanos }
}

let credits = 0

export async function topUp(ledger: Ledger, amountNanos: bigint, organizationId = 'default'): Promise<void> {
  const reference = `test-${++credits}-${process.pid}`
  await ledger.credit({
    organizationId,
    amountNanos,
    source: 'manual',
    reference,
    memo: null,
    now: Date.now(),
  })
}

/** Changes rows behind the ledger's back, append-only tables too. */
export async function tamper(store: Store, statement: string): Promise<void> {
  for (const table of ['journals', 'entries']) {
    if (store.engine === 'sqlite') {
      for (const verb of ['update', 'delete']) {
        await sql.raw(`drop trigger if exists ${table}_no_${verb}`).execute(store.db)
      }
    } else await sql.raw(`drop trigger if exists ${table}_append_only on ${table}`).execute(store.db)
  }
  await sql.raw(statement).execute(store.db)
}
