import { afterAll, beforeAll, expect } from 'vitest'
import { type Node, topUp, type World } from './world.ts'

/** What a journal moves, line by line. */
export async function linesOf(store: Node['store'], reference: string): Promise<[string, bigint][]> {
  const rows = await store.db
    .selectFrom('journals')
    .innerJoin('entries', 'entries.journal_id', 'journals.id')
    .select(['entries.account_id', 'entries.amount_nanos'])
    .where('journals.reference', '=', reference)
    .orderBy('entries.line')
    .execute()
  return rows.map((row) => [row.account_id, row.amount_nanos])
}

/** One world for a group of tests; each gets an organization of its own with so much credit. */
export function useNode(make: () => Promise<World>) {
  let world: World
  let node: Node
  let count = 0
  beforeAll(async () => {
    world = await make()
    node = await world.start()
  })
  afterAll(async () => {
    const report = await node.ledger.verify()
    await node.close()
    await world.drop()
    expect(report.faults).toEqual([])
  })
  return async (credit: bigint) => {
    const org = `org${++count}`
    if (credit > 0n) await topUp(node.ledger, credit, org)
    return { ...node, org }
  }
}
