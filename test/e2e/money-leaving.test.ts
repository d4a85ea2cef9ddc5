import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import {
  type BookedCall,
  callsIn,
  expectSound,
  type LedgerBook,
  sqliteBook,
  standing,
  topUp,
} from './rig/books.ts'
import { ask, keepAlive, type Seen } from './rig/client.ts'
import { billing, configOf, marked, rated } from './rig/provider.ts'

vi.setConfig({ testTimeout: 60_000 })

/** DeepSeek stops generating and billing when its connection is closed, Groq does not. */
const STOPS = 'deepseek'
const GOES_ON = 'groq'
const GAP_MS = 10
/** Events with five bytes of text each that a stream here has. */
const EVENTS = 25
const HEAD_MS = 60

let stops: FakeUpstream
let goesOn: FakeUpstream
let gateway: RunningGateway
let book: LedgerBook
let marks = 0

beforeAll(async () => {
  const slow = () => billing(() => ({ delayMs: HEAD_MS, gapMs: GAP_MS }), EVENTS)
  stops = await slow()
  goesOn = await slow()
  const config = configOf([
    { id: STOPS, url: stops.url },
    { id: GOES_ON, url: goesOn.url },
  ])
  gateway = await startGateway({ config })
  book = sqliteBook(gateway.dataDir)
  await topUp(gateway, 100)
})

afterAll(async () => {
  await book.close()
  await gateway.remove()
  await stops.close()
  await goesOn.close()
})

/** Asks one provider, leaves when told, waits for the end of the call in the books. */
async function leave(
  provider: string,
  at: { readonly stream: boolean; readonly events?: number; readonly ms?: number },
): Promise<{ seen: Seen; call: BookedCall; leftAt: number; used: bigint }> {
  const mark = { n: ++marks, prompt: 40, completion: 30 }
  const before = await standing(gateway)
  const known = new Set((await callsIn(book)).keys())
  let leftAt = 0
  const body = marked(mark, { stream: at.stream, provider: { only: [provider] } })
  const agent = keepAlive()
  const asking = ask(gateway, body, {
    agent,
    ...(at.events !== undefined && { leaveAfter: at.events }),
    ...(at.events === undefined && !at.stream && { leaveAfter: at.ms! }),
    onLeave: () => {
      leftAt = performance.now()
    },
  })
  if (at.events === undefined && at.stream) {
    await sleep(at.ms!)
    leftAt = performance.now()
    agent.destroy()
  }
  const seen = await asking
  for (const deadline = performance.now() + 3_000; performance.now() < deadline; await sleep(10)) {
    const call = [...(await callsIn(book)).values()].find(({ id }) => !known.has(id))
    if (call === undefined) continue
    const after = await standing(gateway)
    expect(after.held).toBe(0n)
    return { seen, call, leftAt, used: after.used - before.used }
  }
  throw new Error('the call never ended in the books')
}

const last = (provider: FakeUpstream) => provider.requests.at(-1)!

/** The charge is made at the end mark; the connection may close a moment later. */
async function readToItsEnd(request: FakeUpstream['requests'][number]): Promise<void> {
  await expect.poll(() => request.finished).toBe(true)
  expect(request.abortedAt).toBeNull()
}

describe('a client that leaves a provider which stops billing then', () => {
  it.each([1, 5, 20])('after %i events of a stream pays for what was produced, estimated', async (events) => {
    const { call, leftAt, used, seen } = await leave(STOPS, { stream: true, events })
    const { abortedAt } = last(stops)
    expect(seen.complete).toBe(false)
    expect(abortedAt! - leftAt).toBeLessThan(100)
    expect(call).toMatchObject({ result: 'client_gone', source: 'estimated', cost: used })
    // Four bytes a token: at least what the client has, at most what the provider can have sent.
    expect(call.completionTokens).toBeGreaterThanOrEqual(Math.ceil((events * 5) / 4))
    expect(call.completionTokens).toBeLessThanOrEqual(Math.ceil((Math.min(events + 4, EVENTS) * 5) / 4))
    expect(call.promptTokens).toBeGreaterThan(0)
    expect(used).toBe(rated({ n: 0, prompt: call.promptTokens, completion: call.completionTokens }))
  })

  it.each([true, false])('before anything was produced pays nothing (stream: %s)', async (stream) => {
    const { call, leftAt, used } = await leave(STOPS, { stream, ms: 25 })
    expect(last(stops).abortedAt! - leftAt).toBeLessThan(100)
    expect(call).toMatchObject({ result: 'client_gone', cost: 0n })
    expect(used).toBe(0n)
  })
})

describe('a client that leaves a provider which bills to the end', () => {
  it.each([1, 5, 20])('after %i events of a stream pays what the provider bills', async (events) => {
    const { call, used } = await leave(GOES_ON, { stream: true, events })
    await readToItsEnd(last(goesOn))
    expect(call).toMatchObject({ result: 'client_gone', source: 'provider', cost: used })
    expect(used).toBe(rated({ n: 0, prompt: 40, completion: 30 }))
  })

  it.each([true, false])('before the first byte too (stream: %s)', async (stream) => {
    const { call, used } = await leave(GOES_ON, { stream, ms: 25 })
    await readToItsEnd(last(goesOn))
    expect(call).toMatchObject({ result: 'client_gone', cost: used })
    expect(used).toBe(rated({ n: 0, prompt: 40, completion: 30 }))
  })

  it('is drained for 64 clients at a time; others are cut off and pay for what was produced', async () => {
    const from = goesOn.requests.length
    const before = (await callsIn(book)).size
    const agent = keepAlive()
    const crowd = Array.from({ length: 70 }, () =>
      ask(
        gateway,
        marked({ n: ++marks, prompt: 40, completion: 30 }, { stream: true, provider: { only: [GOES_ON] } }),
        { agent, leaveAfter: 1 },
      ),
    )
    await Promise.all(crowd)
    await sleep(HEAD_MS + (EVENTS + 4) * GAP_MS + 500)
    const crowdRequests = goesOn.requests.slice(from)
    expect(crowdRequests).toHaveLength(70)
    expect(crowdRequests.filter(({ finished }) => finished).length).toBeGreaterThanOrEqual(64)
    const calls = [...(await callsIn(book)).values()].slice(before)
    expect(calls).toHaveLength(70)
    for (const { result, cost, completionTokens, promptTokens } of calls) {
      expect(result).toBe('client_gone')
      expect(cost).toBe(rated({ n: 0, prompt: promptTokens, completion: completionTokens }))
    }
    expect(await expectSound(gateway)).toMatchObject({ held: 0n, open: 0 })
    expect(goesOn.connections).toBeLessThanOrEqual(70)
  })
})

describe('a client that leaves while its request is still being sent', () => {
  it('costs nothing and reaches no provider', async () => {
    const { connect } = await import('node:net')
    const before = [stops.requests.length, goesOn.requests.length, (await standing(gateway)).used]
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    socket.write(
      `POST /api/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${gateway.key}\r\ncontent-length: 5000\r\n\r\n{"model"`,
    )
    await sleep(50)
    socket.destroy()
    await sleep(100)
    const after = await standing(gateway)
    expect([stops.requests.length, goesOn.requests.length, after.used]).toEqual(before)
    expect(after.held).toBe(0n)
  })
})
