import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import {
  chatEvents,
  chatStream,
  type FakeUpstream,
  fakeUpstream,
  json,
  type Script,
  sse,
} from '../../test/upstream/index.ts'
import type { AssistantPrefix } from '../dialects/index.ts'
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

const WORDS = ['The ', 'gateway ', 'earns ', 'its ', 'trust ', 'when ', 'providers ', 'misbehave.']
const WHOLE = WORDS.join('')
const FACTS = { usage: { prompt_tokens: 10, completion_tokens: WORDS.length } }
/** Sends the first words, and breaks. */
const broken = (count: number, ending: 'cut' | 'stall' | 'end' = 'cut') =>
  sse(chatEvents(WORDS).slice(0, count + 1), { ending })
const whole = chatStream(WORDS, FACTS)

describe('an answer that breaks after content', () => {
  it.each(['cut', 'stall', 'end'] as const)('is finished by another endpoint (%s)', async (ending) => {
    const a = await provider(broken(5, ending))
    const b = await provider(whole)
    const { call, deps, meter, sink } = bench(transport, { a: a.url, b: b.url })
    const result = await relay(call, deps)
    expect(sink.content).toBe(WHOLE)
    expect(sink.text.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(sink.text).not.toContain('"error"')
    // Id, model and provider stay those of the first.
    expect(sink.chunks.every((chunk) => chunk.provider === 'A' && chunk.model === 'acme/model')).toBe(true)
    expect(result).toMatchObject({ result: 'complete', status: 200, finish: { reason: 'stop' } })
    expect(result.served).toMatchObject({ n: 2, endpointId: 'acme/model@b' })
    expect(call.trace).toMatchObject([
      { n: 1, outcome: 'failed', errorCode: 'provider_cut', seam: null },
      { n: 2, outcome: 'ok', seam: { way: 'restart', at: Buffer.byteLength(WORDS.slice(0, 5).join('')) } },
    ])
    // The prompt once and what was delivered; the provider of the first is paid by the insurance.
    expect(meter.outcomes).toMatchObject([
      {
        attempt: 2,
        result: 'complete',
        usage: { promptTokens: 10, completionTokens: WORDS.length },
        upstream: [
          { attempt: 1, usage: { source: 'estimated' } },
          { attempt: 2, usage: { completionTokens: WORDS.length } },
        ],
      },
    ])
    expect(sink.chunks.at(-1)!.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: WORDS.length })
  })

  it('is continued by an endpoint that is known to, and billed once', async () => {
    const a = await provider(broken(6))
    const b = await provider(
      chatStream(WORDS.slice(6), { usage: { prompt_tokens: 18, completion_tokens: 2 } }),
    )
    const { call, deps, meter, sink } = bench(transport, { a: a.url, b: b.url }, prefixed('prefix'))
    await relay(call, deps)
    expect(sink.content).toBe(WHOLE)
    const asked = JSON.parse(b.requests[0]!.body) as { messages: object[] }
    expect(asked.messages.at(-1)).toEqual({
      role: 'assistant',
      content: WORDS.slice(0, 6).join('').trimEnd(),
      prefix: true,
    })
    const before = Math.ceil(WORDS.slice(0, 6).join('').length / 4)
    expect(meter.outcomes[0]).toMatchObject({
      usage: { promptTokens: 18 - before, completionTokens: before + 2 },
      upstream: [{ attempt: 1 }, { attempt: 2, usage: { promptTokens: 18, completionTokens: 2 } }],
    })
    expect(call.trace[1]!.seam!.way).toBe('continue')
  })

  it('starts anew at an endpoint that refuses the beginning; its 400 reaches nobody', async () => {
    const a = await provider(broken(6))
    const b = await provider([json(400, { error: { message: 'no assistant prefill' } }), whole])
    const { call, deps, sink } = bench(transport, { a: a.url, b: b.url }, prefixed('plain'))
    await relay(call, deps)
    expect(sink.content).toBe(WHOLE)
    expect(sink.text).not.toContain('prefill')
    expect(JSON.parse(b.requests[1]!.body).messages).toHaveLength(1)
    expect(call.trace.map(({ seam }) => seam?.way)).toEqual([undefined, 'continue', 'restart'])
  })

  it('is not billed for reasoning that reached nobody', async () => {
    const thought = { choices: [{ index: 0, delta: { reasoning: 'x'.repeat(4_000) } }] }
    const thinks = (usage: object | null) =>
      sse([`data: ${JSON.stringify(thought)}\n\n`, ...chatEvents(WORDS, { usage: usage as never })])
    const details = { completion_tokens_details: { reasoning_tokens: 1_000 } }
    for (const usage of [{ prompt_tokens: 10, completion_tokens: 1_000 + WORDS.length, ...details }, null]) {
      const a = await provider(broken(5))
      const b = await provider(thinks(usage))
      const { call, deps, sink, meter } = bench(transport, { a: a.url, b: b.url })
      await relay(call, deps)
      expect(sink.content).toBe(WHOLE)
      expect(sink.text).not.toContain('xxxx')
      const { completionTokens } = meter.outcomes[0]!.usage
      expect(completionTokens).toBe(usage === null ? Math.ceil(WHOLE.length / 4) : WORDS.length)
      expect(meter.outcomes[0]!.upstream![1]!.usage.completionTokens).toBeGreaterThan(1_000)
    }
  })

  it('breaks twice and is finished by a third endpoint', async () => {
    const a = await provider(broken(3))
    const b = await provider(broken(6))
    const c = await provider(whole)
    const { call, deps, sink, meter } = bench(transport, { a: a.url, b: b.url, c: c.url })
    await relay(call, deps)
    expect(sink.content).toBe(WHOLE)
    expect(meter.outcomes[0]!.upstream).toHaveLength(3)
    expect(meter.outcomes[0]!.usage.completionTokens).toBe(WORDS.length)
  })

  it('goes past an endpoint whose answer diverges, or that fails', async () => {
    const a = await provider(broken(5))
    const b = await provider(chatStream(['The gateway ', 'is something else.']))
    const c = await provider(json(503, { error: { message: 'down' } }))
    const d = await provider(whole)
    const { call, deps, sink } = bench(transport, { a: a.url, b: b.url, c: c.url, d: d.url })
    await relay(call, deps)
    expect(sink.content).toBe(WHOLE)
    expect(call.trace.map(({ errorCode }) => errorCode)).toEqual([
      'provider_cut',
      'answer_diverged',
      'provider_overloaded',
      null,
    ])
  })

  it('ends in the error of the first when nobody can finish it, charged 0', async () => {
    const a = await provider(broken(5))
    const b = await provider(chatStream(['Something else.']))
    const { call, deps, sink, meter } = bench(transport, { a: a.url, b: b.url })
    const result = await relay(call, deps)
    expect(sink.content).toBe(WORDS.slice(0, 5).join(''))
    expect(sink.chunks.at(-1)!.error).toMatchObject({ code: 502 })
    expect(sink.chunks.at(-1)!.error!.message).toContain('A broke off')
    expect(sink.text).not.toContain('"stop"')
    expect(result).toMatchObject({ result: 'failed', error: { code: 'provider_cut' } })
    expect(meter.outcomes).toMatchObject([{ result: 'failed', upstream: [{ attempt: 1 }, { attempt: 2 }] }])
  })

  it.each([
    ['the policy is off', { call: { rescue: 'off' } }],
    ['JSON was asked for', { body: { response_format: { type: 'json_object' } } }],
    ['several candidates were asked for', { body: { n: 2 } }],
    ['the client allows no fallbacks', { plan: { allowFallbacks: false } }],
    ['only continuing is allowed and nobody can', { call: { rescue: 'continue' } }],
  ] as const)('is not rescued when %s', async (_, more) => {
    const a = await provider(broken(5))
    const b = await provider(whole)
    const { call, deps, sink } = bench(transport, { a: a.url, b: b.url }, more)
    await relay(call, deps)
    expect(sink.chunks.at(-1)!.error).toMatchObject({ code: 502 })
    expect(b.requests).toHaveLength(0)
  })

  it('is not rescued inside a tool call', async () => {
    const call0 = { index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a' } }
    const delta = { choices: [{ index: 0, delta: { tool_calls: [call0] } }] }
    const a = await provider(sse(`data: ${JSON.stringify(delta)}\n\n`, { ending: 'cut' }))
    const b = await provider(whole)
    const { call, deps, sink } = bench(transport, { a: a.url, b: b.url })
    await relay(call, deps)
    expect(sink.chunks.at(-1)!.error).toMatchObject({ code: 502 })
    expect(b.requests).toHaveLength(0)
  })

  it('restarts only, when that is the policy', async () => {
    const a = await provider(broken(6))
    const b = await provider(whole)
    const more = prefixed('plain')
    const { call, deps, sink } = bench(
      transport,
      { a: a.url, b: b.url },
      { ...more, call: { rescue: 'restart' } },
    )
    await relay(call, deps)
    expect(sink.content).toBe(WHOLE)
    expect(JSON.parse(b.requests[0]!.body).messages).toHaveLength(1)
  })

  it('bills what was delivered when the client leaves while it is being rescued', async () => {
    const a = await provider(broken(5))
    const b = await provider({ act: 'hang' })
    const { call, deps, sink, meter, wheel } = bench(transport, { a: a.url, b: b.url })
    const done = relay(call, deps)
    await b.received(1)
    sink.leave()
    expect((await done).result).toBe('client_gone')
    expect(meter.outcomes).toMatchObject([{ attempt: 1, result: 'client_gone' }])
    await expect.poll(() => b.requests[0]!.abortedAt).not.toBeNull()
    await sleep(30)
    expect(wheel.size).toBe(0)
  })

  it('tells a crash what has been delivered', async () => {
    const a = await provider(broken(5))
    const b = await provider(whole)
    const { call, deps, meter } = bench(transport, { a: a.url, b: b.url })
    await relay(call, deps)
    const mark = meter.marks.find(({ attempt }) => attempt === 2)
    expect(mark).toMatchObject({
      endpointId: 'acme/model@b',
      phase: 'streaming',
      usage: { source: 'estimated' },
    })
    expect(mark!.usage!.completionTokens).toBeGreaterThan(0)
  })

  it('is held for at the endpoint that finishes it; one that credit does not cover is passed by', async () => {
    const a = await provider(broken(5))
    const b = await provider(whole)
    const c = await provider(whole)
    const { call, deps, sink, meter } = bench(transport, { a: a.url, b: b.url, c: c.url })
    meter.covers = (endpointId) => endpointId !== 'acme/model@b'
    await relay(call, deps)
    expect(meter.extended).toEqual(['acme/model@b', 'acme/model@c'])
    expect(sink.content).toBe(WHOLE)
    expect(b.requests).toHaveLength(0)
  })
})

function prefixed(assistantPrefix: AssistantPrefix) {
  const wire = { upstreamId: 'upstream-model', maxOutput: null, supportedParameters: null }
  return { target: { wire: { ...wire, quirks: { assistantPrefix } } } }
}
