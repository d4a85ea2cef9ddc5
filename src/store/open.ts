import type { Clock } from '../lib/index.ts'
import { type Store, StoreError } from './store.ts'

export interface StoreSettings {
  /** `postgres://…`; null or absent chooses the embedded database. */
  readonly database?: string | null
  /** Where the embedded database lives. */
  readonly dataDir: string
  /** Connections to Postgres. */
  readonly poolSize?: number
  readonly clock: Clock
}

/** Opens the store that the settings name; the engine that is not chosen is not loaded. */
export async function openStore(settings: StoreSettings): Promise<Store> {
  const { database, dataDir, poolSize, clock } = settings
  if (!database) {
    const { openSqliteStore } = await import('./sqlite/sqlite.store.ts')
    return openSqliteStore({ dataDir, clock })
  }
  if (!/^postgres(ql)?:\/\//.test(database)) {
    throw new StoreError(
      'database must begin with postgres:// or be left out for the embedded one',
      'invalid',
    )
  }
  const { openPostgresStore } = await import('./postgres/postgres.store.ts')
  return openPostgresStore({ url: database, clock, ...(poolSize === undefined ? {} : { poolSize }) })
}

/**
 * Replaces the embedded database by a backup after looking through it; for commands, while no server runs.
 * @returns the schema version of the backup
 * @throws StoreError when a server uses the directory, or the file is no sound database of ours
 */
export async function restoreSqlite(file: string, dataDir: string): Promise<{ schemaVersion: number }> {
  const { restore } = await import('./sqlite/restore.ts')
  return restore(file, dataDir)
}
