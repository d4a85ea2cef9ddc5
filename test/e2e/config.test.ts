import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { upstreamDialect } from '../../src/dialects/index.ts'
import { DIALECTS } from '../../src/providers/index.ts'
import { waybill } from '../harness/command.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, type FakeUpstream, fakeUpstream } from '../upstream/index.ts'

let alpha: FakeUpstream
let beta: FakeUpstream
const gateways: RunningGateway[] = []

beforeAll(async () => {
  alpha = await fakeUpstream({ script: chat(['alpha']) })
  beta = await fakeUpstream({ script: chat(['beta']) })
})

afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.remove()))
  await Promise.all([alpha?.close(), beta?.close()])
})

async function start(config: string, env: Readonly<Record<string, string>> = {}): Promise<RunningGateway> {
  const gateway = await startGateway({ config, env })
  gateways.push(gateway)
  return gateway
}

/** An own provider of one model, as a line of `providers`. */
const own = (id: string, { url }: FakeUpstream, model: string, price: string | null = '"1"') =>
  `  ${id}: { dialect: openai-chat, base_url: "${url}/v1", api_key: key-of-${id}, models: [ { id: ${model}, context_length: 8192, max_output: 100${
    price === null
      ? ''
      : `, price: ${price.startsWith('"') ? `{ prompt: ${price}, completion: ${price} }` : price}`
  } } ] }\n`

const providers = (...lines: string[]) => `providers:\n${lines.join('')}`

const ask = (gateway: RunningGateway, model: string, key = gateway.key, more: object = {}) =>
  gateway.call(
    'POST',
    '/chat/completions',
    { model, max_tokens: 10, messages: [{ role: 'user', content: 'Hi' }], ...more },
    key,
  )

/** The last question that came in; probes are no questions. */
const asked = ({ requests }: FakeUpstream) => requests.findLast(({ method }) => method === 'POST')!

const posts = ({ requests }: FakeUpstream) => requests.filter(({ method }) => method === 'POST').length

const file = (gateway: RunningGateway) => join(gateway.dataDir, 'waybill.yaml')

/** Replaces the file as editors do, and waits until the log says what became of it. */
async function edit(gateway: RunningGateway, text: string, said: RegExp | string): Promise<string> {
  const from = gateway.log().length
  writeFileSync(`${file(gateway)}.new`, text)
  renameSync(`${file(gateway)}.new`, file(gateway))
  for (let n = 0; n < 500; n++) {
    const log = gateway.log().slice(from)
    if (typeof said === 'string' ? log.includes(said) : said.test(log)) return log
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`never logged ${said}:\n${gateway.log().slice(from)}`)
}

const RELOADED = 'the configuration was reloaded'

describe('a reload while requests run', () => {
  it('adds, removes and reprices providers without failing one request', async () => {
    const one = providers(own('alpha', alpha, 'test/model'))
    const gateway = await start(one)
    let going = true
    const seen: { status: number; provider: string | undefined }[] = []
    const clients = Array.from({ length: 4 }, async () => {
      while (going) {
        const { status, body } = await ask(gateway, 'test/model')
        seen.push({ status, provider: body.provider })
      }
    })
    const both = one + own('beta', beta, 'test/model', '"0.001"')
    await edit(gateway, both, RELOADED)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const onlyBeta = providers(own('beta', beta, 'test/model', '"2"'))
    await edit(gateway, onlyBeta, RELOADED)
    const last = await ask(gateway, 'test/model')
    expect(last.body).toMatchObject({ provider: 'beta', usage: { cost: 0.000026 } })
    const dearer = providers(own('beta', beta, 'test/model', '"20"'))
    await edit(gateway, dearer, RELOADED)
    expect((await ask(gateway, 'test/model')).body.usage.cost).toBe(0.00026)
    going = false
    await Promise.all(clients)
    expect(seen.length).toBeGreaterThan(20)
    expect(seen.filter(({ status }) => status !== 200)).toEqual([])
    expect(new Set(seen.map(({ provider }) => provider))).toEqual(new Set(['alpha', 'beta']))
    const models = await gateway.call('GET', '/models/test/model/endpoints')
    expect(
      models.body.data.endpoints.map(({ provider_name }: { provider_name: string }) => provider_name),
    ).toEqual(['beta'])
  })

  it('leaves a request the fallbacks and addresses it began with', async () => {
    const both = providers(own('alpha', alpha, 'test/model'), own('beta', beta, 'test/model', '"2"'))
    const gateway = await start(both)
    alpha.play({ delayMs: 1_000, status: 503, body: { error: { message: 'busy' } } })
    const before = alpha.requests.length
    const running = ask(gateway, 'test/model', gateway.key, { provider: { order: ['alpha', 'beta'] } })
    await alpha.received(before + 1)
    await edit(gateway, providers(own('gamma', alpha, 'other/model')), RELOADED)
    expect((await running).body).toMatchObject({ provider: 'beta' })
    alpha.play(chat(['alpha']))
    expect((await ask(gateway, 'test/model')).status).toBe(400)
  })

  it('keeps the last good configuration when an edit is broken, and says where', async () => {
    const good = providers(own('alpha', alpha, 'test/model'))
    const gateway = await start(good)
    const broken = await edit(gateway, `${good}retris: 3\n`, 'the last good configuration stays')
    expect(broken).toMatch(/waybill\.yaml:3:1: Unknown key `retris`.*Did you mean `retries`/)
    expect((await ask(gateway, 'test/model')).status).toBe(200)
    const worse = await edit(gateway, 'providers: { alpha: [', 'the last good configuration stays')
    expect(worse).toMatch(/waybill\.yaml:1:\d+: /)
    expect((await ask(gateway, 'test/model')).status).toBe(200)
    await edit(gateway, providers(own('beta', beta, 'test/model')), RELOADED)
    expect((await ask(gateway, 'test/model')).body.provider).toBe('beta')
    // None of the sentences tells a key.
    expect(gateway.log()).not.toContain('key-of-')
  })

  it('names what needs a restart, and goes on as before', async () => {
    const good = providers(own('alpha', alpha, 'test/model'))
    const gateway = await start(good)
    const log = await edit(
      gateway,
      `server: { allowed_hosts: [api.example.com] }\n${good}`,
      'needs a restart',
    )
    expect(log).toContain('server.allowedHosts changed and needs a restart')
    expect((await ask(gateway, 'test/model')).status).toBe(200)
  })

  it('is made by SIGHUP too', async () => {
    const gateway = await start(providers(own('alpha', alpha, 'test/model')))
    writeFileSync(file(gateway), providers(own('beta', beta, 'test/model')))
    gateway.process.kill('SIGHUP')
    let provider = ''
    for (let n = 0; n < 100 && provider !== 'beta'; n++)
      provider = (await ask(gateway, 'test/model')).body.provider
    expect(provider).toBe('beta')
  })
})

describe('providers', () => {
  it('take any base URL, and their models override and extend the catalog', async () => {
    const gateway = await start(
      providers(
        `  openai:\n    api_key: k\n    base_url: "${alpha.url}/v1"\n    models:\n`,
        '      - { id: openai/gpt-5.1, upstream_id: house-gpt, price: { prompt: "7", completion: "7" } }\n',
        '      - { id: house/new-one, context_length: 4096, price: free }\n',
        `  groq: { api_key: k, base_url: "${beta.url}/openai/v1" }\n`,
      ),
    )
    const known = await ask(gateway, 'openai/gpt-5.1')
    expect(known.body).toMatchObject({ provider: 'OpenAI', usage: { prompt_tokens: 10 } })
    expect(JSON.parse(asked(alpha).body).model).toBe('house-gpt')
    expect(known.body.usage.cost).toBeCloseTo(13 * 7e-6, 12)
    expect((await ask(gateway, 'house/new-one')).body).toMatchObject({
      provider: 'OpenAI',
      usage: { cost: 0 },
    })
    const served = await gateway.call('GET', '/models/user?q=groq')
    expect(served.status).toBe(200)
    const groq = (await gateway.call('GET', '/models?providers=groq')).body.data[0]
    const reply = await ask(gateway, groq.id, gateway.key, { provider: { only: ['groq'] } })
    expect(reply.body).toMatchObject({ provider: 'Groq' })
    expect(asked(beta).path).toBe('/openai/v1/chat/completions')
  })

  it('may be given another dialect; endpoints whose dialect nobody speaks are left out as no_dialect', async () => {
    const gateway = await start(
      providers(
        `  anthropic: { api_key: k, base_url: "${alpha.url}/v1", dialect: openai-chat, models: [ { id: anthropic/claude-house, price: free } ] }\n`,
      ),
    )
    expect((await ask(gateway, 'anthropic/claude-house')).body).toMatchObject({ provider: 'Anthropic' })
    expect(asked(alpha).path).toBe('/v1/chat/completions')

    const unspoken = DIALECTS.find((id) => upstreamDialect(id) === null)
    if (unspoken === undefined) return
    const silent = await start(
      providers(
        `  house: { dialect: ${unspoken}, base_url: "${alpha.url}", api_key: k, models: [ { id: house/silent, price: free } ] }\n`,
      ),
    )
    const { out } = await waybill(['route', 'explain', 'house/silent', '--json', '--data', silent.dataDir])
    expect(JSON.parse(out)).toMatchObject({
      candidates: [{ provider: 'house', rank: null, excluded: 'no_dialect' }],
      error: { code: 'no_endpoints' },
    })
    expect((await ask(silent, 'house/silent')).status).toBe(404)
  })

  it('without their variable are left out, with a warning in doctor; a default steps in', async () => {
    const text = providers(
      `  alpha: { dialect: openai-chat, base_url: "${alpha.url}/v1", api_key: "\${ALPHA_KEY}", models: [ { id: test/a, price: free } ] }\n`,
      `  beta: { dialect: openai-chat, base_url: "${beta.url}/v1", api_key: "\${BETA_KEY:-fallback}", models: [ { id: test/b, price: free } ] }\n`,
    )
    const without = await start(text)
    expect((await ask(without, 'test/a')).status).toBe(400)
    expect((await ask(without, 'test/b')).status).toBe(200)
    expect(asked(beta).headers.authorization).toBe('Bearer fallback')
    const { out } = await waybill(['doctor', '--data', without.dataDir])
    expect(out).toMatch(
      /! Configuration: .*waybill\.yaml:2:\d+: Provider alpha is left out: .*needs ALPHA_KEY, which is not set/,
    )
    const given = await start(text, { ALPHA_KEY: 'from-the-environment' })
    expect((await ask(given, 'test/a')).status).toBe(200)
    expect(asked(alpha).headers.authorization).toBe('Bearer from-the-environment')
    const shown = await waybill(['doctor', '--data', given.dataDir])
    expect(shown.out).toContain('env:ALPHA_KEY')
    expect(shown.out).not.toContain('from-the-environment')
  })

  it('with several keys use them all; headers go along', async () => {
    const gateway = await start(
      providers(
        `  alpha: { dialect: openai-chat, base_url: "${alpha.url}/v1", api_keys: [one, two], headers: { x-team: blue }, models: [ { id: test/a, price: free } ] }\n`,
      ),
    )
    const from = alpha.requests.length
    for (let n = 0; n < 30; n++) await ask(gateway, 'test/a')
    const sent = alpha.requests.slice(from).filter(({ method }) => method === 'POST')
    expect(new Set(sent.map(({ headers }) => headers.authorization))).toEqual(
      new Set(['Bearer one', 'Bearer two']),
    )
    expect(sent.every(({ headers }) => headers['x-team'] === 'blue')).toBe(true)
  })
})

describe('a provider without a price', () => {
  it('serves unlimited organizations through keys without a limit, at a cost of null and never zero', async () => {
    const gateway = await start(providers(own('alpha', alpha, 'test/priceless', null)))
    const reply = await ask(gateway, 'test/priceless')
    expect(reply.status).toBe(200)
    expect(reply.body.usage).toHaveProperty('cost', null)
    const told = await gateway.call('GET', `/generation?id=${reply.body.id}`)
    expect(told.body.data).toMatchObject({ total_cost: null, cost_known: false, tokens_prompt: 10 })
    const { pricing } = (await gateway.call('GET', '/models/test/priceless/endpoints')).body.data.endpoints[0]
    expect(Number(pricing.prompt)).not.toBe(0)
    const list = await waybill(['models', 'test/priceless', '--data', gateway.dataDir])
    expect(list.out.split('\n')[1]).toMatch(/^test\/priceless +8,192 +\? +\?/)

    const limited = await gateway.call('POST', '/keys', { name: 'l', limit: 5 }, gateway.operatorKey)
    const refused = await ask(gateway, 'test/priceless', limited.body.key)
    expect(refused.status).toBe(404)
    expect(JSON.stringify(refused.body.error)).toContain('unknown_price')
  })

  it('is refused where money is counted', async () => {
    const gateway = await start(`credits: prepaid\n${providers(own('alpha', alpha, 'test/priceless', null))}`)
    await waybill(['credits', 'add', '5', '--data', gateway.dataDir])
    const sent = posts(alpha)
    const refused = await ask(gateway, 'test/priceless')
    expect(refused.status).toBe(404)
    expect(refused.body.error.message).toMatch(/price/)
    expect(JSON.stringify(refused.body.error.metadata)).toContain('unknown_price')
    expect(posts(alpha)).toBe(sent)
    const { out } = await waybill(['ledger', 'verify', '--json', '--data', gateway.dataDir])
    expect(JSON.parse(out)).toMatchObject({ ok: true, posted_nano: '5000000000' })
  })
})

describe('what else the file decides', () => {
  it('names and origins that may ask', async () => {
    const gateway = await start(
      'server: { allowed_hosts: [Api.Example.com] }\ncors: { origins: ["https://app.example.com"] }\n',
    )
    const { request } = await import('node:http')
    const get = (headers: Record<string, string>, path = '/api/v1/models/count') =>
      new Promise<{ status: number; headers: Record<string, unknown> }>((resolve, reject) => {
        request(`${gateway.url}${path}`, { headers }, (response) => {
          response.resume()
          resolve({ status: response.statusCode!, headers: response.headers })
        })
          .on('error', reject)
          .end()
      })
    expect((await get({ host: 'api.example.com:443' })).status).toBe(200)
    expect((await get({ host: 'other.example.com' })).status).toBe(403)
    const friend = await get({ origin: 'https://app.example.com' })
    expect(friend.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      vary: 'Origin',
    })
    const stranger = await get({ origin: 'https://evil.example' })
    expect(stranger.headers).not.toHaveProperty('access-control-allow-origin')
    expect(stranger.headers).toMatchObject({ vary: 'Origin' })
  })

  it('is described by the schema that is served, which is the one in the documents', async () => {
    const gateway = gateways[0]!
    const served = await (await fetch(`${gateway.url}/schema.json`)).json()
    const written = new URL('../../docs/reference/waybill.schema.json', import.meta.url)
    expect(served).toEqual(JSON.parse(readFileSync(written, 'utf8')))
    expect(served).toMatchObject({
      properties: { providers: expect.any(Object), retries: expect.any(Object) },
    })
  })

  it('flags beat variables, variables beat the file', async () => {
    const gateway = await start('credits: prepaid\nsimulator: true\n', {
      WAYBILL_CREDITS: 'unlimited',
      WAYBILL_SIMULATOR: 'false',
    })
    const { out } = await waybill(['credits', '--json', '--data', gateway.dataDir])
    expect(JSON.parse(out).credits).toBe('unlimited')
    expect((await ask(gateway, 'sim/echo')).status).toBe(400)
  })
})
