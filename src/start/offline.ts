import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayError } from '../chat/index.ts'
import { systemClock } from '../lib/index.ts'
import { type VerifyReport, verify } from '../money/index.ts'
import { databaseFile, openStore, restoreSqlite, StoreError } from '../store/index.ts'

/** A server that runs answers within this time, ms; one that does not keeps its lock on the database all the same. */
const HEALTH_MS = 5_000

/** What can be done with a data directory while no server runs on it. */
export interface Offline {
  verify(): Promise<VerifyReport>
  restore(file: string): Promise<void>
}

/** Opens a data directory for maintenance; null when a server runs on it, or when it holds no embedded database to look at and `forRestore` is not meant. */
export async function openOffline(dataDir: string): Promise<Offline | null> {
  return (await serverRuns(dataDir))
    ? null
    : { verify: () => verifyDirectory(dataDir), restore: (file) => restoreInto(file, dataDir) }
}

/** Puts a backup in the place of the database after checking both file and ledger. The lock of the data directory must be free. */
export async function restoreInto(file: string, dataDir: string): Promise<void> {
  await checkBackup(file, dataDir)
  await restoreSqlite(file, dataDir)
}

/** Opens a copy of the backup beside the database and verifies its ledger. Throws GatewayError `invalid_request` that names the first faulty row. */
export async function checkBackup(file: string, dataDir: string): Promise<void> {
  if (!existsSync(file)) throw new GatewayError('invalid_request', `There is no file ${file}.`)
  const directory = join(dataDir, `restore-${randomBytes(6).toString('hex')}`)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  try {
    copyFileSync(file, join(directory, databaseFile))
    const { faults } = await verifyDirectory(directory)
    const [fault] = faults
    if (fault !== undefined)
      throw new GatewayError(
        'invalid_request',
        `The ledger in ${file} is faulty: ${fault.row}: ${fault.detail}`,
      )
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    throw new GatewayError('invalid_request', `${file} is no backup that can be restored: ${error.message}`)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function verifyDirectory(dataDir: string): Promise<VerifyReport> {
  if (!existsSync(join(dataDir, databaseFile)))
    throw new GatewayError('not_found', `There is no database in ${dataDir}.`)
  const store = await openStore({ dataDir, clock: systemClock })
  try {
    return await verify(store)
  } finally {
    await store.close()
  }
}

/** Process ids are used again: the one that a killed server left behind counts only when a server answers at its address. */
async function serverRuns(dataDir: string): Promise<boolean> {
  try {
    const runtime = readFileSync(join(dataDir, 'runtime.json'), 'utf8')
    const { pid, url } = JSON.parse(runtime) as { pid: number; url: string }
    if (!isAlive(pid)) return false
    return (await fetch(`${url}/health`, { signal: AbortSignal.timeout(HEALTH_MS) })).ok
  } catch {
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
