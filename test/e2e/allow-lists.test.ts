import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { INFERENCE_ROUTES } from '../../src/http/v1/inference.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, chatStream, embeddings, type FakeUpstream, fakeUpstream, json } from '../upstream/index.ts'

vi.setConfig({ testTimeout: 30_000 })

let alpha: FakeUpstream
let beta: FakeUpstream
let gamma: FakeUpstream
let gateway: RunningGateway

/** Answers chats and embeddings. */
const answers = ((request: { path: string }) =>
  (request.path.endsWith('/embeddings') ? embeddings(9) : chat(['Hello']))(request as never)) as never
const WORDS = ['The ', 'quick ', 'brown ', 'fox ', 'jumps ', 'over ', 'the ', 'lazy ', 'dog.']
const overloaded = json(503, { error: { message: 'overloaded' } })

beforeAll(async () => {
  alpha = await fakeUpstream({ script: answers })
  beta = await fakeUpstream({ script: answers })
  gamma = await fakeUpstream({ script: answers })
  const provider = (id: string, { url }: FakeUpstream, price: number) => `
  ${id}:
    dialect: openai-chat
    base_url: "${url}/v1"
    api_key: k
    models:
      - { id: team/model, price: { prompt: ${price}, completion: 1 } }
      - { id: team/embed, price: { prompt: ${price}, completion: 0 }, capabilities: [embeddings] }`
  gateway = await startGateway({
    config: `
detect: false
retries: 1
fallbacks: { team/model: [spare/model] }
presets:
  brief: { model: team/model, system_prompt: Be brief. }
providers:${provider('alpha', alpha, 1)}${provider('beta', beta, 2)}
  gamma:
    dialect: openai-chat
    base_url: "${gamma.url}/v1"
    api_key: k
    models:
      - { id: spare/model, price: { prompt: 1, completion: 1 } }
      - { id: spare/gift, price: free }
`,
  })
})
afterAll(async () => {
  await gateway?.remove()
  await alpha?.close()
  await beta?.close()
  await gamma?.close()
})
beforeEach(() => {
  alpha.play(answers)
  beta.play(answers)
})

const manage = (method: string, path: string, body?: unknown) =>
  gateway.call(method, path, body, gateway.operatorKey)
async function keyWith(lists: object): Promise<{ key: string; hash: string }> {
  const made = await manage('POST', '/keys', { name: 'listed', ...lists })
  expect([made.status, made.body.error?.message]).toEqual([201, undefined])
  return { key: made.body.key, hash: made.body.data.hash }
}
const calls = () => alpha.requests.length + beta.requests.length + gamma.requests.length

/** A body for every POST that an API key may make. */
const BODIES: Readonly<Record<string, object>> = {
  '/chat/completions': { messages: [{ role: 'user', content: 'Hi' }] },
  '/completions': { prompt: 'Hi' },
  '/messages': { max_tokens: 16, messages: [{ role: 'user', content: 'Hi' }] },
  '/messages/count_tokens': { messages: [{ role: 'user', content: 'Hi' }] },
  '/responses': { input: 'Hi' },
  '/responses/compact': { input: 'Hi' },
  '/responses/input_tokens': { input: 'Hi' },
  '/embeddings': { model: 'team/embed', input: 'Hi' },
  '/models/{id}:generateContent': { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] },
  '/models/{id}:countTokens': { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] },
}
const ask = (path: string, key: string, more: object = {}) =>
  gateway.call(
    'POST',
    path.replace('{id}', 'team/model'),
    { model: 'team/model', ...BODIES[path], ...more },
    key,
  )

const CASES: readonly (readonly [string, object, RegExp])[] = [
  ['model not allowed', { allowed_models: ['spare/*'] }, /not in allowed_models of the key/],
  ['provider not allowed', { allowed_providers: ['simulator'] }, /not in allowed_providers of the key/],
  ['all providers ignored', { ignored_providers: ['alpha', 'beta'] }, /in ignored_providers of the key/],
]

describe.each(CASES)('a key with its %s', (_, lists, told) => {
  let key: string
  beforeAll(async () => {
    key = (await keyWith(lists)).key
  })

  it('has a body here for every path', () => {
    expect(INFERENCE_ROUTES.filter((path) => BODIES[path] === undefined)).toEqual([])
  })

  it.each(Object.keys(BODIES))('%s: is told the list with 404, and nobody is called', async (path) => {
    const before = calls()
    const refused = await ask(path, key)
    expect(refused.status).toBe(404)
    expect(JSON.stringify(refused.body)).toMatch(told)
    expect(calls()).toBe(before)
  })

  it('gets no further by presets, routers, orders or other names', async () => {
    const before = calls()
    for (const more of [
      { model: '@preset/brief' },
      { model: '~team/model-latest' },
      { model: 'Team/Model' },
      { model: 'team/model:nitro' },
      { models: ['team/model', 'team/model:floor'] },
      { provider: { order: ['alpha', 'beta'] } },
      { provider: { only: ['alpha'] }, stream: true },
      { model: 'openrouter/auto', plugins: [{ id: 'auto-router', allowed_models: ['team/*'] }] },
    ])
      expect([more, (await ask('/chat/completions', key, more)).status]).toEqual([more, 404])
    expect(calls()).toBe(before)
  })

  it('is shown the same by route/explain', async () => {
    const body = { model: 'team/model', messages: [{ role: 'user', content: 'Hi' }] }
    const { body: told } = await gateway.call('POST', '/route/explain', body, key)
    const mine = told.data.candidates.filter(({ endpoint }: { endpoint: string }) =>
      endpoint.startsWith('team/'),
    )
    expect(mine).toHaveLength(2)
    for (const candidate of mine) expect(candidate).toMatchObject({ rank: null })
    expect(JSON.stringify(mine)).toContain('key_policy')
  })
})

describe('a list that leaves something', () => {
  it('sends there alone, however the request would go by itself', async () => {
    const { key } = await keyWith({ allowed_providers: ['beta'] })
    const chosen = await ask('/chat/completions', key, { provider: { order: ['alpha'], sort: 'price' } })
    expect([chosen.status, chosen.body.provider]).toEqual([200, 'beta'])
    expect((await ask('/embeddings', key)).status).toBe(200)
    expect(alpha.requests.filter(({ path }) => path.includes('embeddings'))).toEqual([])
  })

  it('keeps every attempt after a failure, and the rescue of a stream that broke', async () => {
    const { key } = await keyWith({ allowed_providers: ['alpha'] })
    const others = () => beta.requests.length + gamma.requests.length
    const before = others()
    const stream = async (who: string, more: object): Promise<string> => {
      const answer = await fetch(`${gateway.url}/api/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${who}` },
        body: JSON.stringify({ model: 'team/model', ...BODIES['/chat/completions'], stream: true, ...more }),
      })
      return answer.text()
    }
    const broken = chatStream(WORDS, {}, { ending: 'cut', endAfter: 900, gapMs: 20 })
    for (const script of [overloaded, broken]) {
      alpha.play(script)
      for (const more of [{}, { models: ['team/model', 'spare/model', 'spare/gift'] }]) {
        const asked = alpha.requests.length
        const text = await stream(key, more)
        expect(text).toContain('"error"')
        expect(text.includes('"content":"The "')).toBe(script === broken)
        expect(alpha.requests.length).toBeGreaterThan(asked)
      }
    }
    expect(others()).toBe(before)
    // Without the list another provider finishes the stream.
    beta.play(chatStream(WORDS))
    const finished = await stream(gateway.key, { provider: { only: ['alpha', 'beta'], order: ['alpha'] } })
    expect(finished).toContain('"content":"dog."')
    expect(others()).toBeGreaterThan(before)
  })

  it('lets a stand-in serve only when its model is allowed', async () => {
    alpha.play(overloaded)
    beta.play(overloaded)
    const strict = await keyWith({ allowed_models: ['team/model'] })
    const before = gamma.requests.length
    expect((await ask('/chat/completions', strict.key)).status).toBeGreaterThanOrEqual(500)
    expect(gamma.requests.length).toBe(before)
    const wide = await keyWith({ allowed_models: ['team/model', 'spare/*'] })
    expect((await ask('/chat/completions', wide.key)).body).toMatchObject({
      model: 'spare/model',
      provider: 'gamma',
    })
  })

  it('narrows what routers choose among', async () => {
    const { key } = await keyWith({ allowed_models: ['spare/model'] })
    expect((await ask('/chat/completions', key, { model: 'waybill/auto' })).body.model).toBe('spare/model')
    expect((await ask('/chat/completions', key, { model: 'openrouter/free' })).status).toBe(404)
  })

  it('with a variant allows the endpoints that it leaves', async () => {
    const { key } = await keyWith({ allowed_models: ['spare/gift:free'] })
    expect((await ask('/chat/completions', key, { model: 'spare/gift' })).status).toBe(200)
    expect((await ask('/chat/completions', key, { model: 'spare/model' })).status).toBe(404)
  })

  it('leaves GET /models complete', async () => {
    const { key } = await keyWith({ allowed_models: ['spare/model'] })
    const mine = await gateway.call('GET', '/models', undefined, key)
    const all = await gateway.call('GET', '/models')
    expect(mine.body.data.length).toBe(all.body.data.length)
  })
})

describe('the lists of a key', () => {
  const LISTS = {
    allowed_models: ['team/model', 'spare/*', 'team/model:nitro'],
    allowed_providers: ['beta', 'google-vertex'],
    ignored_providers: ['amazon-bedrock/us-east-1', 'simulator'],
  }

  it('are shown, changed, kept through a rotation and taken away with null', async () => {
    const given = { ...LISTS, ignored_providers: ['Simulator', 'amazon-bedrock', 'bedrock'] }
    const { key, hash } = await keyWith(given)
    const shown = { ...LISTS, ignored_providers: ['simulator', 'amazon-bedrock'] }
    expect((await manage('GET', `/keys/${hash}`)).body.data).toMatchObject(shown)
    expect((await gateway.call('GET', '/key', undefined, key)).body.data).toMatchObject(shown)
    const changed = await manage('PATCH', `/keys/${hash}`, { allowed_models: ['spare/model'] })
    expect(changed.body.data).toMatchObject({ ...shown, allowed_models: ['spare/model'] })
    expect((await ask('/chat/completions', key)).status).toBe(404)
    const rotated = await manage('POST', `/keys/${hash}/rotate`, {})
    expect(rotated.body.data).toMatchObject({ ...shown, allowed_models: ['spare/model'] })
    expect((await ask('/chat/completions', rotated.body.key)).status).toBe(404)
    await manage('PATCH', `/keys/${hash}`, { allowed_models: null })
    expect((await ask('/chat/completions', key)).body.provider).toBe('beta')
    expect((await manage('GET', `/keys/${hash}`)).body.data.allowed_models).toBeNull()
  })

  const many = Array.from({ length: 201 }, (_, i) => `team/m${i}`)
  it.each([
    [{ allowed_models: [] }, /empty list allows nothing; give null/],
    [{ allowed_models: many }, /allowed_models/],
    [{ allowed_models: [`team/${'x'.repeat(200)}`] }, /allowed_models/],
    [{ allowed_models: ['team/modle'] }, /no model team\/modle\. Did you mean team\/model\?/],
    [{ allowed_models: ['nobody-here/*'] }, /no model here is called nobody-here/],
    [{ allowed_models: ['*'] }, /neither a model/],
    [{ allowed_models: ['@preset/brief'] }, /neither a model/],
    [{ allowed_providers: ['anthropc'] }, /anthropc is no provider here\. Did you mean anthropic\?/],
    [{ ignored_providers: ['google-vertex/mars'] }, /google-vertex\/mars is no provider here/],
    [{ allowed_providers: [7] }, /allowed_providers/],
    [{ allowed_providers: ['beta'], management: true }, /management key calls no models/],
  ])('%j is refused with the reason', async (lists, reason) => {
    const refused = await manage('POST', '/keys', { name: 'x', ...lists })
    expect(refused.status).toBe(400)
    expect(refused.body.error.message).toMatch(reason)
    const { hash } = await keyWith({})
    if (!('management' in lists))
      expect((await manage('PATCH', `/keys/${hash}`, lists)).body.error.message).toMatch(reason)
  })
})

describe('the policy of the installation', () => {
  let ruled: RunningGateway
  const models = (id: string) => `
      - { id: team/model, price: { prompt: 1, completion: 1 } }
      - { id: ${id}/own, price: { prompt: 1, completion: 1 } }`
  beforeAll(async () => {
    ruled = await startGateway({
      config: `
detect: false
policy:
  allowed_models: [team/*, beta/own, team/modle]
  ignored_providers: [gamma, alpha/eu]
  zdr: true
providers:${['alpha', 'beta', 'gamma', 'delta']
        .map(
          (id) => `
  ${id}:
    dialect: openai-chat
    base_url: "${beta.url}/v1"
    api_key: k
    data_policy: { trains: false, retains: ${id === 'delta'} }
    models:${models(id)}`,
        )
        .join('')}
`,
    })
  })
  afterAll(() => ruled?.remove())

  const send = (key: string, more: object = {}) =>
    ruled.call(
      'POST',
      '/chat/completions',
      { model: 'team/model', ...BODIES['/chat/completions'], ...more },
      key,
    )
  const reasons = async (key: string, model: string) => {
    const { body } = await ruled.call(
      'POST',
      '/route/explain',
      { model, ...BODIES['/chat/completions'] },
      key,
    )
    return body.data.candidates.map((one: Record<string, unknown>) => JSON.stringify(one)).join('\n')
  }

  it('holds for every key and the operator, whatever the request says', async () => {
    const served = await send(ruled.key, { provider: { zdr: false, data_collection: 'allow' } })
    expect(['alpha', 'beta']).toContain(served.body.provider)
    for (const key of [ruled.key, ruled.operatorKey]) {
      const told = await reasons(key, 'team/model')
      expect(told).toContain('in ignored_providers of this installation')
      expect(told).toContain('zdr is set by this installation')
    }
    const refused = await send(ruled.key, { model: 'alpha/own' })
    expect(refused.status).toBe(404)
    expect(refused.body.error.metadata.availability).toMatchObject({
      code: 'constraint_filtered',
      excluded_by: ['allowed_models'],
    })
    const only = await send(ruled.key, { provider: { only: ['delta'] } })
    expect([only.status, only.body.error.metadata.availability.code]).toEqual([404, 'privacy_restricted'])
    expect((await send(ruled.key, { model: 'sim/echo' })).status).toBe(404)
  })

  it('and the lists of a key meet: what either forbids is forbidden', async () => {
    const lists = { allowed_models: ['alpha/own', 'team/model'], ignored_providers: ['alpha'] }
    const made = await ruled.call('POST', '/keys', { name: 'k', ...lists }, ruled.operatorKey)
    const { key } = made.body
    expect((await send(key)).body.provider).toBe('beta')
    expect((await send(key, { model: 'alpha/own' })).status).toBe(404)
    expect((await send(key, { model: 'beta/own' })).body.error.message).toContain('allowed_models of the key')
    const wider = await ruled.call(
      'POST',
      '/keys',
      { name: 'w', allowed_models: ['alpha/*'] },
      ruled.operatorKey,
    )
    expect((await send(wider.body.key, { model: 'alpha/own' })).body.error.message).toContain(
      'allowed_models of this installation',
    )
  })

  it('warns of an entry that no model answers to', async () => {
    const { body } = await ruled.call('GET', '/admin/status', undefined, ruled.operatorKey)
    expect(JSON.stringify(body)).toContain('policy.allowed_models: there is no model team/modle.')
    expect(JSON.stringify(body)).toContain('policy.ignored_providers: alpha/eu is no provider here.')
  })
})
