import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FreshRedis, freshRedis, hasRedis } from '../../../test/harness/redis.ts'
import { sharedStateConformance } from './conformance.ts'
import { RedisState } from './redis.ts'

const now = () => performance.now()

describe.skipIf(!hasRedis)('shared state in Redis', () => {
  let redis: FreshRedis
  const open = async (changes: string[] = []) => {
    const state = new RedisState({ url: redis.url, now, onChange: (change) => changes.push(change) })
    for (let i = 0; i < 100 && !state.ready; i++) await sleep(20)
    return state
  }
  beforeAll(async () => {
    redis = await freshRedis()
  })
  afterAll(() => redis.drop())

  sharedStateConformance(() => open())

  const one = (id: string, key: string) => ({
    id,
    group: 'o',
    rates: [{ key, limit: 5, windowMs: 60_000, cost: 1 }],
    gates: [],
    leaseMs: 1_000,
  })

  it('keeps one rate over two nodes', async () => {
    const nodes = [await open(), await open()]
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, i) => nodes[i % 2]!.admit(one(`n${i}`, 'both'))),
    )
    expect(all.filter(({ ok }) => ok)).toHaveLength(5)
    await Promise.all(nodes.map((node) => node.close()))
  })

  it('forgets a call whose node died, after its lease', async () => {
    const [dead, alive] = [await open(), await open()]
    const gate = { gates: [{ key: 'lease', limit: 1 }], rates: [], leaseMs: 300 }
    expect(await dead.admit({ ...one('d', 'x'), ...gate })).toEqual({ ok: true })
    await dead.close()
    expect(await alive.admit({ ...one('a', 'x'), ...gate })).toMatchObject({ ok: false, by: 'gate' })
    await sleep(350)
    expect(await alive.admit({ ...one('a', 'x'), ...gate })).toEqual({ ok: true })
    await alive.close()
  })

  it('counts by itself while Redis is away, at once, and with the others when it is back', async () => {
    const changes: string[] = []
    const state = await open(changes)
    await redis.stop()
    const before = now()
    const verdicts = []
    for (let i = 0; i < 20; i++) verdicts.push(await state.admit(one(`s${i}`, 'away')))
    expect(verdicts.filter(({ ok }) => ok)).toHaveLength(5)
    expect(now() - before).toBeLessThan(500)
    expect(changes).toEqual(['away'])
    await redis.start()
    for (let i = 0; i < 100 && changes.length < 2; i++) {
      await sleep(50)
      await state.admit(one(`b${i}`, `probe${i}`))
    }
    expect(changes).toEqual(['away', 'back'])
    await state.close()
  })
})
