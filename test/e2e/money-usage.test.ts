import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chatEvents, type FakeUpstream, fakeUpstream, json, type Script, sse } from '../upstream/index.ts'
import { chatReply } from '../upstream/openai-chat.ts'
import {
  type BookedCall,
  callsIn,
  expectSound,
  type LedgerBook,
  sqliteBook,
  standing,
  topUp,
} from './rig/books.ts'
import { ask, type Seen } from './rig/client.ts'
import { configOf, marked, rated } from './rig/provider.ts'

vi.setConfig({ testTimeout: 60_000 })

let provider: FakeUpstream
let gateway: RunningGateway
let book: LedgerBook

beforeAll(async () => {
  provider = await fakeUpstream()
  const config = configOf([{ id: 'acme', url: provider.url }], 'retries: 0\n')
  gateway = await startGateway({ config })
  book = sqliteBook(gateway.dataDir)
  await topUp(gateway, 100)
})

beforeEach(async () => {
  // What the last case did to the breaker is no part of the next one.
  provider.play(sse(chatEvents(['ok'])))
  for (let i = 0; i < 50; i++) {
    const seen = await ask(gateway, marked({ n: 0, prompt: 0, completion: 0 }, { stream: true }))
    if (seen.complete) return
    await new Promise((next) => setTimeout(next, 200))
  }
  throw new Error('the provider did not come back')
})

afterAll(async () => {
  const end = await expectSound(gateway)
  expect(end).toMatchObject({ held: 0n, open: 0 })
  await book.close()
  await gateway.remove()
  await provider.close()
})

interface Outcome {
  readonly seen: Seen
  readonly call: BookedCall
  readonly used: bigint
  readonly insured: bigint
  readonly writtenOff: bigint
}

/** Plays the provider's part once and looks into all books. */
async function charge(script: Script, stream: boolean, more: object = {}): Promise<Outcome> {
  provider.play(script)
  const before = await standing(gateway)
  const [insured, writtenOff] = [await posted('platform:insurance'), await posted('platform:writeoff')]
  const seen = await ask(gateway, marked({ n: 1, prompt: 0, completion: 0 }, { stream, ...more }))
  // A refusal is told at once; its row is written just after.
  const call = await vi.waitUntil(async () => (await callsIn(book)).get(seen.id))
  const after = await standing(gateway)
  expect(after.held).toBe(0n)
  const used = after.used - before.used
  expect(call.cost ?? 0n).toBe(used)
  if (seen.costNanos !== null) expect(seen.costNanos).toBe(used)
  return {
    seen,
    call,
    used,
    insured: insured - (await posted('platform:insurance')),
    writtenOff: writtenOff - (await posted('platform:writeoff')),
  }
}

async function posted(account: string): Promise<bigint> {
  const [row] = await book.rows(`select posted_nanos as nanos from accounts where id = '${account}'`)
  return BigInt(String(row?.['nanos'] ?? 0))
}

const price = (prompt: number, completion: number) => rated({ n: 0, prompt, completion })
const TEXT = ['twelve bytes', ' and twelve.']
const usage = (prompt: number, completion: number) =>
  `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion } })}\n\n`
const DONE = 'data: [DONE]\n\n'
const DELTA = '"delta":{"role":"assistant","content":""},"finish_reason":null}]'

/** The usage object put into the event that `part` is found in. */
function usageAt(part: string, prompt: number, completion: number): string[] {
  const events = chatEvents(TEXT, { usage: null })
  const at = events.findIndex((event) => event.includes(part))
  expect(at).toBeGreaterThanOrEqual(0)
  events[at] = events[at]!.replace(
    /\}\n\n$/,
    `,"usage":{"prompt_tokens":${prompt},"completion_tokens":${completion}}}\n\n`,
  )
  return events
}

describe('a provider that reports no usage', () => {
  it.each([true, false])('is billed by what was received, and that is said (stream: %s)', async (stream) => {
    const script = stream ? sse(chatEvents(TEXT, { usage: null })) : chatReply(TEXT.join(''), { usage: null })
    const { seen, call, used } = await charge(script, stream)
    expect(seen.complete).toBe(true)
    expect(call).toMatchObject({ source: 'estimated', completionTokens: 6 })
    expect(call.promptTokens).toBeGreaterThan(0)
    expect(used).toBe(price(call.promptTokens, 6))
  })

  it('has its usage taken for nothing when it comes after the end mark', async () => {
    const events = [...chatEvents(TEXT, { usage: null }), usage(10, 90)]
    const { seen, call, used } = await charge(sse(events), true)
    expect(seen.complete).toBe(true)
    expect(call).toMatchObject({ source: 'estimated', completionTokens: 6 })
    expect(used).toBe(price(call.promptTokens, 6))
  })
})

describe('a provider that reports zeros', () => {
  it.each([true, false])('is taken at its word (stream: %s)', async (stream) => {
    const none = { prompt_tokens: 0, completion_tokens: 0 }
    const script = stream ? sse(chatEvents(TEXT, { usage: none })) : chatReply(TEXT.join(''), { usage: none })
    const { seen, call, used } = await charge(script, stream)
    expect(seen.complete).toBe(true)
    expect(call).toMatchObject({ source: 'provider', promptTokens: 0, completionTokens: 0 })
    expect(used).toBe(0n)
  })
})

describe('a provider that reports its usage oddly', () => {
  it('twice is billed by the last', async () => {
    const events = chatEvents(TEXT, { usage: null, done: false })
    const { used } = await charge(sse([...events, usage(10, 5), usage(10, 20), DONE]), true)
    expect(used).toBe(price(10, 20))
  })

  it('cumulatively with every chunk is billed by the last', async () => {
    const events = chatEvents(TEXT, { usage: null, done: false })
    const growing = events.flatMap((event, at) => [event, usage(10, at)])
    const { used } = await charge(sse([...growing, DONE]), true)
    expect(used).toBe(price(10, events.length - 1))
  })

  it.each([
    ['in the first chunk', DELTA],
    ['beside text', 'twelve bytes'],
    ['beside the finish', '"finish_reason":"stop"'],
  ])('%s is billed by it', async (_, part) => {
    const { seen, used } = await charge(sse(usageAt(part, 10, 20)), true)
    expect(seen.complete).toBe(true)
    expect(used).toBe(price(10, 20))
    expect(seen.text.match(/"usage"/g)).toHaveLength(1)
  })

  it('late, after the finish, is waited for', async () => {
    const events = [...chatEvents(TEXT, { usage: null, done: false }), usage(10, 20), DONE]
    const { used } = await charge(sse(events, { gapMs: 250 }), true)
    expect(used).toBe(price(10, 20))
  })
})

describe('a provider that reports nonsense', () => {
  /** 100 completion tokens and a short prompt. */
  const HOLD = price(0, 100) + 300_000n

  it.each([true, false])('below zero is billed by what was received (stream: %s)', async (stream) => {
    const wrong = { prompt_tokens: -10, completion_tokens: -5_000 }
    const script = stream
      ? sse(chatEvents(TEXT, { usage: wrong }))
      : chatReply(TEXT.join(''), { usage: wrong })
    const { seen, call, used } = await charge(script, stream)
    expect(seen.complete).toBe(true)
    expect(used).toBe(price(call.promptTokens, call.completionTokens))
    expect(call).toMatchObject({ source: 'estimated', completionTokens: 6 })
  })

  it.each([
    ['a quintillion tokens', 1e18],
    ['more than any model reads', 200_000_000],
  ])('as %s never costs more than the hold', async (_, tokens) => {
    const wrong = { prompt_tokens: 10, completion_tokens: tokens }
    for (const stream of [true, false]) {
      const script = stream ? sse(chatEvents(TEXT, { usage: wrong })) : chatReply('x', { usage: wrong })
      const { seen, used } = await charge(script, stream)
      expect(seen.complete).toBe(true)
      expect(used).toBeGreaterThanOrEqual(0n)
      expect(used).toBeLessThanOrEqual(HOLD)
    }
  })

  it.each([
    ['words', '"many"'],
    ['null', 'null'],
    ['a list', '[1]'],
    ['a fraction', '2.5'],
  ])('in %s never ends in a charge below zero or above the hold', async (_, value) => {
    const events = chatEvents(TEXT, { usage: null, done: false })
    const odd = usage(10, 0).replace('"completion_tokens":0', `"completion_tokens":${value}`)
    const { seen, used } = await charge(sse([...events, odd, DONE]), true)
    expect(seen.complete).toBe(true)
    expect(used).toBeGreaterThan(0n)
    expect(used).toBeLessThanOrEqual(HOLD)
  })
})

describe('an answer that is an error', () => {
  it('inside a 200 costs nothing and is no success', async () => {
    const { seen, used } = await charge(json(200, { error: { message: 'backend down', code: 500 } }), false)
    expect(seen.status).toBe(502)
    expect(used).toBe(0n)
  })

  it('as the first event costs nothing and is no success', async () => {
    const { seen, used } = await charge(
      sse('data: {"error":{"message":"backend down","code":503}}\n\n'),
      true,
    )
    expect(seen.status).toBeGreaterThanOrEqual(502)
    expect(used).toBe(0n)
  })

  it('after some text ends in an error and costs nothing', async () => {
    const events = chatEvents(TEXT, { usage: null, done: false }).slice(0, 3)
    const error = 'data: {"error":{"message":"backend down","code":500}}\n\n'
    const { seen, call, used, insured } = await charge(
      // Apart, so that the text is on its way when the error comes.
      sse([...events, error, DONE], { gapMs: 150 }),
      true,
    )
    expect(seen).toMatchObject({ status: 200, complete: false })
    expect(seen.text).toContain('"finish_reason":"error"')
    expect(call.result).toBe('failed')
    expect(used).toBe(0n)
    // The provider may bill what it wrote: that is ours.
    expect(insured).toBeGreaterThan(0n)
  })

  it('by its finish reason costs nothing', async () => {
    for (const stream of [true, false]) {
      const facts = { finish: 'error', usage: { prompt_tokens: 10, completion_tokens: 6 } }
      const script = stream ? sse(chatEvents(TEXT, facts)) : chatReply(TEXT.join(''), facts)
      const { seen, used } = await charge(script, stream)
      expect(seen.complete).toBe(false)
      expect(used).toBe(0n)
    }
  })

  it('cut in the middle ends in an error and costs nothing', async () => {
    const events = chatEvents(TEXT).slice(0, 3)
    const { seen, used } = await charge(sse(events, { ending: 'cut' }), true)
    expect(seen.complete).toBe(false)
    expect(seen.text).toContain('"error":')
    expect(used).toBe(0n)
  })
})

describe('an empty answer', () => {
  it('that never says why it ended costs nothing', async () => {
    const events = chatEvents([], { usage: { prompt_tokens: 10, completion_tokens: 0 } })
    const unfinished = events.filter((event) => !event.includes('"finish_reason":"stop"'))
    const { seen, used } = await charge(sse(unfinished), true)
    expect(seen.complete).toBe(false)
    expect(used).toBe(0n)
  })

  it.each([true, false])('that ends by itself costs its prompt (stream: %s)', async (stream) => {
    const facts = { usage: { prompt_tokens: 10, completion_tokens: 0 } }
    const { seen, used } = await charge(stream ? sse(chatEvents([], facts)) : chatReply('', facts), stream)
    expect(seen.complete).toBe(true)
    expect(used).toBe(price(10, 0))
  })
})

describe('a bill above the worst case', () => {
  it('is paid from free credit, never below zero; the rest is written off', async () => {
    const poor = await startGateway({ config: configOf([{ id: 'acme', url: provider.url }]) })
    const own = sqliteBook(poor.dataDir)
    try {
      // One hold of a cent and a little, and half a cent beside it.
      await topUp(poor, '0.015')
      const facts = { usage: { prompt_tokens: 10, completion_tokens: 400 } }
      provider.play(sse(chatEvents(TEXT, facts)))
      const seen = await ask(poor, marked({ n: 1, prompt: 0, completion: 0 }, { stream: true }))
      expect(seen).toMatchObject({ complete: true, costNanos: 15_000_000n })
      expect(await standing(poor)).toMatchObject({ posted: 0n, held: 0n, used: 15_000_000n })
      const [row] = await own.rows(
        "select posted_nanos as nanos from accounts where id = 'platform:writeoff'",
      )
      expect(BigInt(String(row!['nanos']))).toBe(15_000_000n - price(10, 400))
      await expectSound(poor)
    } finally {
      await own.close()
      await poor.remove()
    }
  })
})
