import { type SqlValue, StoreError, type StoreErrorKind } from '../store.ts'

/**
 * What the main thread sends to the writer: one flat array of values a turn of the event loop, because structured
 * clone of a flat array costs half of nested ones on small batches and a third of JSON. Operations follow one another:
 *
 *   unit     steps, then per step: statement, expected changes (-1: any), number of parameters, parameters
 *   prepare  statement, SQL; stands before the first unit that uses it and is not answered
 *   exec     SQL, number of parameters, parameters
 *   begin    transaction, limit in ms; what follows waits for the end of the transaction
 *   resume   ends a fail stop
 *   close    finishes, gives back file and lock; the last operation
 *   txExec   transaction, SQL, number of parameters, parameters
 *   txEnd    transaction, `commit` or `rollback`
 *
 * The last two come alone in their message and overtake what waits for the transaction to end.
 */
export const op = {
  unit: 0,
  prepare: 1,
  exec: 2,
  begin: 3,
  resume: 4,
  close: 5,
  txExec: 6,
  txEnd: 7,
} as const

export type Cell = SqlValue

/** Rows as one flat array, columns after columns; `changes` counts the rows that a write changed. */
export interface Rows {
  readonly columns: readonly string[]
  readonly values: readonly Cell[]
  readonly changes: number
}

export interface Failure {
  readonly kind: StoreErrorKind
  readonly message: string
  readonly step: number | null
}

export type Outcome = Rows | Failure

/** The writer answers operations in order: so many more are done, these with something to tell. */
export interface Answer {
  readonly done: number
  readonly outcomes: readonly (readonly [index: number, outcome: Outcome])[]
  /** Set when this answer begins a fail stop. */
  readonly stopped: string | null
}

export type WriterMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'refused'; readonly failure: Failure }
  | { readonly type: 'answer'; readonly answer: Answer }
  | { readonly type: 'tx'; readonly outcome: Outcome }

export const noRows: Rows = { columns: [], values: [], changes: 0 }

export function isFailure(outcome: Outcome): outcome is Failure {
  return 'kind' in outcome
}

export function toError(failure: Failure): StoreError {
  return new StoreError(failure.message, failure.kind, failure.step)
}

/** @returns one object a row, as Kysely wants them */
export function toObjects({ columns, values }: Rows): Record<string, Cell>[] {
  const rows: Record<string, Cell>[] = []
  for (let at = 0; at < values.length; at += columns.length) {
    const row: Record<string, Cell> = {}
    for (let c = 0; c < columns.length; c++) row[columns[c]!] = values[at + c]!
    rows.push(row)
  }
  return rows
}
