import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { databaseFile } from './file.ts'
import { StoreError } from './store.ts'

/**
 * Makes the data directory (0700) where it is missing, and the database file with access for its owner only; SQLite
 * gives the files beside it the same mode.
 */
export function prepareDirectory(dataDir: string): void {
  const file = join(dataDir, databaseFile)
  if (!existsSync(dataDir)) mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  // A directory that holds other things is left as it is: someone may have named a shared one.
  else if (existsSync(file)) chmodSync(dataDir, 0o700)
  // Never opened where it exists: closing it would drop the locks of a connection in this process (POSIX).
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600))
  chmodSync(file, 0o600)
}

/**
 * Takes the data directory for this process: an exclusive transaction on `lock.db`, which the operating system ends
 * with the process, however it ends. Blocks the thread for up to `waitMs`. `lock.db` must not be opened by other means
 * in the same process: closing it would drop the lock (POSIX).
 * @returns what gives the directory back
 * @throws StoreError naming the process that has it
 */
export function takeLock(dataDir: string, waitMs: number): () => void {
  const file = join(dataDir, 'lock.db')
  closeSync(openSync(join(dataDir, 'lock.pid'), 'a', 0o600))
  // Made here once, so that SQLite gives its journal the same mode; never opened where it exists, for the reason above.
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600))
  const db = new Database(file, { timeout: waitMs })
  try {
    db.exec('begin exclusive')
  } catch (error) {
    db.close()
    const busy = error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY')
    if (!busy) throw error
    const pid = holder(dataDir)
    throw new StoreError(`another waybill (pid ${pid ?? 'unknown'}) uses this data directory: ${dataDir}`)
  }
  chmodSync(file, 0o600)
  writeFileSync(join(dataDir, 'lock.pid'), `${process.pid}\n`, { mode: 0o600 })
  return () => db.close()
}

/** @returns the pid of the process that took the lock last, or of the server that wrote `runtime.json` */
function holder(dataDir: string): number | null {
  const read = (name: string): string => {
    try {
      return readFileSync(join(dataDir, name), 'utf8')
    } catch {
      return ''
    }
  }
  const pid = Number.parseInt(read('lock.pid'), 10)
  if (pid > 0) return pid
  const found = /"pid"\s*:\s*(\d+)/.exec(read('runtime.json'))
  return found ? Number(found[1]) : null
}
