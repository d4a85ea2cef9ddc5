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

/** A candidate table that waybills refer to by hash. */
export async function candidateTable(store: Store, hash: string): Promise<string | undefined> {
  const row = await store.db
    .selectFrom('candidate_tables')
    .select('data')
    .where('hash', '=', hash)
    .executeTakeFirst()
  return row?.data
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
