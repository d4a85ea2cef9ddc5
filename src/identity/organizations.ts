import type { Store } from '../store/index.ts'

export interface Organization {
  readonly id: string
  readonly name: string
  /** `default`: as the configuration says (`credits:`). */
  readonly credits: 'prepaid' | 'unlimited' | 'default'
}

/** Organizations in memory, since every paid request asks how its organization pays. */
export class OrganizationBook {
  readonly #store: Store
  readonly #organizations = new Map<string, Organization>()

  private constructor(store: Store) {
    this.#store = store
  }

  static async open(store: Store): Promise<OrganizationBook> {
    const book = new OrganizationBook(store)
    await book.refresh()
    return book
  }

  find(id: string): Organization | undefined {
    return this.#organizations.get(id)
  }

  /** Picks up what other nodes changed. */
  async refresh(): Promise<void> {
    for (const row of await this.#store.db.selectFrom('organizations').selectAll().execute()) {
      const credits = row.credits === 'prepaid' || row.credits === 'unlimited' ? row.credits : 'default'
      this.#organizations.set(row.id, { id: row.id, name: row.name, credits })
    }
  }
}
