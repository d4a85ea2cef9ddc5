import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import { callsIn, chargesIn, expectSound, sqliteBook, standing, topUp } from './rig/books.ts'
import { ask, keepAlive, type Seen, sentence } from './rig/client.ts'
import { billing, configOf, marked, rated } from './rig/provider.ts'

vi.setConfig({ testTimeout: 60_000 })

let first: FakeUpstream
let second: FakeUpstream
let gateway: RunningGateway

beforeEach(async () => {
  const slow = () => billing(({ n }) => ({ delayMs: n % 20, gapMs: n % 3 }))
  first = await slow()
  second = await slow()
  gateway = await startGateway({
    config: configOf([
      { id: 'first', url: first.url },
      { id: 'second', url: second.url },
    ]),
  })
  await topUp(gateway, 100)
})

afterEach(async () => {
  await gateway.remove()
  await first.close()
  await second.close()
})

/** So many requests over some clients, half of them streamed; `at` is told how many have ended. */
async function run(count: number, clients: number, at: (ended: number) => void = () => {}): Promise<Seen[]> {
  const agent = keepAlive()
  const seen: Seen[] = []
  let next = 0
  const client = async () => {
    while (next < count) {
      const n = next++
      seen.push(
        await ask(gateway, marked({ n, prompt: 20, completion: 10 }, { stream: n % 2 === 0 }), { agent }),
      )
      at(seen.length)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  agent.destroy()
  return seen
}

/** Streams that had begun on a provider when it died are rescued, but for those that its retry budget leaves out. */
const begun = (seen: Seen) => seen.status === 200 && seen.text.includes('"finish_reason":"error"')

describe('a provider that is killed in the middle of a run', () => {
  it('costs no failed request while another one serves the model', async () => {
    let killed: Promise<void> | null = null
    const seen = await run(500, 20, (ended) => {
      if (ended >= 150) killed ??= first.kill()
    })
    await killed
    const failed = seen.filter(({ complete }) => !complete)
    expect(failed.filter((each) => !begun(each))).toEqual([])
    expect(failed.length).toBeLessThanOrEqual(20)
    expect(first.requests.length).toBeGreaterThan(20)
    expect(second.requests.length).toBeGreaterThan(300)
    const book = sqliteBook(gateway.dataDir)
    const [charges, calls] = [await chargesIn(book), await callsIn(book)]
    await book.close()
    const complete = seen.filter((each) => each.complete)
    const price = rated({ n: 0, prompt: 20, completion: 10 })
    // Killed between the end of an answer and its usage, the provider leaves a whole answer to be estimated.
    const estimated = complete.filter(({ id }) => calls.get(id)?.source === 'estimated')
    expect(estimated.length).toBeLessThanOrEqual(20)
    for (const one of complete)
      expect(charges.get(one.id)).toBe(estimated.includes(one) ? one.costNanos : price)
    expect(charges.size).toBe(complete.length)
    expect(await expectSound(gateway)).toMatchObject({ held: 0n, open: 0 })
  })
})

describe('all providers dead', () => {
  it('is told within a second, costs nothing, and is over when one is back', async () => {
    await Promise.all([first.kill(), second.kill()])
    const seen = await run(200, 20)
    for (const each of seen) {
      expect(each.status).toBeGreaterThanOrEqual(502)
      expect(each.ms).toBeLessThan(1_000)
      expect(sentence(each)).toMatch(/No connection could be made|first|second/)
    }
    await expect.poll(() => standing(gateway)).toMatchObject({ held: 0n, used: 0n })
    await second.revive()
    const back = performance.now()
    let answer: Seen
    do [answer] = (await run(1, 1)) as [Seen]
    while (!answer.complete && performance.now() - back < 30_000)
    expect(answer.complete).toBe(true)
    expect(performance.now() - back).toBeLessThan(5_000)
    await expectSound(gateway)
  }, 60_000)
})
