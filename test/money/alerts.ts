import { expect, it } from 'vitest'
import { NO_USAGE } from '../../src/chat/index.ts'
import { useNode } from './node.ts'
import { capOf, ENDPOINT, type Node, reserveOf, settleOf, topUp, type World } from './world.ts'

/** What every ledger tells people, once and with the charge. */
export function ledgerAlerts(make: () => Promise<World>): void {
  const at = useNode(make)
  const told = (store: Node['store'], org: string) =>
    store.db
      .selectFrom('alerts')
      .select(['scope', 'threshold', 'amount_nanos', 'cap_nanos', 'cause', 'workspace_id', 'sent'])
      .where('organization_id', '=', org)
      .orderBy('created_at')
      .orderBy('threshold')
      .execute()

  it('tell each share of a cap once, with the charge that reached it', async () => {
    const { ledger, store, org } = await at(1_000_000_000n)
    const limits = [capOf(org, 20_000_000n), capOf(`${org}-uncapped`, null)]
    const use = async (id: string, tokens: number) => {
      await ledger.reserve(reserveOf(`${org}-${id}`, { limits, amountNanos: 1n }, org))
      await ledger.settle(settleOf(`${org}-${id}`, tokens))
    }
    await use('under', 4_999)
    expect(await told(store, org)).toEqual([])
    await use('half', 1)
    const half = {
      scope: 'key',
      threshold: 50n,
      amount_nanos: 10_000_000n,
      cap_nanos: 20_000_000n,
      cause: `${org}-half`,
      workspace_id: 'default',
      sent: 0,
    }
    expect(await told(store, org)).toEqual([half])
    await use('nothing', 0)
    await use('leap', 4_500)
    await use('rest', 500)
    const rows = await told(store, org)
    expect(rows.map(({ threshold, cause }) => [threshold, cause])).toEqual([
      [50n, `${org}-half`],
      [80n, `${org}-leap`],
      [90n, `${org}-leap`],
      [100n, `${org}-rest`],
    ])
  })

  it('tell it once however many charges come at the same time', async () => {
    const { ledger, store, org } = await at(1_000_000_000n)
    const limits = [capOf(org, 100_000_000n)]
    const ids = Array.from({ length: 100 }, (_, i) => `${org}-${i}`)
    await Promise.all(
      ids.map((id) => ledger.reserve(reserveOf(id, { limits, amountNanos: 1_000_000n }, org))),
    )
    await Promise.all(ids.map((id) => ledger.settle(settleOf(id, 500))))
    const rows = await told(store, org)
    expect(rows.map(({ threshold, amount_nanos }) => [threshold, amount_nanos])).toEqual([
      [50n, 50_000_000n],
      [80n, 80_000_000n],
      [90n, 90_000_000n],
      [100n, 100_000_000n],
    ])
  })

  it('tell a low balance once, and again only after it was well above the mark', async () => {
    const { ledger, store, org } = await at(1_100_000n)
    let n = 0
    const use = async (tokens: number) => {
      const id = `${org}-${++n}`
      await ledger.reserve(reserveOf(id, { amountNanos: 1n }, org))
      await ledger.settle(settleOf(id, tokens))
    }
    const count = async () => (await told(store, org)).length
    await use(50)
    expect(await count()).toBe(0)
    await use(1)
    expect(await told(store, org)).toMatchObject([
      { scope: 'balance', threshold: 1_000_000n, amount_nanos: 998_000n, cap_nanos: null },
    ])
    await topUp(ledger, 102_000n, org)
    await use(51)
    expect(await count()).toBe(1)
    await topUp(ledger, 252_000n, org)
    await use(126)
    expect(await count()).toBe(2)
    await topUp(ledger, 252_000n, org)
    await topUp(ledger, 1_000_000n, org)
    await topUp(ledger, -1_260_000n, org)
    expect(await count()).toBe(3)
  })

  it('say nothing of organizations that pay later', async () => {
    const { ledger, store, org } = await at(1_100_000n)
    await ledger.reserve(reserveOf(`${org}-u`, { account: 'unlimited' }, org))
    await ledger.settle(settleOf(`${org}-u`, 5_000))
    expect(await told(store, org)).toEqual([])
  })

  it('are neither lost nor doubled by a process that ends in between', async () => {
    const world = await make()
    try {
      const first = await world.start()
      await topUp(first.ledger, 100_000_000n)
      const limits = [capOf('k', 1_000_000n)]
      for (const id of ['x', 'y'])
        await first.ledger.reserve(reserveOf(id, { limits, amountNanos: 500_000n }))
      const usage = { ...NO_USAGE, completionTokens: 250 }
      first.ledger.checkpoint('x', { attempt: 1, endpointId: ENDPOINT, phase: 'streaming', usage })
      await first.close()
      const second = await world.start()
      await second.ledger.recover(Date.now())
      await second.ledger.recover(Date.now())
      await second.ledger.settle(settleOf('x', 250))
      const rows = await told(second.store, 'default')
      expect(rows.map(({ threshold, cause }) => [threshold, cause])).toEqual([[50n, 'x']])
      await second.close()
    } finally {
      await world.drop()
    }
  })
}
