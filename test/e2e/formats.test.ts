// biome-ignore-all lint/suspicious/noExplicitAny: JSON of many shapes, read as loosely as a script would
import OpenAI, { APIError } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SURFACES } from '../../src/http/v1/inference.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, embeddings, type FakeUpstream, fakeUpstream, json, type Script } from '../upstream/index.ts'

let upstream: FakeUpstream
let gateway: RunningGateway

beforeAll(async () => {
  upstream = await fakeUpstream({ script: chat(['Hel', 'lo']) })
  gateway = await startGateway({
    config: `
credits: prepaid
providers:
  alpha:
    dialect: openai-chat
    base_url: "${upstream.url}/v1"
    api_key: x
    models:
      - { id: test/model, context_length: 131072, max_output: 8192, price: { prompt: "1", completion: "1" }, capabilities: [tools] }
      - { id: test/embed, context_length: 8192, price: { prompt: "1", completion: "0" }, capabilities: [embeddings] }
  beta:
    dialect: anthropic-messages
    base_url: "${upstream.url}"
    api_key: x
    models:
      - { id: test/claude, context_length: 200000, max_output: 8192, price: { prompt: "3", completion: "15" } }
`,
  })
  await gateway.call('POST', '/admin/credits', { amount_usd: 50 }, gateway.operatorKey)
})

afterAll(async () => {
  await gateway?.remove()
  await upstream?.close()
})

describe('POST /messages', () => {
  const ask = (more: object = {}) => ({
    model: 'test/model',
    max_tokens: 100,
    messages: [{ role: 'user', content: 'Say hello' }],
    ...more,
  })

  it('answers an Anthropic client from a provider of another format, with usage and cost', async () => {
    const { status, body } = await gateway.call('POST', '/messages', ask())
    expect(status).toBe(200)
    expect(body).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'test/model',
      content: [{ type: 'text', text: 'Hello' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 10, output_tokens: 3, cost: 0.000013 },
    })
  })

  it('streams Anthropic events that end with message_stop', async () => {
    const response = await fetch(`${gateway.url}/api/v1/messages`, {
      method: 'POST',
      headers: {
        'x-api-key': gateway.key,
        'content-type': 'application/json',
        'anthropic-version': '2023-06-01',
      },
      body: JSON.stringify(ask({ stream: true })),
    })
    const text = await response.text()
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const events = [...text.matchAll(/^event: (.+)$/gm)].map((match) => match[1])
    expect(events[0]).toBe('message_start')
    expect(events.at(-1)).toBe('message_stop')
    expect(text).toContain('"Hel"')
  })

  it('counts tokens: estimated and marked where the provider cannot', async () => {
    const { status, body } = await gateway.call(
      'POST',
      '/messages/count_tokens',
      ask({ max_tokens: undefined }),
    )
    expect(status).toBe(200)
    expect(body).toEqual({ input_tokens: expect.any(Number), estimated: true })
  })

  it('counts tokens exactly where the provider counts, without charging', async () => {
    upstream.play(json(200, { input_tokens: 4711 }))
    const { body } = await gateway.call('POST', '/messages/count_tokens', ask({ model: 'test/claude' }))
    expect(body).toEqual({ input_tokens: 4711 })
    const sent = upstream.requests.at(-1)!
    expect(sent.path).toBe('/v1/messages/count_tokens')
    expect(Object.keys(JSON.parse(sent.body)).sort()).toEqual(['messages', 'model'])
    upstream.play(chat(['Hel', 'lo']))
  })

  it('answers errors in the envelope of Anthropic', async () => {
    const wrong = await gateway.call('POST', '/messages', ask({ model: 'test/modle' }))
    expect(wrong.status).toBe(400)
    expect(wrong.body).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } })
    const nobody = await gateway.call('POST', '/messages', ask(), 'sk-wb-v1-wrong')
    expect(nobody.status).toBe(401)
    // Claude Code would try ten times.
    expect(nobody.headers.get('x-should-retry')).toBe('false')
    expect(wrong.headers.get('x-should-retry')).toBe(null)
    expect(nobody.body).toMatchObject({ type: 'error', error: { type: 'authentication_error' } })
  })
})

describe('POST /v1beta/models/{id}:generateContent', () => {
  const ask = (verb: string, model = 'test/model') =>
    fetch(`${gateway.url}/api/v1beta/models/${model}:${verb}`, {
      method: 'POST',
      headers: { 'x-goog-api-key': gateway.key, 'content-type': 'application/json' },
      body: JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'Say hello' }] }] }),
    })

  it('answers a Google client from a provider of another format, with usage', async () => {
    const response = await ask('generateContent')
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      candidates: [{ content: { role: 'model', parts: [{ text: 'Hello' }] }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 3 },
      modelVersion: 'test/model',
    })
  })

  it('streams data frames without an end mark', async () => {
    const text = await (await ask('streamGenerateContent?alt=sse')).text()
    const frames = text.split(/\r?\n\r?\n/).filter((frame) => frame !== '')
    const parts = frames.map((frame) => JSON.parse(frame.replace(/^data: /, '')))
    const said = parts.flatMap((part) => part.candidates ?? []).flatMap(({ content }) => content?.parts ?? [])
    expect(said.map(({ text: words }) => words ?? '').join('')).toBe('Hello')
    expect(parts.at(-1).usageMetadata.promptTokenCount).toBe(10)
  })

  it.each(['streamGenerateContent', 'streamGenerateContent?alt=json'])(
    'streams one JSON array by %s, whose elements come one by one',
    async (verb) => {
      upstream.play((request) => ({ ...chat(['Hel', 'lo'])(request), boundaries: 'events', gapMs: 60 }))
      const response = await ask(verb)
      expect(response.headers.get('content-type')).toContain('application/json')
      const arrived: string[] = []
      for await (const piece of response.body!) arrived.push(Buffer.from(piece).toString())
      expect(arrived.length).toBeGreaterThan(1)
      const parts = JSON.parse(arrived.join(''))
      const said = parts.flatMap(({ candidates }: any) => candidates[0].content.parts)
      expect(said.map(({ text }: any) => text).join('')).toBe('Hello')
      expect(parts.at(-1).usageMetadata.promptTokenCount).toBe(10)
      expect(response.headers.get('x-generation-id')).toMatch(/^gen-/)
      upstream.play(chat(['Hel', 'lo']))
    },
  )

  it('tells errors in an array where the stream is one, before it and inside', async () => {
    const wrong = await ask('streamGenerateContent', 'test/modle')
    expect(wrong.status).toBe(400)
    expect(await wrong.json()).toMatchObject([{ error: { code: 400, status: 'INVALID_ARGUMENT' } }])
    upstream.play(json(429, { error: { message: 'slow down' } }))
    const limited = await ask('streamGenerateContent')
    expect(limited.status).toBe(429)
    expect(await limited.json()).toMatchObject([{ error: { code: 429 } }])
    upstream.play((request) => ({
      ...chat(['Hel', 'lo'])(request),
      boundaries: 'events',
      gapMs: 20,
      ending: 'cut',
      endAfter: 400,
    }))
    const cut = await ask('streamGenerateContent')
    expect(cut.status).toBe(200)
    const parts = (await cut.json()) as Record<string, unknown>[]
    expect(parts.at(-1)).toMatchObject({ error: { code: 502 } })
    upstream.play(chat(['Hel', 'lo']))
  })

  it('counts tokens and answers errors in the envelope of Google', async () => {
    expect(await (await ask('countTokens')).json()).toEqual({
      totalTokens: expect.any(Number),
      estimated: true,
    })
    const wrong = await ask('generateContent', 'test/modle')
    expect(wrong.status).toBe(400)
    expect(await wrong.json()).toMatchObject({ error: { code: 400, status: 'INVALID_ARGUMENT' } })
  })

  it('answers 501 to a verb that is not served, with what to use', async () => {
    const refused = await ask('embedContent')
    expect(refused.status).toBe(501)
    expect(await refused.text()).toContain('POST /api/v1/embeddings')
  })
})

describe('POST /responses', () => {
  const client = () => new OpenAI({ baseURL: `${gateway.url}/api/v1`, apiKey: gateway.key, maxRetries: 0 })

  it('answers the official client, whole', async () => {
    const reply = await client().responses.create({ model: 'test/model', input: 'Say hello' })
    expect(reply.output_text).toBe('Hello')
    expect(reply.usage).toMatchObject({ input_tokens: 10, output_tokens: 3, cost: 0.000013 })
  })

  it('answers the official client, streamed', async () => {
    const stream = await client().responses.create({ model: 'test/model', input: 'Say hello', stream: true })
    let text = ''
    const types: string[] = []
    for await (const event of stream) {
      types.push(event.type)
      if (event.type === 'response.output_text.delta') text += event.delta
    }
    expect(text).toBe('Hello')
    expect(types[0]).toBe('response.created')
    expect(types.at(-1)).toBe('response.completed')
  })

  it('compacts a conversation, from which any model goes on', async () => {
    const turn = [{ role: 'user' as const, content: 'Say hello' }]
    const compacted = await client().responses.compact({ model: 'test/model', input: turn })
    expect(compacted).toMatchObject({ object: 'response.compaction', usage: { cost: 0.000013 } })
    expect(compacted.output.map(({ type }) => type)).toEqual(['message', 'compaction'])
    const input = [...compacted.output, { role: 'user', content: 'Again' }] as typeof turn
    await client().responses.create({ model: 'test/model', input })
    expect(JSON.parse(upstream.requests.at(-1)!.body).messages.map(({ content }: any) => content)).toEqual([
      'Say hello',
      '<earlier_conversation>\nHello\n</earlier_conversation>',
      'Again',
    ])
  })

  it('counts the tokens of an input for the official client', async () => {
    const counted = await client().responses.inputTokens.count({ model: 'test/model', input: 'Say hello' })
    expect(counted).toMatchObject({ object: 'response.input_tokens', input_tokens: expect.any(Number) })
  })

  it('names the request in the header where the official client looks', async () => {
    const reply = await client().responses.create({ model: 'test/model', input: 'Say hello' })
    expect(reply._request_id).toMatch(/^gen-/)
    const wrong = client().responses.create({ model: 'test/modle', input: 'x' })
    await expect(wrong).rejects.toMatchObject({ requestID: expect.stringMatching(/^gen-/) })
  })

  it('says that nothing is kept, to who asks for it', async () => {
    await expect(client().responses.retrieve('resp_1')).rejects.toThrow('not stored here')
  })

  it('refuses what it would have to remember', async () => {
    await expect(
      client().responses.create({ model: 'test/model', input: 'x', previous_response_id: 'resp_1' }),
    ).rejects.toThrow(APIError)
  })
})

describe('every surface', () => {
  const bodies: Readonly<Record<string, object>> = {
    '/completions': { prompt: 'hi' },
    '/embeddings': { model: 'test/embed', input: 'hi' },
    '/chat/completions': { messages: [{ role: 'user', content: 'hi' }] },
    '/messages': { max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] },
    '/responses': { input: 'hi' },
    '/responses/compact': { input: 'hi' },
    '/models/{id}:generateContent': { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] },
  }
  const at = (path: string) => path.replace('{id}', 'test/model')

  /** A provider of both kinds; each answer costs 13 tokens. */
  const answers: Script = (request) =>
    request.body.includes('"messages"') ? chat(['Hel', 'lo'])(request) : embeddings(13)(request)

  it('is listed here, so that none is forgotten', () => {
    expect(Object.keys(bodies).sort()).toEqual(Object.keys(SURFACES).sort())
  })

  it.each(Object.entries(bodies))('%s is billed, explained and recorded alike', async (path, body) => {
    upstream.play(answers)
    const asked = { model: 'test/model', ...body }
    const response = await fetch(`${gateway.url}/api/v1${at(path)}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}` },
      body: JSON.stringify(asked),
    })
    expect(response.status).toBe(200)
    await response.text()
    const id = response.headers.get('x-generation-id')!
    const told = await gateway.call('GET', `/waybills/${id}`)
    expect(told.body.data.generation).toMatchObject({ total_cost: 0.000013, provider_name: 'alpha' })
    expect(told.body.data.requested).toEqual([asked.model])
  })

  it.each(Object.entries(bodies))(
    '%s passes a provider on its way to 429 on with Retry-After',
    async (path, body) => {
      upstream.play(json(429, { error: { message: 'slow down' } }, { 'retry-after': '17' }))
      const reply = await gateway.call('POST', at(path), { model: 'test/model', ...body })
      expect(reply.status).toBe(429)
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
    },
  )
})
