import { OpenRouter } from '@openrouter/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunningGateway } from '../harness/gateway.ts'
import { chatStream, json } from '../upstream/index.ts'
import { ANSWER, BODIES, type Loose, MODEL, type Routed, startRouted } from './rig/routed.ts'

let routed: Routed
let gateway: RunningGateway
const send: Routed['send'] = (...asked) => routed.send(...asked)

beforeAll(async () => {
  routed = await startRouted()
  gateway = routed.gateway
})

afterAll(() => routed?.close())

const ON = { 'x-openrouter-metadata': 'Enabled' }

/** What every answer tells: the first provider failed, the second answered, one has no price. */
function expected(model: string) {
  return {
    requested: model,
    strategy: 'direct',
    region: null,
    attempt: expect.any(Number),
    is_byok: false,
    summary: expect.stringMatching(
      /^beta; model=test\/\w+; route=sort:price; candidates=\d\/\d; attempts=\d/,
    ),
    endpoints: {
      total: expect.any(Number),
      available: expect.arrayContaining([
        { provider: 'alpha', model, selected: false },
        { provider: 'beta', model, selected: true },
      ]),
    },
    attempts: expect.arrayContaining([{ provider: 'beta', model, status: 200 }]),
    generation_time: expect.any(Number),
  }
}

describe('X-OpenRouter-Metadata: enabled', () => {
  it.each(Object.entries(BODIES))('tells the route in a whole answer of %s', async (name, [path, body]) => {
    const response = await send(path, body, ON)
    expect(response.status).toBe(200)
    const told = ((await response.json()) as Loose)['openrouter_metadata']
    expect(told).toMatchObject(expected(name === 'embeddings' ? 'test/embed' : MODEL))
  })

  const carriers: Readonly<Record<string, (events: Loose[]) => Loose>> = {
    chat: (events) => events.at(-1)!,
    completions: (events) => events.at(-1)!,
    messages: (events) => events.find(({ type }) => type === 'message_stop')!,
    responses: (events) => events.find(({ type }) => type === 'response.completed')!['response'],
    gemini: (events) => events.at(-1)!,
  }
  it.each(Object.keys(carriers))('tells it once, at the end of a stream of %s', async (name) => {
    const [path, body] = BODIES[name]!
    const streamed = path.replace(':generateContent', ':streamGenerateContent?alt=sse')
    const text = await (await send(streamed, { ...body, stream: true }, ON)).text()
    const events = [...text.matchAll(/^data: (\{.*)$/gm)].map((match) => JSON.parse(match[1]!) as Loose)
    expect(carriers[name]!(events)['openrouter_metadata']).toMatchObject(expected(MODEL))
    expect(text.split('openrouter_metadata')).toHaveLength(2)
  })

  it("tells it in the last element of Google's arrays, and once", async () => {
    const path = `/models/${MODEL}:streamGenerateContent`
    const elements = (await (await send(path, BODIES['gemini']![1], ON)).json()) as Loose[]
    expect(elements.at(-1)!['openrouter_metadata']).toMatchObject(expected(MODEL))
    expect(elements.filter((element) => 'openrouter_metadata' in element)).toHaveLength(1)
  })

  it('tells beside an error how far the request came', async () => {
    const nowhere = (await (
      await send('/chat/completions', { ...BODIES['chat']![1], provider: { only: ['gamma'] } }, ON)
    ).json()) as Loose
    expect(nowhere['error'].code).toBe(404)
    expect(nowhere['openrouter_metadata']).toMatchObject({
      attempt: 0,
      summary: expect.stringMatching(/^none; route=/),
      endpoints: { total: 3, available: [] },
    })
    const unknown = (await (
      await send('/messages', { ...BODIES['messages']![1], model: 'test/modle' }, ON)
    ).json()) as Loose
    expect(unknown).toMatchObject({
      type: 'error',
      openrouter_metadata: { requested: 'test/modle', attempt: 0 },
    })
    const failed = (await (
      await send('/chat/completions', { ...BODIES['chat']![1], provider: { only: ['alpha'] } }, ON)
    ).json()) as Loose
    expect(failed['openrouter_metadata']).toMatchObject({
      attempt: expect.any(Number),
      attempts: expect.arrayContaining([{ provider: 'alpha', model: MODEL, status: 503 }]),
    })
  })

  it("is read by OpenRouter's own SDK, whole and streamed", async () => {
    const sdk = new OpenRouter({ apiKey: gateway.key, serverURL: `${gateway.url}/api/v1` })
    const chatRequest = {
      model: MODEL,
      messages: [{ role: 'user' as const, content: 'Hi' }],
      provider: { order: ['beta'] },
    }
    const read = {
      requested: MODEL,
      strategy: 'direct',
      attempt: 1,
      isByok: false,
      generationTime: expect.any(Number),
      endpoints: {
        total: 3,
        available: expect.arrayContaining([{ provider: 'beta', model: MODEL, selected: true }]),
      },
      attempts: [{ provider: 'beta', model: MODEL, status: 200 }],
    }
    const whole = await sdk.chat.send({
      xOpenRouterMetadata: 'enabled',
      chatRequest: { ...chatRequest, stream: false },
    })
    expect(whole).toMatchObject({ openrouterMetadata: read })
    const stream = await sdk.chat.send({
      xOpenRouterMetadata: 'enabled',
      chatRequest: { ...chatRequest, stream: true },
    })
    if (!(Symbol.asyncIterator in stream)) throw new Error('the answer is not a stream')
    const told: unknown[] = []
    for await (const chunk of stream) if (chunk.openrouterMetadata) told.push(chunk.openrouterMetadata)
    expect(told).toMatchObject([read])
    const responses = await sdk.beta.responses.send({
      xOpenRouterMetadata: 'enabled',
      responsesRequest: { model: MODEL, input: 'Hi', provider: { order: ['beta'] }, stream: false },
    })
    expect(responses).toMatchObject({ openrouterMetadata: read })
  })

  it.each(['chat', 'messages', 'responses', 'gemini'])(
    'comes with the error that ends a broken stream of %s',
    async (name) => {
      const [path, body] = BODIES[name]!
      const streamed = path
        .replace(MODEL, 'test/rescue')
        .replace(':generateContent', ':streamGenerateContent?alt=sse')
      const asked = { ...body, model: 'test/rescue', stream: true, provider: { only: ['cutting'] } }
      const text = await (await send(streamed, asked, ON)).text()
      const last = JSON.parse([...text.matchAll(/^data: (\{.*)$/gm)].at(-1)![1]!) as Loose
      const told = last['response'] ?? last
      expect(told).toMatchObject({ error: {}, openrouter_metadata: { attempt: expect.any(Number) } })
      expect(told['openrouter_metadata'].summary).toMatch(/^none; .*failed=cutting:/)
    },
  )

  it("is told where an error of a provider is an answer in the client's format", async () => {
    routed.saving.play(json(400, { error: { code: 'context_length_exceeded', message: 'too long' } }))
    const body = { input: 'Hi', model: 'test/rescue', provider: { only: ['saving'] } }
    const whole = (await (await send('/responses', body, ON)).json()) as Loose
    expect(whole).toMatchObject({ status: 'incomplete', openrouter_metadata: { attempt: 1 } })
    const text = await (await send('/responses', { ...body, stream: true }, ON)).text()
    const last = JSON.parse([...text.matchAll(/^data: (\{.*)$/gm)].at(-1)![1]!) as Loose
    expect(last).toMatchObject({
      type: 'response.incomplete',
      response: { openrouter_metadata: { attempts: [{ provider: 'saving', status: 400 }] } },
    })
    routed.saving.play(chatStream(ANSWER))
  })

  it('is off unless asked for, and clients of OpenAI take it as an extra member', async () => {
    for (const headers of [{}, { 'x-openrouter-metadata': 'disabled' }, { 'x-openrouter-metadata': 'yes' }])
      expect(
        await (await send('/chat/completions', BODIES['chat']![1], headers as Record<string, string>)).text(),
      ).not.toContain('openrouter_metadata')
    const client = new OpenAI({ baseURL: `${gateway.url}/api/v1`, apiKey: gateway.key, defaultHeaders: ON })
    const messages = [{ role: 'user' as const, content: 'Hi' }]
    const stream = await client.chat.completions.create({ model: MODEL, messages, stream: true })
    let last: object = {}
    for await (const chunk of stream) last = chunk
    expect(last).toMatchObject({
      openrouter_metadata: expected(MODEL).endpoints && { requested: MODEL },
      usage: {},
    })
  })
})

describe('the header x-waybill', () => {
  it('tells in one line who answers, of whole and streamed answers and of errors', async () => {
    for (const stream of [false, true]) {
      const response = await send('/chat/completions', { ...BODIES['chat']![1], stream })
      await response.text()
      expect(response.headers.get('x-waybill')).toMatch(
        /^beta; model=test\/model; route=sort:price; candidates=\d\/3; attempts=\d(; failed=alpha:503)?$/,
      )
    }
    const failed = await send('/chat/completions', { ...BODIES['chat']![1], provider: { only: ['alpha'] } })
    expect(failed.headers.get('x-waybill')).toMatch(/^none; route=load-balance; candidates=1\/3; attempts=\d/)
    const nowhere = await send('/messages', { ...BODIES['messages']![1], provider: { only: ['gamma'] } })
    expect([nowhere.status, nowhere.headers.get('x-waybill')]).toEqual([
      404,
      expect.stringMatching(/^none; route=[a-z-]+; candidates=0\/3; attempts=0$/),
    ])
  })
})
