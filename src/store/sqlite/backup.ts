import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type Database from 'better-sqlite3'
import { StoreError } from '../store.ts'

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

/** Makes a file, or the names in a directory, durable. */
export function sync(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
