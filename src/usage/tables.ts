import type { StatementRef, Store } from '../store/index.ts'

const DAY_MS = 86_400_000
/** Hashes remembered as written today. */
const REMEMBERED = 10_000

/** The candidate tables that waybills refer to: each is written once a day, outside the unit of the charge and ahead of it. */
export class WaybillTables {
  readonly #store: Store
  readonly #insert: StatementRef
  readonly #written = new Set<string>()
  #day = 0

  constructor(store: Store) {
    this.#store = store
    this.#insert = store.prepare(
      `insert into waybill_tables (hash, data, seen_at) values (?, ?, ?)
        on conflict (hash) do update set seen_at = excluded.seen_at`,
    )
  }

  /**
   * Keeps the tables; costs a look-up each when they are known. What could not be written is tried again with the next
   * waybill, since a waybill without its table still tells the tries. @param now ms since the epoch
   */
  keep(tables: readonly { readonly hash: string; readonly data: string }[], now: number): void {
    const day = Math.max(this.#day, now - (now % DAY_MS))
    if (day > this.#day || this.#written.size >= REMEMBERED) this.#written.clear()
    this.#day = day
    for (const { hash, data } of tables) {
      if (this.#written.has(hash)) continue
      this.#written.add(hash)
      this.#store
        .append([[this.#insert, [hash, data, BigInt(day)]]], [`table:${hash}`])
        .catch(() => this.#written.delete(hash))
    }
  }
}
