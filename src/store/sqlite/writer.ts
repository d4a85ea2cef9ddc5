import type BetterSqlite3 from 'better-sqlite3'
import { StoreError } from '../store.ts'
import {
  type Answer,
  type Cell,
  type Failure,
  noRows,
  type Outcome,
  op,
  type Rows,
  toError,
} from './protocol.ts'
import { refuseNul, Statements, toFailure } from './statements.ts'

/** So many operations share one commit at most, which bounds how long the first of them waits. */
const maxGroup = 1024

/** Where the writer's words go; the worker posts them to the main thread. */
export interface WriterPort {
  answer(answer: Answer): void
  tx(outcome: Outcome): void
  /** The queue has come to `close`. */
  close(): void
}

/** Does an operation's work and returns what it has to tell; throws when it is at fault, or the disk is. */
type Run = () => Rows | null

/**
 * The one connection that writes. Operations are taken in order; neighbours share one commit and are answered after it.
 * A group runs without savepoints, which are dear; when one of its operations is at fault, it is undone and run again
 * with them, so that only that one fails. A failure of the disk begins a fail stop: everything is refused until `resume`.
 */
export class Writer {
  readonly #db: BetterSqlite3.Database
  readonly #port: WriterPort
  readonly #adhoc: Statements
  readonly #sql = new Map<number, string>()
  readonly #steps = new Map<number, BetterSqlite3.Statement<Cell[]>>()
  readonly #control: Record<
    'begin' | 'commit' | 'rollback' | 'mark' | 'undo' | 'keep',
    BetterSqlite3.Statement
  >
  readonly #queue: (readonly Cell[])[] = []
  /** Position in the first message of the queue. */
  #at = 0
  #transaction: { readonly id: Cell; readonly timer: NodeJS.Timeout } | null = null
  #stopped: string | null = null
  #wake: () => void = () => {}

  constructor(db: BetterSqlite3.Database, port: WriterPort) {
    this.#db = db
    this.#port = port
    this.#adhoc = new Statements(db)
    this.#control = {
      begin: db.prepare('begin immediate'),
      commit: db.prepare('commit'),
      rollback: db.prepare('rollback'),
      mark: db.prepare('savepoint unit'),
      undo: db.prepare('rollback to unit'),
      keep: db.prepare('release unit'),
    }
  }

  /** Takes a message of the main thread; those of a running transaction are worked off at once. */
  take(message: readonly Cell[]): void {
    if (message[0] === op.txExec) this.#port.tx(this.#runInTransaction(message))
    else if (message[0] === op.txEnd) this.#port.tx(this.#endTransaction(message))
    else this.#queue.push(message)
  }

  /** @param wake is called when a transaction has been given up and others wait behind it */
  onWake(wake: () => void): void {
    this.#wake = wake
  }

  /** Whether `work` has something to do now. */
  get busy(): boolean {
    return this.#transaction === null && this.#queue.length > 0
  }

  /** Works off one group, or one operation that stands alone, and answers it. */
  work(): void {
    const group: Run[] = []
    while (this.busy && group.length < maxGroup) {
      const kind = this.#peek()
      const alone = kind === op.begin || kind === op.close || kind === op.resume
      if (alone && group.length > 0) break
      this.#take()
      if (kind === op.unit) group.push(this.#readUnit())
      else if (kind === op.exec) group.push(this.#readExec())
      else if (kind === op.prepare) this.#sql.set(this.#take() as number, this.#take() as string)
      else if (kind === op.resume) this.#stopped = null
      else if (kind === op.begin) this.#answer([this.#begin(this.#take(), Number(this.#take()))], null)
      else this.#port.close()
    }
    if (group.length === 0) return
    const before = this.#stopped
    const results = this.#runGroup(group)
    this.#answer(results, before === null ? this.#stopped : null)
  }

  /** Rolls back what is open, for the end of the process. */
  abandon(): void {
    if (this.#transaction) clearTimeout(this.#transaction.timer)
    this.#rollback()
  }

  #peek(): Cell {
    return this.#queue[0]![this.#at]!
  }

  #take(): Cell {
    const message = this.#queue[0]!
    const cell = message[this.#at++]!
    if (this.#at === message.length) {
      this.#queue.shift()
      this.#at = 0
    }
    return cell
  }

  #takeMany(count: number): Cell[] {
    if (count === 0) return []
    const message = this.#queue[0]!
    const cells = message.slice(this.#at, this.#at + count)
    this.#at += count - 1
    this.#take()
    return cells
  }

  #readUnit(): Run {
    const count = this.#take() as number
    const steps: [ref: number, expected: number, parameters: Cell[]][] = []
    for (let i = 0; i < count; i++) {
      const ref = this.#take() as number
      const expected = this.#take() as number
      steps.push([ref, expected, this.#takeMany(this.#take() as number)])
    }
    return () => {
      let at = 0
      try {
        for (; at < count; at++) this.#runStep(...steps[at]!)
        return null
      } catch (error) {
        throw toError(toFailure(error, at))
      }
    }
  }

  #readExec(): Run {
    const sql = this.#take() as string
    const parameters = this.#takeMany(this.#take() as number)
    return () => this.#adhoc.run(sql, parameters)
  }

  #runStep(ref: number, expected: number, parameters: Cell[]): void {
    let statement = this.#steps.get(ref)
    if (!statement) {
      statement = this.#db.prepare<Cell[]>(this.#sql.get(ref)!)
      this.#steps.set(ref, statement)
    }
    refuseNul(parameters)
    const { changes } = statement.run(...parameters)
    if (expected >= 0 && changes !== expected) {
      throw new StoreError(`a step changed ${changes} rows instead of ${expected}`, 'guard')
    }
  }

  #runGroup(group: readonly Run[]): (Outcome | null)[] {
    if (this.#stopped !== null) return group.map(() => refusal(this.#stopped!))
    try {
      return this.#inTransaction(group, (run) => run())
    } catch (error) {
      const failure = toFailure(error)
      if (failure.kind === 'unavailable') return this.#stop(group, failure)
      if (group.length === 1) return [failure]
    }
    try {
      return this.#inTransaction(group, (run) => this.#inSavepoint(run))
    } catch (error) {
      return this.#stop(group, toFailure(error))
    }
  }

  /** All of it durable when it returns, none of it applied when it throws. */
  #inTransaction(group: readonly Run[], each: (run: Run) => Outcome | null): (Outcome | null)[] {
    try {
      this.#control.begin.run()
      const outcomes = group.map(each)
      this.#control.commit.run()
      return outcomes
    } catch (error) {
      this.#rollback()
      throw error
    }
  }

  /** Leaves nothing of a run that is at fault, and everything that others in the group did. */
  #inSavepoint(run: Run): Outcome | null {
    this.#control.mark.run()
    try {
      const outcome = run()
      this.#control.keep.run()
      return outcome
    } catch (error) {
      const failure = toFailure(error)
      // On some errors SQLite ends the transaction by itself: then the whole group is gone.
      if (failure.kind === 'unavailable' || !this.#db.inTransaction) throw new StoreError(failure.message)
      this.#control.undo.run()
      this.#control.keep.run()
      return failure
    }
  }

  #stop(group: readonly Run[], { message }: Failure): Failure[] {
    this.#stopped = message
    return group.map(() => refusal(message))
  }

  #rollback(): void {
    try {
      if (this.#db.inTransaction) this.#control.rollback.run()
    } catch {
      // SQLite has rolled back by itself; nothing is left either way.
    }
  }

  #answer(results: readonly (Outcome | null)[], stopped: string | null): void {
    const outcomes: [number, Outcome][] = []
    for (let i = 0; i < results.length; i++) if (results[i]) outcomes.push([i, results[i]!])
    this.#port.answer({ done: results.length, outcomes, stopped })
  }

  #begin(id: Cell, limit: number): Outcome {
    if (this.#stopped !== null) return refusal(this.#stopped)
    try {
      this.#control.begin.run()
    } catch (error) {
      return toFailure(error)
    }
    this.#transaction = { id, timer: setTimeout(() => this.#expire(), limit) }
    return noRows
  }

  /** The transaction took too long: others wait behind it. */
  #expire(): void {
    this.#transaction = null
    this.#rollback()
    this.#wake()
  }

  #runInTransaction(message: readonly Cell[]): Outcome {
    const [, id, sql, count, ...parameters] = message
    if (this.#transaction?.id !== id) return expired
    // After a failure of the disk SQLite may have ended it; what follows must not run outside of it.
    if (!this.#db.inTransaction) return rolledBack
    try {
      return this.#adhoc.run(sql as string, parameters.slice(0, count as number))
    } catch (error) {
      return toFailure(error)
    }
  }

  #endTransaction([, id, how]: readonly Cell[]): Outcome {
    if (this.#transaction?.id !== id) return how === 'commit' ? expired : noRows
    clearTimeout(this.#transaction!.timer)
    this.#transaction = null
    try {
      if (this.#db.inTransaction) this.#control[how === 'commit' ? 'commit' : 'rollback'].run()
      else if (how === 'commit') return rolledBack
      return noRows
    } catch (error) {
      this.#rollback()
      return toFailure(error)
    }
  }
}

const expired: Failure = {
  kind: 'unavailable',
  message: 'the transaction took too long and was rolled back',
  step: null,
}

const rolledBack: Failure = {
  kind: 'unavailable',
  message: 'the database rolled the transaction back',
  step: null,
}

function refusal(reason: string): Failure {
  return { kind: 'unavailable', message: `the database does not take writes: ${reason}`, step: null }
}
