import type BetterSqlite3 from 'better-sqlite3'
import { StoreError } from '../store.ts'
import { type Cell, type Failure, noRows, type Rows } from './protocol.ts'

/** More rows than anybody should ask for at once; a query beyond it is refused, not cut. */
const maxRows = 200_000

type Statement = BetterSqlite3.Statement<Cell[], Cell[]>

interface Prepared {
  readonly statement: Statement
  /** null: changes rows and returns none. */
  readonly columns: readonly string[] | null
  /** Columns of 32 bits, read as number. */
  readonly narrow: readonly number[]
}

/** Runs SQL text with parameters, keeping the statements used last prepared. */
export class Statements {
  readonly #db: BetterSqlite3.Database
  readonly #kept = new Map<string, Prepared>()
  readonly #limit: number

  constructor(db: BetterSqlite3.Database, limit = 256) {
    this.#db = db
    this.#limit = limit
  }

  run(sql: string, parameters: readonly Cell[]): Rows {
    refuseNul(parameters)
    const { statement, columns, narrow } = this.#prepare(sql)
    if (columns === null) return { ...noRows, changes: statement.run(...parameters).changes }
    const values: Cell[] = []
    let rows = 0
    for (const row of statement.iterate(...parameters)) {
      if (++rows > maxRows) {
        throw new StoreError(`a query may return at most ${maxRows} rows: ask in pages`, 'invalid')
      }
      for (const c of narrow) if (row[c] !== null) row[c] = Number(row[c])
      for (const value of row) values.push(value)
    }
    return { columns, values, changes: rows }
  }

  #prepare(sql: string): Prepared {
    let found = this.#kept.get(sql)
    if (found) this.#kept.delete(sql)
    else {
      found = describe(this.#db.prepare<Cell[], Cell[]>(sql))
      if (this.#kept.size >= this.#limit) this.#kept.delete(this.#kept.keys().next().value!)
    }
    this.#kept.set(sql, found)
    return found
  }
}

function describe(statement: Statement): Prepared {
  if (!statement.reader) return { statement, columns: null, narrow: [] }
  statement.raw(true)
  const columns = statement.columns()
  const narrow = columns.flatMap((column, index) => (column.type?.toUpperCase() === 'INT' ? [index] : []))
  return { statement, columns: columns.map((column) => column.name), narrow }
}

/** Postgres cannot hold U+0000 in text; SQLite can, and its functions then stop reading there. */
export function refuseNul(parameters: readonly Cell[]): void {
  for (const value of parameters) {
    if (typeof value === 'string' && value.includes('\0')) {
      throw new StoreError('text must not hold the character U+0000', 'invalid')
    }
  }
}

/** Codes that say that the statement is at fault, not the disk: https://sqlite.org/rescode.html */
const atFault = /^SQLITE_(ERROR|CONSTRAINT|MISMATCH|TOOBIG|RANGE)/

/** @returns the error as a value that crosses threads; everything unknown counts as the store's fault */
export function toFailure(error: unknown, step: number | null = null): Failure {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof StoreError) return { kind: error.kind, message, step: error.step ?? step }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (/^SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY|ROWID)$/.test(code)) return { kind: 'unique', message, step }
  if (code.startsWith('SQLITE_CONSTRAINT')) return { kind: 'constraint', message, step }
  if (atFault.test(code) || error instanceof TypeError || error instanceof RangeError) {
    return { kind: 'invalid', message, step }
  }
  return { kind: 'unavailable', message: code ? `${message} (${code})` : message, step }
}
