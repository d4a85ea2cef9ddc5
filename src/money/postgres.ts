import type { Kysely } from 'kysely'
import type { Database, Store } from '../store/index.ts'
import { StoreError } from '../store/index.ts'
import { Chain } from './chain.ts'
import { providerOf } from './codec.ts'
import { decide, newHold, resolution } from './decide.ts'
import { conflict, type LedgerOptions, refused, refusedError, resolvedRows, sleep } from './engine.ts'
import {
  type Balance,
  type Ledger,
  LedgerError,
  type LimitRef,
  type LimitState,
  type ReserveCommand,
  type ReserveResult,
  type SettleCommand,
  type SettleResult,
  type VerifyReport,
} from './ledger.ts'
import { findCredit, findLimit, loadCredited, loadHolds, loadSettled } from './load.ts'
import {
  ensureLimits,
  heartbeat,
  lockImage,
  strandedHolds,
  type Wanted,
  writeTariffs,
  writeUnit,
} from './postgres.sql.ts'
import {
  accountId,
  type Command,
  type Credit,
  creditReference,
  type Decision,
  type Hold,
  type Image,
  limitKey,
  limitOfKey,
  type Mark,
} from './state.ts'
import { TariffBook, Unit } from './unit.ts'
import { verify } from './verify.ts'

const MAX_GROUP = 128
const MAX_QUEUE = 20_000
const HEARTBEAT_MS = 10_000
/** So long a settle is repeated while the database is away before its client is told. */
const PATIENCE_MS = 2_000
const RECOVERY_PAGE = 500
const KEPT_LIMITS = 100_000

interface Item {
  readonly command: Command
  readonly record: SettleCommand['record']
  readonly resolve: (decision: Decision) => void
  readonly reject: (error: Error) => void
  tries: number
}

/** Starts the ledger on a Postgres store that other nodes use too. */
export async function openPostgres(store: Store, options: LedgerOptions): Promise<Ledger> {
  await heartbeat(store.db, options.epoch)
  return new PostgresLedger(store, options)
}

/**
 * The ledger where Postgres is the only truth. Commands of this node are group-committed: one transaction locks the rows
 * of all of them in key order, decides each on the locked image as the embedded engine does, and writes the sum.
 */
class PostgresLedger implements Ledger {
  readonly #db: Kysely<Database>
  readonly #store: Store
  readonly #options: LedgerOptions
  readonly #book = new TariffBook()
  readonly #timer: NodeJS.Timeout
  #chain: Chain
  #chains = 0
  #queue: Item[] = []
  #pump: Promise<void> = Promise.resolve()
  #working = false
  #closed = false
  /** What never changes of the open holds that this node made, so that their rows are known before they are locked. */
  readonly #open = new Map<string, Hold>()
  /** Limit rows that exist, by key. */
  readonly #limits = new Set<string>()
  readonly #crediting = new Map<string, { readonly amount: bigint; readonly done: Promise<Balance> }>()

  constructor(store: Store, options: LedgerOptions) {
    this.#store = store
    this.#db = store.db
    this.#options = options
    this.#chain = this.#newChain()
    this.#timer = setInterval(() => void this.#beat(), HEARTBEAT_MS)
    this.#timer.unref()
  }

  async reserve(command: ReserveCommand): Promise<ReserveResult> {
    if (this.#open.has(command.id)) throw refusedError({ kind: 'duplicate' })
    return await this.#hold({ type: 'reserve', reserve: command, node: this.#options.epoch })
  }

  async extend(id: string, amountNanos: bigint): Promise<ReserveResult> {
    return await this.#hold({ type: 'extend', id, amount: amountNanos })
  }

  checkpoint(id: string, mark: Mark): void {
    this.#submit({ type: 'checkpoint', id, mark }, null).catch(() => {})
  }

  async settle(command: SettleCommand): Promise<SettleResult> {
    const { record, ...rest } = command
    const settle: Command = { type: 'settle', ...rest, markupPpm: this.#options.markupPpm ?? 0n }
    const decision = await this.#patient(settle, record)
    if (decision.ok) return decision.settled!
    if (decision.denial.kind !== 'no_hold') throw refusedError(decision.denial)
    return await loadSettled(this.#db, command.id)
  }

  async release(id: string, _now: number, record: SettleCommand['record']): Promise<void> {
    await this.#patient({ type: 'release', id }, record)
  }

  async credit(command: Parameters<Ledger['credit']>[0]): Promise<Balance> {
    const { amountNanos: amount, ...rest } = command
    const reference = creditReference(command)
    const running = this.#crediting.get(reference)
    if (running !== undefined) {
      if (running.amount !== amount) throw conflict(reference)
      return await running.done
    }
    const done = this.#credit({ ...rest, amount }, reference)
    this.#crediting.set(reference, { amount, done })
    try {
      return await done
    } finally {
      this.#crediting.delete(reference)
    }
  }

  async balance(organizationId: string, account: ReserveCommand['account']): Promise<Balance> {
    const id = accountId(organizationId, account)
    const snapshot = this.#db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only')
    return await snapshot.execute(async (tx) => {
      const row = await tx
        .selectFrom('accounts')
        .select(['posted_nanos', 'held_nanos'])
        .where('id', '=', id)
        .executeTakeFirst()
      const creditedNanos = await loadCredited(tx, organizationId, id)
      const postedNanos = row?.posted_nanos ?? 0n
      const heldNanos = row?.held_nanos ?? 0n
      const usedNanos = creditedNanos - postedNanos
      return { postedNanos, heldNanos, availableNanos: postedNanos - heldNanos, creditedNanos, usedNanos }
    })
  }

  async limit(ref: Omit<LimitRef, 'capNanos'>): Promise<LimitState> {
    const row = await findLimit(this.#db, ref)
    return { spentNanos: row?.spent ?? 0n, heldNanos: row?.held ?? 0n }
  }

  async recover(now: number): Promise<{ released: number; settled: number }> {
    const counts = { released: 0, settled: 0 }
    for (;;) {
      const ids = await strandedHolds(this.#db, RECOVERY_PAGE)
      if (ids.length === 0) return counts
      const markupPpm = this.#options.markupPpm ?? 0n
      const resolved = (await loadHolds(this.#db, ids)).map(async (hold) => {
        const providerId = hold.endpointId === null ? null : providerOf(hold.endpointId)
        const command = resolution(hold, now, { providerId, markupPpm })
        const decision = await this.#submit(command, null)
        if (decision.ok) counts[command.type === 'settle' ? 'settled' : 'released']++
      })
      await Promise.all(resolved)
      if (ids.length < RECOVERY_PAGE) return counts
    }
  }

  async verify(): Promise<VerifyReport> {
    return await verify(this.#store)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#pump
    // Holds that are still open now are for the others to resolve.
    await this.#db.deleteFrom('nodes').where('id', '=', this.#options.epoch).execute()
  }

  async #hold(command: Command): Promise<ReserveResult> {
    try {
      const decision = await this.#submit(command, null)
      return decision.ok ? { ok: true, durable: Promise.resolve() } : refused(decision.denial)
    } catch (error) {
      if (!isUnavailable(error)) throw error
      // The commit may have come through although its answer did not: nobody will use that hold.
      if (command.type === 'reserve') this.#later({ type: 'release', id: command.reserve.id })
      return refused({ kind: 'unavailable', message: error.message })
    }
  }

  /** Repeats a settle or release while the database is away; when its caller has lost patience it no longer charges. */
  async #patient(command: Command, record: SettleCommand['record']): Promise<Decision> {
    const { clock } = this.#options
    const started = clock.tick()
    for (let tries = 0; ; tries++) {
      try {
        return await this.#submit(command, record)
      } catch (error) {
        if (!isUnavailable(error)) throw error
        if (this.#closed || clock.tick() - started > PATIENCE_MS) {
          this.#later(command.type === 'settle' ? { ...command, charge: false } : command)
          throw error
        }
        await sleep(Math.min(500, 20 * 2 ** tries))
      }
    }
  }

  /** Resolves a hold whose caller is gone, as long as it takes; after a restart of this node others do it. */
  #later(command: Command): void {
    const attempt = async (): Promise<void> => {
      while (!this.#closed) {
        await sleep(1_000)
        try {
          await this.#submit(command, null)
          return
        } catch (error) {
          if (!isUnavailable(error)) return
        }
      }
    }
    void attempt()
  }

  async #credit(command: Credit, reference: string): Promise<Balance> {
    const known = await findCredit(this.#db, reference)
    if (known !== undefined) return await this.#credited(command, known)
    try {
      const decision = await this.#submit({ type: 'credit', ...command }, null)
      if (!decision.ok) throw refusedError(decision.denial)
    } catch (error) {
      // Another node was faster, or the answer to our own commit was lost.
      const now = await findCredit(this.#db, reference)
      if (now === undefined) throw error
      return await this.#credited(command, now)
    }
    return await this.balance(command.organizationId, 'prepaid')
  }

  async #credited(
    command: Credit,
    known: { readonly account_id: string; readonly amount_nanos: bigint },
  ): Promise<Balance> {
    const id = accountId(command.organizationId, 'prepaid')
    if (known.account_id !== id || known.amount_nanos !== command.amount) {
      throw conflict(creditReference(command))
    }
    return await this.balance(command.organizationId, 'prepaid')
  }

  #submit(command: Command, record: SettleCommand['record']): Promise<Decision> {
    if (this.#closed) return Promise.reject(new LedgerError('unavailable', 'the ledger is closed'))
    if (this.#queue.length >= MAX_QUEUE) {
      return Promise.reject(new LedgerError('unavailable', `${MAX_QUEUE} commands wait already`))
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ command, record, resolve, reject, tries: 0 })
      if (this.#working) return
      this.#working = true
      this.#pump = this.#work()
    })
  }

  /** Commits what is queued, the commands of one turn of the event loop and those that came during a commit together. */
  async #work(): Promise<void> {
    await new Promise<void>((next) => setImmediate(next))
    while (this.#queue.length > 0) await this.#commit(this.#queue.splice(0, MAX_GROUP))
    this.#working = false
  }

  /** Commits a group; a lost lock is tried once more, one at fault is found by committing each alone. */
  async #commit(group: readonly Item[]): Promise<void> {
    try {
      const decisions = await this.#transact(group)
      group.forEach((item, i) => {
        item.resolve(decisions[i]!)
      })
    } catch (error) {
      // Whether the journals of the failed transaction are there is not known: the next ones begin a new chain.
      this.#chain = this.#newChain()
      this.#book.forget()
      await this.#again(group, error)
    }
  }

  async #again(group: readonly Item[], error: unknown): Promise<void> {
    const [first] = group
    if (isUnavailable(error)) {
      for (const item of group) if (item.tries > 0) item.reject(toLedgerError(error))
      const repeat = group.filter((item) => item.tries++ === 0)
      if (repeat.length > 0) await this.#commit(repeat)
    } else if (group.length > 1) {
      for (const item of group) await this.#commit([item])
    } else if (first !== undefined && first.record !== null) {
      await this.#commit([{ ...first, record: null }])
    } else {
      first?.reject(toLedgerError(error))
    }
  }

  async #transact(group: readonly Item[]): Promise<Decision[]> {
    const reserves = group.flatMap(({ command }) => (command.type === 'reserve' ? command.reserve : []))
    const tariffs = reserves.flatMap(({ tariffs, now }) => this.#book.missing({ tariffs, createdAt: now }))
    await writeTariffs(this.#db, tariffs)
    const wanted = await this.#wanted(group)
    const fresh = newLimits(reserves, this.#limits)
    const decisions = await this.#db.transaction().execute(async (tx) => {
      if (fresh.length > 0) await ensureLimits(tx, fresh)
      const image = await lockImage(tx, wanted)
      const unit = new Unit()
      const made = group.map((item) => this.#decide(image, item, unit))
      if (!unit.empty) await writeUnit(tx, unit, this.#chain)
      return made
    })
    if (this.#limits.size > KEPT_LIMITS) this.#limits.clear()
    for (const { ref } of fresh) this.#limits.add(limitKey(ref))
    decisions.forEach((decision, i) => {
      const { command } = group[i]!
      if (decision.ok) this.#keep(decision.change.hold)
      else if (decision.denial.kind === 'no_hold' && 'id' in command) this.#open.delete(command.id)
    })
    return decisions
  }

  #decide(image: Image, item: Item, unit: Unit): Decision {
    const { command, record } = item
    // A repeated reserve finds its own hold when only the answer to its commit was lost.
    const own = command.type === 'reserve' && item.tries > 0 ? image.holds.get(command.reserve.id) : undefined
    if (own !== undefined) {
      return { ok: true, change: { hold: own, accounts: [], limits: [], journal: null }, settled: null }
    }
    const decision = decide(image, command, this.#options.alerts?.())
    if (!decision.ok) return decision
    unit.add(image, decision.change, this.#chain)
    if (command.type !== 'settle' && command.type !== 'release') return decision
    const rows = resolvedRows(record, decision, (event) => this.#options.onEvent?.(event))
    if (rows !== null) unit.records.push(rows)
    return decision
  }

  #keep(hold: Hold | null): void {
    if (hold === null) return
    if (hold.state === 'settled' || hold.state === 'released') this.#open.delete(hold.id)
    else this.#open.set(hold.id, hold)
  }

  /** The rows that the group may change; holds of other nodes are looked up first. */
  async #wanted(group: readonly Item[]): Promise<Wanted> {
    const holds = new Map<string, Hold | null>()
    const accounts = new Set<string>()
    const limits = new Map<string, LimitRow>()
    const foreign: string[] = []
    const want = (hold: Hold, known: Hold | null): void => {
      holds.set(hold.id, known)
      accounts.add(hold.accountId)
      for (const key of hold.limits) if (!limits.has(key)) limits.set(key, limitOfKey(key))
    }
    for (const { command, tries } of group) {
      if (command.type === 'credit') accounts.add(accountId(command.organizationId, 'prepaid'))
      else if (command.type === 'reserve') {
        const hold = newHold(command.reserve, command.node)
        want(hold, tries > 0 ? hold : null)
      } else if (!holds.has(command.id)) {
        const hold = this.#open.get(command.id)
        if (hold === undefined) foreign.push(command.id)
        else want(hold, hold)
      }
    }
    const found = foreign.length === 0 ? [] : await loadHolds(this.#db, foreign)
    for (const hold of found) want(hold, hold)
    return { holds, accounts, limits }
  }

  #newChain(): Chain {
    const { epoch, node, clock } = this.#options
    return new Chain(`${epoch}.${this.#chains++}`, node, clock.now())
  }

  async #beat(): Promise<void> {
    try {
      await heartbeat(this.#db, this.#options.epoch)
      if (!this.#closed) await this.recover(this.#options.clock.now())
    } catch {
      // The next beat tries again; requests tell by themselves that the database is away.
    }
  }
}

type LimitRow = Omit<LimitRef, 'capNanos'>

function newLimits(
  reserves: readonly ReserveCommand[],
  known: ReadonlySet<string>,
): { ref: LimitRow; organizationId: string }[] {
  const fresh = new Map<string, { ref: LimitRow; organizationId: string }>()
  for (const { limits, owner } of reserves) {
    for (const ref of limits) {
      const key = limitKey(ref)
      if (!known.has(key)) fresh.set(key, { ref, organizationId: owner.organizationId })
    }
  }
  return [...fresh.values()]
}

function isUnavailable(error: unknown): error is Error {
  if (error instanceof LedgerError) return error.fault === 'unavailable'
  return error instanceof StoreError && error.kind === 'unavailable'
}

function toLedgerError(error: unknown): Error {
  if (!(error instanceof StoreError)) return error instanceof Error ? error : new Error(String(error))
  const fault = error.kind === 'unavailable' ? 'unavailable' : 'conflict'
  return new LedgerError(fault, `the ledger's store failed: ${error.message}`, { cause: error })
}
