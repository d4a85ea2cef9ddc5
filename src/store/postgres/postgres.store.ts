import { Kysely } from 'kysely'
import pg from 'pg'
import type { Clock } from '../../lib/index.ts'
import { migrate } from '../migrate.ts'
import type { Database } from '../schema.ts'
import { type StatementRef, type Step, type Store, StoreError } from '../store.ts'
import { Appender } from './appender.ts'
import { postgresDialect } from './dialect.ts'
import { toStoreError } from './errors.ts'
import { types } from './types.ts'

export interface PostgresSettings {
  /** `postgres://user:password@host:port/database`; `sslmode` and the like as libpq knows them. */
  readonly url: string
  /** Connections, 10 when absent; one of them commits the units, the others answer queries. At least 2. */
  readonly poolSize?: number
  readonly clock: Clock
}

/**
 * Opens the database, bringing its schema up to date; several nodes may do so at once. Lost connections are replaced
 * when they are next needed, so the store works again as soon as the server does.
 * @throws StoreError when the server cannot be reached, or the database is newer than this program
 */
export async function openPostgresStore(settings: PostgresSettings): Promise<Store> {
  const pool = new pg.Pool({
    connectionString: settings.url,
    max: Math.max(2, settings.poolSize ?? 10),
    types,
    application_name: 'waybill',
    connectionTimeoutMillis: 5_000,
    statement_timeout: 30_000,
    lock_timeout: 10_000,
    idle_in_transaction_session_timeout: 10_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
  })
  // A connection that breaks is dropped by the pool; who uses it gets the error, who needs one next another connection.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<Database>({ dialect: postgresDialect(pool) })
  try {
    await migrate(db, 'postgres', settings.clock.now())
    const appender = new Appender(pool, settings.clock)
    await appender.open()
    return new PostgresStore(db, pool, appender)
  } catch (error) {
    await pool.end()
    throw toStoreError(error)
  }
}

class PostgresStore implements Store {
  readonly engine = 'postgres'
  readonly db: Kysely<Database>
  readonly #pool: pg.Pool
  readonly #appender: Appender
  #closing: Promise<void> | null = null

  constructor(db: Kysely<Database>, pool: pg.Pool, appender: Appender) {
    this.db = db
    this.#pool = pool
    this.#appender = appender
  }

  prepare(sql: string): StatementRef {
    return this.#appender.prepare(sql)
  }

  append(steps: readonly Step[], keys?: readonly string[]): Promise<void> {
    return this.#appender.append(steps, keys)
  }

  /** Nothing to do: a failure of the server leaves no image to rebuild, and the next group tries again by itself. */
  resume(): void {}

  async backup(): Promise<void> {
    throw new StoreError(
      'a Postgres database is backed up by its own tools: pg_dump --format=custom "$DATABASE_URL" > waybill.dump',
      'invalid',
    )
  }

  close(): Promise<void> {
    this.#closing ??= this.#appender.close().then(() => this.#pool.end())
    return this.#closing
  }
}
