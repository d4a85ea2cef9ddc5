import { OpenRouter } from '@openrouter/sdk'
import OpenAI, { APIError } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readGatewayReply, readGatewayStream, readProvider } from '../chat-client.ts'
import { hasFixtures, recordedCases, responseBytes, WITHOUT_FIXTURES } from '../fixtures.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, chatStream, type FakeUpstream, fakeUpstream, json, replay } from '../upstream/index.ts'

const MODEL = 'test/model'

function config(first: FakeUpstream, second: FakeUpstream): string {
  const provider = (id: string, { url }: FakeUpstream, price: string) => `
  ${id}:
    dialect: openai-chat
    base_url: "${url}/v1"
    api_key: key-of-${id}
    models:
      - { id: ${MODEL}, upstream_id: upstream-model, context_length: 131072, max_output: 8192,
          price: { prompt: "${price}", completion: "${price}" }, capabilities: [tools, structured_outputs, vision, reasoning] }`
  return `
credits: prepaid
providers:${provider('alpha', first, '1')}${provider('beta', second, '2')}
`
}

let alpha: FakeUpstream
let beta: FakeUpstream
let gateway: RunningGateway
let client: OpenAI

beforeAll(async () => {
  alpha = await fakeUpstream({ script: chat(['Hel', 'lo']) })
  beta = await fakeUpstream({ script: chat(['from beta']) })
  gateway = await startGateway({ config: config(alpha, beta) })
  client = new OpenAI({ baseURL: `${gateway.url}/api/v1`, apiKey: gateway.key, maxRetries: 0 })
  const added = await gateway.call('POST', '/admin/credits', { amount_usd: 50 }, gateway.operatorKey)
  expect(added.status).toBe(201)
})

afterAll(async () => {
  await gateway?.remove()
  await alpha?.close()
  await beta?.close()
})

const ask = (more: object = {}) => ({
  model: MODEL,
  messages: [{ role: 'user' as const, content: 'Say hello' }],
  provider: { sort: 'price' },
  ...more,
})

describe('the official openai client', () => {
  it('streams an answer, with usage and its cost at the end', async () => {
    const stream = await client.chat.completions.create({ ...ask(), stream: true })
    let text = ''
    let last: OpenAI.ChatCompletionChunk | undefined
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? ''
      last = chunk
    }
    expect(text).toBe('Hello')
    expect(last!.id).toMatch(/^gen-\d+-[0-9A-Za-z]{20}$/)
    // $1 per million tokens, 10 + 2 tokens.
    expect(last!.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 2, cost: 0.000012 })
  })

  it('gets a whole answer under the model and provider that served it', async () => {
    const reply = await client.chat.completions.create(ask())
    expect(reply.choices[0]!.message.content).toBe('Hello')
    expect(reply).toMatchObject({ model: MODEL, provider: 'alpha', object: 'chat.completion' })
  })

  it('calls tools in two steps', async () => {
    const call = {
      id: 'call_1',
      type: 'function',
      function: { name: 'weather', arguments: '{"city":"Bern"}' },
    }
    alpha.play([
      json(200, {
        id: 'x',
        object: 'chat.completion',
        created: 1,
        model: 'm',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: null, tool_calls: [call] },
            finish_reason: 'tool_calls',
          },
        ],
        usage: { prompt_tokens: 20, completion_tokens: 9, total_tokens: 29 },
      }),
      chatStream(['12 ', '°C']),
    ])
    const tools = [
      { type: 'function' as const, function: { name: 'weather', parameters: { type: 'object' } } },
    ]
    const first = await client.chat.completions.create({ ...ask(), tools })
    expect(first.choices[0]!.finish_reason).toBe('tool_calls')
    expect(first.choices[0]!.message.tool_calls).toMatchObject([call])
    const stream = await client.chat.completions.create({
      ...ask(),
      tools,
      stream: true,
      messages: [
        ...ask().messages,
        first.choices[0]!.message,
        { role: 'tool', tool_call_id: 'call_1', content: '12' },
      ],
    })
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect(text).toBe('12 °C')
    const sent = JSON.parse(alpha.requests.at(-1)!.body)
    expect(sent.model).toBe('upstream-model')
    expect(sent.messages[1].tool_calls).toMatchObject([call])
    expect(sent).not.toHaveProperty('provider')
    expect(alpha.requests.at(-1)!.headers.authorization).toBe('Bearer key-of-alpha')
    alpha.play(chat(['Hel', 'lo']))
  })

  it('gets an answer from another provider when the first one fails before its first byte', async () => {
    alpha.play(json(503, { error: { message: 'overloaded' } }))
    const reply = await client.chat.completions.create(ask())
    expect(reply).toMatchObject({ provider: 'beta', choices: [{ message: { content: 'from beta' } }] })
    alpha.play(chat(['Hel', 'lo']))
    const told = await gateway.call('GET', `/waybills/${reply.id}`)
    expect(told.body.data.generation.provider_responses).toMatchObject([
      { provider_name: 'alpha', status: 503, outcome: 'failed' },
      { provider_name: 'beta', status: 200, outcome: 'ok' },
    ])
  })

  it('raises when a stream is cut, and is not charged', async () => {
    // Within a breaker's patience: other tests need the endpoint.
    alpha.play(chatStream(['one ', 'two ', 'three'], {}, { ending: 'cut', endAfter: 700 }))
    const before = await gateway.call('GET', '/credits', undefined, gateway.operatorKey)
    const stream = await client.chat.completions.create({
      ...ask({ provider: { only: ['alpha'] } }),
      stream: true,
    })
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toThrow(APIError)
    const after = await gateway.call('GET', '/credits', undefined, gateway.operatorKey)
    expect(after.body.data.total_usage).toBe(before.body.data.total_usage)
    alpha.play(chat(['Hel', 'lo']))
  })

  it('is refused with 401 for a wrong key, 400 for a wrong model, each with its fix', async () => {
    const wrong = new OpenAI({
      baseURL: `${gateway.url}/v1`,
      apiKey: `${gateway.key.slice(0, -1)}!`,
      maxRetries: 0,
    })
    await expect(wrong.chat.completions.create(ask())).rejects.toThrow(/401.*waybill keys/)
    await expect(client.chat.completions.create(ask({ model: 'test/modle' }))).rejects.toThrow(
      /400.*Did you mean test\/model/,
    )
  })

  it('passes a 429 on with an honest Retry-After when nobody else serves', async () => {
    alpha.play(json(429, { error: { message: 'slow down' } }, { 'retry-after': '17' }))
    const refused = await client.chat.completions
      .create(ask({ provider: { only: ['alpha'] } }))
      .catch((error: unknown) => error)
    expect(refused).toMatchObject({ status: 429 })
    expect((refused as APIError).headers?.get('retry-after')).toBe('17')
    alpha.play(chat(['Hel', 'lo']))
  })
})

describe('an empty balance', () => {
  it('answers 402 with a sentence that says what to do', async () => {
    const poor = await startGateway({ config: config(alpha, beta) })
    try {
      const reply = await poor.call('POST', '/chat/completions', ask())
      expect(reply.status).toBe(402)
      expect(reply.body.error.message).toMatch(/requires more credits.*waybill credits add USD/)
      expect(alpha.requests.some(({ headers }) => headers.authorization?.includes(poor.key))).toBe(false)
      const small = await poor.call('POST', '/admin/credits', { amount_usd: '0.01' }, poor.operatorKey)
      expect(small.body.data.available_usd).toBe('0.01')
      expect((await poor.call('POST', '/chat/completions', ask({ max_tokens: 50 }))).status).toBe(200)
    } finally {
      await poor.remove()
    }
  })
})

describe('the official @openrouter/sdk, which checks every field', () => {
  const sdk = () => new OpenRouter({ apiKey: gateway.key, serverURL: `${gateway.url}/api/v1` })

  it('reads a chat answer, streamed and whole', async () => {
    const request = {
      model: MODEL,
      messages: [{ role: 'user' as const, content: 'hi' }],
      provider: { only: ['beta'] },
    }
    const whole = await sdk().chat.send({ chatRequest: { ...request, stream: false } })
    expect(whole).toMatchObject({ choices: [{ message: { content: 'from beta' } }] })
    const stream = await sdk().chat.send({ chatRequest: { ...request, stream: true } })
    if (!(Symbol.asyncIterator in stream)) throw new Error('the answer is not a stream')
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect(text).toBe('from beta')
  })

  it('reads models, providers, the key and a generation', async () => {
    const models = await sdk().models.list({})
    expect(JSON.stringify(models).length).toBeGreaterThan(100_000)
    const providers = await sdk().providers.list()
    expect(providers.data.length).toBeGreaterThan(30)
    const key = await sdk().apiKeys.getCurrentKeyMetadata()
    expect(key.data.label).toMatch(/^sk-wb-v1-/)
    // A rate limit of an earlier test may still be cooling alpha down.
    const reply = await client.chat.completions.create(ask({ provider: { only: ['alpha'] } }))
    const generation = await sdk().generations.getGeneration({ id: reply.id })
    expect(generation.data).toMatchObject({ id: reply.id, providerName: 'alpha', totalCost: 0.000013 })
  })

  it('reads the credits with a management key', async () => {
    const made = await gateway.call('POST', '/keys', { name: 'admin', management: true }, gateway.operatorKey)
    const admin = new OpenRouter({ apiKey: made.body.key, serverURL: `${gateway.url}/api/v1` })
    expect((await admin.credits.getCredits()).data.totalCredits).toBe(50)
    expect((await admin.apiKeys.list({})).data.length).toBeGreaterThan(1)
  })
})

const chatCases = recordedCases().filter(
  ({ dialect, response, request }) =>
    [
      'openai-chat',
      'azure-openai',
      'mistral',
      'groq',
      'deepseek',
      'together',
      'openrouter',
      'cerebras',
      'zai',
      'alibaba',
      'moonshot',
      'openai-compatible',
    ].includes(dialect) &&
    response.status === 200 &&
    !(request.url_path ?? '').endsWith('/responses') &&
    ['sse', 'json'].includes(response.kind),
)

describe.skipIf(!hasFixtures)(
  `recorded answers through the running gateway ${hasFixtures ? '' : WITHOUT_FIXTURES}`,
  () => {
    it('are enough to mean something', () => {
      expect(chatCases.length).toBeGreaterThan(60)
    })

    it.each(chatCases.map((recorded, at) => [recorded.id, recorded, at] as const))(
      '%s arrives unharmed',
      async (_, recorded, at) => {
        const streamed = recorded.response.kind === 'sse'
        alpha.play(replay(recorded, { boundaries: { seed: at + 1, max: 150 } }))
        const response = await fetch(`${gateway.url}/api/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
          body: JSON.stringify(ask({ stream: streamed, provider: { only: ['alpha'] } })),
        })
        const text = await response.text()
        const wanted = readProvider(streamed ? 'sse' : 'json', responseBytes(recorded).toString('utf8'))
        const got = streamed ? readGatewayStream(text) : readGatewayReply(JSON.parse(text))
        if (wanted.error !== null) {
          expect(got.error).not.toBeNull()
          return
        }
        expect(got.error).toBeNull()
        expect(
          got.choices.map(({ text: said, tools }) => [said, tools.map(({ name, args }) => [name, args])]),
        ).toEqual(
          wanted.choices.map(({ text: said, tools }) => [said, tools.map(({ name, args }) => [name, args])]),
        )
        if (wanted.usage === null) expect(got.usage?.['prompt_tokens']).toBeGreaterThan(0)
        else expect(got.usage?.['prompt_tokens']).toBe(wanted.usage['prompt_tokens'])
      },
    )
  },
)
