import Database from 'better-sqlite3'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Database as Schema, SqlValue, Step } from '../../src/store/index.ts'
import { StoreError } from '../../src/store/index.ts'
import { migrate } from '../../src/store/migrate.ts'
import { toError, toObjects } from '../../src/store/sqlite/protocol.ts'
import { Statements, toFailure } from '../../src/store/sqlite/statements.ts'

/** Bugs of a store that the simulator must find when they are put in. */
export interface StoreBugs {
  /** A unit is answered before it is written. */
  readonly answersEarly?: boolean
  /** A killed process leaves half of a unit behind. */
  readonly tears?: boolean
  /** Steps change what they find, whatever was expected: no compare-and-set. */
  readonly unguarded?: boolean
}

let template: Promise<Buffer> | null = null

/** The database file of a simulated machine: it outlives the processes that work on it. */
export class Disk {
  readonly db: Database.Database
  readonly statements: Statements
  readonly #bugs: StoreBugs
  readonly #texts: string[] = []
  readonly #prepared: Database.Statement<SqlValue[]>[] = []

  private constructor(db: Database.Database, bugs: StoreBugs) {
    this.db = db
    this.#bugs = bugs
    this.statements = new Statements(db)
  }

  /** An empty database with the schema of today, in memory. */
  static async make(bugs: StoreBugs = {}): Promise<Disk> {
    template ??= migrated()
    return new Disk(opened(await template), bugs)
  }

  prepare(text: string): number {
    const known = this.#texts.indexOf(text)
    if (known >= 0) return known
    this.#prepared.push(this.db.prepare<SqlValue[]>(text))
    return this.#texts.push(text) - 1
  }

  /** All of the unit or nothing. @throws {StoreError} whose kind says what is wrong with the unit */
  write(steps: readonly Step[]): void {
    let at = 0
    this.db.exec('begin immediate')
    try {
      for (; at < steps.length; at++) this.#step(steps[at]!)
      this.db.exec('commit')
    } catch (error) {
      if (this.db.inTransaction) this.db.exec('rollback')
      throw toError(toFailure(error, at))
    }
  }

  /** What is left of a unit whose process was killed in the middle of it. */
  writeCut(steps: readonly Step[]): void {
    if (this.#bugs.tears) this.write(steps.slice(0, steps.length >> 1))
  }

  #step([statement, parameters, expected]: Step): void {
    const { changes } = this.#prepared[statement]!.run(...parameters)
    if (expected === undefined || changes === expected || this.#bugs.unguarded) return
    throw new StoreError(`a step changed ${changes} rows instead of ${expected}`, 'guard')
  }
}

/** Queries on the disk; `wait` comes before each and may never end. */
export function queries(disk: Disk, wait: () => Promise<void> | null): Kysely<Schema> {
  return new Kysely<Schema>({ dialect: dialectOf((sql) => runOn(disk.statements, sql), wait) })
}

async function migrated(): Promise<Buffer> {
  const db = opened()
  const statements = new Statements(db)
  const kysely = new Kysely<Schema>({
    dialect: dialectOf(
      (sql) => runOn(statements, sql),
      () => null,
    ),
  })
  await migrate(kysely, 'sqlite', 0)
  const file = db.serialize()
  db.close()
  return file
}

function opened(file?: Buffer): Database.Database {
  const db = file === undefined ? new Database(':memory:') : new Database(file)
  db.defaultSafeIntegers(true)
  db.pragma('foreign_keys = on')
  return db
}

function runOn(statements: Statements, query: CompiledQuery): QueryResult<Record<string, unknown>> {
  const rows = statements.run(query.sql, query.parameters as readonly SqlValue[])
  return { rows: toObjects(rows), numAffectedRows: BigInt(rows.changes) }
}

type Run = (query: CompiledQuery) => QueryResult<Record<string, unknown>>

function dialectOf(run: Run, wait: () => Promise<void> | null): Dialect {
  const connection: DatabaseConnection = {
    executeQuery: async <R>(query: CompiledQuery) => {
      const waiting = wait()
      if (waiting !== null) await waiting
      return run(query) as QueryResult<R>
    },
    // biome-ignore lint/correctness/useYield: the contract is a generator, the answer always an error
    streamQuery: async function* () {
      throw new Error('nothing streams here')
    },
  }
  const control = (text: string) => async () => void run(CompiledQuery.raw(text))
  const driver: Driver = {
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction: control('begin'),
    commitTransaction: control('commit'),
    rollbackTransaction: control('rollback'),
    releaseConnection: async () => {},
    destroy: async () => {},
  }
  return {
    createAdapter: () => new Shared(),
    createDriver: () => driver,
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

class Shared extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}
