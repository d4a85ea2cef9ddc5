import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { type FakeUpstream, fakeUpstream, json } from '../upstream/index.ts'

let upstream: FakeUpstream
let paid: RunningGateway
let free: RunningGateway

const config = (credits: string) => `
credits: ${credits}
providers:
  beta:
    dialect: anthropic-messages
    base_url: "${upstream.url}"
    api_key: x
    models:
      - { id: test/claude, context_length: 200000, max_output: 8192, price: { prompt: "3", completion: "15" }, capabilities: [tools] }
`

const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude',
  content: [{ type: 'text', text: 'Hello' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 10, output_tokens: 3 },
}

const ASK = {
  model: 'test/claude',
  max_tokens: 100,
  messages: [{ role: 'user', content: 'What is new?' }],
  tools: [
    { name: 'look', input_schema: { type: 'object' } },
    { type: 'web_search_20250305', name: 'web_search' },
  ],
}

beforeAll(async () => {
  upstream = await fakeUpstream({ script: json(200, MESSAGE) })
  paid = await startGateway({ config: config('prepaid') })
  await paid.call('POST', '/admin/credits', { amount_usd: 5 }, paid.operatorKey)
  free = await startGateway({ config: config('unlimited'), args: ['--no-first-key'] })
})

afterAll(async () => {
  await paid?.remove()
  await free?.remove()
  await upstream?.close()
})

const toolsSent = () =>
  (JSON.parse(upstream.requests.at(-1)!.body).tools as { type?: string }[]).map(
    ({ type }) => type ?? 'custom',
  )

describe('a tool that the provider bills by the call', () => {
  it('never reaches it where money is counted, and the waybill says so', async () => {
    const { status, headers } = await paid.call('POST', '/messages', ASK)
    expect(status).toBe(200)
    expect(toolsSent()).toEqual(['custom'])
    const { body } = await paid.call('GET', `/waybills/${headers.get('x-generation-id')}`)
    expect(JSON.stringify(body)).toContain('tools.web_search_20250305')
  })

  it('is a reason to refuse where parameters are required, with what to do', async () => {
    const { status, body } = await paid.call('POST', '/messages', {
      ...ASK,
      provider: { require_parameters: true },
    })
    expect(status).toBe(404)
    expect(body.error.message).toContain('tools.web_search_20250305')
    expect(body.error.message).toContain('require_parameters')
  })

  it('passes with a key without a limit in an organization with unlimited credits', async () => {
    const made = await free.call('POST', '/keys', { name: 'free' }, free.operatorKey)
    const { status } = await free.call('POST', '/messages', ASK, made.body.key)
    expect(status).toBe(200)
    expect(toolsSent()).toEqual(['custom', 'web_search_20250305'])
  })
})
