import { expect, it } from 'vitest'
import { NO_USAGE } from '../../src/chat/index.ts'
import { openEmbedded } from '../../src/money/embedded.ts'
import type { Ledger } from '../../src/money/index.ts'
import { seeded } from '../fixtures.ts'
import { capOf, ENDPOINT, reserveOf, settleOf } from '../money/world.ts'
import { pause } from './clients.ts'
import { Disk } from './disk.ts'
import { SimStore } from './store.ts'
import { VirtualTime } from './time.ts'

const REQUESTS = 80

/** The same requests, in an order that the seed makes: charges by request, and the balance that they leave. */
async function charged(seed: number): Promise<{ charges: unknown[]; left: unknown }> {
  const [disk, time, random] = [await Disk.make(), new VirtualTime(0), seeded(seed)]
  const later = () => pause(random() * 1_000)
  const store = new SimStore(
    disk,
    {
      write: () => ({ delayMs: random() * 30, fate: () => 'kept' }),
      read: () => ({ delayMs: random() * 30, fails: false }),
      committed: () => {},
      contradicted: (error) => expect.fail(error.message),
      die: () => {},
    },
    {},
  )
  async function request(ledger: Ledger, n: number) {
    await later()
    const limits = [capOf(`k${n % 3}`, 10n ** 12n), capOf('all', null)]
    const held = await ledger.reserve(
      reserveOf(`g-${n}`, { limits, amountNanos: 50_000n, now: 0, expiresAt: 1e6 }),
    )
    if (!held.ok) throw new Error('refused')
    await held.durable
    const mark = { attempt: 1, endpointId: ENDPOINT, phase: 'streaming' } as const
    ledger.checkpoint(`g-${n}`, { ...mark, usage: { ...NO_USAGE, completionTokens: n } })
    await later()
    if (n % 5 === 0) await ledger.extend(`g-${n}`, 90_000n)
    if (n % 11 === 0) await ledger.release(`g-${n}`, 0, null)
    else await ledger.settle(settleOf(`g-${n}`, 7 * n, { charge: n % 7 !== 0 }))
  }
  async function story() {
    const ledger = await openEmbedded(store, { clock: time, node: 'n', epoch: 'e' })
    const credit = { organizationId: 'default', source: 's', reference: 'r', memo: null, now: 0 }
    await ledger.credit({ ...credit, amountNanos: 10n ** 12n })
    await Promise.all(Array.from({ length: REQUESTS }, (_, n) => request(ledger, n)))
    await ledger.close()
  }
  const restore = time.install()
  try {
    let ended = false
    const told = story().finally(() => {
      ended = true
    })
    await time.run(() => ended, 60_000)
    await told
    const charges = 'select id, cost_nanos from generations order by id'
    const left = "select posted_nanos, held_nanos from accounts where organization_id = 'default'"
    return { charges: disk.db.prepare(charges).all(), left: disk.db.prepare(left).all() }
  } finally {
    restore()
    disk.db.close()
  }
}

it('charges do not depend on the order of events', async () => {
  const first = await charged(1)
  expect(first.charges.length).toBeGreaterThan(REQUESTS / 2)
  for (let seed = 2; seed <= 8; seed++) expect(await charged(seed)).toEqual(first)
})
