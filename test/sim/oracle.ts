import type { Usage } from '../../src/chat/index.ts'
import type { LimitRef, SettleResult } from '../../src/money/index.ts'
import type { SqlValue } from '../../src/store/index.ts'
import type { Disk } from './disk.ts'

/** Prices of the simulated provider, pico-USD. */
export interface Price {
  readonly version: string
  readonly prompt: bigint
  readonly completion: bigint
  readonly request: bigint
}

/** What the client of one request knows of it. */
export interface Told {
  readonly id: string
  readonly accountId: string
  readonly limits: readonly LimitRef[]
  /** The price at its admission, with the markup in parts per million. */
  readonly price: Price
  readonly markupPpm: bigint
  /** Tick at which it was asked, and at which its hold may be taken for a leak. */
  readonly askedAt: number
  readonly expiresAt: number
  /**
   * `asked`: no answer yet. `refused`: no hold. `lost`: the hold was not written. `held`: at work. `settling`, `settled`,
   * `failed`: the end was asked for, seen, denied. `releasing`, `released`: the same of a request without an answer.
   */
  state: 'asked' | 'refused' | 'lost' | 'held' | 'settling' | 'settled' | 'failed' | 'releasing' | 'released'
  /** Lowest hold that it was told of, nano-USD. */
  held: bigint
  /** What its checkpoints are worth, nano-USD; those with tokens only. */
  readonly marks: bigint[]
  /** What its end is worth; 0 when it is not to be charged. */
  due: bigint | null
  result: SettleResult | null
  /** The process died, or the hold may have been resolved without it. */
  orphan: boolean
}

/** A credit that somebody asked for. */
export interface Granted {
  readonly reference: string
  readonly accountId: string
  readonly amount: bigint
  seen: boolean
}

interface HoldFact {
  readonly id: string
  readonly state: string
  readonly account: string
  readonly amount: bigint
  readonly limits: readonly string[]
  readonly usage: string | null
  readonly version: string | null
}

/** What is wrong, with the invariant that says so (`I1` to `I14`). */
export class Violation extends Error {
  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`)
  }
}

const OPEN = "('reserved', 'dispatched', 'streaming')"
const MOST_TOKENS = 100_000_000

/** Price of a usage in nano-USD, exact and rounded up once; written anew, knows nothing of the ledger's own arithmetic. */
export function worth(
  price: Price,
  usage: Pick<Usage, 'promptTokens' | 'completionTokens'>,
  ppm: bigint,
): bigint {
  const count = (tokens: number) => BigInt(tokens > 0 ? Math.min(Math.ceil(tokens), MOST_TOKENS) : 0)
  const picos =
    count(usage.promptTokens) * price.prompt +
    count(usage.completionTokens) * price.completion +
    price.request
  const [scaled, unit] = [picos * (1_000_000n + ppm), 1_000_000_000n]
  return scaled / unit + (scaled % unit === 0n ? 0n : 1n)
}

/**
 * The books of the clients against the rows on the disk. It reads the tables past the ledger and adds up for itself;
 * the first thing that is wrong is thrown as a Violation.
 */
export class Oracle {
  readonly told = new Map<string, Told>()
  readonly credits: Granted[] = []
  readonly #disk: Disk
  readonly #prices: ReadonlyMap<string, Price>
  readonly #markupPpm: bigint
  readonly #overdrawn
  readonly #overCap
  /** Journals that were seen, with their lines: they may never change again. */
  readonly #journals = new Map<string, string>()
  /** What the last crash left open: what recovery has to make of it, nano-USD; null: release. */
  #left = new Map<string, bigint | null>()

  constructor(disk: Disk, prices: readonly Price[], markupPpm: bigint) {
    this.#disk = disk
    this.#prices = new Map(prices.map((price) => [price.version, price]))
    this.#markupPpm = markupPpm
    const floor = 'floor = 1 and (posted_nanos < 0 or posted_nanos - held_nanos < 0)'
    this.#overdrawn = disk.db.prepare<[], string>(`select id from accounts where ${floor}`).pluck()
    const cap = 'cap_nanos is not null and (spent_nanos + held_nanos > cap_nanos or held_nanos < 0)'
    this.#overCap = disk.db
      .prepare<[], string>(
        `select scope_id || ' ' || span || ': ' || spent_nanos || ' spent and ' || held_nanos || ' held of ' || cap_nanos from limits where ${cap}`,
      )
      .pluck()
  }

  /** After every write: nobody owns less than nothing, no cap is passed. */
  committed(): void {
    const overdrawn = this.#overdrawn.get()
    if (overdrawn !== undefined) throw new Violation('I2', `${overdrawn} is overdrawn`)
    const overCap = this.#overCap.get()
    if (overCap !== undefined) throw new Violation('I6', `the cap is passed of ${overCap}`)
  }

  /** The process is gone: whoever waits has seen no end, and what is open is resolved by what its row says. */
  crashed(): void {
    for (const told of this.told.values()) if (!isOver(told)) told.orphan = true
    this.#left = new Map()
    for (const hold of this.#holds(`where state in ${OPEN}`)) this.#left.set(hold.id, this.#leftBy(hold))
  }

  #leftBy({ state, usage, version }: HoldFact): bigint | null {
    const seen = usage === null ? null : (JSON.parse(usage) as Usage)
    const price = this.#prices.get(version ?? '')
    const tokens = seen !== null && (seen.promptTokens > 0 || seen.completionTokens > 0)
    return state === 'streaming' && tokens && price ? worth(price, seen, this.#markupPpm) : null
  }

  /** After recovery nothing is open, and everything that was is resolved by the rules. */
  recovered(): void {
    const books = this.#books()
    for (const [id, due] of this.#left) {
      const hold = books.holds.get(id)!
      const expected = due === null ? 'released' : 'settled'
      if (hold.state !== expected)
        throw new Violation('I4', `${id} is ${hold.state} after recovery, not ${expected}`)
      this.#within(books, hold, due ?? 0n, 'recovery')
    }
    if (books.open > 0) throw new Violation('I4', `${books.open} holds are open after recovery`)
    this.#check(books)
  }

  /** Everything that holds at any moment, and what clients were told. */
  check(): void {
    this.#check(this.#books())
  }

  /** Open holds of requests that were asked before `tick`. */
  openBefore(tick: number): string[] {
    return this.#holds(`where state in ${OPEN}`)
      .map(({ id }) => id)
      .filter((id) => (this.told.get(id)?.askedAt ?? 0) < tick)
  }

  /** Requests that wait for an answer which may still come. */
  waiting(): string[] {
    return [...this.told.values()]
      .filter((told) => !told.orphan && !isOver(told) && told.state !== 'lost' && told.state !== 'failed')
      .map(({ id, state }) => `${id} ${state}`)
  }

  #check(books: Books): void {
    this.#folds(books)
    this.#limits(books)
    this.#credits(books)
    this.#usage(books)
    for (const told of this.told.values()) this.#request(books, told)
    for (const id of books.charges.keys())
      if (!this.told.has(id)) throw new Violation('I8', `${id} was never asked`)
  }

  #folds(books: Books): void {
    for (const [id, sum] of books.journalSums)
      if (sum !== 0n) throw new Violation('I1', `journal ${id} adds up to ${sum}`)
    for (const [id, text] of books.journals) {
      const before = this.#journals.get(id)
      if (before !== undefined && before !== text) throw new Violation('I10', `journal ${id} has changed`)
      this.#journals.set(id, text)
    }
    for (const id of this.#journals.keys())
      if (!books.journals.has(id)) throw new Violation('I10', `journal ${id} is gone`)
    for (const [id, posted, held] of this.#rows('select id, posted_nanos, held_nanos from accounts')) {
      same('I3', `posted of ${id}`, posted, books.posted.get(String(id)) ?? 0n)
      same('I3', `held of ${id}`, held, books.held.get(String(id)) ?? 0n)
    }
  }

  #limits(books: Books): void {
    const caps = new Map<string, bigint | null>()
    for (const { limits } of this.told.values()) {
      for (const { capNanos, ...ref } of limits) {
        const key = keyOf(ref)
        const highest = caps.get(key)
        if (highest === null || capNanos === null) caps.set(key, null)
        else if (highest === undefined || capNanos > highest) caps.set(key, capNanos)
      }
    }
    const rows = this.#rows('select scope, scope_id, span, window_start, spent_nanos, held_nanos from limits')
    for (const [scope, scopeId, span, windowStart, spent, held] of rows) {
      const key = JSON.stringify([scope, scopeId, span, Number(windowStart)])
      same('I3', `spent of ${key}`, spent, books.spent.get(key) ?? 0n)
      same('I3', `held of ${key}`, held, books.heldOf.get(key) ?? 0n)
      const cap = caps.get(key)
      if (cap === undefined) throw new Violation('I6', `nobody counts against ${key}`)
      if (cap !== null && (spent as bigint) > cap)
        throw new Violation('I6', `${key}: ${spent} of ${cap} are spent`)
    }
  }

  #credits({ credits }: Books): void {
    for (const { reference, accountId, amount, seen } of this.credits) {
      const lines = credits.get(reference) ?? []
      if (lines.length > 1) throw new Violation('I5', `${reference} was credited ${lines.length} times`)
      if (seen && lines.length === 0) throw new Violation('I5', `${reference} was seen and is not there`)
      const [line] = lines
      if (line !== undefined && (line[0] !== accountId || line[1] !== amount))
        throw new Violation('I5', `${reference} is ${line[1]} on ${line[0]}`)
    }
  }

  #usage({ charges, holds }: Books): void {
    const rows = new Map<string, bigint>()
    for (const [id, cost] of this.#rows('select id, cost_nanos from generations'))
      rows.set(String(id), cost as bigint)
    for (const [id, charge] of charges) same('I12', `the usage row of ${id}`, rows.get(id) ?? -1n, charge)
    for (const [id, cost] of rows) same('I12', `the charge of ${id}`, charges.get(id) ?? 0n, cost)
    for (const { id, state } of holds.values()) {
      if (state === 'settled' && !rows.has(id))
        throw new Violation('I12', `${id} is settled without a usage row`)
    }
  }

  #request(books: Books, told: Told): void {
    const { id, state, result, due } = told
    const hold = books.holds.get(id)
    const charge = books.charges.get(id) ?? 0n
    if (state === 'refused' && hold !== undefined)
      throw new Violation('I4', `${id} was refused and has a hold`)
    if (state === 'settled') {
      if (hold?.state !== 'settled')
        throw new Violation('I7', `${id} was seen to end and is ${hold?.state ?? 'not there'}`)
      same('I7', `the charge of ${id}`, charge, result!.chargedNanos ?? 0n)
      if (told.orphan) this.#oneOf(books, hold, told)
      else {
        same('I7', `charge and write-off of ${id}`, charge + result!.writtenOffNanos, due!)
        this.#within(books, hold, due!, 'its end')
      }
      return
    }
    if (state === 'released' && !told.orphan && charge !== 0n)
      throw new Violation('I8', `${id} was released and charged`)
    if (state === 'failed' && !told.orphan && charge !== 0n)
      throw new Violation('I7', `${id} was charged, its client saw no end`)
    if (charge !== 0n && hold !== undefined) this.#oneOf(books, hold, told)
  }

  /** The charge is that of an end or checkpoint that the provider has answered for. */
  #oneOf(books: Books, hold: HoldFact, { id, marks, due }: Told): void {
    const charge = books.charges.get(id) ?? 0n
    if (charge === 0n) return
    const fits = (value: bigint) => charge <= value && charge >= least(value, hold.amount)
    if (marks.some(fits) || (due !== null && fits(due))) return
    throw new Violation(
      'I8',
      `${id} was charged ${charge}, its provider has done ${marks.join(', ')} or ${due}`,
    )
  }

  /** Charged is what is due; beyond the hold less is right where balance or limits bear no more. */
  #within(books: Books, { id, amount }: HoldFact, due: bigint, whose: string): void {
    const charge = books.charges.get(id) ?? 0n
    if (charge <= due && charge >= least(due, amount)) return
    throw new Violation('I7', `${id} was charged ${charge}, ${due} is due by ${whose} (hold ${amount})`)
  }

  #rows(sql: string): SqlValue[][] {
    return this.#disk.db.prepare(sql).raw().all() as SqlValue[][]
  }

  #holds(where = ''): HoldFact[] {
    const rows = this.#rows(
      `select id, state, account_id, amount_nanos, limits, usage, tariffs from holds ${where}`,
    )
    return rows.map(([id, state, account, amount, limits, usage, tariffs]) => ({
      id: String(id),
      state: String(state),
      account: String(account),
      amount: amount as bigint,
      limits: (JSON.parse(String(limits)) as unknown[]).map((key) => JSON.stringify(key)),
      usage: usage === null ? null : String(usage),
      version: Object.values(JSON.parse(String(tariffs)) as Record<string, string | null>)[0] ?? null,
    }))
  }

  #books(): Books {
    const books = new Books()
    for (const hold of this.#holds()) books.hold(hold)
    const lines = this.#rows(`select j.id, j.kind, j.reference, j.hash, e.account_id, e.amount_nanos
      from journals j left join entries e on e.journal_id = j.id order by j.id, e.line`)
    for (const line of lines) books.line(line)
    books.spend()
    return books
  }
}

/** All rows, added up. */
class Books {
  readonly holds = new Map<string, HoldFact>()
  /** By hold, what its own account paid. */
  readonly charges = new Map<string, bigint>()
  readonly credits = new Map<string, [account: string, amount: bigint][]>()
  readonly journals = new Map<string, string>()
  readonly journalSums = new Map<string, bigint>()
  readonly posted = new Map<string, bigint>()
  readonly held = new Map<string, bigint>()
  readonly heldOf = new Map<string, bigint>()
  readonly spent = new Map<string, bigint>()
  open = 0

  hold(hold: HoldFact): void {
    this.holds.set(hold.id, hold)
    if (hold.state === 'settled' || hold.state === 'released') return
    this.open++
    add(this.held, hold.account, hold.amount)
    for (const key of hold.limits) add(this.heldOf, key, hold.amount)
  }

  line([journal, kind, reference, hash, account, amount]: SqlValue[]): void {
    const [id, to, nanos] = [String(journal), String(account), amount as bigint]
    this.journals.set(id, `${this.journals.get(id) ?? hash} ${to} ${nanos}`)
    add(this.journalSums, id, nanos)
    add(this.posted, to, nanos)
    const about = String(reference)
    if (kind === 'charge') this.#charge(about, to, nanos)
    else if (!to.startsWith('world:'))
      this.credits.set(about, [...(this.credits.get(about) ?? []), [to, nanos]])
  }

  #charge(id: string, account: string, nanos: bigint): void {
    const hold = this.holds.get(id)
    if (hold?.state !== 'settled')
      throw new Violation('I4', `${id} is charged and ${hold?.state ?? 'has no hold'}`)
    if (account !== hold.account) return
    if (this.charges.has(id)) throw new Violation('I7', `${id} is charged twice`)
    this.charges.set(id, -nanos)
  }

  /** What counts against each limit. */
  spend(): void {
    for (const [id, charge] of this.charges)
      for (const key of this.holds.get(id)!.limits) add(this.spent, key, charge)
  }
}

function isOver({ state }: Told): boolean {
  return state === 'refused' || state === 'settled' || state === 'released'
}

function add(sums: Map<string, bigint>, key: string, amount: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + amount)
}

function same(invariant: string, what: string, found: unknown, expected: bigint): void {
  if (found !== expected) throw new Violation(invariant, `${what} is ${found}, not ${expected}`)
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function keyOf({ scope, scopeId, span, windowStart }: Omit<LimitRef, 'capNanos'>): string {
  return JSON.stringify([scope, scopeId, span, windowStart])
}
