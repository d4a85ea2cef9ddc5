import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NO_USAGE } from '../../src/chat/index.ts'
import { systemClock } from '../../src/lib/index.ts'
import { type Ledger, type LedgerEvent, openLedger } from '../../src/money/index.ts'
import { type Step, type Store, StoreError } from '../../src/store/index.ts'
import {
  alertsAgree,
  capOf,
  ENDPOINT,
  type Node,
  RULES,
  reserveOf,
  settleOf,
  sqliteWorld,
  topUp,
  type World,
} from './world.ts'

/** A store whose disk can be told to fail: nothing is written then, nor anything after it until `resume`. */
class FailingStore implements Store {
  readonly engine
  readonly db
  readonly prepare: Store['prepare']
  readonly backup: Store['backup']
  readonly close: Store['close']
  /** So many of the next writes fail. */
  failing = 0
  /** The next write is made, but its answer says that it failed. */
  lying = false
  readonly #inner: Store
  #stopped = false

  constructor(inner: Store) {
    this.#inner = inner
    this.engine = inner.engine
    this.db = inner.db
    this.prepare = (sql) => inner.prepare(sql)
    this.backup = (file) => inner.backup(file)
    this.close = () => inner.close()
  }

  async append(steps: readonly Step[]): Promise<void> {
    if (this.#stopped) throw new StoreError('stopped')
    if (this.lying) {
      this.lying = false
      await this.#inner.append(steps)
    } else if (this.failing > 0) this.failing--
    else return await this.#inner.append(steps)
    this.#stopped = true
    throw new StoreError('disk full')
  }

  resume(): void {
    this.#stopped = false
    this.#inner.resume()
  }
}

describe('an embedded ledger whose disk fails', () => {
  let world: World
  let node: Node
  let store: FailingStore
  let ledger: Ledger
  let events: LedgerEvent[]

  beforeEach(async () => {
    world = await sqliteWorld()
    node = await world.start()
    await node.ledger.close()
    store = new FailingStore(node.store)
    events = []
    ledger = await openLedger(store, {
      clock: systemClock,
      node: 't',
      alerts: () => RULES,
      onEvent: (event) => events.push(event),
    })
    await topUp(ledger, 100_000_000n)
  })

  afterEach(async () => {
    const report = await ledger.verify()
    await ledger.close()
    await node.store.close()
    await world.drop()
    expect(report.faults).toEqual([])
  })

  const held = async (id: string) => {
    const result = await ledger.reserve(reserveOf(id))
    if (!result.ok) throw new Error(`refused: ${result.refusal.kind}`)
    await result.durable
  }
  const open = () => until(() => events.some((event) => event.type === 'resumed'))

  it('tells whose hold was lost, refuses while it is down, and serves again with the truth from disk', async () => {
    await held('safe')
    store.failing = 1
    const lost = await ledger.reserve(reserveOf('lost'))
    expect(lost.ok).toBe(true)
    if (lost.ok) await expect(lost.durable).rejects.toMatchObject({ fault: 'unavailable' })
    expect(await ledger.reserve(reserveOf('x'))).toMatchObject({
      ok: false,
      refusal: { kind: 'unavailable' },
    })
    await open()
    expect(await ledger.balance('default', 'prepaid')).toMatchObject({ heldNanos: 10_000_000n })
    await ledger.release('lost', Date.now(), null)
    await expect(ledger.settle(settleOf('lost', 5))).rejects.toMatchObject({ fault: 'unknown_hold' })
    expect(await ledger.settle(settleOf('safe', 5))).toMatchObject({ chargedNanos: 10_000n })
  })

  it('repeats a settle after one failure', async () => {
    await held('a')
    store.failing = 1
    expect(await ledger.settle(settleOf('a', 100))).toMatchObject({ chargedNanos: 200_000n })
    expect(await ledger.balance('default', 'prepaid')).toMatchObject({ usedNanos: 200_000n, heldNanos: 0n })
  })

  it('charges once when a write was made although its answer said no', async () => {
    await held('a')
    store.lying = true
    expect(await ledger.settle(settleOf('a', 100))).toMatchObject({ chargedNanos: 200_000n })
    store.lying = true
    await topUp(ledger, 5n)
    expect(await ledger.balance('default', 'prepaid')).toMatchObject({
      usedNanos: 200_000n,
      creditedNanos: 100_000_005n,
    })
  })

  it('tells a share of a cap once, with the charge, whether a write failed or only its answer', async () => {
    const limits = [capOf('k', 1_000_000n)]
    for (const [id, how] of [
      ['a', 'failing'],
      ['b', 'lying'],
    ] as const) {
      const held = await ledger.reserve(reserveOf(id, { limits, amountNanos: 1n }))
      if (held.ok) await held.durable
      if (how === 'failing') store.failing = 1
      else store.lying = true
      await ledger.settle(settleOf(id, 250))
      await alertsAgree(node.store)
    }
    expect(await node.store.db.selectFrom('alerts').selectAll().execute()).toHaveLength(4)
  })

  it('never charges a request whose settle was given up', async () => {
    await held('a')
    store.failing = 2
    await expect(ledger.settle(settleOf('a', 100))).rejects.toMatchObject({ fault: 'unavailable' })
    await until(async () => (await ledger.balance('default', 'prepaid')).heldNanos === 0n)
    await until(() => store.failing === 0 && events.filter((event) => event.type === 'resumed').length >= 2)
    expect(await ledger.balance('default', 'prepaid')).toMatchObject({ usedNanos: 0n, heldNanos: 0n })
    expect(await ledger.settle(settleOf('a', 100))).toMatchObject({ chargedNanos: 0n })
  })

  it('goes on with open holds after a failure of another write', async () => {
    await held('a')
    store.failing = 1
    ledger.checkpoint('a', { attempt: 1, endpointId: ENDPOINT, phase: 'streaming', usage: NO_USAGE })
    await open()
    expect((await ledger.extend('a', 20_000_000n)).ok).toBe(true)
    expect(await ledger.settle(settleOf('a', 100))).toMatchObject({ chargedNanos: 200_000n })
  })

  it('refuses everything after it was closed', async () => {
    await ledger.close()
    expect(await ledger.reserve(reserveOf('x'))).toMatchObject({ refusal: { kind: 'unavailable' } })
    await expect(ledger.settle(settleOf('x', 1))).rejects.toMatchObject({ fault: 'unavailable' })
  })
})

async function until(ready: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await ready()) return
    await new Promise((next) => setTimeout(next, 10))
  }
  throw new Error('it did not come')
}
