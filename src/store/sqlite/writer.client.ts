import type { Worker } from 'node:worker_threads'
import type { SqlValue, StatementRef, Step } from '../store.ts'
import { StoreError } from '../store.ts'
import {
  type Answer,
  type Cell,
  isFailure,
  type Outcome,
  op,
  type Rows,
  toError,
  type WriterMessage,
} from './protocol.ts'
import { startWorker } from './start-worker.ts'
import type { WriterSettings } from './writer.worker.ts'

/** While one group is being committed the next one waits in the writer's queue, the others here, where they are cheap. */
const maxPosted = 2

/** So many operations may wait; beyond it the disk is much too slow for the load, and waiting would only hide it. */
const maxWaiting = 65_536

const maxStatements = 1_024

interface Waiter {
  resolve(rows: Rows | null): void
  reject(error: StoreError): void
}

/** The main thread's end of the writer: collects operations, posts them once a turn, hands out the answers in order. */
export class WriterClient {
  readonly #worker: Worker
  readonly #refs = new Map<string, number>()
  readonly #sent = new Set<number>()
  readonly #texts: string[] = []
  #cells: Cell[] = []
  #collected = 0
  #scheduled = false
  /** Numbers of unanswered operations in the messages posted. */
  readonly #posted: number[] = []
  #waiting: Waiter[] = []
  #answered = 0
  readonly #inTransaction: Waiter[] = []
  #transactions = 0
  #stopped: string | null = null
  /** Set for good when the thread is gone. */
  #ended: string | null = null
  #closing: Promise<void> | null = null

  private constructor(worker: Worker) {
    this.#worker = worker
  }

  /** @throws StoreError when the directory is in use or the database cannot be opened */
  static async open(settings: WriterSettings): Promise<WriterClient> {
    const worker = startWorker('writer', settings)
    const client = new WriterClient(worker)
    await new Promise<void>((resolve, reject) => {
      worker.once('message', (message: WriterMessage) => {
        if (message.type === 'refused') reject(toError(message.failure))
        else resolve()
      })
      worker.once('error', (error) => reject(new StoreError(`the database thread failed: ${String(error)}`)))
    })
    worker.on('message', (message: WriterMessage) => client.#hear(message))
    worker.on('error', (error) => client.#end(`the database thread failed: ${String(error)}`))
    worker.on('exit', () => client.#end('the database is closed'))
    return client
  }

  prepare(sql: string): StatementRef {
    let ref = this.#refs.get(sql)
    if (ref === undefined) {
      if (this.#texts.length >= maxStatements) throw new StoreError('too many prepared statements', 'invalid')
      ref = this.#texts.push(sql) - 1
      this.#refs.set(sql, ref)
    }
    return ref as StatementRef
  }

  append(steps: readonly Step[]): Promise<void> {
    const refused = this.#refusal()
    if (refused) return Promise.reject(refused)
    for (const step of steps) this.#introduce(step[0])
    const cells = this.#cells
    cells.push(op.unit, steps.length)
    for (const [ref, parameters, expected = -1] of steps) {
      cells.push(ref, expected, parameters.length)
      for (let i = 0; i < parameters.length; i++) cells.push(parameters[i]!)
    }
    return this.#collect() as Promise<unknown> as Promise<void>
  }

  /** Runs one statement with its neighbours' group commit. */
  exec(sql: string, parameters: readonly SqlValue[]): Promise<Rows> {
    const refused = this.#refusal()
    if (refused) return Promise.reject(refused)
    this.#cells.push(op.exec, sql, parameters.length, ...parameters)
    return this.#collect() as Promise<Rows>
  }

  /** @returns the number of the transaction, once everything before it is committed and it has begun */
  async begin(limitMs: number): Promise<number> {
    const refused = this.#refusal()
    if (refused) throw refused
    const id = ++this.#transactions
    this.#cells.push(op.begin, id, limitMs)
    await this.#collect()
    return id
  }

  execIn(transaction: number, sql: string, parameters: readonly SqlValue[]): Promise<Rows> {
    return this.#overtake([op.txExec, transaction, sql, parameters.length, ...parameters])
  }

  async end(transaction: number, how: 'commit' | 'rollback'): Promise<void> {
    await this.#overtake([op.txEnd, transaction, how])
  }

  resume(): void {
    if (this.#stopped === null) return
    this.#stopped = null
    this.#cells.push(op.resume)
    this.#schedule()
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      if (this.#ended) return resolve()
      this.#worker.once('exit', () => resolve())
      this.#cells.push(op.close)
      this.#schedule()
    })
    return this.#closing
  }

  #introduce(ref: number): void {
    if (this.#sent.has(ref)) return
    this.#sent.add(ref)
    this.#cells.push(op.prepare, ref, this.#texts[ref]!)
  }

  #refusal(): StoreError | null {
    if (this.#ended !== null) return new StoreError(this.#ended)
    if (this.#closing) return new StoreError('the database is closed')
    if (this.#stopped === null && this.#waiting.length - this.#answered >= maxWaiting) {
      this.#stopped = `${maxWaiting} writes wait already`
    }
    if (this.#stopped === null) return null
    return new StoreError(`the database does not take writes: ${this.#stopped}`)
  }

  #collect(): Promise<Rows | null> {
    this.#collected++
    this.#schedule()
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  #schedule(): void {
    if (this.#scheduled || this.#posted.length >= maxPosted || this.#cells.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      const cells = this.#cells
      if (this.#collected > 0) this.#posted.push(this.#collected)
      this.#cells = []
      this.#collected = 0
      this.#worker.postMessage(cells)
    })
  }

  #overtake(cells: Cell[]): Promise<Rows> {
    if (this.#ended !== null) return Promise.reject(new StoreError(this.#ended))
    this.#worker.postMessage(cells)
    return new Promise((resolve, reject) =>
      this.#inTransaction.push({ resolve: resolve as (rows: Rows | null) => void, reject }),
    )
  }

  #hear(message: WriterMessage): void {
    if (message.type === 'answer') this.#settle(message.answer)
    else if (message.type === 'tx') tell(this.#inTransaction.shift()!, message.outcome)
  }

  #settle({ done, outcomes, stopped }: Answer): void {
    if (stopped !== null) this.#stopped = stopped
    let next = 0
    for (let i = 0; i < done; i++) {
      const waiter = this.#waiting[this.#answered++]!
      if (outcomes[next]?.[0] === i) tell(waiter, outcomes[next++]![1])
      else waiter.resolve(null)
    }
    if (this.#answered > 1024 || this.#answered === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#answered)
      this.#answered = 0
    }
    for (let left = done; left > 0 && this.#posted.length > 0; ) {
      const taken = Math.min(left, this.#posted[0]!)
      left -= taken
      this.#posted[0]! -= taken
      if (this.#posted[0] === 0) this.#posted.shift()
    }
    this.#schedule()
  }

  #end(reason: string): void {
    this.#ended ??= reason
    const waiting = [...this.#waiting.slice(this.#answered), ...this.#inTransaction]
    this.#waiting = []
    this.#inTransaction.length = 0
    this.#answered = 0
    for (const waiter of waiting) waiter.reject(new StoreError(this.#ended))
  }
}

function tell(waiter: Waiter, outcome: Outcome): void {
  if (isFailure(outcome)) waiter.reject(toError(outcome))
  else waiter.resolve(outcome)
}
