import { expect, it } from 'vitest'
import { NO_USAGE } from '../../src/chat/index.ts'
import { explainCharge, journalPage } from '../../src/money/index.ts'
import { linesOf, useNode } from './node.ts'
import { capOf, reserveOf, settleOf, type World } from './world.ts'

/** What can be read of every ledger by who audits it. */
export function ledgerAudit(make: () => Promise<World>): void {
  const at = useNode(make)

  it('explains a charge by the frozen price list, to the nano-dollar', async () => {
    const { ledger, store, org } = await at(1_000_000_000n)
    const id = `${org}-a`
    await ledger.reserve(reserveOf(id, { limits: [capOf(org, null)] }, org))
    const usage = { ...NO_USAGE, promptTokens: 30, cacheReadTokens: 10, completionTokens: 7 }
    const { chargedNanos } = await ledger.settle(settleOf(id, 0, { usage }))
    const found = (await explainCharge(store, id))!
    expect(found).toMatchObject({
      usage,
      tariffVersion: 'one',
      priceNanos: 44_000n,
      chargedNanos,
      writtenOffNanos: 0n,
      insuredNanos: 0n,
      markupNanos: 0n,
      owedNanos: 44_000n,
    })
    expect(found.receipt!.lines.map(({ what, quantity, picos }) => [what, quantity, picos])).toEqual([
      ['input', 20n, 20_000_000n],
      ['cached input', 10n, 10_000_000n],
      ['output', 7n, 14_000_000n],
    ])
    expect(found.journals.map(({ lines }) => lines)).toEqual([await linesOf(store, id)])
  })

  it('explains what was written off, what the insurance bore, and what was never charged', async () => {
    const { ledger, store, org } = await at(10_000_000n)
    const hold = (id: string, amountNanos: bigint) => ledger.reserve(reserveOf(id, { amountNanos }, org))
    await hold(`${org}-gone`, 1n)
    await ledger.release(`${org}-gone`, Date.now(), null)
    await hold(`${org}-free`, 1n)
    await ledger.settle(settleOf(`${org}-free`, 1_000, { charge: false }))
    await hold(`${org}-open`, 2n)
    await hold(`${org}-over`, 9_999_998n)
    await ledger.settle(settleOf(`${org}-over`, 6_000))
    expect(await explainCharge(store, `${org}-gone`)).toMatchObject({ chargedNanos: 0n, journals: [] })
    expect(await explainCharge(store, `${org}-free`)).toMatchObject({
      priceNanos: 2_000_000n,
      chargedNanos: 0n,
      insuredNanos: 2_000_000n,
      owedNanos: 2_000_000n,
    })
    expect(await explainCharge(store, `${org}-over`)).toMatchObject({
      priceNanos: 12_000_000n,
      chargedNanos: 9_999_998n,
      writtenOffNanos: 2_000_002n,
      markupNanos: 0n,
    })
    expect(await explainCharge(store, `${org}-open`)).toMatchObject({ usage: null, receipt: null })
    expect(await explainCharge(store, `${org}-none`)).toBeUndefined()
    await ledger.release(`${org}-open`, Date.now(), null)
  })

  it('pages through all journals, each once, whatever the size of a page', async () => {
    const { store } = await at(1n)
    const total = (await store.db.selectFrom('journals').select('id').execute()).length
    for (const limit of [1, 3, 1_000]) {
      const seen: string[] = []
      let last = await journalPage(store, { cursor: null, sinceMs: 0, limit })
      while (last.length > 0) {
        seen.push(...last.map(({ journal }) => journal.id))
        for (const { lines } of last) expect(lines.reduce((sum, [, nanos]) => sum + nanos, 0n)).toBe(0n)
        last = await journalPage(store, { cursor: last.at(-1)!.journal, sinceMs: 0, limit })
      }
      expect(new Set(seen).size).toBe(total)
      expect(seen).toHaveLength(total)
    }
    expect(await journalPage(store, { cursor: null, sinceMs: Date.now() + 60_000, limit: 9 })).toEqual([])
  })
}
