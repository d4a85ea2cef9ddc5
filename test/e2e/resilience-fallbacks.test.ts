import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, type FakeUpstream, fakeUpstream, json, type Script } from '../upstream/index.ts'
import { expectSound, topUp } from './rig/books.ts'
import { ask, nanos } from './rig/client.ts'

vi.setConfig({ testTimeout: 30_000 })

const answer = chat(['of the stand-in'], { usage: { prompt_tokens: 10, completion_tokens: 3 } })

let first: FakeUpstream
let second: FakeUpstream
let gateway: RunningGateway

/** Providers of one model each: `acme/main-…` fails as a test says, `acme/stand-in` is dearer and larger. */
function config(more: string): string {
  const provider = (id: string, url: string, models: string) => `
  ${id}:
    dialect: openai-chat
    base_url: "${url}/v1"
    api_keys: [${id}-key-1, ${id}-key-2]
    models: ${models}`
  const model = (id: string, context: number, price: string) =>
    `{ id: ${id}, upstream_id: m, context_length: ${context}, max_output: 1000, price: { prompt: "${price}", completion: "${price}" } }`
  const mains = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => model(`acme/main-${name}`, 32_000, '1'))
  return `credits: prepaid
detect: false
${more}providers:${provider('first', first.url, `[${mains.join(', ')}]`)}${provider('second', second.url, `[${model('acme/stand-in', 64_000, '10')}, ${model('acme/small', 32_000, '10')}]`)}
`
}

async function start(more: string): Promise<void> {
  first = await fakeUpstream()
  second = await fakeUpstream({ script: answer })
  gateway = await startGateway({ config: config(more) })
  await topUp(gateway, 100)
}

async function stop(): Promise<void> {
  expect(await expectSound(gateway)).toMatchObject({ held: 0n, open: 0 })
  await gateway.remove()
  await first.close()
  await second.close()
}

const call = (model: string, more: object = {}) =>
  ask(gateway, { model, messages: [{ role: 'user', content: 'hi' }], max_tokens: 10, ...more })

/** What a request to the failing model comes to, and the calls it made. */
async function failing(script: Script, model: string, more: object = {}) {
  first.play(script)
  const before = [first.requests.length, second.requests.length]
  const seen = await call(model, more)
  const [one = 0, two = 0] = before
  return { seen, calls: [first.requests.length - one, second.requests.length - two] }
}

const refusal = json(400, { error: { message: 'flagged by the content filter', code: 'content_filter' } })
const tooLong = json(400, { error: { message: 'too long', code: 'context_length_exceeded' } })

describe('fallbacks of the configuration', () => {
  beforeAll(() =>
    start('fallbacks: { "*": [acme/stand-in], acme/main-f: [acme/small], acme/main-e: [acme/gone] }\n'),
  )
  afterAll(stop)
  beforeEach(() => second.play(answer))

  it('answer when the model fails, under their own name and at their own price', async () => {
    const { seen, calls } = await failing({ status: 503, body: '' }, 'acme/main-a')
    expect(seen.complete).toBe(true)
    expect(seen.text).toContain('"model":"acme/stand-in"')
    expect(seen.costNanos).toBe(13n * nanos('0.00001'))
    expect(calls).toEqual([2, 1])
  })

  it('answer at once when the provider wants a long wait', async () => {
    const limited = json(429, { error: { message: 'slow down' } }, { 'retry-after': '60' })
    const { seen, calls } = await failing(limited, 'acme/main-b')
    expect(seen.complete).toBe(true)
    expect(seen.ms).toBeLessThan(1_000)
    // Both keys are tried, each once.
    expect(calls).toEqual([2, 1])
  })

  it('never go around a refusal', async () => {
    const { seen, calls } = await failing(refusal, 'acme/main-c')
    expect(seen.status).toBe(400)
    expect(calls).toEqual([1, 0])
  })

  it('take a prompt that was too long only where there is more room', async () => {
    const roomy = await failing(tooLong, 'acme/main-c')
    expect(roomy.seen.complete).toBe(true)
    expect(roomy.calls).toEqual([1, 1])
    const small = await failing(tooLong, 'acme/main-f')
    expect(small.seen.status).toBe(400)
    expect(small.calls).toEqual([1, 0])
  })

  it('are not used when the caller forbids fallbacks', async () => {
    const { seen, calls } = await failing({ status: 503, body: '' }, 'acme/main-d', {
      provider: { allow_fallbacks: false },
    })
    expect(seen.status).toBe(503)
    expect(calls).toEqual([1, 0])
  })

  it('that fail too leave the error of the model that was asked for', async () => {
    second.play(json(400, { error: { message: 'no such field' } }))
    const { seen } = await failing({ status: 503, body: '' }, 'acme/main-d')
    expect(seen.status).toBe(503)
    expect(seen.text).toContain('first')
  })

  it('name models that exist: others are warned of at the start', async () => {
    const { body } = await gateway.call('GET', '/admin/status', undefined, gateway.operatorKey)
    expect(body.data.warnings.join()).toContain('there is no model acme/gone')
  })
})

describe('with on_refusal', () => {
  beforeAll(() => start('fallbacks: { "*": [acme/stand-in], on_refusal: true }\n'))
  afterAll(stop)

  it('a refusal goes on to the stand-in', async () => {
    const { seen, calls } = await failing(refusal, 'acme/main-a')
    expect(seen.complete).toBe(true)
    expect(calls).toEqual([1, 1])
  })
})

describe('one provider alone', () => {
  beforeAll(() => start(''))
  afterAll(stop)

  it('whose limit asks for a wait of 2 s is not hammered by twenty clients, and answers them all', async () => {
    let limitedUntil = 0
    first.play((request) => {
      const now = performance.now()
      if (limitedUntil === 0) limitedUntil = now + 2_000
      if (now >= limitedUntil) return chat(['late'])(request)
      return json(429, { error: { message: 'slow down' } }, { 'retry-after': '2' })
    })
    await call('acme/main-a')
    limitedUntil = 0
    const before = first.requests.length
    const opening = call('acme/main-a')
    await first.received(before + 2)
    const seen = await Promise.all(Array.from({ length: 19 }, () => call('acme/main-a', { stream: true })))
    for (const each of [await opening, ...seen]) {
      expect(each.complete).toBe(true)
      expect(each.ms).toBeLessThan(4_000)
    }
    expect(first.requests.length - before).toBeLessThan(2 + 20 + 10)
  })

  it('of whose keys one was revoked answers with the other; the key is told, its text never', async () => {
    first.play((request) => {
      const revoked = request.headers.authorization === 'Bearer first-key-1'
      return revoked
        ? json(401, { error: { message: 'Incorrect API key provided' } })
        : chat(['fine'])(request)
    })
    const before = first.requests.length
    for (let n = 0; n < 20; n++) expect((await call('acme/main-b')).complete).toBe(true)
    expect(first.requests.length - before).toBe(21)
    const { body } = await gateway.call('GET', '/admin/status', undefined, gateway.operatorKey)
    expect(body.data.refused_credentials).toEqual([{ id: 'first/file:1', code: 'provider_auth' }])
    expect(gateway.log()).toContain('first/file:1')
    expect(gateway.log()).not.toContain('first-key-1')
  })
})
