import { resolve } from 'node:path'
import { Kysely } from 'kysely'
import type { Clock } from '../../lib/index.ts'
import { migrate } from '../migrate.ts'
import type { Database } from '../schema.ts'
import type { StatementRef, Step, Store } from '../store.ts'
import { sqliteDialect } from './dialect.ts'
import { ReaderPool } from './reader.pool.ts'
import { WriterClient } from './writer.client.ts'

/** How long the migrations at the start may take. */
const migrationLimitMs = 600_000

export interface SqliteSettings {
  /** Made (0700) when missing. */
  readonly dataDir: string
  /** Threads for queries, 2 when absent; each starts when it is first needed. */
  readonly readers?: 1 | 2
  /** How long to wait for another process that holds the directory, 5 s when absent. */
  readonly lockWaitMs?: number
  /** How long a transaction may hold the writer, 10 s when absent. */
  readonly transactionLimitMs?: number
  readonly clock: Clock
}

/**
 * Opens the embedded database, bringing its schema up to date.
 * @throws StoreError when another process uses the directory, or the database is newer than this program
 */
export async function openSqliteStore(settings: SqliteSettings): Promise<Store> {
  const dataDir = resolve(settings.dataDir)
  const writer = await WriterClient.open({ dataDir, lockWaitMs: settings.lockWaitMs ?? 5_000 })
  const readers = new ReaderPool(dataDir, settings.readers ?? 2)
  const database = (limitMs: number) =>
    new Kysely<Database>({ dialect: sqliteDialect(writer, readers, limitMs) })
  try {
    await migrate(database(migrationLimitMs), 'sqlite', settings.clock.now())
  } catch (error) {
    await writer.close()
    throw error
  }
  return new SqliteStore(database(settings.transactionLimitMs ?? 10_000), writer, readers)
}

class SqliteStore implements Store {
  readonly engine = 'sqlite'
  readonly db: Kysely<Database>
  readonly #writer: WriterClient
  readonly #readers: ReaderPool

  constructor(db: Kysely<Database>, writer: WriterClient, readers: ReaderPool) {
    this.db = db
    this.#writer = writer
    this.#readers = readers
  }

  prepare(sql: string): StatementRef {
    return this.#writer.prepare(sql)
  }

  append(steps: readonly Step[]): Promise<void> {
    return this.#writer.append(steps)
  }

  resume(): void {
    this.#writer.resume()
  }

  backup(file: string): Promise<void> {
    return this.#readers.backup(resolve(file))
  }

  async close(): Promise<void> {
    // The last connection to close folds the log into the database: that must be the writer's.
    await this.#readers.close()
    await this.#writer.close()
  }
}
