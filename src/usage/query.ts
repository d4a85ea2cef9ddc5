import { sql } from 'kysely'
import type { AttemptRow, GenerationRow, Store } from '../store/index.ts'

/** A generation with its attempts and the two halves of its explanation. */
export interface GenerationDetail {
  readonly generation: GenerationRow
  readonly attempts: readonly AttemptRow[]
  /** JSON, or null when its retention has passed. */
  readonly waybill: string | null
}

/** One generation of an organization; undefined when there is none (or it is another organization's). */
export async function generationDetail(
  store: Store,
  organizationId: string,
  id: string,
): Promise<GenerationDetail | undefined> {
  const generation = await store.db
    .selectFrom('generations')
    .selectAll()
    .where('id', '=', id)
    .where('organization_id', '=', organizationId)
    .executeTakeFirst()
  if (generation === undefined) return undefined
  const [attempts, waybill] = await Promise.all([
    store.db.selectFrom('attempts').selectAll().where('generation_id', '=', id).orderBy('n').execute(),
    store.db.selectFrom('waybills').select('data').where('id', '=', id).executeTakeFirst(),
  ])
  return { generation, attempts, waybill: waybill?.data ?? null }
}

/** The candidate tables that a waybill refers to, by hash; those that are gone are left out. */
export async function candidateTables(store: Store, hashes: readonly string[]): Promise<Map<string, string>> {
  if (hashes.length === 0) return new Map()
  const rows = await store.db
    .selectFrom('waybill_tables')
    .select(['hash', 'data'])
    .where('hash', 'in', hashes)
    .execute()
  return new Map(rows.map(({ hash, data }) => [hash, data]))
}

/** A price list as it was when it was frozen in a hold, as JSON text; undefined when there is none of that version. */
export async function frozenTariff(
  store: Store,
  version: string,
  endpointId: string,
): Promise<string | undefined> {
  const row = await store.db
    .selectFrom('tariffs')
    .select('data')
    .where('version', '=', version)
    .where('endpoint_id', '=', endpointId)
    .executeTakeFirst()
  return row?.data
}

/** Which generations to list. */
export interface GenerationFilter {
  readonly organizationId: string
  /** Only calls of this key. */
  readonly keyHash?: string
  /** Catalog id that answered, or name that was asked for. */
  readonly model?: string
  readonly result?: string
  /** Codes of errors; null among them stands for calls without one. */
  readonly errorCodes?: readonly (string | null)[]
  /** Only calls that began before this one; `gen-…`. */
  readonly before?: string
  readonly limit: number
}

/** The last generations of an organization, newest first. */
export async function generations(store: Store, filter: GenerationFilter): Promise<GenerationRow[]> {
  const { organizationId, keyHash, model, result, errorCodes, before, limit } = filter
  let query = store.db.selectFrom('generations').selectAll().where('organization_id', '=', organizationId)
  if (keyHash !== undefined) query = query.where('key_hash', '=', keyHash)
  if (model !== undefined)
    query = query.where((e) => e.or([e('model', '=', model), e('requested_model', '=', model)]))
  if (result !== undefined) query = query.where('result', '=', result)
  if (errorCodes !== undefined) {
    const codes = errorCodes.filter((code) => code !== null)
    const without = codes.length < errorCodes.length
    query = query.where((e) =>
      e.or([
        ...(codes.length > 0 ? [e('error_code', 'in', codes)] : []),
        ...(without ? [e('error_code', 'is', null)] : []),
      ]),
    )
  }
  if (before !== undefined) {
    const from = store.db.selectFrom('generations').select('created_at').where('id', '=', before)
    query = query
      .where('created_at', '<=', from)
      .where((e) => e.or([e('created_at', '<', from), e('id', '<', before)]))
  }
  return query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
}

/** Nano-USD charged to one key, real and simulated apart, by UTC window. */
export interface KeyUsage {
  readonly total: bigint
  readonly daily: bigint
  readonly weekly: bigint
  readonly monthly: bigint
}

/**
 * What the keys have spent, by hash. Windows are given as their first ms (UTC); simulated calls never count. Unpriced
 * calls count as nothing here: they are served only where no limit needs the figure.
 */
export async function keyUsage(
  store: Store,
  organizationId: string,
  starts: { readonly daily: number; readonly weekly: number; readonly monthly: number },
  hash?: string,
): Promise<Map<string, KeyUsage>> {
  const since = (start: number) =>
    sql<bigint>`cast(coalesce(sum(case when created_at >= ${BigInt(start)} then cost_nanos else 0 end), 0) as bigint)`
  let query = store.db
    .selectFrom('generations')
    .select([
      'key_hash',
      sql<bigint>`cast(coalesce(sum(cost_nanos), 0) as bigint)`.as('total'),
      since(starts.daily).as('daily'),
      since(starts.weekly).as('weekly'),
      since(starts.monthly).as('monthly'),
    ])
    .where('organization_id', '=', organizationId)
    .where('simulated', '=', 0)
    .groupBy('key_hash')
  if (hash !== undefined) query = query.where('key_hash', '=', hash)
  const rows = await query.execute()
  return new Map(
    rows.map((row) => [
      row.key_hash,
      {
        total: BigInt(row.total),
        daily: BigInt(row.daily),
        weekly: BigInt(row.weekly),
        monthly: BigInt(row.monthly),
      },
    ]),
  )
}
