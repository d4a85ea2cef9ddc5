import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { databaseFile } from '../file.ts'
import { prepareDirectory, takeLock } from '../lock.ts'
import { refuseNewer, versionSetting } from '../migrate.ts'
import { StoreError } from '../store.ts'
import { applicationId } from './database.ts'

/** More pages than a database can have: all in one step, so that writes meanwhile cannot make the copy start again. */
const allPages = 0x7fffffff

/**
 * Copies the database as it is at one moment, while others write. The file appears complete or not at all.
 * @throws StoreError `invalid` when `file` exists
 */
export async function backup(db: Database.Database, file: string): Promise<void> {
  if (existsSync(file)) throw new StoreError(`${file} exists already: name a new file`, 'invalid')
  const partial = `${file}.partial`
  rmSync(partial, { force: true })
  closeSync(openSync(partial, 'wx', 0o600))
  try {
    await db.backup(partial, { progress: () => allPages })
    sync(partial)
    renameSync(partial, file)
    sync(dirname(file))
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  }
}

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

function sync(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
