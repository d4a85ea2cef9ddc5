import { type CreateTableBuilder, type Kysely, sql } from 'kysely'
import type { ColumnTypes, Migration } from './types.ts'

/** Columns by table, `!` for those of the primary key, `?` for those that may be null. */
const tables = {
  organizations: 'id text!, name text, credits text, created_at int8',
  workspaces: 'id text!, organization_id text, slug text, name text, created_at int8',
  api_keys: `
    hash text!, organization_id text, workspace_id text, creator_user_id text?, name text,
    label text, kind text, disabled int4, limit_nanos int8?, limit_reset text?,
    include_byok_in_limit int4, expires_at int8?, created_at int8, updated_at int8,
    rotated_from text?`,
  accounts: 'id text!, organization_id text?, posted_nanos int8, held_nanos int8, floor int4',
  limits: `
    scope text!, scope_id text!, span text!, window_start int8!, organization_id text,
    cap_nanos int8?, spent_nanos int8, held_nanos int8`,
  holds: `
    id text!, organization_id text, workspace_id text, creator_user_id text?, key_hash text,
    state text, account_id text, amount_nanos int8, limits text, tariffs text, attempt int4,
    endpoint_id text?, usage text?, node text, created_at int8, expires_at int8`,
  journals: `
    id text!, chain text, seq int8, kind text, reference text, organization_id text?, at int8,
    memo text?, prev_hash text, hash text`,
  entries: 'journal_id text!, line int4!, account_id text, amount_nanos int8',
  chains: 'id text!, node text, started_at int8, length int8, head text',
  attempts: `
    id text!, generation_id text, organization_id text, n int4, endpoint_id text, provider text,
    model text, tariff_version text?, outcome text, error_code text?, status int4?,
    provider_code text?, started_at int8, ttft_ms int4?, duration_ms int4, cost_nanos int8?`,
  generations: `
    id text!, organization_id text, workspace_id text, creator_user_id text?, key_hash text,
    model text, requested_model text, provider text?, endpoint_id text?, upstream_id text?,
    surface text, streamed int4, simulated int4, cancelled int4, is_byok int4, result text,
    finish_reason text?, native_finish_reason text?, error_code text?, created_at int8,
    latency_ms int4?, generation_ms int4?, gateway_us int4?, prompt_tokens int4,
    completion_tokens int4, cache_read_tokens int4, cache_write_tokens int4, reasoning_tokens int4,
    usage_source text, cost_nanos int8?, upstream_prompt_nanos int8?,
    upstream_completion_nanos int8?, tariff_version text?, attempts int4, app_title text?,
    app_url text?, user_agent text?, external_user text?, session_id text?`,
  waybills: 'id text!, organization_id text, created_at int8, data text',
  candidate_tables: 'hash text!, data text',
  tariffs: 'version text!, endpoint_id text!, data text, first_used_at int8',
  commits: 'writer text!, n int8, at int8',
  nodes: 'id text!, epoch text, started_at int8, heartbeat_at int8',
}

/**
 * The first schema. Hot tables (holds, journals, entries, attempts, generations) carry no foreign keys: their rows are
 * written together in one unit, and the ledger's verification finds what does not match.
 */
export const initial: Migration = {
  name: '0001-initial',
  async up(tx, types, now) {
    await createOwners(tx, types)
    await createLedger(tx, types)
    await createUsage(tx, types)
    await createRest(tx, types)
    for (const table of ['journals', 'entries']) await makeAppendOnly(tx, types, table)
    await seed(tx, now)
  },
}

async function createOwners(tx: Kysely<never>, types: ColumnTypes): Promise<void> {
  await table(tx, types, 'organizations')
    .addCheckConstraint('organizations_credits', sql`credits in ('prepaid', 'unlimited', 'default')`)
    .execute()
  await table(tx, types, 'workspaces')
    .addUniqueConstraint('workspaces_slug', ['organization_id', 'slug'])
    .addForeignKeyConstraint('workspaces_organization', ['organization_id'], 'organizations', ['id'])
    .execute()
  await table(tx, types, 'api_keys')
    .addCheckConstraint('api_keys_kind', sql`kind in ('inference', 'management')`)
    .addCheckConstraint('api_keys_limit', sql`limit_nanos is null or limit_nanos >= 0`)
    .addForeignKeyConstraint('api_keys_organization', ['organization_id'], 'organizations', ['id'])
    .addForeignKeyConstraint('api_keys_workspace', ['workspace_id'], 'workspaces', ['id'])
    .execute()
  await index(tx, 'api_keys', ['organization_id', 'created_at'])
}

async function createLedger(tx: Kysely<never>, types: ColumnTypes): Promise<void> {
  await keyed(tx, types, 'accounts')
    .addCheckConstraint('accounts_floor', sql`floor = 0 or posted_nanos - held_nanos >= 0`)
    .addCheckConstraint('accounts_held', sql`held_nanos >= 0`)
    .execute()
  // A cap may be lowered below what is spent and held, so spent + held <= cap is the ledger's to keep.
  await keyed(tx, types, 'limits').addCheckConstraint('limits_held', sql`held_nanos >= 0`).execute()
  await table(tx, types, 'holds')
    .addCheckConstraint(
      'holds_state',
      sql`state in ('reserved', 'dispatched', 'streaming', 'settled', 'released')`,
    )
    .addCheckConstraint('holds_amount', sql`amount_nanos >= 0`)
    .execute()
  await tx.schema
    .createIndex('holds_open')
    .on('holds')
    .columns(['node', 'expires_at'])
    .where(sql.ref('state'), 'in', sql`('reserved', 'dispatched', 'streaming')`)
    .execute()
  await table(tx, types, 'journals')
    .addUniqueConstraint('journals_reference', ['kind', 'reference'])
    .addUniqueConstraint('journals_position', ['chain', 'seq'])
    .execute()
  // What an organization was given. Charges stay out: their rows are many, and are found through generations.
  await tx.schema
    .createIndex('journals_given')
    .on('journals')
    .columns(['organization_id', 'at'])
    .where(sql.ref('kind'), '<>', sql`'charge'`)
    .execute()
  // No index by account: it would cost every charge a tenth of its time, and a fold over accounts reads all rows anyway.
  await keyed(tx, types, 'entries').execute()
  await keyed(tx, types, 'chains').execute()
}

async function createUsage(tx: Kysely<never>, types: ColumnTypes): Promise<void> {
  await table(tx, types, 'attempts').execute()
  await index(tx, 'attempts', ['generation_id'])
  await table(tx, types, 'generations').execute()
  await index(tx, 'generations', ['organization_id', 'created_at'])
  await index(tx, 'generations', ['key_hash', 'created_at'])
  await table(tx, types, 'waybills').execute()
  await index(tx, 'waybills', ['created_at'])
  await table(tx, types, 'candidate_tables').execute()
}

async function createRest(tx: Kysely<never>, types: ColumnTypes): Promise<void> {
  await table(tx, types, 'tariffs').execute()
  await keyed(tx, types, 'commits').execute()
  await keyed(tx, types, 'nodes').execute()
}

type Known = keyof typeof tables

function table(tx: Kysely<never>, types: ColumnTypes, name: Known) {
  let builder: CreateTableBuilder<string, string> = tx.schema.createTable(name)
  const key: string[] = []
  for (const column of tables[name].split(',')) {
    const [id, type, mark] = /(\w+) (\w+)([!?]?)$/.exec(column)!.slice(1) as [
      string,
      'int8' | 'int4' | 'text',
      string,
    ]
    builder = builder.addColumn(id, types[type], (c) => (mark === '?' ? c : c.notNull()))
    if (mark === '!') key.push(id)
  }
  return builder.addPrimaryKeyConstraint(`${name}_key`, key).modifyEnd(types.end)
}

/** A narrow table that is found by its key only. */
function keyed(tx: Kysely<never>, types: ColumnTypes, name: Known) {
  return table(tx, { ...types, end: types.keyed }, name)
}

async function index(tx: Kysely<never>, name: string, columns: string[]): Promise<void> {
  await tx.schema
    .createIndex(`${name}_by_${columns.join('_')}`)
    .on(name)
    .columns(columns)
    .execute()
}

/** Journals are corrected by further journals, never changed: the database itself refuses. */
async function makeAppendOnly(tx: Kysely<never>, types: ColumnTypes, name: string): Promise<void> {
  const said = sql.lit(`${name} are append-only`)
  if (types.engine === 'sqlite') {
    for (const verb of ['update', 'delete']) {
      await sql`create trigger ${sql.id(`${name}_no_${verb}`)} before ${sql.raw(verb)} on ${sql.table(name)}
        begin select raise(abort, ${said}); end`.execute(tx)
    }
    return
  }
  const refuse = sql.id(`${name}_refuse_change`)
  await sql`create function ${refuse}() returns trigger language plpgsql as ${sql.lit(
    `begin raise exception '${name} are append-only' using errcode = 'restrict_violation'; end`,
  )}`.execute(tx)
  await sql`create trigger ${sql.id(`${name}_append_only`)} before update or delete or truncate on ${sql.table(name)}
    for each statement execute function ${refuse}()`.execute(tx)
}

/** What a fresh installation has: one organization with one workspace, and the accounts of the platform itself. */
async function seed(tx: Kysely<never>, now: bigint): Promise<void> {
  await sql`insert into organizations (id, name, credits, created_at)
    values ('default', 'Default', 'default', ${now})`.execute(tx)
  await sql`insert into workspaces (id, organization_id, slug, name, created_at)
    values ('default', 'default', 'default', 'Default', ${now})`.execute(tx)
  await sql`insert into accounts (id, organization_id, posted_nanos, held_nanos, floor) values
    ('world:manual', null, 0, 0, 0), ('rev:usage', null, 0, 0, 0),
    ('platform:writeoff', null, 0, 0, 0), ('platform:insurance', null, 0, 0, 0),
    ('org:default:credit', 'default', 0, 0, 1), ('org:default:usage', 'default', 0, 0, 0),
    ('org:default:test', 'default', 0, 0, 0)`.execute(tx)
}
