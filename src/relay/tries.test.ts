import { afterAll, afterEach, describe, expect, it } from 'vitest'
import {
  chat,
  chatEvents,
  chatStream,
  FAULTS,
  type FakeUpstream,
  fakeUpstream,
  json,
  type Script,
} from '../../test/upstream/index.ts'
import { Wheel } from '../lib/index.ts'
import { HealthBook } from '../routing/index.ts'
import { relay } from './relay.ts'
import { bench, endpointAt } from './testing/bench.ts'
import type { Transport, UpstreamHandler } from './transport.ts'
import { createUndiciTransport } from './transport.undici.ts'

const transport = createUndiciTransport()
const upstreams: FakeUpstream[] = []

async function provider(script: Script): Promise<FakeUpstream> {
  const upstream = await fakeUpstream({ script })
  upstreams.push(upstream)
  return upstream
}

afterEach(async () => {
  for (const upstream of upstreams.splice(0)) await upstream.close()
})
afterAll(() => transport.close())

const limited = (seconds: number) =>
  json(429, { error: { message: 'slow down', code: 'rate_limit_exceeded' } }, { 'retry-after': `${seconds}` })

describe('a Retry-After with no other endpoint of the model', () => {
  it('of a second is waited out, and the same endpoint answers', async () => {
    const a = await provider([limited(1), chatStream(['late'])])
    const { call, deps, sink } = bench(transport, { a: a.url })
    const started = performance.now()
    await relay(call, deps)
    expect(sink.content).toBe('late')
    expect(performance.now() - started).toBeGreaterThanOrEqual(1_000)
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(a.requests).toHaveLength(2)
  })

  it('that is still running when a request comes is waited out before the first try', async () => {
    const a = await provider(chat(['late']))
    const { call, deps, sink } = bench(transport, { a: a.url }, { plan: { coolingMs: 600 } })
    const started = performance.now()
    await relay(call, deps)
    expect(sink.content).toBe('late')
    expect(performance.now() - started).toBeGreaterThanOrEqual(600)
    expect(a.requests).toHaveLength(1)
  })

  it('of more than three seconds is not: the client is told it', async () => {
    const a = await provider(limited(30))
    const { call, deps, sink } = bench(transport, { a: a.url })
    await relay(call, deps)
    expect(sink.status).toBe(429)
    expect(sink.headers).toContain('30')
    expect(a.requests).toHaveLength(1)
  })
})

describe('a stand-in', () => {
  const standIns = { models: ['acme/other'], onRefusal: false }
  const endpoints = [endpointAt('a'), endpointAt('b', { modelId: 'acme/other', id: 'acme/other@b' })]

  it('answers under its own name when the model has failed', async () => {
    const a = await provider(FAULTS['503 without a body']!)
    const b = await provider(chat(['in its stead']))
    const { call, deps, sink } = bench(transport, { a: a.url, b: b.url }, { endpoints, plan: { standIns } })
    await relay(call, deps)
    expect(sink.content).toBe('in its stead')
    expect(sink.chunks.every(({ model }) => model === 'acme/other')).toBe(true)
  })

  it('that fails as well leaves the client with the error of the model it asked for', async () => {
    const a = await provider(FAULTS['503 without a body']!)
    const b = await provider(json(400, { error: { message: 'prefix not allowed' } }))
    const { call, deps, sink } = bench(transport, { a: a.url, b: b.url }, { endpoints, plan: { standIns } })
    await relay(call, deps)
    expect(sink.status).toBe(503)
    expect(sink.json.error!.message).not.toContain('prefix not allowed')
    expect(sink.json.error!.metadata['previous_errors']).toMatchObject([
      { model: 'acme/other', status: 400 },
      { model: 'acme/model' },
    ])
  })

  it('is not asked when an open breaker lies between it and a refusal', async () => {
    const a = await provider(json(400, { error: { message: 'flagged', code: 'content_filter' } }))
    const b = await provider(chat(['never']))
    const c = await provider(chat(['never']))
    const asked = [
      endpointAt('a'),
      endpointAt('b', { modelId: 'acme/second', id: 'acme/second@b' }),
      endpointAt('c', { modelId: 'acme/other', id: 'acme/other@c' }),
    ]
    const health = new HealthBook(() => 0)
    const { call, deps, sink } = bench(
      transport,
      { a: a.url, b: b.url, c: c.url },
      { endpoints: asked, plan: { standIns }, deps: { health } },
    )
    health.suspect(['acme/second@b'], deps.clock.tick())
    await relay(call, deps)
    // For want of anybody else the second model is asked past its breaker, never the stand-in.
    expect(c.requests).toHaveLength(0)
    expect(b.requests).toHaveLength(1)
    expect(sink.content).toBe('never')
  })
})

describe('a provider that takes no more retries', () => {
  it('is passed by', async () => {
    const a = await provider(FAULTS['503 without a body']!)
    const b = await provider(chat(['no']))
    const c = await provider(chat(['yes']))
    const { call, deps, sink } = bench(transport, { a: a.url, b: b.url, c: c.url })
    const health = new HealthBook(() => 0)
    health.mayRetry = (providerId) => providerId !== 'b'
    await relay(call, { ...deps, health })
    expect(sink.content).toBe('yes')
    expect(b.requests).toHaveLength(0)
  })
})

describe('a gateway that stood still beyond a deadline', () => {
  /** A call whose provider is played by hand, on a clock that is moved by hand. */
  function held() {
    const handlers: UpstreamHandler[] = []
    const played: Transport = {
      send(_, handler) {
        handlers.push(handler)
        return { abort() {}, resume() {} }
      },
      close: async () => {},
    }
    let tick = 1_000_000
    const clock = { now: () => 0, tick: () => tick }
    const wheel = new Wheel(clock, 10)
    const { call, deps, sink } = bench(played, { a: '' }, { plan: { maxAttempts: 1 } })
    const pass = (ms: number) => {
      tick += ms
      wheel.step()
    }
    return { done: relay(call, { ...deps, clock, wheel }), handlers, sink, pass }
  }

  it('reads what has come meanwhile before it blames the provider', async () => {
    const { done, handlers, sink, pass } = held()
    pass(2_000)
    const [handler] = handlers
    handler!.onHead(200, (name) => (name === 'content-type' ? 'text/event-stream' : undefined))
    handler!.onData(Buffer.from(chatEvents(['in time']).join('')))
    handler!.onEnd()
    await done
    expect(sink.content).toBe('in time')
  })

  it('blames it when there is nothing, and at once where time just passed', async () => {
    const stood = held()
    stood.pass(2_000)
    stood.pass(250)
    await stood.done
    expect(stood.sink.status).toBe(504)
    const passed = held()
    passed.pass(400)
    await passed.done
    expect(passed.sink.status).toBe(504)
  })
})

describe('with every breaker open', () => {
  it('the endpoint that has done best of late is asked', async () => {
    const a = await provider(chat(['no']))
    const b = await provider(chat(['yes']))
    const health = new HealthBook(() => 0)
    const { call, deps, sink } = bench(transport, { a: a.url, b: b.url }, { deps: { health } })
    const now = deps.clock.tick()
    const outcome = { code: null, retryAfterMs: null, ttftMs: null, durationMs: 0, outputTokens: 0 }
    const down = { ...outcome, result: 'failed', code: 'provider_unavailable' } as const
    for (const [tag, good] of [
      ['a', 0],
      ['b', 3],
    ] as const) {
      const id = `acme/model@${tag}`
      for (let i = 0; i < good; i++) health.record(id, null, { ...outcome, result: 'ok' }, now)
      for (let i = 0; i < 5; i++) health.record(id, null, down, now)
    }
    await relay(call, deps)
    expect(sink.content).toBe('yes')
    expect(a.requests).toHaveLength(0)
  })
})
