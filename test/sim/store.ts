import type { Kysely } from 'kysely'
import type { Database, StatementRef, Step, Store } from '../../src/store/index.ts'
import { StoreError } from '../../src/store/index.ts'
import { type Disk, queries, type StoreBugs } from './disk.ts'

/** What befalls one write: nothing, an error before or after it is on disk, the end of the process before or after it. */
export type WriteFate = 'kept' | 'fails' | 'lies' | 'dies before' | 'dies after'

/** Decides what befalls the store, and is told what it did. */
export interface Fates {
  /** `fate` is asked when the time has come. */
  write(): { readonly delayMs: number; fate(): WriteFate }
  read(): { readonly delayMs: number; readonly fails: boolean }
  committed(): void
  /** The database itself refused a unit: the ledger contradicts what it wrote before. */
  contradicted(error: StoreError): void
  /** The process ends here. */
  die(): void
}

interface Waiting {
  readonly steps: readonly Step[]
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
}

const NEVER = new Promise<never>(() => {})

/** The store of one simulated process: in order, durable when it says so, stopped by its first failure, as the contract has it. */
export class SimStore implements Store {
  readonly engine = 'sqlite'
  readonly db: Kysely<Database>
  readonly #disk: Disk
  readonly #fates: Fates
  readonly #bugs: StoreBugs
  readonly #queue: Waiting[] = []
  #busy = false
  #stopped = false
  #dead = false

  constructor(disk: Disk, fates: Fates, bugs: StoreBugs) {
    this.#disk = disk
    this.#fates = fates
    this.#bugs = bugs
    this.db = queries(disk, () => this.#reading())
  }

  prepare(sql: string): StatementRef {
    return this.#disk.prepare(sql) as StatementRef
  }

  append(steps: readonly Step[]): Promise<void> {
    if (this.#dead) return NEVER
    return new Promise((resolve, reject) => {
      const early = this.#bugs.answersEarly === true
      this.#queue.push({ steps, resolve: early ? () => {} : resolve, reject })
      if (early) resolve()
      this.#next()
    })
  }

  resume(): void {
    this.#stopped = false
  }

  async backup(): Promise<void> {
    throw new StoreError('a simulated disk has no files', 'invalid')
  }

  async close(): Promise<void> {}

  /** Nothing is answered any more. */
  kill(): void {
    this.#dead = true
  }

  #reading(): Promise<void> | null {
    if (this.#dead) return NEVER
    const { delayMs, fails } = this.#fates.read()
    if (delayMs === 0 && !fails) return null
    return new Promise((resolve, reject) => {
      setTimeout(() => (fails ? reject(new StoreError('cannot read')) : resolve()), delayMs)
    })
  }

  #next(): void {
    const unit = this.#queue[0]
    if (this.#busy || this.#dead || unit === undefined) return
    this.#busy = true
    const { delayMs, fate } = this.#fates.write()
    setTimeout(() => {
      this.#queue.shift()
      this.#busy = false
      this.#write(unit, fate())
      this.#next()
    }, delayMs)
  }

  #write({ steps, resolve, reject }: Waiting, fate: WriteFate): void {
    if (this.#stopped) reject(new StoreError('the database does not take writes'))
    else if (fate === 'dies before') {
      this.#disk.writeCut(steps)
      this.#fates.die()
    } else if (fate === 'fails' || this.#written(steps, reject)) {
      if (fate === 'dies after') this.#fates.die()
      else if (fate === 'kept') resolve()
      else {
        this.#stopped = true
        reject(new StoreError('the disk is full'))
      }
    }
  }

  #written(steps: readonly Step[], reject: (error: StoreError) => void): boolean {
    try {
      this.#disk.write(steps)
    } catch (error) {
      this.#fates.contradicted(error as StoreError)
      reject(error as StoreError)
      return false
    }
    this.#fates.committed()
    return true
  }
}
