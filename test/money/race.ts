import { describe, expect, it } from 'vitest'
import type { Ledger, LimitRef } from '../../src/money/index.ts'
import { alertsAgree, capOf, type Node, reserveOf, settleOf, topUp, type World } from './world.ts'

const CENT = 10_000_000n
const DOLLAR = 100n * CENT
const CLIENTS = 200
const PARALLEL = 20

/** Many clients at once against one balance and one cap; `nodes` processes on one database. */
export function ledgerRaces(make: () => Promise<World>, nodes: number): void {
  describe(`${CLIENTS} clients × ${PARALLEL} parallel requests`, () => {
    it('never overspend $1.00 by a nano-dollar', async () => {
      await withNodes(make, nodes, async (running) => {
        await topUp(running[0]!.ledger, DOLLAR)
        const outcome = await storm(running, () => [])
        const balance = await running[0]!.ledger.balance('default', 'prepaid')
        expect(balance.heldNanos).toBe(0n)
        expect(balance.usedNanos).toBe(outcome.charged)
        expect(balance.postedNanos).toBe(DOLLAR - outcome.charged)
        expect(balance.availableNanos >= 0n).toBe(true)
        expect(outcome.lowest >= 0n).toBe(true)
        expect(outcome.refused).toBeGreaterThan(0)
        expect(outcome.admitted).toBeGreaterThanOrEqual(100)
        expect(await running[0]!.ledger.verify()).toMatchObject({ ok: true, holds_open: 0 })
      })
    })

    it('never pass a daily cap of a key, nor the total above it', async () => {
      await withNodes(make, nodes, async (running) => {
        await topUp(running[0]!.ledger, 100n * DOLLAR)
        const caps = (client: number): LimitRef[] => [
          capOf(`key${client % 4}`, 10n * CENT, 'daily'),
          capOf('everybody', 35n * CENT),
        ]
        const outcome = await storm(running, caps)
        let sum = 0n
        for (let key = 0; key < 4; key++) {
          const { spentNanos, heldNanos } = await running[0]!.ledger.limit(caps(key)[0]!)
          expect(spentNanos <= 10n * CENT).toBe(true)
          expect(heldNanos).toBe(0n)
          sum += spentNanos
        }
        expect(sum).toBe(outcome.charged)
        expect(sum <= 35n * CENT).toBe(true)
        await alertsAgree(running[0]!.store)
        expect(outcome.refused).toBeGreaterThan(0)
        expect(await running[0]!.ledger.verify()).toMatchObject({ ok: true, holds_open: 0 })
      })
    })
  })
}

interface Outcome {
  admitted: number
  refused: number
  charged: bigint
  /** Lowest available balance that anybody saw on the way. */
  lowest: bigint
}

/** All requests at once: hold a cent, use up to two, some of them release; every tenth looks at the balance. */
async function storm(nodes: readonly Node[], caps: (client: number) => LimitRef[]): Promise<Outcome> {
  const outcome: Outcome = { admitted: 0, refused: 0, charged: 0n, lowest: DOLLAR }
  const requests: Promise<void>[] = []
  for (let client = 0; client < CLIENTS; client++) {
    for (let n = 0; n < PARALLEL; n++) {
      const { ledger } = nodes[(client + n) % nodes.length]!
      requests.push(request(ledger, { id: `g-${client}-${n}`, n, limits: caps(client) }, outcome))
    }
  }
  await Promise.all(requests)
  return outcome
}

async function request(
  ledger: Ledger,
  one: { readonly id: string; readonly n: number; readonly limits: LimitRef[] },
  outcome: Outcome,
): Promise<void> {
  const held = await ledger.reserve(reserveOf(one.id, { amountNanos: CENT, limits: one.limits }))
  if (!held.ok) {
    expect(held.refusal.kind).not.toBe('unavailable')
    outcome.refused++
    return
  }
  outcome.admitted++
  await held.durable
  if (one.n % 10 === 0) {
    const { availableNanos } = await ledger.balance('default', 'prepaid')
    if (availableNanos < outcome.lowest) outcome.lowest = availableNanos
  }
  if (one.n % 7 === 3) return await ledger.release(one.id, Date.now(), null)
  // 1,000 nano-dollars a step, up to twice the hold.
  const tokens = ((one.n * 7919) % 10) * 1_000
  const settled = await ledger.settle(settleOf(one.id, tokens))
  outcome.charged += settled.chargedNanos ?? 0n
}

async function withNodes(
  make: () => Promise<World>,
  count: number,
  run: (nodes: readonly Node[]) => Promise<void>,
): Promise<void> {
  const world = await make()
  try {
    const nodes: Node[] = []
    for (let i = 0; i < count; i++) nodes.push(await world.start())
    await run(nodes)
    for (const one of nodes) await one.close()
  } finally {
    await world.drop()
  }
}
