import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  type TransactionSettings,
} from 'kysely'
import type { Pool, PoolClient } from 'pg'
import { StoreError } from '../store.ts'
import { toStoreError } from './errors.ts'

/** Kysely over the pool; every error is a StoreError. */
export function postgresDialect(pool: Pool): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new PoolDriver(pool),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
}

class PoolDriver implements Driver {
  readonly #pool: Pool

  constructor(pool: Pool) {
    this.#pool = pool
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<PoolConnection> {
    try {
      return new PoolConnection(await this.#pool.connect())
    } catch (error) {
      throw toStoreError(error)
    }
  }

  async beginTransaction(connection: PoolConnection, settings: TransactionSettings): Promise<void> {
    const level = settings.isolationLevel ? ` isolation level ${settings.isolationLevel}` : ''
    const mode = settings.accessMode ? ` ${settings.accessMode}` : ''
    await connection.say(`start transaction${level}${mode}`)
  }

  async commitTransaction(connection: PoolConnection): Promise<void> {
    // The server answers COMMIT of a failed transaction with ROLLBACK instead of an error.
    if ((await connection.say('commit')) === 'ROLLBACK') {
      throw new StoreError('the database rolled the transaction back')
    }
  }

  async rollbackTransaction(connection: PoolConnection): Promise<void> {
    await connection.say('rollback')
  }

  async savepoint(connection: PoolConnection, name: string): Promise<void> {
    await connection.say(`savepoint ${quote(name)}`)
  }

  async rollbackToSavepoint(connection: PoolConnection, name: string): Promise<void> {
    await connection.say(`rollback to savepoint ${quote(name)}`)
  }

  async releaseSavepoint(connection: PoolConnection, name: string): Promise<void> {
    await connection.say(`release savepoint ${quote(name)}`)
  }

  async releaseConnection(connection: PoolConnection): Promise<void> {
    connection.release()
  }

  async destroy(): Promise<void> {}
}

class PoolConnection implements DatabaseConnection {
  readonly #client: PoolClient
  #broken = false

  constructor(client: PoolClient) {
    this.#client = client
  }

  /** @returns the server's word for what it did */
  async say(sql: string): Promise<string> {
    return (await this.#ask(CompiledQuery.raw(sql))).command
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, rowCount } = await this.#ask(query)
    return { rows: rows as R[], numAffectedRows: BigInt(rowCount ?? 0) }
  }

  // biome-ignore lint/correctness/useYield: the contract is a generator, the answer always an error
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new StoreError('ask in pages instead of streaming', 'invalid')
  }

  release(): void {
    this.#client.release(this.#broken)
  }

  async #ask({ sql, parameters }: CompiledQuery) {
    try {
      return await this.#client.query(sql, [...parameters])
    } catch (error) {
      const known = toStoreError(error)
      // A connection of unknown state is not used again.
      if (known.kind === 'unavailable') this.#broken = true
      throw known
    }
  }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
