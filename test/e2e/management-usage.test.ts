import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waybill } from '../harness/command.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, type FakeUpstream, fakeUpstream } from '../upstream/index.ts'

const MODEL = 'test/model'
const DAY = 86_400_000

let upstream: FakeUpstream
let gateway: RunningGateway
let spent = 0

beforeAll(async () => {
  upstream = await fakeUpstream({ script: chat(['Hello']) })
  gateway = await startGateway({
    config: `
credits: unlimited
providers:
  alpha:
    dialect: openai-chat
    base_url: "${upstream.url}/v1"
    api_key: key-of-alpha
    models:
      - { id: ${MODEL}, context_length: 131072, max_output: 1000, price: { prompt: "1", completion: "2" }, capabilities: [tools] }
      - { id: test/other, context_length: 131072, max_output: 1000, price: { prompt: "10", completion: "20" }, capabilities: [tools] }
`,
  })
  for (const model of [MODEL, MODEL, 'test/other']) {
    const { body } = await gateway.call('POST', '/chat/completions', {
      model,
      messages: [{ role: 'user', content: 'Hi' }],
    })
    spent += body.usage.cost
  }
})

afterAll(async () => {
  await gateway?.remove()
  await upstream?.close()
})

const query = (body: object) => gateway.call('POST', '/analytics/query', body, gateway.operatorKey)
const today = () => new Date().toISOString().slice(0, 10)

async function text(method: string, path: string, headers: Record<string, string>, body?: object) {
  const response = await fetch(`${gateway.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${gateway.operatorKey}`, ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { type: response.headers.get('content-type'), text: await response.text() }
}

describe('usage', () => {
  it('is the same by activity, by analytics and by the key', async () => {
    const activity = await gateway.call('GET', `/activity?date=${today()}`, undefined, gateway.operatorKey)
    const rows = activity.body.data as { usage: number; requests: number; model: string }[]
    expect(rows.map(({ model, requests }) => [model, requests]).sort()).toEqual([
      [MODEL, 2],
      ['test/other', 1],
    ])
    expect(rows.reduce((sum, { usage }) => sum + usage, 0)).toBeCloseTo(spent, 12)
    const { body } = await query({ metrics: ['total_usage', 'request_count'] })
    expect(body.data.data).toEqual([{ total_usage: Number(spent.toFixed(9)), request_count: 3 }])
    const key = await gateway.call('GET', '/key')
    expect(key.body.data.usage).toBe(body.data.data[0].total_usage)
  })

  it('is told by local days, with instants below', async () => {
    const range = { start: new Date(Date.now() - DAY).toISOString(), end: new Date().toISOString() }
    const zone = 'Pacific/Kiritimati'
    const days = await query({
      metrics: ['request_count'],
      granularity: 'day',
      time_zone: zone,
      time_range: range,
    })
    const date = new Intl.DateTimeFormat('sv-SE', { timeZone: zone }).format(Date.now())
    expect(days.body.data.data).toEqual([{ date__day: date, request_count: 3 }])
    const hours = await query({ metrics: ['request_count'], granularity: 'hour', time_range: range })
    expect(Object.keys(hours.body.data.data[0])).toEqual(['created_at__hour', 'request_count'])
  })

  it('comes as CSV by header or by query', async () => {
    const asked = { metrics: ['request_count'], dimensions: ['model'] }
    const expected = `model,request_count\r\n${MODEL},2\r\ntest/other,1\r\n`
    expect(await text('POST', '/analytics/query', { accept: 'text/csv' }, asked)).toEqual({
      type: 'text/csv; charset=utf-8',
      text: expected,
    })
    expect((await text('POST', '/analytics/query?format=csv', {}, asked)).text).toBe(expected)
    const activity = await text('GET', `/activity?date=${today()}&format=csv`, {})
    expect(activity.text.split('\r\n')[0]).toMatch(
      /^date,model,model_permaslug,endpoint_id,provider_name,usage/,
    )
    expect(activity.text.split('\r\n')).toHaveLength(4)
  })

  it.each([
    [{ metrics: [] }, '"metrics" is wrong'],
    [{ metrics: ['nonsense'] }, '"metrics.0" is wrong'],
    [{ metrics: ['request_count'], dimensions: ['model', 'app', 'user'] }, '"dimensions" is wrong'],
    [{ metrics: ['request_count'], time_zone: 'Mars/Olympus' }, '"time_zone" is no time zone'],
    [{ metrics: ['request_count'], granularity: 'minute' }, '"granularity" would make more than 1500 rows'],
    [
      { metrics: ['request_count'], order_by: { field: 'app', direction: 'asc' } },
      '"order_by.field" must be',
    ],
    [
      { metrics: ['request_count'], filters: [{ field: 'model', operator: 'in', value: 'x' }] },
      '"filters.0.value" must be a list',
    ],
    [
      { metrics: ['request_count'], filters: [{ field: 'total_usage', operator: 'gt', value: 1 }] },
      '"filters.0.field" must be a dimension',
    ],
    [
      {
        metrics: ['request_count'],
        dimensions: ['generation_id'],
        time_range: { start: '2026-01-01T00:00:00Z', end: '2026-03-01T00:00:00Z' },
      },
      '"time_range" may span 31 days where "generation_id" is asked for',
    ],
    [
      {
        metrics: ['request_count'],
        time_range: { start: '2026-02-01T00:00:00Z', end: '2026-01-01T00:00:00Z' },
      },
      '"time_range" must end after it starts',
    ],
    [
      {
        metrics: ['request_count'],
        granularity: 'day',
        time_zone: 'America/New_York',
        time_range: { start: '0001-01-01T00:00:00Z', end: '0001-02-01T00:00:00Z' },
      },
      '"time_range" must begin in this century',
    ],
  ])('refuses %j with a sentence', async (body, sentence) => {
    const { status, body: answer } = await query(body)
    expect([status, answer.error.message]).toEqual([400, expect.stringContaining(sentence)])
  })

  it.each([
    ['date=2020-01-01', '"date" must be one of the last 30 days'],
    ['date=tomorrow', '"date" must be'],
    ['group_by=model', '"group_by" can only be "workspace"'],
    ['api_key_hash=abc', '"api_key_hash" must be'],
  ])('refuses /activity?%s', async (search, sentence) => {
    const { status, body } = await gateway.call('GET', `/activity?${search}`, undefined, gateway.operatorKey)
    expect([status, body.error.message]).toEqual([400, expect.stringContaining(sentence)])
  })
})

describe('on the command line', () => {
  const cli = (...argv: string[]) => waybill([...argv, '--data', gateway.dataDir])

  it('waybill activity tells a day by model', async () => {
    const { code, out } = await cli('activity', today())
    expect(code).toBe(0)
    expect(out.split('\n').map((line) => line.split(/ {2,}/).slice(0, 4))).toEqual([
      ['DATE', 'MODEL', 'PROVIDER', 'REQUESTS'],
      [today(), 'test/other', 'alpha', expect.stringMatching(/^ *1$/)],
      [today(), MODEL, 'alpha', expect.stringMatching(/^ *2$/)],
    ])
    expect(JSON.parse((await cli('activity', today(), '--json')).out).data).toHaveLength(2)
    expect((await cli('activity', today(), '--csv')).out).toMatch(/^date,model/)
  })

  it('waybill usage sums by what is asked for, and says what is wrong', async () => {
    const { code, out } = await cli('usage', '--by', 'model', '--days', '7')
    expect(code).toBe(0)
    expect(out.split('\n')[0]).toMatch(/^MODEL +REQUESTS +FAILED +PROMPT +COMPLETION +SPENT$/)
    expect(out).toContain(`test/other`)
    const byDay = JSON.parse((await cli('usage', '--json', '--zone', 'Europe/Berlin')).out)
    expect(byDay.data).toHaveLength(1)
    expect(await cli('usage', '--by', 'colour')).toMatchObject({ code: 2 })
    expect((await cli('usage', '--zone', 'Mars/Olympus')).err).toContain('no time zone')
  })
})
