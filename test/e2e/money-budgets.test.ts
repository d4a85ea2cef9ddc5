import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { type FreshDatabase, freshDatabase, hasPostgres } from '../harness/postgres.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import { expectSound, topUp } from './rig/books.ts'
import { billing, configOf, marked } from './rig/provider.ts'

/** A call that its provider bills with 10 prompt and 90 completion tokens: 9.01 milli-USD; worst case 10.04 and more. */
const COST_USD = 0.00901

describe.each([
  ['embedded', true],
  ['Postgres', hasPostgres],
] as const)('budgets (%s)', (engine, here) => {
  describe.skipIf(!here)('where the database is', () => {
    let upstream: FakeUpstream
    let database: FreshDatabase | null = null
    let gateway: RunningGateway

    beforeAll(async () => {
      upstream = await billing()
      if (engine === 'Postgres') database = await freshDatabase()
      const more = database === null ? '' : `database: "${database.url}"\n`
      gateway = await startGateway({ config: configOf([{ id: 'one', url: upstream.url }], more) })
      await topUp(gateway, '100')
    }, 60_000)

    afterAll(async () => {
      await gateway?.remove()
      await database?.drop()
      await upstream?.close()
    })

    const newKey = async (more: object = {}): Promise<string> => {
      const body = { name: 'k', ...more }
      return (await gateway.call('POST', '/keys', body, gateway.operatorKey)).body.key
    }
    const put = async (budget: object) => {
      const answer = await gateway.call('PUT', '/budgets', budget, gateway.operatorKey)
      expect(answer.status).toBe(200)
      return answer.body.data
    }
    const remove = (id: string) => gateway.call('DELETE', `/budgets/${id}`, undefined, gateway.operatorKey)
    let n = 0
    const ask = (key: string, more: object = {}) => {
      const body = marked({ n: ++n, prompt: 10, completion: 90 }, { ...more })
      return gateway.call('POST', '/chat/completions', body, key)
    }

    it('cap all keys of a member together, to the nano-dollar, however many ask at once', async () => {
      const keys = await Promise.all(Array.from({ length: 4 }, () => newKey({ creator_user_id: 'ann' })))
      const { id } = await put({
        scope: 'member',
        scope_id: 'ann',
        limit_usd: '0.1',
        reset_interval: 'daily',
      })
      const answers = await Promise.all(Array.from({ length: 120 }, (_, i) => ask(keys[i % 4]!)))
      const paid = answers.filter(({ status }) => status === 200).length
      expect(answers.every(({ status }) => status === 200 || status === 402)).toBe(true)
      expect(paid).toBeGreaterThan(0)
      expect(paid * COST_USD).toBeLessThanOrEqual(0.1)
      // What was refused while others held money passes now, until nothing more fits.
      for (let i = 0; i < 12; i++) await ask(keys[0]!)
      const refused = await ask(keys[1]!)
      expect(refused.status).toBe(402)
      expect(refused.body.error.message).toContain('The daily budget of $0.10 of this member does not cover')
      expect(refused.body.error.metadata).toMatchObject({ limit_scope: 'member' })
      const listed = await gateway.call('GET', '/budgets', undefined, gateway.operatorKey)
      const shown = listed.body.data.find((budget: { id: string }) => budget.id === id)
      expect(shown).toMatchObject({ held_usd: 0, reset_interval: 'daily', limit_usd: 0.1 })
      expect(shown.spent_usd).toBeLessThanOrEqual(0.1)
      expect(shown.spent_usd + shown.remaining_usd).toBeCloseTo(0.1, 9)
      expect((await ask(await newKey({ creator_user_id: 'bob' }))).status).toBe(200)
      await remove(id)
      expect((await ask(keys[0]!)).status).toBe(200)
    })

    it('cap each end user by itself', async () => {
      const key = await newKey()
      const { id } = await put({ scope: 'user', limit_usd: '0.019', reset_interval: 'monthly' })
      const statuses = []
      for (const user of ['eve', 'eve', 'eve', 'fay']) statuses.push((await ask(key, { user })).status)
      expect(statuses).toEqual([200, 402, 402, 200])
      expect((await ask(key)).status).toBe(200)
      await remove(id)
    })

    it('cap the organization and its workspaces, and the smaller one is named', async () => {
      const key = await newKey()
      const large = await put({ scope: 'organization', limit_usd: '50', reset_interval: 'monthly' })
      const small = await put({ scope: 'workspace', limit_usd: '0.001' })
      const refused = await ask(key)
      expect(refused.status).toBe(402)
      expect(refused.body.error.message).toContain('The budget of $0.001 of the workspace')
      const raised = await put({ scope: 'workspace', limit_usd: '1' })
      expect(raised.id).toBe(small.id)
      expect((await ask(key)).status).toBe(200)
      for (const { id } of [large, small]) await remove(id)
      expect((await remove(small.id)).status).toBe(404)
    })

    it('are set by management keys only, for their own organization, with amounts that make sense', async () => {
      const key = await newKey()
      const budget = { scope: 'organization', limit_usd: 1 }
      expect((await gateway.call('PUT', '/budgets', budget, key)).status).toBe(403)
      const manager = await newKey({ management: true })
      const put400 = async (body: object) => (await gateway.call('PUT', '/budgets', body, manager)).status
      expect(await put400({ ...budget, scope_id: 'another' })).toBe(403)
      expect(await put400({ ...budget, limit_usd: -1 })).toBe(400)
      expect(await put400({ ...budget, scope: 'planet' })).toBe(400)
      expect(await put400({ ...budget, reset_interval: 'hourly' })).toBe(400)
    })

    it('leave a ledger that verifies', () => expectSound(gateway))
  })
})

describe('a budget of an unlimited organization', () => {
  it('keeps endpoints without a price out, which would pass it unseen', async () => {
    const upstream = await billing()
    const config = `detect: false
providers:
  own:
    dialect: openai-chat
    base_url: "${upstream.url}/v1"
    api_key: x
    models:
      - { id: own/unpriced, upstream_id: m, context_length: 1000, max_output: 100 }
`
    const gateway = await startGateway({ config })
    try {
      const { key } = (await gateway.call('POST', '/keys', { name: 'k' }, gateway.operatorKey)).body
      const ask = () =>
        gateway.call(
          'POST',
          '/chat/completions',
          marked({ n: 1, prompt: 1, completion: 1 }, { model: 'own/unpriced' }),
          key,
        )
      expect((await ask()).status).toBe(200)
      const budget = { scope: 'organization', limit_usd: 5, reset_interval: 'monthly' }
      const { id } = (await gateway.call('PUT', '/budgets', budget, gateway.operatorKey)).body.data
      const refused = await ask()
      expect(refused.status).toBe(404)
      expect(JSON.stringify(refused.body)).toContain('unknown_price')
      await gateway.call('DELETE', `/budgets/${id}`, undefined, gateway.operatorKey)
      expect((await ask()).status).toBe(200)
    } finally {
      await gateway.remove()
      await upstream.close()
    }
  })
})
