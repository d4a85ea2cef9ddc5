import OpenAI, { APIError } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import {
  chat,
  cohereEmbeddings,
  embeddings,
  type FakeUpstream,
  fakeUpstream,
  geminiEmbeddings,
  json,
  vectorOf,
} from '../upstream/index.ts'

const TEXTS = ['first', 'a second text', 'the third one']
const MODEL = `price: { prompt: "1", completion: "0" }, capabilities: [embeddings]`

let main: FakeUpstream
let spare: FakeUpstream
let google: FakeUpstream
let cohere: FakeUpstream
let gateway: RunningGateway

beforeAll(async () => {
  main = await fakeUpstream({ script: embeddings(9) })
  spare = await fakeUpstream({ script: embeddings(9) })
  google = await fakeUpstream({ script: geminiEmbeddings(9) })
  cohere = await fakeUpstream({ script: cohereEmbeddings(9) })
  gateway = await startGateway({
    config: `
credits: prepaid
providers:
  alpha:
    dialect: openai-chat
    base_url: "${main.url}/v1"
    api_key: x
    models:
      - { id: test/embed, upstream_id: upstream, context_length: 100, ${MODEL} }
      - { id: test/writer, context_length: 8192, price: { prompt: "1", completion: "1" } }
  beta:
    dialect: openai-chat
    base_url: "${spare.url}/v1"
    api_key: x
    models: [{ id: test/embed, context_length: 100, price: { prompt: "1000", completion: "0" }, capabilities: [embeddings] }]
  voyage:
    base_url: "${main.url}/v1"
    api_key: x
    models: [{ id: voyage/voyage-4, upstream_id: voyage-4, ${MODEL} }]
  google-ai-studio:
    base_url: "${google.url}"
    api_key: x
    models: [{ id: google/gemini-embedding-001, upstream_id: gemini-embedding-001, ${MODEL} }]
  cohere:
    base_url: "${cohere.url}"
    api_key: x
    models: [{ id: cohere/embed-v4.0, upstream_id: embed-v4.0, ${MODEL} }]
  house:
    dialect: anthropic-messages
    base_url: "${main.url}"
    api_key: x
    models: [{ id: house/embed, context_length: 8192, ${MODEL} }]
`,
  })
  await gateway.call('POST', '/admin/credits', { amount_usd: 50 }, gateway.operatorKey)
})

afterAll(async () => {
  await gateway?.remove()
  await Promise.all([main, spare, google, cohere].map((upstream) => upstream?.close()))
})

const client = () => new OpenAI({ baseURL: `${gateway.url}/api/v1`, apiKey: gateway.key, maxRetries: 0 })
const sentTo = (upstream: FakeUpstream) => JSON.parse(upstream.requests.at(-1)!.body)

describe('embeddings for the official client', () => {
  it.each([
    ['test/embed', () => main],
    ['voyage/voyage-4', () => main],
    ['google/gemini-embedding-001', () => google],
    ['cohere/embed-v4.0', () => cohere],
  ])('%s: in base64, as it asks by itself, and as numbers', async (model, upstream) => {
    const unasked = await client().embeddings.create({ model, input: TEXTS, dimensions: 8 })
    const numbers = await client().embeddings.create({
      model,
      input: TEXTS,
      dimensions: 8,
      encoding_format: 'float',
    })
    for (const { data, model: named, usage, object } of [unasked, numbers]) {
      expect(object).toBe('list')
      expect(data.map(({ embedding }) => Array.from(embedding))).toEqual(
        TEXTS.map((text) => vectorOf(text, 8)),
      )
      expect(data.map(({ index }) => index)).toEqual([0, 1, 2])
      expect(named).toBe(model)
      expect(usage).toMatchObject({ prompt_tokens: 9, total_tokens: 9, cost: 0.000009, is_byok: false })
    }
    expect(upstream().requests.length).toBeGreaterThanOrEqual(2)
  })

  it('a text alone, and tokens by number', async () => {
    const one = await client().embeddings.create({ model: 'test/embed', input: 'hello' })
    expect(one.data).toHaveLength(1)
    expect(sentTo(main).input).toBe('hello')
    const tokens = await client().embeddings.create({ model: 'test/embed', input: [[15339, 1917], [0]] })
    expect(tokens.data).toHaveLength(2)
    expect(sentTo(main).input).toEqual([[15339, 1917], [0]])
  })

  it('numbers where the server knows no base64', async () => {
    main.play(embeddings(9, { encoding: 'float' }))
    const { data } = await client().embeddings.create({ model: 'test/embed', input: TEXTS })
    expect(data.map(({ embedding }) => Array.from(embedding))).toEqual(TEXTS.map((text) => vectorOf(text)))
    main.play(embeddings(9))
  })
})

describe('what providers are sent', () => {
  const ask = (model: string, more: object = {}) =>
    gateway.call('POST', '/embeddings', { model, input: ['one', 'two'], input_type: 'search_query', ...more })

  it('OpenAI-compatible: unknown fields as they are, without what is ours', async () => {
    await ask('test/embed', { truncate: 'END', provider: { sort: 'price' }, user: 'u-1' })
    expect(main.requests.at(-1)!.path).toBe('/v1/embeddings')
    expect(sentTo(main)).toEqual({
      model: 'upstream',
      input: ['one', 'two'],
      truncate: 'END',
      user: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
  })

  it('Voyage: its own words', async () => {
    await ask('voyage/voyage-4', { dimensions: 256, encoding_format: 'float', user: 'u-1' })
    expect(sentTo(main)).toEqual({
      model: 'voyage-4',
      input: ['one', 'two'],
      input_type: 'query',
      output_dimension: 256,
    })
  })

  it('Google: a batch with the task', async () => {
    await ask('google/gemini-embedding-001', { dimensions: 256 })
    expect(google.requests.at(-1)!.path).toBe('/v1beta/models/gemini-embedding-001:batchEmbedContents')
    expect(sentTo(google).requests[1]).toEqual({
      model: 'models/gemini-embedding-001',
      content: { parts: [{ text: 'two' }] },
      taskType: 'RETRIEVAL_QUERY',
      outputDimensionality: 256,
    })
  })

  it('Cohere: texts and what they are for', async () => {
    await ask('cohere/embed-v4.0', { input_type: undefined })
    expect(cohere.requests.at(-1)!.path).toBe('/v2/embed')
    expect(sentTo(cohere)).toEqual({
      model: 'embed-v4.0',
      texts: ['one', 'two'],
      input_type: 'search_document',
      embedding_types: ['float'],
    })
  })
})

describe('money, routing and records', () => {
  it('are those of every request: charge, usage row, waybill', async () => {
    const reply = await gateway.call('POST', '/embeddings', { model: 'test/embed', input: TEXTS })
    expect(reply.body).toMatchObject({ id: expect.stringMatching(/^gen-/), provider: 'alpha' })
    const told = await gateway.call('GET', `/waybills/${reply.body.id}`)
    expect(told.body.data.generation).toMatchObject({
      api_type: 'embeddings',
      total_cost: 0.000009,
      tokens_prompt: 9,
      tokens_completion: 0,
      finish_reason: 'stop',
      provider_name: 'alpha',
    })
  })

  it('what a provider does not count is estimated, marked and charged', async () => {
    google.play(geminiEmbeddings(null))
    const reply = await gateway.call('POST', '/embeddings', {
      model: 'google/gemini-embedding-001',
      input: 'x'.repeat(400),
    })
    expect(reply.body.usage.prompt_tokens).toBeGreaterThanOrEqual(100)
    const told = await gateway.call('GET', `/generation?id=${reply.body.id}`)
    expect(told.body.data).toMatchObject({ usage_source: 'estimated', total_cost: reply.body.usage.cost })
    google.play(geminiEmbeddings(9))
  })

  it.each([
    ['is overloaded', json(503, { error: { message: 'busy' } })],
    [
      'answers one vector too few',
      json(200, { object: 'list', data: [{ index: 0, embedding: [1, 2] }], usage: { prompt_tokens: 9 } }),
    ],
    [
      'answers half',
      { ...json(200, '{"object":"list","data":[{"index":0,"embedding":[1,'), boundaries: 'whole' as const },
    ],
  ])('another provider answers when the first %s', async (_, step) => {
    main.play(step)
    const reply = await gateway.call('POST', '/embeddings', { model: 'test/embed', input: TEXTS })
    main.play(embeddings(9))
    expect(reply.status).toBe(200)
    expect(reply.body).toMatchObject({ provider: 'beta', usage: { cost: 0.009 } })
    expect(reply.body.data).toHaveLength(3)
  })

  it('each input has the context to itself', async () => {
    const input = Array.from({ length: 50 }, () => 'x'.repeat(300))
    expect((await gateway.call('POST', '/embeddings', { model: 'test/embed', input })).status).toBe(200)
    const long = await gateway.call('POST', '/embeddings', { model: 'test/embed', input: 'x'.repeat(2000) })
    expect(long.status).toBe(400)
    expect(long.body.error.message).toContain('maximum context length')
  })

  it('without credit the answer is 402 and speaks of the input', async () => {
    const made = await gateway.call('POST', '/keys', { name: 'poor', limit: 0.000001 }, gateway.operatorKey)
    const reply = await gateway.call(
      'POST',
      '/embeddings',
      { model: 'test/embed', input: TEXTS },
      made.body.key,
    )
    expect(reply.status).toBe(402)
    expect(reply.body.error.message).toContain('shorter input')
    expect(reply.body.error.message).not.toContain('max_tokens')
  })
})

describe('refusals', () => {
  it.each([
    ['an empty text', { input: '' }, /empty/],
    ['no input', { input: [] }, /`input` must be/],
    ['a stream', { stream: true }, /cannot be streamed/],
    ['several models', { models: ['test/embed', 'voyage/voyage-4'] }, /cannot be compared/],
    ['an unknown encoding', { encoding_format: 'int8' }, /float, base64/],
  ])('%s is told in a sentence', async (_, more, sentence) => {
    const reply = await gateway.call('POST', '/embeddings', { model: 'test/embed', input: 'hi', ...more })
    expect(reply.status).toBe(400)
    expect(reply.body.error.message).toMatch(sentence)
  })

  it('a model that writes, and a conversation with one that embeds, are sent elsewhere', async () => {
    const wrong = client().embeddings.create({ model: 'test/writer', input: 'hi' })
    await expect(wrong).rejects.toThrow(/gives no embeddings.*\/embeddings\/models/)
    await expect(wrong).rejects.toThrow(APIError)
    main.play(chat(['never']))
    const messages = [{ role: 'user' as const, content: 'hi' }]
    await expect(client().chat.completions.create({ model: 'test/embed', messages })).rejects.toThrow(
      /POST \/api\/v1\/embeddings/,
    )
    main.play(embeddings(9))
  })

  it('a provider whose format has no embeddings is left out, and says so', async () => {
    const reply = await gateway.call('POST', '/embeddings', { model: 'house/embed', input: 'hi' })
    expect(reply.status).toBe(404)
    expect(reply.body.error.message).toContain('cannot ask for embeddings')
    expect(reply.body.error.metadata.availability.excluded_by).toEqual(['no_dialect'])
  })

  it("a provider's own limit of a batch reaches the client", async () => {
    for (const upstream of [main, spare])
      upstream.play(json(400, { error: { message: 'at most 2 inputs', type: 'invalid_request_error' } }))
    const reply = await gateway.call('POST', '/embeddings', { model: 'test/embed', input: TEXTS })
    for (const upstream of [main, spare]) upstream.play(embeddings(9))
    expect(reply.status).toBe(400)
    expect(reply.body.error.message).toContain('at most 2 inputs')
  })
})

it('GET /embeddings/models lists the models that give embeddings, and no others', async () => {
  const { body } = await gateway.call('GET', '/embeddings/models')
  const ids = body.data.map(({ id }: { id: string }) => id)
  expect(ids).toContain('test/embed')
  expect(ids).toContain('openai/text-embedding-3-small')
  expect(ids).not.toContain('test/writer')
  for (const model of body.data) expect(model.architecture.output_modalities).toContain('embeddings')
})
