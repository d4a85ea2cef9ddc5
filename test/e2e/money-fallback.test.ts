import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, type FakeUpstream, fakeUpstream, json, type Script } from '../upstream/index.ts'
import { expectSound, type LedgerBook, sqliteBook, standing, topUp } from './rig/books.ts'
import { ask, sentence } from './rig/client.ts'
import { configOf, MODEL } from './rig/provider.ts'

vi.setConfig({ testTimeout: 60_000 })

const DOWN = json(503, { error: { message: 'overloaded' } })
const FACTS = { usage: { prompt_tokens: 10, completion_tokens: 50 } }
const UP: Script = chat(['some text'], FACTS)

/** $100, $200 and $500 a million completion tokens: worst cases of about one, two and five cents. */
const PRICES = { cheap: '100', middle: '200', dear: '500' } as const
type Name = keyof typeof PRICES
const NAMES = Object.keys(PRICES) as Name[]

let providers: Record<Name, FakeUpstream>
let gateway: RunningGateway
let book: LedgerBook

beforeAll(async () => {
  providers = { cheap: await fakeUpstream(), middle: await fakeUpstream(), dear: await fakeUpstream() }
})

beforeEach(async () => {
  for (const name of NAMES) providers[name].play(UP)
  await gateway?.remove()
  await book?.close()
  gateway = await startGateway({
    config: configOf(NAMES.map((id) => ({ id, url: providers[id].url, completion: PRICES[id] }))),
  })
  book = sqliteBook(gateway.dataDir)
})

afterAll(async () => {
  await book.close()
  await gateway.remove()
  for (const name of NAMES) await providers[name].close()
})

const request = (order: readonly Name[], stream: boolean) => ({
  model: MODEL,
  messages: [{ role: 'user', content: 'hello' }],
  max_tokens: 100,
  stream,
  provider: { order, only: order },
})

describe.each([true, false])('a fallback to a dearer provider (stream: %s)', (stream) => {
  it('is held for and charged at its own price, once', async () => {
    await topUp(gateway, '0.06')
    let heldAtDear = 0n
    providers.cheap.play(DOWN)
    providers.dear.play({ ...chatStep(stream), delayMs: 200 })
    const from = providers.dear.requests.length
    const asking = ask(gateway, request(['cheap', 'dear'], stream))
    await providers.dear.received(from + 1)
    heldAtDear = (await standing(gateway)).held
    const seen = await asking
    expect(seen.complete).toBe(true)
    expect(seen.text).toContain('"provider":"dear"')
    // 100 tokens at $500 a million.
    expect(heldAtDear).toBeGreaterThan(50_000_000n)
    expect(seen.costNanos).toBe(10n * 1_000n + 50n * 500_000n)
    expect(await standing(gateway)).toMatchObject({ held: 0n, used: seen.costNanos })
    // The failed attempt was no cost to anybody.
    expect(await book.rows("select * from entries where account_id like '%cheap%'")).toEqual([])
    await expectSound(gateway)
  })

  it('is refused with 402 when credit does not cover it, and nothing is charged', async () => {
    await topUp(gateway, '0.03')
    providers.cheap.play(DOWN)
    const from = providers.dear.requests.length
    const seen = await ask(gateway, request(['cheap', 'dear'], stream))
    expect(seen.status).toBe(402)
    expect(sentence(seen)).toMatch(/Credit or a limit does not cover dear\. Add credit/)
    expect(providers.dear.requests).toHaveLength(from)
    await expect.poll(() => standing(gateway)).toMatchObject({ held: 0n, used: 0n, posted: 30_000_000n })
  })

  it('goes on to the next one that credit covers', async () => {
    await topUp(gateway, '0.03')
    providers.cheap.play(DOWN)
    const from = providers.dear.requests.length
    const seen = await ask(gateway, request(['cheap', 'dear', 'middle'], stream))
    expect(seen.complete).toBe(true)
    expect(seen.text).toContain('"provider":"middle"')
    expect(providers.dear.requests).toHaveLength(from)
    expect(seen.costNanos).toBe(10n * 1_000n + 50n * 200_000n)
    expect(await standing(gateway)).toMatchObject({ held: 0n, used: seen.costNanos })
  })

  it('respects the limit of the key as it does the balance', async () => {
    await topUp(gateway, 1)
    const made = await gateway.call('POST', '/keys', { name: 'small', limit: 0.03 }, gateway.operatorKey)
    providers.cheap.play(DOWN)
    const refused = await ask({ url: gateway.url, key: made.body.key }, request(['cheap', 'dear'], stream))
    expect(refused.status).toBe(402)
    const served = await ask({ url: gateway.url, key: made.body.key }, request(['cheap', 'middle'], stream))
    expect(served.complete).toBe(true)
    const { body } = await gateway.call('GET', '/key', undefined, made.body.key)
    expect(body.data.usage).toBe(0.01001)
  })
})

describe('a fallback among models', () => {
  it('to a cheaper provider is charged at the cheaper price', async () => {
    await topUp(gateway, 1)
    providers.dear.play(DOWN)
    const seen = await ask(gateway, request(['dear', 'cheap'], false))
    expect(seen.costNanos).toBe(10n * 1_000n + 50n * 100_000n)
  })
})

function chatStep(stream: boolean) {
  return chat(['some text'], FACTS)({ body: JSON.stringify({ stream }) })
}
