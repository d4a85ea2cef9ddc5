import { OpenRouter } from '@openrouter/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ran, spawnWaybill, waybill } from '../harness/command.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, chatStream, embeddings, type FakeUpstream, fakeUpstream, json } from '../upstream/index.ts'

// biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes, read as loosely as a script would
type Loose = Record<string, any>

const MODEL = 'test/model'

const ANSWER = ['The ', 'quick ', 'brown ', 'fox ', 'jumps ', 'over ', 'the ', 'lazy ', 'dog.']

let alpha: FakeUpstream
let cutting: FakeUpstream
let saving: FakeUpstream
let beta: FakeUpstream
let gateway: RunningGateway

beforeAll(async () => {
  alpha = await fakeUpstream({ script: json(503, { error: { message: 'overloaded' } }) })
  beta = await fakeUpstream({ script: answers })
  cutting = await fakeUpstream({
    script: chatStream(ANSWER, {}, { ending: 'cut', endAfter: 900, gapMs: 20 }),
  })
  saving = await fakeUpstream({ script: chatStream(ANSWER) })
  const provider = (id: string, { url }: FakeUpstream, price: string) => `
  ${id}:
    dialect: openai-chat
    base_url: "${url}/v1"
    api_key: key-of-${id}
    models:
      - { id: ${MODEL}, context_length: 131072, max_output: 8192,
          price: { prompt: "${price}", completion: "4.125", cache_read: "0.1" }, capabilities: [tools] }
      - { id: test/embed, context_length: 8192, price: { prompt: "${price}", completion: "0" }, capabilities: [embeddings] }`
  gateway = await startGateway({
    config: `
credits: prepaid
providers:${provider('alpha', alpha, '1')}${provider('beta', beta, '2')}
  gamma:
    dialect: openai-chat
    base_url: "${beta.url}/v1"
    api_key: "\${NOT_SET_ANYWHERE}"
  silent:
    dialect: openai-chat
    base_url: "${beta.url}/v1"
    api_key: x
    models:
      - { id: ${MODEL}, context_length: 4096 }
  cutting:
    dialect: openai-chat
    base_url: "${cutting.url}/v1"
    api_key: x
    models: [{ id: test/rescue, price: { prompt: "1", completion: "1" } }]
  saving:
    dialect: openai-chat
    base_url: "${saving.url}/v1"
    api_key: x
    models: [{ id: test/rescue, price: { prompt: "2", completion: "3" } }]
`,
  })
  await gateway.call('POST', '/admin/credits', { amount_usd: 50 }, gateway.operatorKey)
})

afterAll(async () => {
  await gateway?.remove()
  await alpha?.close()
  await beta?.close()
  await cutting?.close()
  await saving?.close()
})

const cached = {
  prompt_tokens: 10,
  completion_tokens: 3,
  total_tokens: 13,
  prompt_tokens_details: { cached_tokens: 4 },
}

function answers(request: { body: string; path: string; nth: number; headers: Loose }) {
  const script = request.path.endsWith('/embeddings') ? embeddings(9) : chat(['Hel', 'lo'], { usage: cached })
  return (script as (r: typeof request) => object)(request)
}

const BODIES: Readonly<Record<string, readonly [path: string, body: Loose]>> = {
  chat: ['/chat/completions', { messages: [{ role: 'user', content: 'Hi' }] }],
  completions: ['/completions', { prompt: 'Hi' }],
  messages: ['/messages', { max_tokens: 50, messages: [{ role: 'user', content: 'Hi' }] }],
  responses: ['/responses', { input: 'Hi' }],
  gemini: [`/models/${MODEL}:generateContent`, { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] }],
  embeddings: ['/embeddings', { model: 'test/embed', input: 'Hi' }],
}

function send(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${gateway.url}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, ...headers },
    body: JSON.stringify({ model: MODEL, provider: { sort: 'price' }, ...body }),
  })
}

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

  it("is told where an error of a provider is an answer in the client's format", async () => {
    saving.play(json(400, { error: { code: 'context_length_exceeded', message: 'too long' } }))
    const body = { input: 'Hi', model: 'test/rescue', provider: { only: ['saving'] } }
    const whole = (await (await send('/responses', body, ON)).json()) as Loose
    expect(whole).toMatchObject({ status: 'incomplete', openrouter_metadata: { attempt: 1 } })
    const text = await (await send('/responses', { ...body, stream: true }, ON)).text()
    const last = JSON.parse([...text.matchAll(/^data: (\{.*)$/gm)].at(-1)![1]!) as Loose
    expect(last).toMatchObject({
      type: 'response.incomplete',
      response: { openrouter_metadata: { attempts: [{ provider: 'saving', status: 400 }] } },
    })
    saving.play(chatStream(ANSWER))
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

describe('POST /route/explain', () => {
  const explain = (body: object, query = '', key = gateway.key) =>
    gateway.call('POST', `/route/explain${query}`, { model: MODEL, ...body }, key)

  it.each(Object.entries(BODIES))(
    'plans a body of %s as the real call, and sends nothing',
    async (name, [, body]) => {
      const sent = alpha.requests.length + beta.requests.length
      const before = await gateway.call('GET', '/credits', undefined, gateway.operatorKey)
      const { status, body: told } = await explain(body, `?surface=${name}`)
      expect(status).toBe(200)
      expect(told.data).toMatchObject({
        surface: name,
        error: null,
        hold_usd: expect.stringMatching(/^0\.0\d+$/),
      })
      expect(told.data.candidates.length).toBeGreaterThanOrEqual(2)
      expect(alpha.requests.length + beta.requests.length).toBe(sent)
      expect((await gateway.call('GET', '/credits', undefined, gateway.operatorKey)).body).toEqual(
        before.body,
      )
    },
  )

  it('knows the surface by the body where none is named', async () => {
    for (const name of ['chat', 'completions', 'responses', 'gemini'])
      expect((await explain(BODIES[name]![1])).body.data.surface).toBe(name)
    expect((await explain({}, '?surface=fax')).body.error.message).toContain('"surface" must be one of chat')
  })

  it('names places, shares, prices, and why the others are left out', async () => {
    const { data } = (await explain({ ...BODIES['chat']![1], provider: { order: ['beta'] } })).body
    expect(data).toMatchObject({ requested: [MODEL], resolved: [MODEL], strategy: 'order', max_tokens: null })
    expect(data.candidates.map((c: Loose) => [c['rank'], c['provider'], c['excluded']])).toEqual([
      [1, 'beta', null],
      [expect.toBeOneOf([2]), 'alpha', null],
      [null, 'silent', 'unknown_price'],
    ])
  })

  it('plans a kind of request without a conversation; who administers may name the key', async () => {
    const kind = { models: [MODEL], prompt_tokens: 5000, parameters: ['tools'] }
    const plan = (more: object, as: string) =>
      gateway.call('POST', '/route/explain', { ...kind, ...more }, as)
    expect((await plan({}, gateway.key)).body.data).toMatchObject({
      surface: null,
      prompt_tokens_expected: 5000,
      candidates: [{}, {}, { provider: 'silent', excluded: 'unknown_price' }],
    })
    // The operator's own money is not counted, so that an unknown price is no hindrance.
    const free = (await plan({}, gateway.operatorKey)).body.data.candidates
    expect(free.find((c: Loose) => c['provider'] === 'silent').excluded).toBe('context_length')
    const [first] = (await gateway.call('GET', '/keys', undefined, gateway.operatorKey)).body.data
    const named = (await plan({ key: first.name }, gateway.operatorKey)).body.data.candidates
    expect(named.find((c: Loose) => c['provider'] === 'silent').excluded).toBe('unknown_price')
    expect((await plan({ key: first.name }, gateway.key)).status).toBe(403)
    expect((await plan({ key: 'nobody' }, gateway.operatorKey)).status).toBe(404)
    expect((await plan({ context: 5 }, gateway.key)).status).toBe(400)
  })

  it('tells of a request that can go nowhere instead of failing, and of a wrong one what is wrong', async () => {
    const nowhere = await explain({ ...BODIES['chat']![1], provider: { only: ['gamma'] } })
    expect(nowhere).toMatchObject({
      status: 200,
      body: {
        data: { error: { code: 'no_endpoints' }, hold_usd: null, candidates: [{ excluded: 'only' }, {}, {}] },
      },
    })
    expect((await explain({ messages: 'Hi' })).status).toBe(400)
    expect((await explain({}, '', 'sk-wb-v1-wrong')).status).toBe(401)
  })
})

/** Runs a command against the gateway of these tests. */
const cli = (...argv: string[]): Promise<Ran> => waybill([...argv, '--data', gateway.dataDir])

describe('the waybill of a call', () => {
  let id: string
  let key: string
  beforeAll(async () => {
    key = (await gateway.call('POST', '/keys', { name: 'receipts' }, gateway.operatorKey)).body.key
    const response = await fetch(`${gateway.url}/api/v1/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({
        model: MODEL,
        top_k: 5,
        max_tokens: 50,
        provider: { order: ['beta'] },
        messages: [{ role: 'user', content: 'Hi' }],
      }),
    })
    await response.text()
    id = response.headers.get('x-generation-id')!
  })

  it('holds the candidates with reasons, the tries, and the arithmetic of the charge', async () => {
    const { status, body } = await gateway.call('GET', `/waybills/${id}`, undefined, key)
    expect(status).toBe(200)
    expect(body.data).toMatchObject({
      id,
      requested: [MODEL],
      resolved: [MODEL],
      strategy: 'order',
      result: 'complete',
      max_tokens: 50,
      considered: 3,
      candidates: [
        { rank: 1, tag: 'beta', excluded: null, reason: 'provider.order', input_per_million: '2' },
        { rank: 2, tag: 'alpha', excluded: null },
        { rank: null, tag: 'silent', excluded: 'unknown_price', price_per_million: null },
      ],
      attempts: [{ n: 1, provider: 'beta', outcome: 'ok', status: 200, output_tokens: 3, rescued_by: null }],
      key: { name: 'receipts' },
      cost: {
        lines: [
          { what: 'input', quantity: 6, usd_per_million: '2', usd: '0.000012' },
          { what: 'cached input', quantity: 4, usd_per_million: '0.1', usd: '0.0000004' },
          { what: 'output', quantity: 3, usd_per_million: '4.125', usd: '0.000012375' },
        ],
        exact_usd: '0.000024775',
        price_usd: '0.000024775',
        charged_usd: '0.000024775',
        saved_by_cache_usd: '0.0000076',
        note: null,
      },
      generation: { total_cost: 0.000024775, tokens_prompt: 10 },
    })
    const { body: generation } = await gateway.call('GET', `/generation?id=${id}`, undefined, key)
    expect(generation.data).toMatchObject({ cache_discount: 0.0000076, router: null, tokens_prompt: 10 })
  })

  it('is for the own organization only, and is 404 or 400 for anything else', async () => {
    const at = (wanted: string) => gateway.call('GET', `/waybills/${wanted}`, undefined, key)
    expect((await at('gen-1700000000-AAAAAAAAAAAAAAAAAAAA')).status).toBe(404)
    expect((await at('nonsense')).status).toBe(400)
    expect((await gateway.call('GET', `/waybills/${id}`, undefined, 'sk-wb-v1-wrong')).status).toBe(401)
  })

  it('is among the last calls: a key lists its own, the operator all', async () => {
    const list = (query: string, as: string) => gateway.call('GET', `/waybills?${query}`, undefined, as)
    expect((await list('', key)).body.data).toMatchObject([
      {
        id,
        model: MODEL,
        provider: 'beta',
        result: 'complete',
        cost_usd: '0.000024775',
        key: { name: 'receipts' },
      },
    ])
    const all = (await list('limit=3', gateway.operatorKey)).body.data
    expect(all).toHaveLength(3)
    expect(all[0].id).toBe(id)
    const older = (await list(`limit=2&before=${all[0].id}`, gateway.operatorKey)).body.data
    expect(older.map((call: Loose) => call['id'])).toEqual(all.slice(1).map((call: Loose) => call['id']))
    const failed = (await list('result=failed', gateway.operatorKey)).body.data
    expect(failed.length).toBeGreaterThan(0)
    expect(failed.every((call: Loose) => call['result'] === 'failed')).toBe(true)
    const statuses = async (wanted: string) => {
      const { data } = (await list(`limit=500&status=${wanted}`, gateway.operatorKey)).body
      return [...new Set(data.map((call: Loose) => call['status']))]
    }
    expect([await statuses('2xx'), await statuses('200')]).toEqual([[200], [200]])
    expect([await statuses('503'), await statuses('5xx')]).toEqual([[503], [503]])
    expect([await statuses('4xx'), await statuses('402')]).toEqual([[400], []])
    expect((await list('key=receipts&model=test/model', gateway.operatorKey)).body.data).toHaveLength(1)
    for (const wrong of ['limit=0', 'limit=501', 'result=odd', 'status=6xx', 'status=4x'])
      expect((await list(wrong, key)).status).toBe(400)
  })

  it('reads as a receipt', async () => {
    const { out, code } = await cli('logs', 'show', id)
    expect(code).toBe(0)
    const shown = out
      .replace(id, 'gen-ID')
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/, 'TIME')
      .replace(/^time .*$/m, 'time …')
      .replace(/^try .*$/m, 'try …')
      .replace(/│.*│.*?ms/, '│…│')
      .replace(/^2 {2}alpha +\S+ .*$/m, '2  alpha …')
    expect(shown).toMatchInlineSnapshot(`
      "waybill      gen-ID
      when         TIME
      key          receipts
      asked for    test/model
      answered by  test/model at beta
      route        order
      ended        stop
      time …

      #  endpoint  per million  share  why
      1  beta         $2.53125         provider.order
      2  alpha …
      –  silent              ?         its price is not known, and the request needs one

      try …
        1  beta      │…│  3 tokens  200 ok

      dropped, since beta does not take them: top_k

      cost          tokens
      input              6  × $2 / M      = $0.000012
      cached input       4  × $0.1 / M    = $0.0000004
      output             3  × $4.125 / M  = $0.000012375
      charged                             = $0.000024775
      saved $0.0000076 by the provider's cache"
    `)
    expect(JSON.parse((await cli('logs', 'show', id, '--json')).out)).toMatchObject({ id, strategy: 'order' })
    expect(await cli('logs', 'show')).toMatchObject({ code: 2 })
  })

  it('shows the seam of a rescued stream, and what that came to', async () => {
    const body = {
      ...BODIES['chat']![1],
      model: 'test/rescue',
      stream: true,
      provider: { order: ['cutting', 'saving'] },
    }
    const response = await send('/chat/completions', body, ON)
    const text = await response.text()
    const said = [...text.matchAll(/"content":"([^"]*)"/g)].map((match) => match[1]).join('')
    expect(said).toBe(ANSWER.join(''))
    const rescued = response.headers.get('x-generation-id')!
    const { body: told } = await gateway.call('GET', `/waybills/${rescued}`)
    expect(told.data.attempts).toMatchObject([
      { n: 1, provider: 'cutting', outcome: 'provider_cut', rescued_by: null },
      { n: 2, provider: 'saving', outcome: 'ok', rescued_by: expect.stringMatching(/^(continue|restart)$/) },
    ])
    expect(told.data.cost).toMatchObject({ charged_usd: told.data.cost.price_usd, note: null })
    expect((await cli('logs', 'show', rescued)).out).toMatch(
      /200 ok, went on from the one before.* \((continue|restart)\)/,
    )
    expect(text).toContain(
      '"summary":"saving; model=test/rescue; route=order; candidates=2/2; attempts=2; failed=cutting:provider_cut"',
    )
  })

  it('is a line of waybill logs', async () => {
    const { out } = await cli('logs', '--key', 'receipts')
    expect(out.split('\n')[0]).toMatch(/^when +id +model +provider/)
    expect(out).toMatch(
      new RegExp(`${id} +test/model +beta +complete +1 +10 +3 +\\$0.000024775 .*receipts$`, 'm'),
    )
    const rows = JSON.parse((await cli('logs', '-n', '2', '--json')).out).data
    expect(rows).toHaveLength(2)
  })

  it('comes by itself while waybill logs -f runs', async () => {
    const following = spawnWaybill(['logs', '-f', '-n', '1', '--key', 'receipts', '--data', gateway.dataDir])
    await following.until(id)
    const response = await fetch(`${gateway.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: 'sim/echo', messages: [{ role: 'user', content: 'Hi' }] }),
    })
    await response.text()
    const later = response.headers.get('x-generation-id')!
    const out = await following.until(new RegExp(`${later}.*receipts`))
    expect(out.split(id)).toHaveLength(2)
    following.child.kill()
    await following.ended
  })
})
