import { createHash } from 'node:crypto'
import { NO_USAGE as EMPTY } from '../../src/chat/index.ts'
import { openEmbedded } from '../../src/money/embedded.ts'
import type { Ledger } from '../../src/money/index.ts'
import type { StoreError } from '../../src/store/index.ts'
import { seeded } from '../fixtures.ts'
import { Clients, ORGANIZATIONS, PRICES, pause } from './clients.ts'
import { Disk, type StoreBugs } from './disk.ts'
import { Oracle, Violation } from './oracle.ts'
import { type Fates, SimStore, type WriteFate } from './store.ts'
import { VirtualTime } from './time.ts'

/** `safety`: faults until the end. `liveness`: faults stop half-way, but for one that stays. */
export type Mode = 'safety' | 'liveness'

export interface EpisodeOptions {
  readonly seed: number
  readonly requests: number
  readonly mode: Mode
  readonly bugs?: StoreBugs
  /** The process dies at just this write (from 1), before or after it is on disk, and no other fault comes. */
  readonly dieAt?: { readonly write: number; readonly after: boolean }
}

/** What an episode was made of. */
export interface Outcome {
  readonly requests: number
  readonly settled: number
  readonly refused: number
  readonly crashes: number
  readonly crashesAtWrites: number
  readonly storeFaults: number
  readonly clockJumps: number
  readonly writes: number
  /** SHA-256 over everything that happened and over the database at the end. */
  readonly trace: string
}

const CLIENTS = 10
/** 31 January, ten minutes before the month ends. */
const START = Date.UTC(2026, 0, 31, 23, 50)
const HOUR = 3_600_000
/** An episode ends within this much of its own time, or it hangs. */
const LIMIT_MS = 24 * HOUR
const HEALED_MS = 60_000
const SERVED_MS = 5_000
const LASTING = [
  'slow writes',
  'slow reads',
  'clock stands',
  'clock an hour back',
  'clock a day ahead',
] as const

/** Runs one small world from its seed. @throws {Violation} with the last events when an invariant does not hold */
export async function episode(options: EpisodeOptions): Promise<Outcome> {
  const disk = await Disk.make(options.bugs)
  const world = new World(disk, options)
  const restore = world.time.install()
  try {
    return await world.run()
  } finally {
    restore()
    disk.db.close()
  }
}

class World implements Fates {
  readonly time = new VirtualTime(START)
  readonly #options: EpisodeOptions
  readonly #disk: Disk
  readonly #random: () => number
  readonly #oracle: Oracle
  readonly #clients: Clients
  readonly #markupPpm: bigint
  /** How often what goes wrong, from 0 to 1. */
  readonly #rates: Readonly<Record<'fails' | 'lies' | 'dies' | 'slow' | 'reads', number>>
  readonly #hash = createHash('sha256')
  readonly #last: string[] = []
  #lasting: (typeof LASTING)[number] | null = null
  #calm = false
  /** Everybody has money to begin with. */
  #started = false
  #left: number
  #life = 0
  #running = 0
  #store: SimStore | null = null
  #ledger: Ledger | null = null
  #failure: unknown = null
  #finished = false
  readonly #counts = { crashes: 0, crashesAtWrites: 0, storeFaults: 0, clockJumps: 0, writes: 0 }

  constructor(disk: Disk, options: EpisodeOptions) {
    this.#disk = disk
    this.#options = options
    this.#random = seeded(options.seed)
    this.#left = options.requests
    const rate = (most: number) => (this.#pick(3) === 0 ? 0 : this.#random() * most)
    this.#rates = {
      fails: rate(0.02),
      lies: rate(0.02),
      dies: rate(0.01),
      slow: rate(0.05),
      reads: rate(0.02),
    }
    this.#markupPpm = BigInt(this.#pick(3)) * 27_500n
    this.#calm = options.dieAt !== undefined
    this.#oracle = new Oracle(disk, PRICES, this.#markupPpm)
    this.#clients = new Clients({
      oracle: this.#oracle,
      time: this.time,
      pick: (below) => this.#pick(below),
      markupPpm: this.#markupPpm,
      trace: (line) => this.#trace(line),
    })
  }

  async run(): Promise<Outcome> {
    const story = this.#story().then(
      () => {
        this.#finished = true
      },
      (error: unknown) => this.#fail(error),
    )
    try {
      await this.time.run(() => this.#finished || this.#failure !== null, LIMIT_MS)
    } catch (error) {
      const waiting = this.#oracle.waiting().join(', ')
      this.#fail(
        new Violation(
          'I14',
          `${String(error)}; life ${this.#life}, ${this.#running} clients, waiting: ${waiting}`,
        ),
      )
    }
    if (this.#failure !== null) throw this.#told(this.#failure)
    await story
    const told = [...this.#oracle.told.values()]
    this.#hash.update(this.#disk.db.serialize())
    return {
      ...this.#counts,
      requests: told.length,
      settled: told.filter(({ state }) => state === 'settled').length,
      refused: told.filter(({ state }) => state === 'refused').length,
      trace: this.#hash.digest('hex'),
    }
  }

  write(): { delayMs: number; fate(): WriteFate } {
    const n = ++this.#counts.writes
    const { dieAt } = this.#options
    if (dieAt?.write === n) return { delayMs: 1, fate: () => (dieAt.after ? 'dies after' : 'dies before') }
    const slow = !this.#calm && this.#random() < this.#rates.slow
    const delayMs = slow ? this.#pick(2_500) : this.#calm ? 1 : this.#random() * 3
    return { delayMs: this.#lasting === 'slow writes' ? 300 : delayMs, fate: () => this.#fate() }
  }

  #fate(): WriteFate {
    if (this.#calm) return 'kept'
    const { fails, lies, dies } = this.#rates
    const drawn = this.#random()
    if (drawn < dies) return this.#pick(2) === 0 ? 'dies before' : 'dies after'
    if (drawn < dies + fails + lies) this.#counts.storeFaults++
    return drawn < dies + fails ? 'fails' : drawn < dies + fails + lies ? 'lies' : 'kept'
  }

  read(): { delayMs: number; fails: boolean } {
    if (this.#lasting === 'slow reads') return { delayMs: 100, fails: false }
    if (this.#calm) return { delayMs: 0, fails: false }
    const fails = this.#random() < this.#rates.reads
    if (fails) this.#counts.storeFaults++
    const slow = this.#random() < this.#rates.slow / 4
    return { delayMs: slow ? this.#pick(1_500) : 0, fails }
  }

  committed(): void {
    this.#guarded(() => this.#oracle.committed())
  }

  contradicted({ kind, message, step }: StoreError): void {
    this.#fail(new Violation('I4', `the database refused a unit (${kind}, step ${step}): ${message}`))
  }

  die(): void {
    this.#counts.crashesAtWrites++
    this.#crash()
  }

  /** Life after life until all requests were made, then peace and the last look. */
  async #story(): Promise<void> {
    await this.#boot()
    for (const organization of ORGANIZATIONS) {
      const amount = { rich: 10n ** 13n, modest: 900_000_000n, poor: 30_000_000n }[organization]
      await this.#grant(organization, amount)
    }
    this.#work()
    if (!this.#calm) this.#trouble()
    if (this.#options.mode === 'liveness') await this.#heal()
    while (this.#left > 0 || this.#running > 0) await this.time.sleep(100)
    await this.#lastLook()
  }

  /** The first credits, before the trouble; where the process dies of them, its successor makes them. */
  async #grant(organization: string, amount: bigint): Promise<void> {
    const calm = this.#calm
    this.#calm = true
    for (let seen = false; !seen; await this.time.sleep(100)) {
      const life = this.#life
      if (this.#ledger === null) continue
      const made = this.#clients.credit(this.#ledger, organization, amount).then(() => true)
      const gone = (async () => {
        while (life === this.#life) await this.time.sleep(500)
        return false
      })()
      seen = await Promise.race([made, gone])
    }
    this.#calm = calm
    this.#started = organization === ORGANIZATIONS.at(-1)
  }

  #work(): void {
    if (!this.#started) return
    const [life, ledger] = [this.#life, this.#ledger!]
    for (let i = 0; i < CLIENTS; i++) {
      this.#running++
      this.#client(life, ledger).catch((error: unknown) => this.#fail(error))
    }
  }

  async #client(life: number, ledger: Ledger): Promise<void> {
    await pause(this.#pick(200))
    while (this.#left > 0) {
      this.#left--
      if (this.#pick(25) === 0)
        await this.#clients.credit(ledger, this.#somebody(), BigInt(this.#pick(60_000_000) - 15_000_000))
      else await this.#clients.request(ledger)
      await pause(this.#pick(50))
    }
    if (life === this.#life) this.#running--
  }

  #somebody(): string {
    return ORGANIZATIONS[1 + this.#pick(2)]!
  }

  /** What happens to the world beside the store: kills, clocks, caps, prices. */
  #trouble(): void {
    const again = (every: number, what: () => void) => {
      const next = () =>
        this.time.after(this.#random() * 2 * every, () => {
          if (this.#calm || this.#finished) return
          what()
          next()
        })
      next()
    }
    again(30_000, () => this.#crash())
    again(20_000, () => this.#jump())
    again(700, () => this.#clients.changeCap())
    again(2_000, () => this.#clients.changePrice())
  }

  #jump(): void {
    const by = [-2 * HOUR, -1_000, 5_000, 45_000, 24 * HOUR, 31 * 24 * HOUR][this.#pick(6)]!
    this.#counts.clockJumps++
    this.#trace(`clock ${by}`)
    this.time.jump(by)
  }

  #crash(): void {
    if (this.#store === null) return
    this.#counts.crashes++
    this.#trace(`crash of life ${this.#life}`)
    this.#store.kill()
    this.#store = null
    this.#ledger = null
    this.#running = 0
    this.time.after(0, () => {
      this.time.forgetProcess()
      this.#guarded(() => this.#oracle.crashed())
      this.time.after(this.#pick(1_000), () => {
        this.#boot().catch((error: unknown) => this.#fail(error))
      })
    })
  }

  /** A new process: it comes up, recovers and is looked at; where the disk lets it not, the next one tries. */
  async #boot(): Promise<void> {
    const life = ++this.#life
    this.#running = 1
    const store = new SimStore(this.#disk, this, this.#options.bugs ?? {})
    this.#store = store
    try {
      const ledger = await openEmbedded(store, {
        clock: this.time,
        node: 'sim',
        epoch: `sim-${life}`,
        markupPpm: this.#markupPpm,
        alerts: () => ({ thresholds: [50, 80, 90, 100], lowBalanceNanos: 1_000_000n }),
        onEvent: (event) => this.#trace(`${event.type} in life ${life}`),
      })
      const counts = await ledger.recover(this.time.now())
      this.#trace(`life ${life}: ${counts.released} released, ${counts.settled} settled`)
      if (store === this.#store) this.#oracle.recovered()
      const again = await ledger.recover(this.time.now())
      if (again.released + again.settled > 0) throw new Violation('I11', 'a second recovery found holds')
      if (store !== this.#store) return
      this.#running = 0
      this.#ledger = ledger
      this.#work()
    } catch (error) {
      if (error instanceof Violation) throw error
      // Its death is known: the next process is on its way.
      if (store !== this.#store) return
      this.#store = null
      this.#trace(`life ${life} does not come up: ${String(error)}`)
      store.kill()
      await this.time.sleep(250)
      this.time.forgetProcess()
      this.#oracle.crashed()
      await this.#boot()
    }
  }

  /** Faults stop but for one. Whoever can pay is served soon, and all that was open is resolved within a minute. */
  async #heal(): Promise<void> {
    const half = this.#options.requests / 2
    while (this.#left > half) await this.time.sleep(50)
    this.#calm = true
    this.#lasting = LASTING[this.#pick(LASTING.length)]!
    if (this.#lasting === 'clock stands') this.time.freeze()
    if (this.#lasting === 'clock an hour back') this.time.jump(-HOUR)
    if (this.#lasting === 'clock a day ahead') this.time.jump(24 * HOUR)
    const healedAt = this.time.tick()
    this.#trace(`healed, but for: ${this.#lasting}`)
    await this.#served(healedAt)
    await this.time.sleep(HEALED_MS - (this.time.tick() - healedAt))
    const open = this.#oracle.openBefore(healedAt)
    if (open.length > 0)
      throw new Violation(
        'I14',
        `${open.join(', ')} open ${HEALED_MS} ms after the faults stopped (${this.#lasting})`,
      )
  }

  async #served(healedAt: number): Promise<void> {
    for (let served = false; !served; await this.time.sleep(20)) {
      if (this.time.tick() - healedAt > SERVED_MS) {
        throw new Violation(
          'I14',
          `nobody is served ${SERVED_MS} ms after the faults stopped (${this.#lasting})`,
        )
      }
      if (this.#ledger === null) continue
      const told = await this.#clients.request(this.#ledger, 'rich')
      served = told.state === 'settled'
    }
  }

  async #lastLook(): Promise<void> {
    this.#calm = true
    this.#lasting = null
    const expected = this.#counts.crashes + 1
    while (this.#store === null || this.#ledger === null) await this.time.sleep(100)
    this.#crash()
    while (this.#counts.crashes < expected || this.#ledger === null) await this.time.sleep(100)
    const ledger: Ledger = this.#ledger
    const report = await ledger.verify()
    const [fault] = report.faults
    if (fault !== undefined) throw new Violation(fault.invariant, `${fault.row}: ${fault.detail}`)
    if (report.held_nano !== '0') throw new Violation('I4', `${report.held_nano} are held at the end`)
    await this.#repeated(ledger)
    this.#oracle.check()
    await ledger.close()
  }

  /** What was done is done: the same settles and credits again change nothing. */
  async #repeated(ledger: Ledger): Promise<void> {
    for (const { id, result, state } of [...this.#oracle.told.values()].slice(-20)) {
      if (state !== 'settled') continue
      const now = this.time.now()
      const usage = { promptTokens: 9e5, completionTokens: 9e5 }
      const command = { id, endpointId: null, providerId: null, charge: true, now, record: null }
      const again = await ledger.settle({ ...command, usage: { ...EMPTY, ...usage } })
      if (again.chargedNanos !== result!.chargedNanos) {
        throw new Violation(
          'I11',
          `${id} is ${again.chargedNanos} when settled again, not ${result!.chargedNanos}`,
        )
      }
    }
    for (const organization of ORGANIZATIONS) {
      const { creditedNanos, usedNanos, postedNanos } = await ledger.balance(organization, 'prepaid')
      if (creditedNanos - usedNanos !== postedNanos)
        throw new Violation('I12', `${organization}: used is not credit less balance`)
    }
  }

  #pick(below: number): number {
    return Math.floor(this.#random() * below)
  }

  #trace(line: string): void {
    const text = `${this.time.tick().toFixed(3)} ${line}`
    this.#hash.update(text)
    this.#last.push(text)
    if (this.#last.length > 200) this.#last.splice(0, 100)
  }

  #guarded(look: () => void): void {
    try {
      look()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
  }

  #told(error: unknown): Error {
    const { seed, mode, requests } = this.#options
    const what = error instanceof Error ? error.message : String(error)
    const told = new Violation(
      `seed ${seed} (${mode}, ${requests} requests)`,
      `${what}\n  ${this.#last.slice(-40).join('\n  ')}`,
    )
    told.cause = error
    return told
  }
}
