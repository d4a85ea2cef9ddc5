import { type Kysely, sql } from 'kysely'
import { columnTypes, type Migration, migrations } from './migrations/index.ts'
import type { Database } from './schema.ts'
import { StoreError } from './store.ts'

/** Name of the row in `settings` that holds the number of migrations applied. */
export const versionSetting = 'schema_version'

/** Any fixed number: nodes that start together wait here for one another. */
const migrationLock = 5_947_110_231

/**
 * Brings the schema up to date in one transaction, or changes nothing. Runs again without effect.
 * @param now ms since the epoch, for seed rows
 * @throws StoreError `invalid` when the database is newer than this program
 */
export async function migrate(
  db: Kysely<Database>,
  engine: 'sqlite' | 'postgres',
  now: number,
  steps: readonly Migration[] = migrations,
): Promise<void> {
  const types = columnTypes(engine)
  await db.transaction().execute(async (tx) => {
    if (engine === 'postgres') await sql`select pg_advisory_xact_lock(${migrationLock})`.execute(tx)
    await tx.schema
      .createTable('settings')
      .ifNotExists()
      .addColumn('name', types.text, (c) => c.primaryKey().notNull())
      .addColumn('value', types.text, (c) => c.notNull())
      .modifyEnd(types.keyed)
      .execute()
    const row = await tx
      .selectFrom('settings')
      .select('value')
      .where('name', '=', versionSetting)
      .executeTakeFirst()
    const current = Number(row?.value ?? 0)
    refuseNewer(current, steps.length)
    if (current === steps.length) return
    for (const step of steps.slice(current)) await step.up(tx as unknown as Kysely<never>, types, BigInt(now))
    const value = String(steps.length)
    await tx
      .insertInto('settings')
      .values({ name: versionSetting, value })
      .onConflict((c) => c.column('name').doUpdateSet({ value }))
      .execute()
  })
}

/** @throws StoreError when a database at version `found` was written by a later program than this one. */
export function refuseNewer(found: number, known = migrations.length): void {
  if (found <= known) return
  throw new StoreError(
    `the database has schema version ${found}, this waybill knows versions up to ${known}: ` +
      'start the newer waybill, or restore a backup that was made before the upgrade',
    'invalid',
  )
}
