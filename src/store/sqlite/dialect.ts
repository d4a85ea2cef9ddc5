import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SelectQueryNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from 'kysely'
import { type SqlValue, StoreError } from '../store.ts'
import { type Rows, toObjects } from './protocol.ts'
import type { Reader, ReaderPool } from './reader.pool.ts'
import type { WriterClient } from './writer.client.ts'

/**
 * Kysely over the threads: reads to the readers, writes and transactions to the writer.
 * @param limitMs how long a transaction may hold the writer
 */
export function sqliteDialect(writer: WriterClient, readers: ReaderPool, limitMs: number): Dialect {
  return {
    createAdapter: () => new ThreadAdapter(),
    createDriver: () => new ThreadDriver(writer, readers, limitMs),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

/** Kysely would otherwise let one query or transaction of the whole process run at a time. */
class ThreadAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

class ThreadDriver implements Driver {
  readonly #writer: WriterClient
  readonly #readers: ReaderPool
  readonly #limitMs: number

  constructor(writer: WriterClient, readers: ReaderPool, limitMs: number) {
    this.#writer = writer
    this.#readers = readers
    this.#limitMs = limitMs
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<ThreadConnection> {
    return new ThreadConnection(this.#writer, this.#readers)
  }

  beginTransaction(connection: ThreadConnection, settings: TransactionSettings): Promise<void> {
    return connection.begin(settings.accessMode === 'read only', this.#limitMs)
  }

  commitTransaction(connection: ThreadConnection): Promise<void> {
    return connection.end('commit')
  }

  rollbackTransaction(connection: ThreadConnection): Promise<void> {
    return connection.end('rollback')
  }

  async savepoint(connection: ThreadConnection, name: string): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(`savepoint ${quote(name)}`))
  }

  async rollbackToSavepoint(connection: ThreadConnection, name: string): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(`rollback to ${quote(name)}`))
  }

  async releaseSavepoint(connection: ThreadConnection, name: string): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(`release ${quote(name)}`))
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {}
}

class ThreadConnection implements DatabaseConnection {
  readonly #writer: WriterClient
  readonly #readers: ReaderPool
  #transaction: number | null = null
  #snapshot: Reader | null = null

  constructor(writer: WriterClient, readers: ReaderPool) {
    this.#writer = writer
    this.#readers = readers
  }

  async begin(readOnly: boolean, limitMs: number): Promise<void> {
    if (!readOnly) {
      this.#transaction = await this.#writer.begin(limitMs)
      return
    }
    const reader = await this.#readers.acquire()
    try {
      await reader.query('begin', [])
      this.#snapshot = reader
    } catch (error) {
      this.#readers.release(reader)
      throw error
    }
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    const [transaction, snapshot] = [this.#transaction, this.#snapshot]
    if (transaction !== null) {
      this.#transaction = null
      await this.#writer.end(transaction, how)
    } else if (snapshot) {
      this.#snapshot = null
      try {
        await snapshot.query(how, [])
      } finally {
        this.#readers.release(snapshot)
      }
    }
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const rows = await this.#run(query, query.parameters as readonly SqlValue[])
    return { rows: toObjects(rows) as R[], numAffectedRows: BigInt(rows.changes) }
  }

  // biome-ignore lint/correctness/useYield: the contract is a generator, the answer always an error
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new StoreError('ask in pages instead of streaming', 'invalid')
  }

  #run(query: CompiledQuery, parameters: readonly SqlValue[]): Promise<Rows> {
    if (this.#transaction !== null) return this.#writer.execIn(this.#transaction, query.sql, parameters)
    if (this.#snapshot) return this.#snapshot.query(query.sql, parameters)
    if (isRead(query)) return this.#readers.query(query.sql, parameters)
    return this.#writer.exec(query.sql, parameters)
  }
}

/** Raw SQL that begins otherwise (`with …`) goes to the writer, which can do both. */
function isRead({ query, sql }: CompiledQuery): boolean {
  return SelectQueryNode.is(query) || (query.kind === 'RawNode' && /^\s*(select|values|explain)\b/i.test(sql))
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
