import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { type FreshDatabase, freshDatabase, hasPostgres } from '../harness/postgres.ts'
import { chatStream, type FakeUpstream, fakeUpstream } from '../upstream/index.ts'
import { expectSound, standing, topUp } from './rig/books.ts'
import { ask } from './rig/client.ts'
import { configOf, MODEL } from './rig/provider.ts'

vi.setConfig({ testTimeout: 60_000 })

/** Of a completion token, nano-USD: a full answer of 8,192 costs $0.8192. */
const TOKEN = 100_000n
/** Each event holds 40 tokens, by their bytes and by the provider's count. */
const EVENT = 'word'.repeat(40)

const body = (more: object = {}) => ({
  model: MODEL,
  messages: [{ role: 'user', content: 'hello' }],
  max_tokens: 8_192,
  stream: true,
  ...more,
})

/** An answer of so many events, a few ms apart so that it is watched while it grows. */
const answer = (events: number, gapMs: number) =>
  chatStream(
    Array(events).fill(EVENT),
    { usage: { prompt_tokens: 10, completion_tokens: events * 40 } },
    { gapMs },
  )

describe.each([
  ['embedded', true],
  ['Postgres', hasPostgres],
] as const)('the hold of a stream (%s)', (engine, here) => {
  describe.skipIf(!here)('where the database is', () => {
    let upstream: FakeUpstream
    let database: FreshDatabase | null = null
    let gateway: RunningGateway

    beforeAll(async () => {
      upstream = await fakeUpstream()
    })

    const start = async (more = '') => {
      await gateway?.remove()
      await database?.drop()
      database = engine === 'Postgres' ? await freshDatabase() : null
      const address = database === null ? '' : `database: "${database.url}"\n`
      gateway = await startGateway({ config: configOf([{ id: 'one', url: upstream.url }], address + more) })
      const key = (await gateway.call('POST', '/keys', { name: 'agent' }, gateway.operatorKey)).body.key
      gateway = { ...gateway, key }
    }
    beforeEach(() => start(), 60_000)

    afterAll(async () => {
      await gateway?.remove()
      await database?.drop()
      await upstream?.close()
    })

    it('lets an agent with little credit run many calls at once, where the worst case lets it run few', async () => {
      await topUp(gateway, '5')
      upstream.play(answer(5, 60))
      const all = await Promise.all(Array.from({ length: 10 }, () => ask(gateway, body())))
      expect(all.filter(({ complete }) => complete)).toHaveLength(10)
      await expectSound(gateway)
      await start('holds: strict\n')
      await topUp(gateway, '5')
      const strict = await Promise.all(Array.from({ length: 10 }, () => ask(gateway, body())))
      expect(strict.filter(({ status }) => status === 402).length).toBeGreaterThanOrEqual(4)
    })

    it('learns how long answers are, so that more run at once', async () => {
      await topUp(gateway, '3')
      upstream.play(answer(5, 0))
      for (let i = 0; i < 10; i++) expect((await ask(gateway, body())).complete).toBe(true)
      upstream.play(answer(5, 100))
      const from = upstream.requests.length
      const all = Array.from({ length: 20 }, () => ask(gateway, body()))
      await upstream.received(from + 20)
      // Unknown it would be 4,096 tokens for each; now it is 1,024 and the prompt.
      expect((await standing(gateway)).held).toBeLessThan(20n * 1_100n * TOKEN)
      expect((await Promise.all(all)).every(({ complete }) => complete)).toBe(true)
    })

    it('is raised as the answer grows, and the whole answer is charged', async () => {
      await topUp(gateway, '2')
      upstream.play(answer(200, 2))
      const seen = await ask(gateway, body())
      expect(seen.complete).toBe(true)
      expect(seen.costNanos).toBe(8_000n * TOKEN + 10n * 1_000n)
      expect((await standing(gateway)).used).toBe(seen.costNanos)
      await expectSound(gateway)
    })

    it.each(['credit', 'limit of the key'])(
      'ends the answer at the boundary of the %s with an error, and charges what was delivered',
      async (boundary) => {
        await topUp(gateway, boundary === 'credit' ? '0.5' : '50')
        if (boundary !== 'credit') {
          const limited = { name: 'small', limit: '0.5', limit_reset: 'daily' }
          const { body: made } = await gateway.call('POST', '/keys', limited, gateway.operatorKey)
          gateway = { ...gateway, key: made.key }
        }
        upstream.play(answer(200, 5))
        const seen = await ask(gateway, body())
        expect(seen.status).toBe(200)
        expect(seen.complete).toBe(false)
        expect(seen.text).toContain(
          boundary === 'credit'
            ? 'The credit is used up'
            : 'The daily limit of $0.50 of the key \\"small\\" is used up',
        )
        expect(seen.text).toContain('"code":402')
        expect(seen.text).not.toContain('[DONE]\n\ndata')
        const { used, available, held } = await standing(gateway)
        // All but what the next checkpoint could have brought.
        expect(used).toBeGreaterThan(400_000_000n)
        expect(used).toBeLessThanOrEqual(500_000_000n)
        expect(held).toBe(0n)
        expect(available).toBeGreaterThanOrEqual(0n)
        await expectSound(gateway)
        const next = await ask(gateway, body())
        expect(next.status).toBe(402)
      },
    )

    it('never lets many growing streams together pass the credit', async () => {
      await topUp(gateway, '1')
      upstream.play(answer(100, 10))
      const all = await Promise.all(Array.from({ length: 6 }, () => ask(gateway, body())))
      const { used, available } = await standing(gateway)
      expect(used).toBeLessThanOrEqual(1_000_000_000n)
      expect(available).toBeGreaterThanOrEqual(0n)
      expect(all.some(({ complete }) => !complete)).toBe(true)
      await expectSound(gateway)
    })
  })
})
