import type BetterSqlite3 from 'better-sqlite3'
import { StoreError } from '../store.ts'
import { type Answer, type Cell, type Failure, isFailure, noRows, type Outcome, op } from './protocol.ts'
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

/**
 * The one connection that writes. Operations are taken in order; neighbours share one commit, each in a savepoint of
 * its own, and are answered after it. A failure of the disk begins a fail stop: everything is refused until `resume`.
 */
export class Writer {
  readonly #db: BetterSqlite3.Database
  readonly #port: WriterPort
  readonly #adhoc: Statements
  readonly #sql = new Map<number, string>()
  readonly #steps = new Map<number, BetterSqlite3.Statement<[Cell[]]>>()
  readonly #control: Record<
    'begin' | 'commit' | 'rollback' | 'mark' | 'undo' | 'keep',
    BetterSqlite3.Statement
  >
  readonly #queue: (readonly Cell[])[] = []
  /** Position in the first message of the queue. */
  #at = 0
  #transaction: { readonly id: Cell; readonly timer: NodeJS.Timeout } | null = null
  #stopped: string | null = null
  #results: (Outcome | null)[] = []

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

  /** @returns whether `work` has something to do now */
  get busy(): boolean {
    return this.#transaction === null && this.#queue.length > 0
  }

  /** Works off one group and answers it. */
  work(): void {
    let stopped: string | null = null
    while (this.busy && this.#results.length < maxGroup) {
      const kind = this.#peek()
      if (kind === op.begin || kind === op.close) {
        if (this.#results.length > 0) break
        this.#take()
        if (kind === op.close) {
          this.#port.close()
          return
        }
        this.#begin(this.#take(), Number(this.#take()))
        break
      }
      this.#take()
      if (kind === op.prepare) this.#sql.set(this.#take() as number, this.#take() as string)
      else if (kind === op.resume) this.#stopped = null
      else stopped = this.#inGroup(kind === op.unit ? this.#readUnit() : this.#readExec()) ?? stopped
    }
    stopped = this.#commit() ?? stopped
    this.#answer(stopped)
  }

  /** Rolls back what is open, for the end of the process. */
  abandon(): void {
    if (this.#transaction) clearTimeout(this.#transaction.timer)
    if (this.#db.inTransaction) this.#db.exec('rollback')
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

  /** Reads a unit completely before anything of it runs, so that a refused one leaves the position right. */
  #readUnit(): () => Outcome | null {
    const count = this.#take() as number
    const steps: [ref: number, expected: number, parameters: Cell[]][] = []
    for (let i = 0; i < count; i++) {
      const ref = this.#take() as number
      const expected = this.#take() as number
      steps.push([ref, expected, this.#takeMany(this.#take() as number)])
    }
    return () => this.#runUnit(steps)
  }

  #readExec(): () => Outcome {
    const sql = this.#take() as string
    const parameters = this.#takeMany(this.#take() as number)
    return () => this.#inSavepoint(() => this.#adhoc.run(sql, parameters))
  }

  #runUnit(steps: readonly [number, number, Cell[]][]): Outcome | null {
    let at = 0
    const run = (): null => {
      for (; at < steps.length; at++) this.#runStep(...steps[at]!)
      return null
    }
    return this.#inSavepoint(run, () => at)
  }

  /** Leaves nothing of a run that fails, and everything that others in the group did. */
  #inSavepoint<T extends Outcome | null>(run: () => T, step: () => number | null = () => null): T | Failure {
    try {
      this.#control.mark.run()
      const outcome = run()
      this.#control.keep.run()
      return outcome
    } catch (error) {
      const failure = toFailure(error, step())
      // On some errors SQLite ends the transaction by itself: then the whole group is gone.
      if (!this.#db.inTransaction) return { ...failure, kind: 'unavailable' }
      if (failure.kind === 'unavailable') return failure
      this.#control.undo.run()
      this.#control.keep.run()
      return failure
    }
  }

  #runStep(ref: number, expected: number, parameters: Cell[]): void {
    let statement = this.#steps.get(ref)
    if (!statement) {
      statement = this.#db.prepare<[Cell[]]>(this.#sql.get(ref)!)
      this.#steps.set(ref, statement)
    }
    refuseNul(parameters)
    const { changes } = statement.run(parameters)
    if (expected >= 0 && changes !== expected) {
      throw new StoreError(`a step changed ${changes} rows instead of ${expected}`, 'guard')
    }
  }

  /** @returns the reason when this operation begins a fail stop */
  #inGroup(run: () => Outcome | null): string | null {
    if (this.#stopped !== null) {
      this.#results.push(refusal(this.#stopped))
      return null
    }
    try {
      if (!this.#db.inTransaction) this.#control.begin.run()
    } catch (error) {
      return this.#stop(toFailure(error).message)
    }
    const outcome = run()
    if (outcome && isFailure(outcome) && outcome.kind === 'unavailable') return this.#stop(outcome.message)
    this.#results.push(outcome)
    return null
  }

  /** Undoes the group and refuses it, the operation at hand included. */
  #stop(reason: string): string {
    if (this.#db.inTransaction) {
      try {
        this.#control.rollback.run()
      } catch {
        // SQLite has rolled back by itself; nothing of the group is left either way.
      }
    }
    this.#stopped = reason
    this.#results = this.#results.map((earlier) =>
      earlier && isFailure(earlier) ? earlier : refusal(reason),
    )
    this.#results.push(refusal(reason))
    return reason
  }

  #commit(): string | null {
    if (!this.#db.inTransaction || this.#transaction) return null
    try {
      this.#control.commit.run()
      return null
    } catch (error) {
      const reason = this.#stop(toFailure(error).message)
      this.#results.pop()
      return reason
    }
  }

  #answer(stopped: string | null): void {
    const results = this.#results
    if (results.length === 0) return
    this.#results = []
    const outcomes: [number, Outcome][] = []
    for (let i = 0; i < results.length; i++) if (results[i]) outcomes.push([i, results[i]!])
    this.#port.answer({ done: results.length, outcomes, stopped })
  }

  #begin(id: Cell, limit: number): void {
    if (this.#stopped !== null) {
      this.#results.push(refusal(this.#stopped))
      return
    }
    try {
      this.#control.begin.run()
    } catch (error) {
      this.#results.push(toFailure(error))
      return
    }
    const timer = setTimeout(() => this.#expire(), limit)
    this.#transaction = { id, timer }
    this.#results.push(noRows)
  }

  /** The transaction took too long: others wait behind it. */
  #expire(): void {
    this.#transaction = null
    if (this.#db.inTransaction) this.#control.rollback.run()
    if (this.busy) this.#wake()
  }

  /** Replaced by the worker: asks for `work` soon. */
  #wake: () => void = () => {}

  onWake(wake: () => void): void {
    this.#wake = wake
  }

  #runInTransaction(message: readonly Cell[]): Outcome {
    const [, id, sql, count, ...parameters] = message
    if (this.#transaction?.id !== id) return expired
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
      else if (how === 'commit') return refusal('the database rolled the transaction back')
      return noRows
    } catch (error) {
      if (this.#db.inTransaction) this.#control.rollback.run()
      return toFailure(error)
    }
  }
}

const expired: Failure = {
  kind: 'unavailable',
  message: 'the transaction took too long and was rolled back',
  step: null,
}

function refusal(reason: string): Failure {
  return { kind: 'unavailable', message: `the database does not take writes: ${reason}`, step: null }
}
