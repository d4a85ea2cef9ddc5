import { sql } from 'kysely'
import type { JournalRow, Store } from '../store/index.ts'

/** A journal with its lines, by number. */
export interface JournalWithLines {
  readonly journal: JournalRow
  readonly lines: readonly (readonly [accountId: string, amount: bigint])[]
}

/** Where a page of journals ends: a chain and a place in it. */
export interface JournalCursor {
  readonly chain: string
  readonly seq: bigint
}

/**
 * Journals after `cursor` (from the first without one), chain by chain, at most `limit`. Journals never change, so that
 * pages fit together although the ledger goes on; what it adds to a chain that was passed is not seen.
 * @param sinceMs only journals of that time or later, ms since the epoch
 */
export async function journalPage(
  store: Store,
  page: { readonly cursor: JournalCursor | null; readonly sinceMs: number; readonly limit: number },
): Promise<JournalWithLines[]> {
  const { cursor, sinceMs, limit } = page
  let query = store.db.selectFrom('journals').selectAll()
  if (cursor !== null) {
    // As a row: both databases go on in the index of places, however far the page is.
    query = query.where(sql<boolean>`(chain, seq) > (${cursor.chain}, ${cursor.seq})`)
  }
  if (sinceMs > 0) query = query.where('at', '>=', BigInt(sinceMs))
  const journals = await query.orderBy('chain').orderBy('seq').limit(limit).execute()
  if (journals.length === 0) return []
  const entries = await store.db
    .selectFrom('entries')
    .selectAll()
    .where(
      'journal_id',
      'in',
      journals.map(({ id }) => id),
    )
    .orderBy('journal_id')
    .orderBy('line')
    .execute()
  const lines = Map.groupBy(entries, ({ journal_id }) => journal_id)
  return journals.map((journal) => ({
    journal,
    lines: (lines.get(journal.id) ?? []).map((line) => [line.account_id, line.amount_nanos] as const),
  }))
}

/** The journals that one hold or payment caused. */
export async function journalsOf(store: Store, reference: string): Promise<JournalWithLines[]> {
  const rows = await store.db
    .selectFrom('journals')
    .leftJoin('entries', 'entries.journal_id', 'journals.id')
    .selectAll('journals')
    .select(['entries.account_id', 'entries.amount_nanos'])
    .where('kind', 'in', ['charge', 'topup', 'adjustment', 'refund'])
    .where('reference', '=', reference)
    .orderBy('journals.id')
    .orderBy('entries.line')
    .execute()
  const found = new Map<string, { journal: JournalRow; lines: [string, bigint][] }>()
  for (const { account_id, amount_nanos, ...journal } of rows) {
    const one = found.get(journal.id) ?? { journal, lines: [] }
    found.set(journal.id, one)
    if (account_id !== null && amount_nanos !== null) one.lines.push([account_id, amount_nanos])
  }
  return [...found.values()]
}
