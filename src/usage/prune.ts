import type { Store } from '../store/index.ts'

const DAY_MS = 86_400_000
/** Calls whose details go in one step: what is written meanwhile waits only for so many. */
const BATCH = 200
/** Between two steps, ms. */
const PAUSE_MS = 100
/** The first look after the start, and then how often, ms. */
const FIRST_MS = 60_000
const EVERY_MS = 3_600_000

export interface PrunerOptions {
  /** How long details are kept, ms; null: for ever. Asked each time, since the configuration can change. */
  readonly keptMs: () => number | null
  /** ms since the epoch. */
  readonly now: () => number
  readonly failed: (error: unknown) => void
}

/**
 * Forgets the details of old calls, waybills and tries, in small steps that no request waits for. The usage row and the
 * ledger stay. Several nodes may do it at once.
 */
export class Pruner {
  readonly #store: Store
  readonly #options: PrunerOptions
  #timer: NodeJS.Timeout
  #running: Promise<unknown> = Promise.resolve()
  #stopped = false

  constructor(store: Store, options: PrunerOptions) {
    this.#store = store
    this.#options = options
    this.#timer = setTimeout(() => this.#look(), FIRST_MS)
    this.#timer.unref()
  }

  #look(): void {
    const kept = this.#options.keptMs()
    const work = kept === null ? Promise.resolve(0) : this.prune(this.#options.now() - kept)
    this.#running = work.catch(this.#options.failed).then(() => {
      if (this.#stopped) return
      this.#timer = setTimeout(() => this.#look(), EVERY_MS)
      this.#timer.unref()
    })
  }

  /** Forgets the details of calls that began before then (ms since the epoch); resolves to how many calls that were. */
  async prune(before: number): Promise<number> {
    let forgotten = 0
    while (!this.#stopped) {
      const ids = await this.#oldest(before)
      if (ids.length > 0) await this.#forget(ids)
      forgotten += ids.length
      if (ids.length < BATCH) break
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
    // A table is marked once a day: one day more, and no waybill that is kept refers to it.
    await this.#store.db
      .deleteFrom('waybill_tables')
      .where('seen_at', '<', BigInt(before - DAY_MS))
      .execute()
    return forgotten
  }

  async #oldest(before: number): Promise<string[]> {
    const rows = await this.#store.db
      .selectFrom('waybills')
      .select('id')
      .where('created_at', '<', BigInt(before))
      .orderBy('created_at')
      .limit(BATCH)
      .execute()
    return rows.map(({ id }) => id)
  }

  /** The waybills last: what is left after an interruption is found by them. */
  async #forget(ids: readonly string[]): Promise<void> {
    await this.#store.db.deleteFrom('attempts').where('generation_id', 'in', ids).execute()
    await this.#store.db.deleteFrom('waybills').where('id', 'in', ids).execute()
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }
}
