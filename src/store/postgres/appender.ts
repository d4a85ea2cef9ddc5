import { randomUUID } from 'node:crypto'
import type { Pool, PoolClient } from 'pg'
import type { Clock } from '../../lib/index.ts'
import { type StatementRef, type Step, StoreError } from '../store.ts'
import { isConflict, sqlState, toStoreError } from './errors.ts'
import type { Command } from './flight.ts'
import { fly, GroupTransaction, markText, openingOf, plain, rollback, type Unit } from './group.ts'
import { numberPlaceholders } from './placeholders.ts'

/** Up to 64 savepoints stay in shared memory; more make every snapshot in the cluster slower. */
const maxGroup = 64
const maxWaiting = 65_536
const maxStatements = 1_024

/** How often a unit is tried again that another node stood in the way of. */
const maxTries = 5

/** After a lost commit: how long to ask the server for its outcome, and how often. */
const inquiryMs = { limit: 30_000, pause: 200 }

/** A writer that has committed nothing for so long is gone: 30 days. */
const forgetMs = 2_592_000_000

const lostMessage = 'the database: the connection was lost'

/** The units of this node: those that arrive while one group is under way go together in the next transaction. */
export class Appender {
  readonly #pool: Pool
  readonly #clock: Clock
  /** Every group writes its number into this writer's row of `commits`, which tells the outcome of a lost commit. */
  readonly #writer = randomUUID()
  #groups = 0n
  readonly #refs = new Map<string, number>()
  readonly #texts: string[] = []
  #waiting: Unit[] = []
  #working: Promise<void> | null = null
  #closed = false
  /** The server went away during a commit, whose outcome is being asked for. */
  #lost = false

  constructor(pool: Pool, clock: Clock) {
    this.#pool = pool
    this.#clock = clock
  }

  /** Makes this writer known, and forgets those that have been gone for long. */
  async open(): Promise<void> {
    const now = this.#clock.now()
    await this.#pool.query('delete from commits where at < $1', [now - forgetMs])
    await this.#pool.query('insert into commits (writer, n, at) values ($1, 0, $2)', [this.#writer, now])
  }

  prepare(sql: string): StatementRef {
    let ref = this.#refs.get(sql)
    if (ref === undefined) {
      if (this.#texts.length >= maxStatements) throw new StoreError('too many prepared statements', 'invalid')
      ref = this.#texts.push(numberPlaceholders(sql)) - 1
      this.#refs.set(sql, ref)
    }
    return ref as StatementRef
  }

  append(steps: readonly Step[], keys: readonly string[] = []): Promise<void> {
    if (this.#closed) return Promise.reject(new StoreError('the database is closed'))
    if (this.#lost) return Promise.reject(new StoreError(lostMessage))
    if (this.#waiting.length >= maxWaiting) {
      return Promise.reject(new StoreError(`${maxWaiting} writes wait already`))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ steps, keys, resolve, reject })
      this.#working ??= this.#work()
    })
  }

  /** Finishes what was accepted. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#working
    await this.#pool.query('delete from commits where writer = $1', [this.#writer]).catch(() => {})
  }

  async #work(): Promise<void> {
    // What arrives in this turn of the event loop goes together.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) await this.#settle(this.#waiting.splice(0, maxGroup))
    this.#working = null
  }

  async #settle(group: readonly Unit[]): Promise<void> {
    try {
      await this.#run(group)
    } catch (error) {
      if (!isConflict(error)) {
        for (const unit of group) unit.reject(toStoreError(error))
        return
      }
      // Alone, units take their locks in the order that their authors chose, which cannot deadlock.
      for (const unit of group) await this.#retry(unit)
    }
  }

  async #retry(unit: Unit): Promise<void> {
    for (let tried = 1; ; tried++) {
      try {
        await this.#run([unit])
        return
      } catch (error) {
        if (!isConflict(error) || tried >= maxTries) {
          unit.reject(toStoreError(error))
          return
        }
      }
    }
  }

  /** Applies a group in one transaction; throws when none of it is applied and no single unit is at fault. */
  async #run(group: readonly Unit[]): Promise<void> {
    const client = await this.#pool.connect()
    let broken = true
    try {
      const n = ++this.#groups
      const mark: Command = { name: 'mark', text: markText, values: [this.#writer, n, this.#clock.now()] }
      const done = await new GroupTransaction(client, this.#texts).apply(group, openingOf(group, mark))
      await this.#commit(client, n)
      broken = false
      for (const unit of done) unit.resolve()
    } catch (error) {
      broken = !(await rollback(client))
      throw error
    } finally {
      client.release(broken)
    }
  }

  /** Commits, and finds out what became of it when the connection is lost meanwhile. */
  async #commit(client: PoolClient, n: bigint): Promise<void> {
    const { error } = await fly(client, [plain('commit')])
    if (!error) return
    if (!isLost(error)) throw error
    this.#lost = true
    // Nothing of these has been sent; they need not wait for the answer.
    for (const unit of this.#waiting.splice(0)) unit.reject(new StoreError(lostMessage))
    try {
      if (!(await this.#isCommitted(n))) throw error
    } finally {
      this.#lost = false
    }
  }

  /** Asks until the server knows; `for update` waits until the lost transaction has ended either way. */
  async #isCommitted(n: bigint): Promise<boolean> {
    const until = performance.now() + inquiryMs.limit
    while (performance.now() < until) {
      const query = this.#pool.query<{ n: bigint }>('select n from commits where writer = $1 for update', [
        this.#writer,
      ])
      const found = await query.then(
        ({ rows }) => rows[0]?.n ?? 0n,
        () => null,
      )
      if (found !== null) return found === n
      await new Promise((resolve) => setTimeout(resolve, inquiryMs.pause))
    }
    throw new StoreError('the connection was lost during a commit, and its outcome could not be found out')
  }
}

/** Whether the connection went away, so that a commit may have happened or not. */
function isLost(error: Error): boolean {
  const state = sqlState(error)
  return state === '' || state.startsWith('08') || state.startsWith('57P')
}
