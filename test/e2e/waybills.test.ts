import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ran, spawnWaybill, waybill } from '../harness/command.ts'
import type { RunningGateway } from '../harness/gateway.ts'
import { ANSWER, BODIES, type Loose, MODEL, type Routed, startRouted } from './rig/routed.ts'

let routed: Routed
let gateway: RunningGateway
const send: Routed['send'] = (...asked) => routed.send(...asked)

beforeAll(async () => {
  routed = await startRouted()
  gateway = routed.gateway
})

afterAll(() => routed?.close())

describe('POST /route/explain', () => {
  const explain = (body: object, query = '', key = gateway.key) =>
    gateway.call('POST', `/route/explain${query}`, { model: MODEL, ...body }, key)

  it.each(Object.entries(BODIES))(
    'plans a body of %s as the real call, and sends nothing',
    async (name, [, body]) => {
      const sent = routed.alpha.requests.length + routed.beta.requests.length
      const before = await gateway.call('GET', '/credits', undefined, gateway.operatorKey)
      const { status, body: told } = await explain(body, `?surface=${name}`)
      expect(status).toBe(200)
      expect(told.data).toMatchObject({
        surface: name,
        error: null,
        hold_usd: expect.stringMatching(/^0\.0\d+$/),
      })
      expect(told.data.candidates.length).toBeGreaterThanOrEqual(2)
      expect(routed.alpha.requests.length + routed.beta.requests.length).toBe(sent)
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
    await (await send(BODIES['chat']![0], { ...BODIES['chat']![1], provider: { only: ['alpha'] } })).text()
    await (await send(BODIES['chat']![0], BODIES['chat']![1])).text()
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
    expect([await statuses('4xx'), await statuses('402')]).toEqual([[], []])
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
    const response = await send('/chat/completions', body, { 'x-openrouter-metadata': 'enabled' })
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
