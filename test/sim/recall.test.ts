import { expect, it } from 'vitest'
import { openEmbedded } from '../../src/money/embedded.ts'
import type { LimitRef } from '../../src/money/index.ts'
import { capOf, reserveOf, settleOf, TARIFF } from '../money/world.ts'
import { pause } from './clients.ts'
import { Disk } from './disk.ts'
import { type Fates, SimStore } from './store.ts'
import { VirtualTime } from './time.ts'

it('a hold that waits for one cap to be read does not forget another one when the store fails meanwhile', async () => {
  const disk = await Disk.make()
  const time = new VirtualTime(0)
  let failing = false
  let readMs = 0
  const fates: Fates = {
    write: () => ({ delayMs: 1, fate: () => (failing ? 'fails' : 'kept') }),
    read: () => ({ delayMs: readMs, fails: false }),
    committed: () => {},
    contradicted: (error) => expect.fail(error.message),
    die: () => {},
  }
  const spent = capOf('spent', 2_000n)
  let outcome: unknown

  async function story() {
    const ledger = await openEmbedded(new SimStore(disk, fates, {}), { clock: time, node: 'n', epoch: 'e' })
    const credit = { organizationId: 'default', source: 's', reference: 'r', memo: null, now: 0 }
    await ledger.credit({ ...credit, amountNanos: 1_000_000n })
    const reserve = (id: string, limits: readonly LimitRef[]) =>
      ledger.reserve(
        reserveOf(id, { limits, amountNanos: 2_000n, tariffs: new Map([['acme/one@acme', TARIFF]]) }),
      )
    await reserve('a', [spent])
    await ledger.settle(settleOf('a', 1))
    // The next one waits for a cap that memory does not have; the store fails and is there again before that is read.
    readMs = 1_000
    const waiting = reserve('b', [spent, capOf('other', null)])
    await pause(10)
    readMs = 0
    failing = true
    ledger.reserve(reserveOf('lost', { amountNanos: 1n })).catch(() => {})
    await pause(5)
    failing = false
    outcome = await waiting
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
  } finally {
    restore()
    disk.db.close()
  }
  expect(outcome).toMatchObject({ ok: false, refusal: { kind: 'limit', limit: spent } })
})
