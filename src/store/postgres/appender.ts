import { randomUUID } from 'node:crypto'
import type { Pool, PoolClient } from 'pg'
import type { Clock } from '../../lib/index.ts'
import { type SqlValue, type StatementRef, type Step, StoreError } from '../store.ts'
import { isConflict, sqlState, toStoreError } from './errors.ts'
import { type Command, Flight, type Landing } from './flight.ts'
import { numberPlaceholders } from './placeholders.ts'

/** Up to 64 savepoints stay in shared memory; more make every snapshot in the cluster slower. */
const maxGroup = 64
const maxWaiting = 65_536
const maxStatements = 1_024

/** How often a unit is tried again that another node stood in the way of. */
const maxTries = 5

/** A flight without answer for so long has lost its connection. */
const flightLimitMs = 20_000

/** After a lost commit: how long to ask the server for its outcome, and how often. */
const inquiryMs = { limit: 30_000, pause: 200 }

/** A writer that has committed nothing for so long is gone: 30 days. */
const forgetMs = 2_592_000_000

const lostMessage = 'the database: the connection was lost'

interface Unit {
  readonly steps: readonly Step[]
  readonly keys: readonly string[]
  resolve(): void
  reject(error: StoreError): void
}

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

/** One transaction over a group; a unit that fails is taken out, its neighbours go on. */
class GroupTransaction {
  readonly #client: PoolClient
  readonly #texts: readonly string[]

  constructor(client: PoolClient, texts: readonly string[]) {
    this.#client = client
    this.#texts = texts
  }

  /** @returns the units that are applied; the others are rejected already */
  async apply(group: readonly Unit[], opening: readonly Command[]): Promise<readonly Unit[]> {
    const applied: Unit[] = []
    let width = group.length
    for (let at = 0; at < group.length; ) {
      const chunk = group.slice(at, at + width)
      const flight = this.#layOut(opening, chunk, group.length > 1 ? at : null)
      const landing = await fly(this.#client, flight.commands)
      const fault = flight.faultOf(landing)
      const sound = fault ? fault.unit : chunk.length
      applied.push(...chunk.slice(0, sound))
      at += sound
      width = Math.min(width * 2, group.length)
      opening = []
      if (!fault) continue
      group[at]!.reject(fault.error)
      // What came after it in the flight may have seen its changes: it is undone as well, and done again.
      opening = [plain(group.length > 1 ? `rollback to u${at}` : 'rollback')]
      if (group.length === 1) await fly(this.#client, opening)
      at++
      width = Math.max(4, sound)
      if (at === group.length && group.length > 1) await mustFly(this.#client, opening)
    }
    return applied
  }

  #layOut(opening: readonly Command[], chunk: readonly Unit[], first: number | null) {
    const commands: Command[] = [...opening]
    /** Per command: unit and step that it belongs to; a step of null is the savepoint before the unit. */
    const owners: { unit: number; step: number | null; expected: number }[] = opening.map(() => ({
      unit: -1,
      step: null,
      expected: -1,
    }))
    chunk.forEach((unit, index) => {
      if (first !== null) {
        commands.push(plain(`savepoint u${first + index}`))
        owners.push({ unit: index, step: null, expected: -1 })
      }
      unit.steps.forEach(([ref, values, expected = -1], step) => {
        commands.push({ name: `w${ref}`, text: this.#texts[ref]!, values })
        owners.push({ unit: index, step, expected })
      })
    })
    const faultOf = ({ changes, error }: Landing): { unit: number; error: StoreError } | null => {
      for (let i = 0; i < changes.length; i++) {
        const { unit, step, expected } = owners[i]!
        if (expected >= 0 && changes[i] !== expected) {
          const message = `a step changed ${changes[i]} rows instead of ${expected}`
          return { unit, error: new StoreError(message, 'guard', step) }
        }
      }
      if (!error) return null
      const owner = owners[changes.length]
      const found = toStoreError(error, owner?.step ?? null)
      if (!owner || owner.step === null || found.kind === 'unavailable') throw error
      return { unit: owner.unit, error: found }
    }
    return { commands, faultOf }
  }
}

const markText = `insert into commits (writer, n, at) values ($1, $2, $3)
  on conflict (writer) do update set n = excluded.n, at = excluded.at`

/** Begins, locks what the group will change, and leaves the group's mark. */
function openingOf(group: readonly Unit[], mark: Command): readonly Command[] {
  const keys = new Set(group.flatMap((unit) => unit.keys))
  const lock = keys.size > 0 ? [lockOf([...keys])] : []
  return [plain('begin'), ...lock, mark]
}

function lockOf(keys: readonly string[]): Command {
  const text = `select pg_advisory_xact_lock(key) from (select distinct hashtextextended(name, 7788) as key
    from jsonb_array_elements_text($1::jsonb) as name order by 1) as keys`
  return { name: 'lock', text, values: [JSON.stringify(keys)] satisfies SqlValue[] }
}

function plain(text: string): Command {
  return { name: text.replaceAll(' ', '_'), text, values: [] }
}

async function fly(client: PoolClient, commands: readonly Command[]): Promise<Landing> {
  const flight = new Flight(commands)
  const timer = setTimeout(() => flight.abort(), flightLimitMs)
  client.query(flight)
  const landing = await flight.landed
  clearTimeout(timer)
  return landing
}

async function mustFly(client: PoolClient, commands: readonly Command[]): Promise<void> {
  const { error } = await fly(client, commands)
  if (error) throw error
}

/** @returns whether the connection can be used again */
async function rollback(client: PoolClient): Promise<boolean> {
  const { error } = await fly(client, [plain('rollback')])
  return error === null
}

/** Whether the connection went away, so that a commit may have happened or not. */
function isLost(error: Error): boolean {
  const state = sqlState(error)
  return state === '' || state.startsWith('08') || state.startsWith('57P')
}
