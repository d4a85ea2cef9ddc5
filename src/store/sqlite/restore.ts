import { chmodSync, copyFileSync, existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { databaseFile } from '../file.ts'
import { prepareDirectory, takeLock } from '../lock.ts'
import { refuseNewer, versionSetting } from '../migrate.ts'
import { StoreError } from '../store.ts'
import { sync } from './backup.ts'
import { applicationId } from './database.ts'

/**
 * Replaces the database in `dataDir` by the backup `file`, after looking through the whole of it. The one that was there
 * stays beside it as `waybill.db.before-restore`. Blocks the thread; for commands, not for a running server.
 * @returns the schema version of the backup
 * @throws StoreError when a server uses the directory, or the file is no sound database of ours
 */
export function restore(file: string, dataDir: string): { schemaVersion: number } {
  if (!existsSync(file)) throw new StoreError(`${file} does not exist`, 'invalid')
  if (sizeOf(`${file}-wal`) > 0) {
    throw new StoreError(
      `${file} belongs to a running server: restore from what "waybill backup" wrote`,
      'invalid',
    )
  }
  prepareDirectory(dataDir)
  const unlock = takeLock(dataDir, 500)
  const target = join(dataDir, databaseFile)
  const incoming = `${target}.incoming`
  try {
    for (const end of ['', '-wal', '-shm', '-journal']) rmSync(incoming + end, { force: true })
    copyFileSync(file, incoming)
    chmodSync(incoming, 0o600)
    const schemaVersion = inspect(incoming, file)
    sync(incoming)
    keepOld(target)
    renameSync(incoming, target)
    sync(dataDir)
    return { schemaVersion }
  } finally {
    for (const end of ['', '-wal', '-shm']) rmSync(incoming + end, { force: true })
    unlock()
  }
}

/** @returns the schema version of a sound database */
function inspect(copy: string, name: string): number {
  let db: Database.Database | null = null
  try {
    db = new Database(copy)
    const found = db.pragma('integrity_check(1)', { simple: true })
    if (found !== 'ok') throw new StoreError(`${name} is damaged: ${found}`, 'invalid')
    if (db.pragma('application_id', { simple: true }) !== applicationId) {
      throw new StoreError(`${name} is not a waybill database`, 'invalid')
    }
    const query = db.prepare<[string], string>('select value from settings where name = ?').pluck()
    const version = Number(query.get(versionSetting) ?? 0)
    refuseNewer(version)
    return version
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw new StoreError(`${name} is not a waybill database: ${(error as Error).message}`, 'invalid')
  } finally {
    db?.close()
  }
}

/** Folds the log of the old database into its file and keeps that under another name; the old name stays until replaced. */
function keepOld(target: string): void {
  if (sizeOf(target) === 0) return
  try {
    const db = new Database(target)
    db.pragma('wal_checkpoint(truncate)')
    db.close()
  } catch {
    // Damaged: a reason to restore. Kept as it is.
  }
  const old = `${target}.before-restore`
  rmSync(old, { force: true })
  linkSync(target, old)
  for (const end of ['-wal', '-shm']) rmSync(target + end, { force: true })
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
