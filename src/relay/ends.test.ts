import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import {
  chatEvents,
  type FakeUpstream,
  fakeUpstream,
  json,
  type Script,
  sse,
} from '../../test/upstream/index.ts'
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

const WORDS = ['one ', 'two ', 'three']
const FACTS = { usage: { prompt_tokens: 5, completion_tokens: 3 }, done: false }
const SILENT = 5_000

describe('a complete stream without its end mark', () => {
  it.each(['stall', 'end', 'cut'] as const)(
    'is finished at once, with the usage told (%s)',
    async (ending) => {
      const a = await provider(sse(chatEvents(WORDS, FACTS), { ending }))
      const timeouts = { idleMs: SILENT }
      const { call, deps, sink, meter } = bench(transport, { a: a.url }, { timeouts })
      const started = performance.now()
      const result = await relay(call, deps)
      expect(performance.now() - started).toBeLessThan(1_500)
      expect(result).toMatchObject({ result: 'complete', finish: { reason: 'stop' } })
      expect(sink.content).toBe('one two three')
      expect(meter.outcomes).toMatchObject([{ usage: { completionTokens: 3, source: 'provider' } }])
    },
  )

  it('waits two seconds for a usage that was not told', async () => {
    const events = chatEvents(WORDS, { ...FACTS, usage: null })
    const a = await provider(sse(events, { ending: 'stall' }))
    const { call, deps, meter } = bench(transport, { a: a.url }, { timeouts: { idleMs: SILENT }, speed: 4 })
    await relay(call, deps)
    expect(meter.outcomes).toMatchObject([{ result: 'complete', usage: { source: 'estimated' } }])
  })
})

describe('a malformed event', () => {
  const good = chatEvents(WORDS, { usage: FACTS.usage })
  const bad = 'data: {"choices":[{"delta":{"content":\n\n'
  const insert = (at: number, ...events: string[]) => [...good.slice(0, at), ...events, ...good.slice(at)]

  it('is skipped when the stream completes', async () => {
    const a = await provider(sse(insert(2, bad)))
    const { call, deps, sink } = bench(transport, { a: a.url })
    expect(await relay(call, deps)).toMatchObject({ result: 'complete' })
    expect(sink.content).toBe('one two three')
  })

  it.each([
    ['a second one follows', insert(2, bad, bad)],
    ['the stream has no finish', [...good.slice(0, 3), bad]],
  ])('is a failure when %s, and another endpoint goes on', async (_, events) => {
    const a = await provider(sse(events))
    const b = await provider(sse(good))
    const alone = bench(transport, { a: a.url })
    expect(await relay(alone.call, alone.deps)).toMatchObject({ result: 'failed' })
    expect(alone.sink.chunks.at(-1)!.error).toBeDefined()
    const { call, deps, sink } = bench(transport, { a: a.url, b: b.url })
    expect(await relay(call, deps)).toMatchObject({ result: 'complete' })
    expect(sink.content).toBe('one two three')
  })
})

describe('a request that no endpoint answered', () => {
  const refused = async () => {
    const a = await provider(json(400, { error: { message: 'no' } }))
    return bench(transport, { a: a.url })
  }

  it('is told so only when its hold is free again', async () => {
    const { call, deps, sink, meter, journal } = await refused()
    meter.releasing = () => new Promise((done) => setTimeout(done, 50))
    await relay(call, deps)
    expect(sink.status).toBe(400)
    expect(journal.indexOf('released')).toBeLessThan(journal.indexOf('head 400'))
  })

  it.each([
    ['fails', () => Promise.reject(new Error('disk full'))],
    ['takes for ever', () => new Promise<void>(() => {})],
  ])('is told within two seconds when the store %s', async (_, releasing) => {
    const { call, deps, sink, meter } = await refused()
    meter.releasing = releasing
    const started = performance.now()
    void relay(call, deps)
    await vi.waitFor(() => expect(sink.status).toBe(400), { timeout: 3_000 })
    expect(performance.now() - started).toBeLessThan(2_500)
    expect(sink.ended).toBe(true)
  })
})
