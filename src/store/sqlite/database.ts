import { join } from 'node:path'
import Database from 'better-sqlite3'
import { databaseFile } from '../file.ts'
import { StoreError } from '../store.ts'

/** Marks a file as ours; "Wayb" (https://sqlite.org/pragma.html#pragma_application_id). */
export const applicationId = 0x57617962

/** Older ones can corrupt the database when the WAL is reset (https://sqlite.org/wal.html#walresetbug). */
const oldestSqlite = [3, 51, 3]

/** @throws StoreError when the SQLite that is linked in cannot be trusted with money */
export function refuseOldSqlite(version: string): void {
  const parts = version.split('.').map(Number)
  const first = oldestSqlite.findIndex((want, index) => parts[index] !== want)
  if (first < 0 || parts[first]! > oldestSqlite[first]!) return
  throw new StoreError(
    `SQLite ${version} may corrupt its write-ahead log; ${oldestSqlite.join('.')} or later is needed: reinstall better-sqlite3`,
  )
}

/** Opens the database for the writer: every commit is synced to the disk before it returns. */
export function openDatabase(dataDir: string): Database.Database {
  const db = new Database(join(dataDir, databaseFile), { timeout: 5000 })
  db.defaultSafeIntegers(true)
  refuseOldSqlite(db.prepare<[], string>('select sqlite_version()').pluck().get()!)
  db.pragma('journal_mode = wal')
  db.pragma('synchronous = full')
  db.pragma('foreign_keys = on')
  db.pragma('temp_store = memory')
  db.pragma('cache_size = -16384')
  // Fewer, larger checkpoints: the pages that every unit touches are copied once for many.
  db.pragma('wal_autocheckpoint = 4000')
  db.pragma('journal_size_limit = 67108864')
  db.pragma(`application_id = ${applicationId}`)
  return db
}

/** Opens the database for queries: sees what is committed, cannot write. */
export function openReader(dataDir: string): Database.Database {
  const db = new Database(join(dataDir, databaseFile), { readonly: true, timeout: 5000 })
  db.defaultSafeIntegers(true)
  db.pragma('temp_store = memory')
  db.pragma('cache_size = -8192')
  return db
}
