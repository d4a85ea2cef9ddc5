import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { type FakeUpstream, fakeUpstream, json } from '../upstream/index.ts'

vi.setConfig({ testTimeout: 30_000 })

/** The cheap provider and the dear one, which alone caches prompts at a price of its own. */
let cheap: FakeUpstream
let dear: FakeUpstream
let gateway: RunningGateway

const answer = (cached: number) =>
  json(200, {
    id: 'x',
    object: 'chat.completion',
    created: 1,
    model: 'x',
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'fine' } }],
    usage: {
      prompt_tokens: 100,
      completion_tokens: 2,
      total_tokens: 102,
      prompt_tokens_details: { cached_tokens: cached },
    },
  })

const CONFIG = (one: string, two: string) => `
detect: false
presets:
  brief:
    description: Short answers.
    model: team/alpha-1
    system_prompt: Be brief.
    settings: { temperature: 0.1, provider: { only: [dear] } }
providers:
  cheap:
    dialect: openai-chat
    base_url: ${one}
    api_key: k
    models:
      - { id: team/alpha-1, price: { prompt: 0.1, completion: 0.1 }, capabilities: [tools] }
      - { id: team/gift, price: free }
  dear:
    dialect: openai-chat
    base_url: ${two}
    api_key: k
    data_policy: { trains: false, retains: false }
    models:
      - { id: team/alpha-1, price: { prompt: 1, completion: 1, cache_read: 0.1 }, capabilities: [tools, reasoning] }
      - { id: team/alpha-2, price: { prompt: 3, completion: 3 } }
`

beforeAll(async () => {
  cheap = await fakeUpstream({ script: answer(0) })
  dear = await fakeUpstream({ script: answer(0) })
  gateway = await startGateway({ config: CONFIG(cheap.url, dear.url) })
})
afterAll(async () => {
  await gateway?.remove()
  await cheap?.close()
  await dear?.close()
})
beforeEach(() => {
  cheap.play(answer(0))
  dear.play(answer(0))
})

const say = (model: string, more: object = {}, path = '/chat/completions') =>
  gateway.call('POST', path, { model, messages: [{ role: 'user', content: 'Hello' }], ...more })
// biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes, read as loosely as a script would
const sent = (upstream: FakeUpstream): any => JSON.parse(upstream.requests.at(-1)!.body)

describe('names', () => {
  it('of the newest of a line, of older spellings and of free endpoints lead to models', async () => {
    expect((await say('~team/alpha-latest')).body).toMatchObject({ model: 'team/alpha-2', provider: 'dear' })
    expect((await say('team/Alpha_1')).body.model).toBe('team/alpha-1')
    expect((await say('team/gift:free')).body.provider).toBe('cheap')
    const none = await say('team/alpha-2:free')
    expect([none.status, none.body.error.metadata.availability.code]).toEqual([404, 'free_variant_ended'])
  })

  it('that end in :thinking ask for reasoning, those in :online are not served', async () => {
    expect((await say('team/alpha-1:thinking')).body.provider).toBe('dear')
    expect(sent(dear)).toMatchObject({ reasoning_effort: 'medium' })
    expect((await say('team/alpha-1:online')).status).toBe(501)
  })
})

describe('routers', () => {
  it('choose among what is configured, under the caller’s wishes', async () => {
    const plugin = (more: object) => ({ plugins: [{ id: 'auto-router', ...more }] })
    const chosen = await say('openrouter/auto', plugin({ allowed_models: ['team/alpha-2'] }))
    expect(chosen.body.model).toBe('team/alpha-2')
    expect(
      (await say('waybill/auto', plugin({ cost_tier: 'low', excluded_models: ['team/gift'] }))).body.model,
    ).toBe('team/alpha-1')
    const nobody = await say('openrouter/auto', plugin({ allowed_models: ['nobody/*'] }))
    expect(nobody.status).toBe(404)
    expect(nobody.body.error.message).toContain('No models match your request and model restrictions')
    expect((await say('openrouter/auto', plugin({ cost_tier: 'huge' }))).status).toBe(400)
    expect((await say('openrouter/free')).body.model).toBe('team/gift')
  })
})

describe('data policies', () => {
  it('let only those pass of whom it is known', async () => {
    expect((await say('team/alpha-1', { provider: { zdr: true } })).body.provider).toBe('dear')
    const refused = await say('team/gift', { provider: { data_collection: 'deny' } })
    expect(refused.body.error.metadata.availability).toMatchObject({
      code: 'privacy_restricted',
      excluded_endpoints: [{ tag: 'cheap', reason: 'data_policy' }],
    })
  })

  it('filter the lists too', async () => {
    const named = (list: readonly { id?: string; model_id?: string }[]) =>
      list.map(({ id, model_id }) => id ?? model_id).filter((name) => name?.startsWith('team/'))
    const zdr = await gateway.call('GET', '/endpoints/zdr')
    expect(named(zdr.body.data)).toEqual(['team/alpha-1', 'team/alpha-2'])
    expect(zdr.body.data.some(({ tag }: { tag: string }) => tag === 'cheap')).toBe(false)
    const models = await gateway.call('GET', '/models?zdr=true&model_authors=team')
    expect(named(models.body.data).sort()).toEqual(['team/alpha-1', 'team/alpha-2'])
    const open = await gateway.call('GET', '/models?distillable=true')
    const ids = open.body.data.map(({ id }: { id: string }) => id)
    expect(ids).toContain('openai/gpt-oss-120b')
    expect(ids.some((id: string) => id.startsWith('anthropic/'))).toBe(false)
  })
})

describe('a conversation', () => {
  const turn = (more: object = {}) => say('team/alpha-1', { ...more })

  it('stays with the endpoint that has its prompt in the cache', async () => {
    dear.play(answer(80))
    const messages = [
      { role: 'system', content: 'A long prompt.' },
      { role: 'user', content: 'Hello' },
    ]
    expect((await turn({ messages, provider: { only: ['dear'] } })).body.provider).toBe('dear')
    for (let i = 0; i < 4; i++) {
      messages.push({ role: 'assistant', content: 'fine' }, { role: 'user', content: `more ${i}` })
      expect((await turn({ messages })).body.provider).toBe('dear')
    }
    expect((await turn({ messages, provider: { order: ['cheap'] } })).body.provider).toBe('cheap')
  })

  it('stays by its session from the first answer on', async () => {
    const session = { session_id: 's-1' }
    expect((await turn({ ...session, provider: { only: ['dear'] } })).body.provider).toBe('dear')
    for (let i = 0; i < 4; i++) expect((await turn(session)).body.provider).toBe('dear')
  })
})

describe('presets', () => {
  it('of the configuration serve every format', async () => {
    const chat = await say('@preset/brief')
    expect(chat.body).toMatchObject({ model: 'team/alpha-1', provider: 'dear' })
    expect(sent(dear)).toMatchObject({
      temperature: 0.1,
      messages: [{ role: 'system', content: 'Be brief.' }, {}],
    })
    const messages = await say('team/alpha-1@preset/brief', { max_tokens: 9 }, '/messages')
    expect([messages.status, sent(dear).temperature, sent(dear).messages[0].role]).toEqual([
      200,
      0.1,
      'system',
    ])
    const responses = await gateway.call('POST', '/responses', { preset: 'brief', input: 'Hello' })
    expect([responses.status, sent(dear).temperature]).toEqual([200, 0.1])
    const google = await fetch(`${gateway.url}/v1beta/models/@preset%2Fbrief:generateContent`, {
      method: 'POST',
      headers: { 'x-goog-api-key': gateway.key },
      body: JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'Hello' }] }] }),
    })
    expect([google.status, sent(dear).temperature]).toEqual([200, 0.1])
  })

  it('are made of requests, in versions, and switched off', async () => {
    const base = '/presets/mail'
    const made = await gateway.call('POST', `${base}/chat/completions`, {
      model: 'team/alpha-2',
      temperature: 0.7,
      messages: [{ role: 'user', content: 'is not kept' }],
    })
    expect(made.body.data).toMatchObject({
      slug: 'mail',
      status: 'active',
      designated_version: {
        version: 1,
        config: { model: 'team/alpha-2', temperature: 0.7 },
        system_prompt: null,
      },
    })
    const next = await gateway.call('POST', `${base}/messages`, {
      model: 'team/alpha-1',
      max_tokens: 33,
      system: 'Be polite.',
      messages: [],
    })
    expect(next.body.data.designated_version).toMatchObject({ version: 2, system_prompt: 'Be polite.' })
    expect((await say('@preset/mail')).body.model).toBe('team/alpha-1')

    const versions = await gateway.call('GET', `${base}/versions`)
    expect(versions.body.data.map((one: { version: number }) => one.version)).toEqual([2, 1])
    expect((await gateway.call('GET', `${base}/versions/1`)).body.data.config.temperature).toBe(0.7)
    expect((await gateway.call('GET', `${base}/versions/9`)).status).toBe(404)

    expect((await gateway.call('PATCH', base, { version: 1 })).body.data.designated_version.version).toBe(1)
    expect((await say('@preset/mail')).body.model).toBe('team/alpha-2')
    await gateway.call('PATCH', base, { status: 'disabled' })
    const off = await say('@preset/mail')
    expect([off.status, off.body.error.message]).toEqual([404, expect.stringContaining('disabled')])
    expect((await say('@preset/nobody')).status).toBe(404)

    const list = await gateway.call('GET', '/presets')
    expect(list.body.data.map((one: { slug: string }) => one.slug)).toEqual(['mail', 'brief'])
    expect((await gateway.call('GET', '/presets/brief')).body.data.designated_version.system_prompt).toBe(
      'Be brief.',
    )
    expect((await gateway.call('POST', '/presets/No%20Name/responses', { input: 'x' })).status).toBe(400)
  })
})
