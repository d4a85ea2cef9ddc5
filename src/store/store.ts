import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

/** Integers of int8 columns are bigint; other numbers must be 32-bit integers. Text must not hold U+0000. */
export type SqlValue = string | number | bigint | null | Uint8Array

/** A statement registered once (`store.prepare`) and referred to by number afterwards. */
export type StatementRef = number & { readonly __statement: unique symbol }

/**
 * One parameterised statement of an atomic unit. The third element is a guard: the number of rows that the statement
 * must change; otherwise the whole unit is undone and rejected with kind `guard` and the index of the step.
 */
export type Step = readonly [
  statement: StatementRef,
  parameters: readonly SqlValue[],
  expectedChanges?: number,
]

/**
 * The database behind the gateway. Same schema and same queries on both engines; int8 comes back as bigint (SUM and
 * COUNT too), int4 columns as number, text as string, blobs as Uint8Array on both. An expression over int4 columns
 * (`max(latency_ms)`) must be cast to bigint to have the same type on both.
 */
export interface Store {
  readonly engine: 'sqlite' | 'postgres'
  /**
   * Queries; they reject with StoreError. On SQLite reads run on reader threads and see what is committed; writes and
   * transactions run on the writer thread, in order with `append`, and a transaction (10 s at most) holds everything
   * behind it. A transaction with access mode `read only` and isolation `repeatable read` sees one snapshot and holds
   * nobody, on both engines.
   */
  readonly db: Kysely<Database>
  /** Registers SQL with `?` placeholders; cheap to call again with the same text. At most 1,024 different texts. */
  prepare(sql: string): StatementRef
  /**
   * Applies the steps atomically, in order after every earlier `append` of this process, group-committed with its
   * neighbours. Resolves when durable (SQLite: WAL synced with synchronous=FULL; Postgres: committed). Rejects with
   * StoreError; then nothing of the unit is applied. A unit that is itself at fault (kinds `unique`, `constraint`,
   * `guard`, `invalid`) is rejected alone. When the store is at fault (`unavailable`), on SQLite every later write is
   * rejected too until `resume()` (fail stop: the memory image is rebuilt from disk first).
   * @param keys names of what the unit changes and other nodes may change at the same time (account ids, …); Postgres
   *   locks them in sorted order for the whole group, so that the groups of two nodes cannot deadlock. SQLite ignores it.
   */
  append(steps: readonly Step[], keys?: readonly string[]): Promise<void>
  /** Ends a fail stop; without one it does nothing. */
  resume(): void
  /** Copies the whole database to the new file `file` while running (SQLite's backup API); Postgres refuses and names pg_dump. */
  backup(file: string): Promise<void>
  /** Finishes what was accepted, then gives back files, threads and connections. Idempotent. */
  close(): Promise<void>
}

/**
 * What went wrong. `unique`: a key is taken. `constraint`: a check, reference or trigger said no. `guard`: a step
 * changed another number of rows than expected. `invalid`: SQL or a value that the database cannot take.
 * `unavailable`: disk, connection, time or lock; the same call may succeed later.
 */
export type StoreErrorKind = 'unique' | 'constraint' | 'guard' | 'invalid' | 'unavailable'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly kind: StoreErrorKind
  /** Index of the step at fault, where one is. */
  readonly step: number | null

  constructor(message: string, kind: StoreErrorKind = 'unavailable', step: number | null = null) {
    super(message)
    this.kind = kind
    this.step = step
  }
}
