import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chatEvents, type FakeUpstream, fakeUpstream, sse } from '../upstream/index.ts'
import { chargesIn, expectSound, sqliteBook, standing, topUp } from './rig/books.ts'
import { ask, keepAlive } from './rig/client.ts'
import { configOf, MODEL } from './rig/provider.ts'

const STALLS = 200
const FIRST_TOKEN_S = 1
const IDLE_S = 2

let provider: FakeUpstream
let gateway: RunningGateway

beforeAll(async () => {
  provider = await fakeUpstream()
  gateway = await startGateway({
    config: configOf(
      [{ id: 'acme', url: provider.url }],
      `retries: 0\ntimeouts: { first_token: ${FIRST_TOKEN_S}s, idle: ${IDLE_S}s }\n`,
    ),
  })
  await topUp(gateway, 1_000)
})

afterAll(async () => {
  await gateway.remove()
  await provider.close()
})

const body = { model: MODEL, max_tokens: 100, stream: true, messages: [{ role: 'user', content: 'hi' }] }

describe(`${STALLS} streams whose provider falls silent`, () => {
  it('in the middle end in an error at the idle limit, cost nothing and leave nothing open', async () => {
    provider.play(sse(chatEvents(['some ', 'text']).slice(0, 3), { ending: 'stall' }))
    const agent = keepAlive()
    const stalled = async () => {
      let textAt = 0
      const onData = (piece: string) => {
        if (piece.includes('some ')) textAt = performance.now()
      }
      const seen = await ask(gateway, body, { agent, onData })
      return { ...seen, ms: performance.now() - textAt }
    }
    const seen = await Promise.all(Array.from({ length: STALLS }, stalled))
    agent.destroy()
    for (const { status, complete, text, ms } of seen) {
      expect({ status, complete }).toEqual({ status: 200, complete: false })
      expect(text).toContain('"finish_reason":"error"')
      expect(text).toContain('some ')
      expect(ms).toBeGreaterThan(IDLE_S * 1_000 - 500)
      expect(ms).toBeLessThan(IDLE_S * 1_000 + 2_000)
    }
    await closed()
  }, 30_000)

  it('before the first byte are told so at its limit', async () => {
    // Another gateway: the breaker of this one remembers.
    await gateway.restart().then((again) => {
      gateway = again
    })
    provider.play({ act: 'hang' })
    const agent = keepAlive()
    const seen = await Promise.all(Array.from({ length: STALLS }, () => ask(gateway, body, { agent })))
    agent.destroy()
    for (const { status, ms, text } of seen) {
      expect(status).toBeGreaterThanOrEqual(502)
      expect(ms).toBeLessThan(FIRST_TOKEN_S * 1_000 + 2_500)
      expect(JSON.parse(text).error.message).toMatch(/acme/)
    }
    await closed()
  }, 30_000)
})

/** Sockets to the provider are closed, nothing is held, nothing was charged. */
async function closed(): Promise<void> {
  await expect.poll(() => provider.connections, { timeout: 2_000 }).toBe(0)
  await expect.poll(() => standing(gateway)).toMatchObject({ held: 0n, used: 0n })
  expect(await expectSound(gateway)).toMatchObject({ held: 0n, open: 0 })
  const book = sqliteBook(gateway.dataDir)
  expect((await chargesIn(book)).size).toBe(0)
  await book.close()
}
