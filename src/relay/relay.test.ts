import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import {
  chat,
  chatEvents,
  chatReply,
  chatStream,
  FAULTS,
  type FakeUpstream,
  fakeUpstream,
  type Script,
  sse,
} from '../../test/upstream/index.ts'
import { relay } from './relay.ts'
import { bench, endpointAt } from './testing/bench.ts'
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

describe('an answer', () => {
  it('streams through with our id, model and provider, and ends with usage and cost', async () => {
    const a = await provider(chatStream(['Hel', 'lo'], { usage: { prompt_tokens: 7, completion_tokens: 2 } }))
    const { call, deps, meter, sink, wheel } = bench(transport, { a: a.url })
    const result = await relay(call, deps)
    expect(sink.status).toBe(200)
    expect(sink.content).toBe('Hello')
    expect(sink.text.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(sink.chunks.every((chunk) => chunk.provider === 'A' && chunk.model === 'acme/model')).toBe(true)
    expect(sink.chunks.at(-1)!.usage).toMatchObject({
      prompt_tokens: 7,
      completion_tokens: 2,
      cost: 0.000002,
    })
    expect(meter.outcomes).toEqual([
      { attempt: 1, result: 'complete', usage: expect.objectContaining({ source: 'provider' }) },
    ])
    expect(result).toMatchObject({ result: 'complete', status: 200, finish: { reason: 'stop' } })
    expect(call.trace).toMatchObject([
      { n: 1, outcome: 'ok', status: 200, upstreamId: 'chatcmpl-1', finishReason: 'stop' },
    ])
    expect(call.trace[0]!.ttftMs).not.toBeNull()
    expect(a.requests[0]).toMatchObject({ path: '/v1/chat/completions', method: 'POST' })
    expect(a.requests[0]!.headers.authorization).toBe('Bearer key-of-a')
    await sleep(30)
    expect(wheel.size).toBe(0)
  })

  it('comes whole when it was not asked to stream', async () => {
    const a = await provider(chatReply('Hello'))
    const { call, deps, sink, meter } = bench(transport, { a: a.url }, { body: { stream: false } })
    await relay(call, deps)
    expect(sink.json.choices![0]!.message!.content).toBe('Hello')
    expect(sink.json.usage!.cost).toBe(0.000003)
    expect(meter.outcomes[0]!.result).toBe('complete')
  })

  it('keeps the connection for the next request', async () => {
    const a = await provider(chat(['Hello']))
    for (const stream of [true, false, true, true]) {
      const { call, deps } = bench(transport, { a: a.url }, { body: { stream } })
      await relay(call, deps)
      await sleep(5)
    }
    expect(a.connections).toBe(1)
  })

  it.each([true, false])('ends only after the settle is durable (stream: %s)', async (stream) => {
    const a = await provider(chat(['Hello', ' you']))
    const { call, deps, meter, sink, journal } = bench(transport, { a: a.url }, { body: { stream } })
    const { promise, resolve } = Promise.withResolvers<void>()
    meter.settling = () => promise
    const done = relay(call, deps)
    while (meter.outcomes.length === 0) await sleep(2)
    await sleep(50)
    expect(sink.text).not.toContain('"stop"')
    expect(sink.text).not.toContain('[DONE]')
    expect(sink.content).toBe(stream ? 'Hello you' : '')
    expect(sink.status).toBe(stream ? 200 : 0)
    resolve()
    await done
    expect(journal.indexOf('settled')).toBeLessThan(journal.indexOf('end'))
    expect(sink.text).toContain('"stop"')
  })

  it('sends nothing before the hold is durable, and holds the provider back meanwhile', async () => {
    const a = await provider({
      ...sse(''),
      flood: { event: chatEvents(['some content here'])[1]!, bytes: 40e6, last: '' },
    })
    const { call, deps, meter, sink } = bench(transport, { a: a.url })
    const { promise, resolve } = Promise.withResolvers<void>()
    meter.held = promise
    void relay(call, deps)
    await sleep(200)
    expect(sink.status).toBe(0)
    expect(a.requests[0]!.sent).toBeLessThan(20e6)
    resolve()
    await sleep(20)
    expect(sink.status).toBe(200)
    sink.leave()
  })

  it.each([true, false])(
    'is an error, never a success, when the settle fails (stream: %s)',
    async (stream) => {
      const a = await provider(chat(['Hello']))
      const { call, deps, meter, sink } = bench(transport, { a: a.url }, { body: { stream } })
      meter.settling = () => Promise.reject(new Error('disk full'))
      const result = await relay(call, deps)
      expect(result).toMatchObject({ result: 'failed', settled: null })
      expect(sink.text).not.toContain('"stop"')
      expect(sink.text).not.toContain('disk full')
      if (stream) expect(sink.chunks.at(-1)!.error!.code).toBe(503)
      else expect(sink.status).toBe(503)
    },
  )

  it('is 503 when the hold never becomes durable', async () => {
    const a = await provider(chatStream(['Hello'], {}, { delayMs: 50 }))
    const { call, deps, meter, sink } = bench(transport, { a: a.url })
    meter.held = Promise.reject(new Error('disk full'))
    await relay(call, deps)
    expect(sink.status).toBe(503)
    expect(sink.headers).toContain('retry-after')
    expect(meter.releases).toEqual(['unavailable'])
    await sleep(120)
    expect(a.requests.every((request) => request.abortedAt !== null)).toBe(true)
  })
})

describe('usage', () => {
  it('is estimated and marked when the provider reports none', async () => {
    const a = await provider(chatStream(['12345678', '1234'], { usage: null }))
    const { call, deps, meter } = bench(transport, { a: a.url })
    await relay(call, deps)
    expect(meter.outcomes[0]!.usage).toMatchObject({ completionTokens: 3, source: 'estimated' })
    expect(meter.outcomes[0]!.usage.promptTokens).toBeGreaterThan(0)
  })

  it('is waited for after the finish, for two seconds at most', async () => {
    const events = chatEvents(['Hi'], { usage: { prompt_tokens: 1, completion_tokens: 9 } })
    const late = await provider({ ...sse(events), gapMs: 200 })
    const first = bench(transport, { a: late.url })
    await relay(first.call, first.deps)
    expect(first.meter.outcomes[0]!.usage.completionTokens).toBe(9)
    const never = await provider(sse(chatEvents(['Hi'], { usage: null, done: false }), { ending: 'stall' }))
    const second = bench(transport, { a: never.url })
    const at = performance.now()
    await relay(second.call, second.deps)
    expect(performance.now() - at).toBeGreaterThan(1_900)
    expect(performance.now() - at).toBeLessThan(2_500)
    expect(second.meter.outcomes[0]).toMatchObject({ result: 'complete', usage: { source: 'estimated' } })
  })

  it('of explicit zero is zero', async () => {
    const a = await provider(
      chatStream(['Hello there'], { usage: { prompt_tokens: 0, completion_tokens: 0 } }),
    )
    const { call, deps, meter } = bench(transport, { a: a.url })
    await relay(call, deps)
    expect(meter.outcomes[0]!.usage).toMatchObject({
      completionTokens: 0,
      promptTokens: 0,
      source: 'provider',
    })
  })

  it('is checkpointed at the dispatch, at the first content, and at least every 256 tokens', async () => {
    const a = await provider(
      chatStream(
        Array.from({ length: 40 }, () => 'x'.repeat(200)),
        {},
        { gapMs: 1 },
      ),
    )
    const { call, deps, meter } = bench(transport, { a: a.url })
    await relay(call, deps)
    expect(meter.marks[0]).toMatchObject({ phase: 'dispatched', attempt: 1, usage: null })
    const tokens = meter.marks.slice(1).map((mark) => mark.usage!.completionTokens)
    expect(tokens[0]).toBe(50)
    for (let i = 1; i < tokens.length; i++) expect(tokens[i]! - tokens[i - 1]!).toBeLessThanOrEqual(256 + 50)
    expect(tokens.at(-1)).toBeGreaterThan(2_000 - 256 - 50)
  })
})

describe('a fault before content', () => {
  const cases = [true, false].flatMap((stream) => Object.keys(FAULTS).map((name) => ({ name, stream })))

  it.each(cases)('falls over to the next endpoint: $name (stream: $stream)', async ({ name, stream }) => {
    const bad = await provider(FAULTS[name]!)
    const good = await provider(chat(['fine']))
    const { call, deps, meter, sink } = bench(
      transport,
      { bad: bad.url, good: good.url },
      { body: { stream } },
    )
    const result = await relay(call, deps)
    expect(result.result).toBe('complete')
    expect(stream ? sink.content : sink.json.choices![0]!.message!.content).toBe('fine')
    expect(sink.text).not.toContain('backend down')
    expect(call.trace.map((entry) => entry.outcome)).toEqual(['failed', 'ok'])
    expect(call.trace[0]!.errorCode).not.toBeNull()
    expect(meter.outcomes).toHaveLength(1)
    expect(meter.outcomes[0]).toMatchObject({ attempt: 2, result: 'complete' })
    expect(meter.extended).toEqual(['acme/model@good'])
  })

  it('falls over when the connection is refused, and when the client asked to keep alive', async () => {
    const bad = await provider({})
    await bad.kill()
    const good = await provider(chatStream(['fine']))
    const { call, deps, sink } = bench(transport, { bad: bad.url, good: good.url })
    await relay(call, deps)
    expect(sink.content).toBe('fine')
    expect(call.trace[0]).toMatchObject({
      outcome: 'failed',
      status: null,
      errorCode: 'provider_unavailable',
    })
  })

  it('costs no request while a provider is killed in the middle of a run', async () => {
    const a = await provider(chatStream(['from', ' a'], {}, { delayMs: 5 }))
    const b = await provider(chatStream(['from', ' b']))
    const health = bench(transport, {}).deps.health
    let killed: Promise<void> | null = null
    const results: string[] = []
    for (let round = 0; round < 20; round++) {
      const runs = Array.from({ length: 10 }, () => {
        const made = bench(transport, { a: a.url, b: b.url }, { deps: { health } })
        return relay(made.call, made.deps).then((result) =>
          results.push(`${result.result} ${made.sink.content}`),
        )
      })
      if (round === 10) killed = sleep(2).then(() => a.kill())
      await Promise.all(runs)
    }
    await killed
    expect(results).toHaveLength(200)
    expect(new Set(results)).toEqual(new Set(['complete from a', 'complete from b']))
  })

  it('skips an endpoint that the credit does not cover, and says 402 when none is covered', async () => {
    const bad = await provider(FAULTS['500 in JSON']!)
    const good = await provider(chatStream(['fine']))
    const urls = { bad: bad.url, dear: 'http://127.0.0.1:1', good: good.url }
    const first = bench(transport, urls)
    first.meter.covers = (id) => !id.endsWith('@dear')
    await relay(first.call, first.deps)
    expect(first.sink.content).toBe('fine')
    const second = bench(
      transport,
      { bad: bad.url, dear: 'http://127.0.0.1:1' },
      { plan: { retriesPerModel: 1 } },
    )
    second.meter.covers = () => false
    await relay(second.call, second.deps)
    expect(second.sink.status).toBe(402)
    expect(second.meter.releases).toHaveLength(1)
  })

  it('waits out a short Retry-After when there is no other endpoint', async () => {
    const a = await provider([
      { status: 429, headers: { 'retry-after-ms': '150' }, body: '{"error":{"message":"slow"}}' },
      chatStream(['fine']),
    ])
    const { call, deps, sink } = bench(transport, { a: a.url })
    await relay(call, deps)
    expect(sink.content).toBe('fine')
    expect(a.requests[1]!.at - a.requests[0]!.at).toBeGreaterThan(145)
  })

  it('takes another credential of the same endpoint when one is refused', async () => {
    const a = await provider(({ nth }) => (nth === 1 ? FAULTS['401']! : chatStream(['fine'])))
    const { call, deps, sink } = bench(transport, { a: a.url })
    const target = deps.target
    const many = {
      ...deps,
      target: (endpoint: Parameters<typeof target>[0], failed: ReadonlySet<string>) => {
        const credentialId = ['k1', 'k2'].find((id) => !failed.has(id))
        return credentialId === undefined ? null : { ...target(endpoint, new Set())!, credentialId }
      },
    }
    await relay(call, many)
    expect(sink.content).toBe('fine')
    expect(call.trace.map((entry) => entry.credentialId)).toEqual(['k1', 'k2'])
  })
})

describe('when every endpoint fails', () => {
  it('tells the last error, those before it, and the provider’s words once', async () => {
    const a = await provider(FAULTS['500 in JSON']!)
    const b = await provider({ status: 529, body: '{"error":{"message":"busy canary"}}' })
    const { call, deps, meter, sink } = bench(
      transport,
      { a: a.url, b: b.url },
      { plan: { retriesPerModel: 1 } },
    )
    const result = await relay(call, deps)
    expect(result).toMatchObject({ result: 'failed', status: 503 })
    expect(sink.json.error!.metadata).toMatchObject({
      provider_name: 'B',
      raw: 'busy canary',
      previous_errors: [{ provider: 'A', code: 'provider_unavailable', status: 500 }],
    })
    expect(sink.text.split('busy canary')).toHaveLength(2)
    expect(meter.outcomes).toEqual([])
    expect(meter.releases).toEqual(['provider_overloaded'])
  })

  it('gives the shortest Retry-After with a 429', async () => {
    const limited = (seconds: number) => ({
      status: 429,
      headers: { 'retry-after': String(seconds) },
      body: '{}',
    })
    const a = await provider(limited(20))
    const b = await provider(limited(40))
    const { call, deps, sink } = bench(transport, { a: a.url, b: b.url })
    await relay(call, deps)
    expect(sink.status).toBe(429)
    expect(sink.headers[sink.headers.indexOf('retry-after') + 1]).toBe('20')
  })

  it('keeps what a provider says about our key to itself', async () => {
    const a = await provider(FAULTS['401']!)
    const { call, deps, sink } = bench(transport, { a: a.url })
    await relay(call, deps)
    expect(sink.status).toBe(502)
    expect(sink.text).not.toContain('sk-secret')
    expect(sink.json.error!.message).toContain('key')
  })

  it('hands the client’s own mistakes back at once, with the provider’s words', async () => {
    const a = await provider({ status: 400, body: '{"error":{"message":"temperature must be at most 2"}}' })
    const b = await provider(chatStream(['fine']))
    const { call, deps, sink } = bench(transport, { a: a.url, b: b.url })
    await relay(call, deps)
    expect(sink.status).toBe(400)
    expect(sink.json.error!.message).toContain('temperature must be at most 2')
    expect(b.requests).toHaveLength(0)
  })

  it('stops at the total deadline', async () => {
    const a = await provider({ act: 'hang' })
    const { call, deps, sink, meter, wheel } = bench(
      transport,
      { a: a.url },
      { timeouts: { totalMs: 150, firstTokenMs: 5_000 } },
    )
    await relay(call, deps)
    expect(sink.status).toBe(504)
    expect(meter.releases).toHaveLength(1)
    expect(wheel.size).toBe(0)
  })
})

describe('a fault after content', () => {
  const started = chatEvents(['Hel', 'lo']).slice(0, 3)

  it.each([
    ['a cut', sse(started, { ending: 'cut' })],
    ['a reset', sse(started, { ending: 'reset', gapMs: 10 })],
    ['an end without finish', sse(started)],
    ['silence', sse(started, { ending: 'stall' })],
    [
      'an error event',
      sse([...started, 'data: {"error":{"message":"broke","code":500}}\n\n'], { gapMs: 10 }),
    ],
    ['an error finish', sse([...started, ...chatEvents([], { finish: 'error' })], { gapMs: 10 })],
    ['nonsense', sse([...started, 'data: {oops\n\n', 'data: {oops\n\n', 'data: {oops\n\n'], { gapMs: 10 })],
  ])('ends in an error chunk and costs nothing: %s', async (_what, step) => {
    const a = await provider(step)
    const b = await provider(chatStream(['never']))
    const off = { call: { rescue: 'off' } } as const
    const { call, deps, meter, sink, journal } = bench(transport, { a: a.url, b: b.url }, off)
    const result = await relay(call, deps)
    expect(sink.content).toContain('Hel')
    expect(sink.content).not.toContain('never')
    const last = sink.chunks.at(-1)!
    expect(last.error).toBeDefined()
    expect(last.choices![0]!.finish_reason).toBe('error')
    expect(sink.text).not.toContain('"finish_reason":"stop"')
    expect(sink.text).not.toContain('[DONE]')
    expect(meter.outcomes).toMatchObject([{ attempt: 1, result: 'failed' }])
    expect(journal.indexOf('settled')).toBeLessThan(journal.indexOf('end'))
    expect(result).toMatchObject({ result: 'failed', settled: { costNanos: 0n } })
    expect(b.requests).toHaveLength(0)
  })

  it('is an error too when the total deadline passes in the middle', async () => {
    const a = await provider(
      chatStream(
        Array.from({ length: 100 }, () => 'x'),
        {},
        { gapMs: 20 },
      ),
    )
    const { call, deps, meter, sink } = bench(transport, { a: a.url }, { timeouts: { totalMs: 200 } })
    await relay(call, deps)
    expect(sink.chunks.at(-1)!.error!.code).toBe(504)
    expect(meter.outcomes[0]!.result).toBe('failed')
    await sleep(50)
    expect(a.requests[0]!.abortedAt).not.toBeNull()
  })
})

describe('time', () => {
  it('is longer for reasoning endpoints, by figures a test can wait for', async () => {
    const a = await provider(chatStream(['slow'], {}, { delayMs: 500, gapMs: 1 }))
    const reasoning = [endpointAt('a', { reasoning: true })]
    const { call, deps, sink } = bench(
      transport,
      { a: a.url },
      { endpoints: reasoning, timeouts: { firstTokenMs: 'auto' } },
    )
    await relay(call, deps)
    expect(sink.content).toBe('slow')
  })
})

describe('a fault of our own', () => {
  it.each([
    ['choosing', 'target'],
    ['encoding an error', 'client'],
    ['reporting', 'health'],
  ])('in %s ends this request alone, gives the hold back, and shows no success', async (_where, part) => {
    const a = await provider(FAULTS['500 in JSON']!)
    const { call, deps, meter, sink, wheel, journal } = bench(transport, { a: a.url })
    const broken = () => {
      throw new Error('a bug')
    }
    const result = await relay(
      part === 'client' ? { ...call, client: { ...call.client, encodeError: broken } } : call,
      {
        ...deps,
        ...(part === 'target' ? { target: broken } : {}),
        ...(part === 'health'
          ? {
              health: {
                admit: () => true,
                goodShare: () => 1,
                sent() {},
                alive() {},
                mayRetry: () => true,
                slowFirstToken: () => null,
                record: broken,
              },
            }
          : {}),
      },
    )
    expect(result).toMatchObject({ result: 'failed', status: 0 })
    expect(sink.aborted).toBe(true)
    // Only the first counts: an error that cannot be told comes after its release.
    expect(meter.releases[0]).toBe(part === 'client' ? 'provider_unavailable' : 'server')
    expect(journal).toContain('relay_failed')
    expect(wheel.size).toBe(0)
  })
})

describe('several candidates in one answer', () => {
  it('are all waited for, beyond the first finish', async () => {
    const of = (index: number, delta: object, finish_reason: string | null) =>
      `data: ${JSON.stringify({ id: 'x', choices: [{ index, delta, finish_reason }] })}\n\n`
    const a = await provider(
      sse(
        [
          of(0, { content: 'first' }, null),
          of(0, {}, 'stop'),
          of(1, { content: 'second' }, null),
          of(1, {}, 'stop'),
          'data: [DONE]\n\n',
        ],
        {
          gapMs: 250,
        },
      ),
    )
    const { call, deps, sink } = bench(transport, { a: a.url }, { body: { n: 2 } })
    await relay(call, deps)
    expect(sink.text).toContain('second')
    expect(sink.text.split('"finish_reason":"stop"')).toHaveLength(3)
  })
})
