import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SURFACES } from '../../src/http/v1/inference.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { type FreshDatabase, freshDatabase, hasPostgres } from '../harness/postgres.ts'
import { type FreshRedis, freshRedis, hasRedis } from '../harness/redis.ts'

/** A body that each surface takes; those that count without answering are no inference. */
const BODIES: Readonly<Record<string, object>> = {
  chat: { messages: [{ role: 'user', content: 'Hi' }] },
  messages: { max_tokens: 16, messages: [{ role: 'user', content: 'Hi' }] },
  responses: { input: 'Hi' },
  completions: { prompt: 'Hi' },
  gemini: { contents: [{ parts: [{ text: 'Hi' }] }] },
}

function asker(gateway: RunningGateway, key: string) {
  return (path: string, body: object, model = 'sim/echo') =>
    fetch(`${gateway.url}/api/v1${path.replace('{id}', model)}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, ...body }),
    })
}

describe('rate limits', () => {
  let gateway: RunningGateway
  beforeAll(async () => {
    gateway = await startGateway({
      config: 'rate_limits:\n  user: { requests_per_minute: 2 }\n  key: { concurrency: 40 }\n',
    })
  })
  afterAll(() => gateway?.remove())

  const newKey = async (rates: object): Promise<{ key: string; hash: string }> => {
    const made = await gateway.call(
      'POST',
      '/keys',
      { name: 'limited', rate_limits: rates },
      gateway.operatorKey,
    )
    expect(made.status).toBe(201)
    return { key: made.body.key, hash: made.body.data.hash }
  }

  const served = Object.entries(SURFACES).filter(([, { name }]) => name in BODIES)

  it.each(served)(
    '%s: beyond the requests of a minute the answer is 429, told in full',
    async (path, surface) => {
      const { key } = await newKey({ requests_per_minute: 1 })
      const ask = asker(gateway, key)
      expect((await ask(path, BODIES[surface.name]!)).status).toBe(200)
      const refused = await ask(path, BODIES[surface.name]!)
      expect(refused.status).toBe(429)
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50)
      expect(refused.headers.get('x-ratelimit-limit')).toBe('1')
      expect(refused.headers.get('x-ratelimit-remaining')).toBe('0')
      expect(Number(refused.headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() + 50_000)
      expect(await refused.text()).toContain('The key \\"limited\\" may make 1 requests a minute')
    },
  )

  it('counts the tokens of prompts and answers: an answer that was long keeps the next one out', async () => {
    const { key } = await newKey({ tokens_per_minute: 200 })
    const ask = asker(gateway, key)
    expect((await ask('/chat/completions', BODIES['chat']!, 'sim/lorem-500')).status).toBe(200)
    const refused = await ask('/chat/completions', BODIES['chat']!)
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({
      error: { code: 429, metadata: { error_type: 'rate_limit_exceeded' } },
    })
  })

  it('lets so many run at once, and the next when one has ended', async () => {
    const { key } = await newKey({ concurrency: 2 })
    const ask = asker(gateway, key)
    const slow = Array.from({ length: 5 }, () =>
      ask('/chat/completions', BODIES['chat']!, 'sim/slow-ttft-3s'),
    )
    const statuses = (await Promise.all(slow)).map(({ status }) => status).sort()
    expect(statuses).toEqual([200, 200, 429, 429, 429])
    expect((await ask('/chat/completions', BODIES['chat']!)).status).toBe(200)
  })

  it('leaves the gate when a client goes in the middle, and when a request is at fault', async () => {
    const { key } = await newKey({ concurrency: 1 })
    const ask = asker(gateway, key)
    const leaving = new AbortController()
    const gone = fetch(`${gateway.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'sim/slow-ttft-3s', stream: true, ...BODIES['chat'] }),
      signal: leaving.signal,
    }).catch(() => null)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect((await ask('/chat/completions', BODIES['chat']!)).status).toBe(429)
    leaving.abort()
    await gone
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect((await ask('/chat/completions', BODIES['chat']!, 'no/such-model')).status).toBe(400)
    expect((await ask('/chat/completions', BODIES['chat']!)).status).toBe(200)
  })

  it('counts each end user of a key by itself', async () => {
    const ask = asker(gateway, gateway.key)
    const as = (user: string) => ask('/chat/completions', { ...BODIES['chat'], user })
    const statuses = []
    for (const user of ['ann', 'ann', 'ann', 'bob']) statuses.push((await as(user)).status)
    expect(statuses).toEqual([200, 200, 429, 200])
  })

  it('a changed rate of a key holds from the next request on, and the key tells it', async () => {
    const { key, hash } = await newKey({ requests_per_minute: 1 })
    const ask = asker(gateway, key)
    await ask('/chat/completions', BODIES['chat']!)
    expect((await ask('/chat/completions', BODIES['chat']!)).status).toBe(429)
    const change = { rate_limits: { requests_per_minute: 600 } }
    const changed = await gateway.call('PATCH', `/keys/${hash}`, change, gateway.operatorKey)
    expect(changed.body.data.rate_limits).toEqual({
      requests_per_minute: 600,
      tokens_per_minute: null,
      concurrency: null,
    })
    expect((await ask('/chat/completions', BODIES['chat']!)).status).toBe(200)
    expect((await gateway.call('GET', '/key', undefined, key)).body.data.rate_limit).toMatchObject({
      requests: 600,
      interval: '1m',
    })
  })
})

describe.skipIf(!hasRedis || !hasPostgres)('rate limits of two nodes', () => {
  let redis: FreshRedis
  let postgres: FreshDatabase
  const nodes: RunningGateway[] = []
  beforeAll(async () => {
    redis = await freshRedis()
    postgres = await freshDatabase()
    const config = `database: "${postgres.url}"\nredis: "${redis.url}"\nrate_limits: { key: { requests_per_minute: 10 } }\n`
    for (let i = 0; i < 2; i++) nodes.push(await startGateway({ config }))
  }, 60_000)
  afterAll(async () => {
    for (const node of nodes) await node.remove()
    await redis?.drop()
    await postgres?.drop()
  })

  it('are one while Redis answers, and no request fails when it goes away', async () => {
    const key = nodes[0]!.key
    const asks = nodes.map((node) => asker(node, key))
    const all = await Promise.all(
      Array.from({ length: 30 }, (_, i) => asks[i % 2]!('/chat/completions', BODIES['chat']!)),
    )
    const passed = all.filter(({ status }) => status === 200)
    expect(passed.length).toBe(10)
    expect(all.filter(({ status }) => status === 429)).toHaveLength(20)
    await redis.stop()
    const alone = await asks[0]!('/chat/completions', BODIES['chat']!)
    expect(alone.status).toBe(200)
    expect(nodes[0]!.log()).toContain('Redis does not answer')
  })
})
