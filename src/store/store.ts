import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

export type SqlValue = string | number | bigint | null | Uint8Array

/** A statement registered once (`store.prepare`) and referred to by number afterwards. */
export type StatementRef = number & { readonly __statement: unique symbol }

/** One parameterised statement of an atomic unit. */
export type Step = readonly [StatementRef, readonly SqlValue[]]

/**
 * The database behind the gateway. Same schema and same queries on both engines; int8 comes back as bigint, text as
 * string, blobs as Uint8Array on both.
 */
export interface Store {
  readonly engine: 'sqlite' | 'postgres'
  /** Queries. On SQLite reads run on reader threads and see what is committed; writes and transactions run on the writer thread, in order with `append`. */
  readonly db: Kysely<Database>
  /** Registers SQL with `?` placeholders; cheap to call again with the same text. */
  prepare(sql: string): StatementRef
  /**
   * Applies the steps atomically, in order after every earlier `append` of this process, group-committed with its
   * neighbours. Resolves when durable (SQLite: WAL synced with synchronous=FULL; Postgres: committed). Rejects with
   * StoreError; then nothing of the unit is applied, and on SQLite every later unit queued behind it is rejected too
   * until `resume()` (fail stop: the memory image is rebuilt from disk first).
   */
  append(steps: readonly Step[]): Promise<void>
  resume(): void
  /** Copies the whole database to `file` while running (SQLite's backup API); Postgres refuses and names pg_dump. */
  backup(file: string): Promise<void>
  close(): Promise<void>
}

export class StoreError extends Error {
  override readonly name = 'StoreError'
}
