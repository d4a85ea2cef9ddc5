import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import {
  chatReply,
  chatStream,
  type FakeUpstream,
  fakeUpstream,
  type Script,
  sse,
} from '../../test/upstream/index.ts'
import { DrainSlots } from './drains.ts'
import { relay } from './relay.ts'
import { bench } from './testing/bench.ts'
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

async function until(holds: () => boolean, ms = 3_000): Promise<void> {
  const end = performance.now() + ms
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${holds}`)
    await sleep(2)
  }
}

describe('a client that leaves', () => {
  const endless = chatStream(
    Array.from({ length: 5_000 }, () => 'word '),
    {},
    { gapMs: 5 },
  )

  it('in the middle closes the provider’s connection within 100 ms and pays for what was produced', async () => {
    const a = await provider(endless)
    const { call, deps, sink, meter, wheel } = bench(transport, { a: a.url })
    const done = relay(call, deps)
    await until(() => sink.content.length >= 50)
    const left = performance.now()
    sink.leave()
    const result = await done
    await until(() => a.requests[0]!.abortedAt !== null)
    expect(a.requests[0]!.abortedAt! - left).toBeLessThan(100)
    expect(result.result).toBe('client_gone')
    const { usage } = meter.outcomes[0]!
    expect(meter.outcomes).toMatchObject([{ result: 'client_gone', attempt: 1 }])
    expect(usage).toMatchObject({ source: 'estimated' })
    expect(usage.completionTokens).toBeGreaterThanOrEqual(Math.floor(sink.content.length / 4))
    expect(call.trace[0]!.outcome).toBe('cancelled')
    expect(wheel.size).toBe(0)
  })

  it.each([
    ['before the head', { act: 'hang' as const }],
    ['before any content', sse(': wait\n\n', { ending: 'stall' })],
  ])('%s pays nothing', async (_when, step) => {
    const a = await provider(step)
    const { call, deps, sink, meter } = bench(transport, { a: a.url })
    const done = relay(call, deps)
    await a.received(1)
    await sleep(20)
    sink.leave()
    expect((await done).result).toBe('client_gone')
    expect(meter.releases).toEqual(['client_gone'])
    expect(meter.outcomes).toEqual([])
    await until(() => a.requests[0]!.abortedAt !== null, 100)
  })

  it('between two attempts pays nothing, and no further attempt is made', async () => {
    const a = await provider({ status: 429, headers: { 'retry-after': '2' }, body: '{}' })
    const { call, deps, sink, meter, wheel } = bench(transport, { a: a.url })
    const done = relay(call, deps)
    await until(() => call.trace[0]?.outcome === 'failed')
    sink.leave()
    await done
    expect(meter.releases).toEqual(['client_gone'])
    expect(wheel.size).toBe(0)
    expect(a.requests).toHaveLength(1)
  })

  it('had left before it began', async () => {
    const a = await provider({})
    const { call, deps, sink, meter } = bench(transport, { a: a.url })
    sink.closed = true
    await relay(call, deps)
    expect(a.requests).toHaveLength(0)
    expect(meter.releases).toEqual(['client_gone'])
  })

  it('after all content, with the settle under way, changes nothing', async () => {
    const a = await provider(chatStream(['Hello']))
    const { call, deps, sink, meter } = bench(transport, { a: a.url })
    meter.settling = () => sleep(50)
    const done = relay(call, deps)
    await until(() => meter.outcomes.length === 1)
    sink.leave()
    expect(await done).toMatchObject({ result: 'complete', settled: { costNanos: 1000n } })
    expect(meter.outcomes).toHaveLength(1)
  })
})

describe('a client that leaves a provider that bills to the end', () => {
  const target = { cancelStopsBilling: false }
  const slow = chatStream(
    ['one ', 'two ', 'three'],
    { usage: { prompt_tokens: 5, completion_tokens: 77 } },
    { gapMs: 40 },
  )

  it.each([true, false])(
    'pays the final usage of an answer that is read to its end (stream: %s)',
    async (stream) => {
      const a = await provider(
        stream
          ? slow
          : chatReply('x', { usage: { prompt_tokens: 5, completion_tokens: 77 } }, { delayMs: 100 }),
      )
      const { call, deps, sink, meter, drains, wheel } = bench(
        transport,
        { a: a.url },
        { target, body: { stream } },
      )
      const done = relay(call, deps)
      await a.received(1)
      await until(() => !stream || sink.content !== '')
      sink.leave()
      expect(drains.used).toBe(1)
      expect((await done).result).toBe('client_gone')
      expect(meter.outcomes).toMatchObject([
        { result: 'client_gone', usage: { completionTokens: 77, source: 'provider' } },
      ])
      await until(() => a.requests[0]!.finished)
      expect(drains.used).toBe(0)
      await sleep(20)
      expect(wheel.size).toBe(0)
    },
  )

  it('is read for 30 s at most', async () => {
    const a = await provider(
      chatStream(
        Array.from({ length: 500 }, () => 'word'),
        {},
        { gapMs: 10 },
      ),
    )
    const { call, deps, sink, meter, drains } = bench(
      transport,
      { a: a.url },
      { target, speed: 100, timeouts: { firstTokenMs: 60_000, idleMs: 60_000, totalMs: 600_000 } },
    )
    const done = relay(call, deps)
    await until(() => sink.content !== '')
    const at = performance.now()
    sink.leave()
    await done
    expect(performance.now() - at).toBeGreaterThan(250)
    expect(performance.now() - at).toBeLessThan(600)
    expect(meter.outcomes).toMatchObject([{ result: 'client_gone', usage: { source: 'estimated' } }])
    expect(drains.used).toBe(0)
    await until(() => a.requests[0]!.abortedAt !== null)
  })

  it('is cut off at once when all slots for draining are taken', async () => {
    const a = await provider(slow)
    const { call, deps, sink, meter } = bench(
      transport,
      { a: a.url },
      { target, deps: { drains: new DrainSlots(0) } },
    )
    const done = relay(call, deps)
    await until(() => sink.content !== '')
    sink.leave()
    await done
    expect(meter.outcomes[0]!.usage.source).toBe('estimated')
    await until(() => a.requests[0]!.abortedAt !== null, 100)
  })
})

describe('a client that waits', () => {
  it('gets a comment every 10 s, and an error inside the stream when nothing comes of it', async () => {
    const hang = await provider({ act: 'hang' })
    const timeouts = { firstTokenMs: 25_000, totalMs: 600_000, connectMs: 5_000 }
    const { call, deps, sink, meter } = bench(transport, { hang: hang.url }, { speed: 100, timeouts })
    const result = await relay(call, deps)
    expect(sink.status).toBe(200)
    expect(sink.text.split(': WAYBILL PROCESSING\n\n')).toHaveLength(3)
    expect(sink.chunks).toHaveLength(1)
    expect(sink.chunks[0]).toMatchObject({ error: { code: 504 }, choices: [{ finish_reason: 'error' }] })
    expect(result).toMatchObject({ result: 'failed', status: 200 })
    expect(meter.releases).toHaveLength(1)
  })

  it('gets comments and then the answer of another endpoint', async () => {
    const hang = await provider({ act: 'hang' })
    const good = await provider(chatStream(['fine']))
    const timeouts = { firstTokenMs: 15_000, totalMs: 600_000, connectMs: 5_000 }
    const { call, deps, sink } = bench(
      transport,
      { hang: hang.url, good: good.url },
      { speed: 100, timeouts },
    )
    await relay(call, deps)
    expect(sink.text.startsWith(': WAYBILL PROCESSING\n\n')).toBe(true)
    expect(sink.content).toBe('fine')
    expect(sink.journal.filter((entry) => entry.startsWith('head'))).toHaveLength(1)
  })
})
