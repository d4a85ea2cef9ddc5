import type { Store } from '../store/index.ts'
import { Chain } from './chain.ts'
import { providerOf } from './codec.ts'
import { decide, resolution } from './decide.ts'
import {
  conflict,
  type LedgerEvent,
  type LedgerOptions,
  refused,
  refusedError,
  resolvedRows,
  sleep,
} from './engine.ts'
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
import { findCredit, findLimit, loadCredited, loadImage, loadSettled } from './load.ts'
import {
  accountId,
  type Change,
  type Command,
  type Credit,
  creditReference,
  type Denial,
  type Hold,
  type Image,
  type Limit,
  limitKey,
  type Mark,
} from './state.ts'
import { StepWriter } from './steps.ts'
import { TariffBook, Unit } from './unit.ts'
import { verify } from './verify.ts'

/** So long a settle waits for a broken store before its client is told. */
const PATIENCE_MS = 2_000
const SWEEP_MS = 10_000
const KEPT_RESULTS = 2_048
const KEPT_LIMITS = 50_000
const CLOSED = 'the ledger is closed'

/** A settle, release or credit between its decision and its commit; outlives a failed write. */
interface Pending {
  readonly command: Command
  readonly record: SettleCommand['record']
  readonly resolve: (result: SettleResult | null) => void
  readonly reject: (error: Error) => void
  /** Its caller was told that it failed: it may no longer charge. */
  abandoned: boolean
  tries: number
}

/** A unit on its way to disk. */
class Batch extends Unit {
  readonly pending: { readonly entry: Pending; readonly result: SettleResult | null }[] = []
  readonly done: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor() {
    super()
    // Who needs it waits for it; nobody has to.
    this.done.promise.catch(() => {})
  }
}

/** Loads the image of an embedded store and starts the ledger on it. */
export async function openEmbedded(store: Store, options: LedgerOptions): Promise<Ledger> {
  const image = await loadImage(store.db)
  return new EmbeddedLedger(store, options, image)
}

/**
 * The ledger of a process that owns its database. Commands are decided at once on the memory image; what was decided
 * in one turn of the event loop, or while the disk was busy, is appended as one unit. A failed write stops it: everything is refused until the image
 * was read again from disk.
 */
class EmbeddedLedger implements Ledger {
  readonly #store: Store
  readonly #options: LedgerOptions
  readonly #writer: StepWriter
  readonly #book = new TariffBook()
  readonly #sweeper: NodeJS.Timeout
  #image: Image
  #chain: Chain
  #chains = 0
  #batch: Batch | null = null
  readonly #inFlight = new Set<Promise<void>>()
  #status: 'open' | 'halted' | 'closed' = 'open'
  #failures = 0
  /** Settles and releases that wait for the store to come back. */
  #parked: Pending[] = []
  /** Results of the latest settles, in two generations. */
  #settled = new Map<string, Promise<SettleResult>>()
  #settledBefore = new Map<string, Promise<SettleResult>>()
  readonly #credited = new Map<string, bigint>()
  readonly #crediting = new Map<string, { readonly amount: bigint; readonly done: Promise<Balance> }>()
  #creditsApplied = 0
  /** When each hold of this process counts as leaked, on the monotonic clock: the wall clock may be set meanwhile. */
  readonly #deadlines = new Map<string, number>()
  #prunes = 0

  constructor(store: Store, options: LedgerOptions, image: Image) {
    this.#store = store
    this.#options = options
    this.#image = image
    this.#writer = new StepWriter(store)
    this.#chain = this.#newChain()
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS)
    this.#sweeper.unref()
  }

  async reserve(command: ReserveCommand): Promise<ReserveResult> {
    for (let known = false; !known; ) {
      if (this.#status !== 'open') return this.#unavailable()
      const missing = command.limits.filter((ref) => !this.#image.limits.has(limitKey(ref)))
      if (missing.length === 0) break
      const [image, prunes] = [this.#image, this.#prunes]
      const rows = await this.#recall(missing)
      // Meanwhile any row may have been charged and forgotten again, or all of them with a failure of the store. Nothing
      // comes between this look and the decision.
      known = image === this.#image && prunes === this.#prunes && this.#status === 'open'
      if (!known) continue
      for (const row of rows) {
        const key = limitKey(row.ref)
        if (!image.limits.has(key)) image.limits.set(key, row)
      }
    }
    return this.#hold({ type: 'reserve', reserve: command, node: this.#options.epoch })
  }

  async extend(id: string, amountNanos: bigint): Promise<ReserveResult> {
    if (this.#status !== 'open') return this.#unavailable()
    return this.#hold({ type: 'extend', id, amount: amountNanos })
  }

  checkpoint(id: string, mark: Mark): void {
    if (this.#status !== 'open') return
    const decision = decide(this.#image, { type: 'checkpoint', id, mark })
    if (decision.ok) this.#accept(decision.change)
  }

  settle(command: SettleCommand): Promise<SettleResult> {
    const known = this.#settled.get(command.id) ?? this.#settledBefore.get(command.id)
    if (known !== undefined) return known
    const { record, ...rest } = command
    const settle: Command = { type: 'settle', ...rest, markupPpm: this.#options.markupPpm ?? 0n }
    const result = this.#resolve(settle, record) as Promise<SettleResult>
    this.#remember(command.id, result)
    return result
  }

  async release(id: string, _now: number, record: SettleCommand['record']): Promise<void> {
    if (this.#status === 'open' && !this.#image.holds.has(id)) return
    await this.#resolve({ type: 'release', id }, record)
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
    let creditedNanos = this.#credited.get(id)
    while (creditedNanos === undefined) {
      const before = this.#creditsApplied
      await this.#drained()
      const sum = await loadCredited(this.#store.db, organizationId, id)
      if (before !== this.#creditsApplied) continue
      creditedNanos = sum
      this.#credited.set(id, sum)
    }
    const row = this.#image.accounts.get(id)
    const postedNanos = row?.posted ?? 0n
    const heldNanos = row?.held ?? 0n
    return {
      postedNanos,
      heldNanos,
      availableNanos: postedNanos - heldNanos,
      creditedNanos,
      usedNanos: creditedNanos - postedNanos,
    }
  }

  async limit(ref: Omit<LimitRef, 'capNanos'>): Promise<LimitState> {
    const row = this.#image.limits.get(limitKey(ref)) ?? (await findLimit(this.#store.db, ref))
    return { spentNanos: row?.spent ?? 0n, heldNanos: row?.held ?? 0n }
  }

  async recover(now: number): Promise<{ released: number; settled: number }> {
    const { epoch } = this.#options
    const left = [...this.#image.holds.values()].filter((hold) => hold.node !== epoch || hold.expiresAt < now)
    return await this.#recover(left, now)
  }

  async verify(): Promise<VerifyReport> {
    await this.#drained()
    return await verify(this.#store)
  }

  async close(): Promise<void> {
    this.#status = 'closed'
    clearInterval(this.#sweeper)
    await this.#drained()
    for (const entry of this.#parked) entry.reject(new LedgerError('unavailable', CLOSED))
    this.#parked = []
  }

  #hold(command: Command): ReserveResult {
    const decision = decide(this.#image, command)
    if (!decision.ok) return refused(decision.denial)
    const fresh = command.type === 'reserve' ? this.#book.missing(decision.change.hold!) : []
    if (command.type === 'reserve') {
      const { id, expiresAt, now } = command.reserve
      this.#deadlines.set(id, this.#options.clock.tick() + expiresAt - now)
    }
    const batch = this.#accept(decision.change)
    batch.tariffs.push(...fresh)
    return { ok: true, durable: batch.done.promise }
  }

  /** Applies a decided change; the unit of this turn takes it to disk. */
  #accept(change: Change): Batch {
    let batch = this.#batch
    if (batch === null) {
      batch = new Batch()
      this.#batch = batch
      this.#flushSoon()
    }
    batch.add(this.#image, change, this.#chain)
    return batch
  }

  /**
   * After this turn, unless a unit is on its way to disk: then the next one gathers until that is committed, and touches
   * each account, limit and page once for all that it holds.
   */
  #flushSoon(): void {
    setImmediate(() => {
      if (this.#inFlight.size === 0) this.#flush()
    })
  }

  #flush(): void {
    const batch = this.#batch
    if (batch === null) return
    this.#batch = null
    const written = this.#store.append(this.#writer.steps(batch, this.#chain)).then(
      () => this.#committed(batch),
      (error: unknown) => this.#halt(batch, error),
    )
    this.#inFlight.add(written)
    written.finally(() => {
      this.#inFlight.delete(written)
      if (this.#batch !== null) this.#flushSoon()
    })
  }

  #committed(batch: Batch): void {
    this.#failures = 0
    batch.done.resolve()
    for (const { entry, result } of batch.pending) entry.resolve(result)
  }

  /** Decides a settle, release or credit; resolves after its commit, through failures of the store as far as possible. */
  #resolve(command: Command, record: SettleCommand['record']): Promise<SettleResult | null> {
    return new Promise((resolve, reject) => {
      const entry: Pending = { command, record, resolve, reject, abandoned: false, tries: 0 }
      if (this.#status === 'open') this.#start(entry)
      else if (this.#status === 'halted') this.#park(entry)
      else reject(new LedgerError('unavailable', CLOSED))
    })
  }

  #start(entry: Pending): void {
    const { command } = entry
    const decision = decide(this.#image, command, this.#options.alerts?.())
    if (!decision.ok) {
      this.#denied(entry, decision.denial)
      return
    }
    const rows = resolvedRows(entry.record, decision, this.#tell)
    const batch = this.#accept(decision.change)
    batch.pending.push({ entry, result: decision.settled })
    if (rows !== null) batch.records.push(rows)
    if (command.type === 'credit') this.#creditApplied(command)
  }

  readonly #tell = (event: LedgerEvent): void => this.#options.onEvent?.(event)

  #denied(entry: Pending, denial: Denial): void {
    const { command, resolve, reject } = entry
    if (denial.kind !== 'no_hold') reject(refusedError(denial))
    else if (command.type === 'release' || entry.abandoned) resolve(null)
    else if (command.type === 'settle') {
      this.#drained()
        .then(() => loadSettled(this.#store.db, command.id))
        .then(resolve, reject)
    }
  }

  async #credit(command: Credit, reference: string): Promise<Balance> {
    await this.#drained()
    const known = await findCredit(this.#store.db, reference)
    const id = accountId(command.organizationId, 'prepaid')
    if (known === undefined) await this.#resolve({ type: 'credit', ...command }, null)
    else if (known.account_id !== id || known.amount_nanos !== command.amount) throw conflict(reference)
    return await this.balance(command.organizationId, 'prepaid')
  }

  #creditApplied({ organizationId, amount }: Credit): void {
    this.#creditsApplied++
    const id = accountId(organizationId, 'prepaid')
    const credited = this.#credited.get(id)
    if (credited !== undefined) this.#credited.set(id, credited + amount)
  }

  async #recover(holds: readonly Hold[], now: number): Promise<{ released: number; settled: number }> {
    const counts = { released: 0, settled: 0 }
    const markupPpm = this.#options.markupPpm ?? 0n
    const done = holds.map((hold) => {
      const providerId = hold.endpointId === null ? null : providerOf(hold.endpointId)
      const command = resolution(hold, now, { providerId, markupPpm })
      counts[command.type === 'settle' ? 'settled' : 'released']++
      return this.#resolve(command, null)
    })
    await Promise.all(done)
    return counts
  }

  /** Holds past their time are leaks of a request that never ended: they follow the rules of crash recovery. */
  #sweep(): void {
    if (this.#status !== 'open') return
    const { clock } = this.#options
    const late: Hold[] = []
    for (const [id, deadline] of this.#deadlines) {
      const hold = this.#image.holds.get(id)
      if (hold === undefined) this.#deadlines.delete(id)
      else if (deadline < clock.tick()) late.push(hold)
    }
    if (late.length > 0) this.#recover(late, clock.now()).catch(() => {})
    if (this.#image.limits.size > KEPT_LIMITS) this.#prune()
  }

  /** Forgets limit rows without holds; those still in use come back from disk. */
  #prune(): void {
    this.#prunes++
    for (const [key, { held }] of this.#image.limits) if (held === 0n) this.#image.limits.delete(key)
  }

  /** Limit rows come into memory at their first use; what is not on disk either is new. */
  async #recall(refs: readonly LimitRef[]): Promise<Limit[]> {
    await this.#drained()
    const rows = await Promise.all(refs.map((ref) => findLimit(this.#store.db, ref)))
    return rows.filter((row) => row !== undefined)
  }

  #remember(id: string, result: Promise<SettleResult>): void {
    if (this.#settled.size >= KEPT_RESULTS) {
      this.#settledBefore = this.#settled
      this.#settled = new Map()
    }
    this.#settled.set(id, result)
    result.catch(() => {
      this.#settled.delete(id)
      this.#settledBefore.delete(id)
    })
  }

  /** A write failed: nothing that was decided since is true. */
  #halt(batch: Batch, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    const unavailable = new LedgerError('unavailable', `the ledger's store failed: ${reason}`, {
      cause: error,
    })
    const lost = this.#batch === null ? [batch] : [batch, this.#batch]
    this.#batch = null
    for (const one of lost) {
      one.done.reject(unavailable)
      for (const { entry } of one.pending) this.#park(entry)
    }
    if (this.#status !== 'open') return
    this.#status = 'halted'
    this.#failures++
    this.#tell({ type: 'halted', reason })
    void this.#rebuild()
  }

  #park(entry: Pending): void {
    this.#parked.push(entry)
    if (entry.abandoned || entry.tries++ > 0) this.#abandon(entry)
    else
      setTimeout(() => {
        if (this.#parked.includes(entry)) this.#abandon(entry)
      }, PATIENCE_MS).unref()
  }

  #abandon(entry: Pending): void {
    entry.abandoned = true
    entry.reject(new LedgerError('unavailable', "the ledger's store does not take writes"))
  }

  /** Reads the image from disk again, as often as it takes, then serves and repeats what was waiting. */
  async #rebuild(): Promise<void> {
    const started = this.#options.clock.tick()
    await sleep(this.#failures === 1 ? 0 : Math.min(1_000, 25 * 2 ** this.#failures))
    for (;;) {
      try {
        await Promise.allSettled(this.#inFlight)
        const image = await loadImage(this.#store.db)
        if (this.#status !== 'halted') return
        this.#image = image
        break
      } catch {
        await sleep(250)
      }
    }
    this.#chain = this.#newChain()
    this.#book.forget()
    this.#credited.clear()
    this.#store.resume()
    this.#status = 'open'
    this.#tell({ type: 'resumed', afterMs: this.#options.clock.tick() - started })
    const waiting = this.#parked
    this.#parked = []
    for (const entry of waiting) this.#repeat(entry)
  }

  #repeat(entry: Pending): void {
    const { command, resolve, reject } = entry
    if (command.type !== 'credit') this.#start(entry.abandoned ? uncharged(entry) : entry)
    else if (!entry.abandoned) {
      // The write that failed may have reached the disk all the same.
      findCredit(this.#store.db, creditReference(command)).then(
        (known) => (known === undefined ? this.#start(entry) : resolve(null)),
        reject,
      )
    }
  }

  #newChain(): Chain {
    const { epoch, node, clock } = this.#options
    return new Chain(`${epoch}.${this.#chains++}`, node, clock.now())
  }

  #unavailable(): ReserveResult {
    return refused({ kind: 'unavailable', message: `the ledger is ${this.#status}` })
  }

  async #drained(): Promise<void> {
    this.#flush()
    await Promise.allSettled(this.#inFlight)
  }
}

/** Its client saw no end of the answer, so it owes nothing; what the provider is owed is still booked. */
function uncharged(entry: Pending): Pending {
  const { command } = entry
  return command.type === 'settle'
    ? { ...entry, command: { ...command, charge: false }, record: null }
    : entry
}
