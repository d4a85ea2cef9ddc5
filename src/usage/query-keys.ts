import { sql } from 'kysely'
import type { Store } from '../store/index.ts'

/** When a key was last used, and by which app where it named itself. */
export interface LastUse {
  /** ms since the epoch. */
  readonly at: number
  readonly app: string | null
}

/** The last call of each key, by hash; keys without calls are left out. One look into an index a key. */
export async function lastUses(store: Store, hashes: readonly string[]): Promise<Map<string, LastUse>> {
  if (hashes.length === 0) return new Map()
  const of = (column: 'created_at' | 'app_title') =>
    sql<never>`(select g.${sql.ref(column)} from generations g where g.key_hash = k.hash order by g.created_at desc limit 1)`
  const { rows } = await sql<{ hash: string; at: bigint | null; app: string | null }>`
    select k.hash, ${of('created_at')} as at, ${of('app_title')} as app
    from api_keys k where k.hash in (${sql.join(hashes)})`.execute(store.db)
  return new Map(rows.flatMap(({ hash, at, app }) => (at === null ? [] : [[hash, { at: Number(at), app }]])))
}
