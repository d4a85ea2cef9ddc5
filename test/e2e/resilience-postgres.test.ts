import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { hasPostgres } from '../harness/postgres.ts'
import { createPostgres, type PostgresServer } from '../harness/postgres-server.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import { callsIn, chargesIn, expectSound, postgresBook, standing, topUp } from './rig/books.ts'
import { ask, keepAlive, type Seen } from './rig/client.ts'
import { billing, configOf, marked, rated } from './rig/provider.ts'

const CHARGE = rated({ n: 0, prompt: 20, completion: 10 })

describe.skipIf(!hasPostgres)('gateways on Postgres', () => {
  let postgres: PostgresServer
  let provider: FakeUpstream
  let first: RunningGateway
  let second: RunningGateway
  let gapMs = 0
  let marks = 0

  beforeEach(async () => {
    gapMs = 0
    postgres = await createPostgres()
    provider = await billing(() => ({ gapMs }), 20)
    const config = `database: "${postgres.url('postgres')}"\n${configOf([{ id: 'acme', url: provider.url }])}`
    first = await startGateway({ config })
    second = await startGateway({ config })
    await topUp(first, 100)
  })

  afterEach(async () => {
    await first.remove()
    await second.remove()
    await provider.close()
    await postgres.remove()
  })

  /** The second one, with the only key that there is. */
  const other = () => ({ url: second.url, key: first.key })
  const mark = () => ({ n: ++marks, prompt: 20, completion: 10 })

  it('outlive an outage of it: 503 meanwhile, streams that ran are billed or end in an error, then all goes on', async () => {
    const agent = keepAlive()
    gapMs = 60
    // Over in 1.5 s: after the outage has begun, before it ends.
    const streams = Array.from({ length: 20 }, () => ask(first, marked(mark(), { stream: true }), { agent }))
    await provider.received(20)
    await sleep(300)
    const made = await first.call('POST', '/keys', { name: 'new' }, first.operatorKey)
    await postgres.stop('immediate')
    gapMs = 0
    const during: Seen[] = []
    const outage = performance.now()
    while (performance.now() - outage < 3_000) {
      during.push(...(await Promise.all([ask(first, marked(mark())), ask(other(), marked(mark()))])))
      await sleep(100)
    }
    // The other gateway may not have heard of this key yet: that is no reason to call it wrong.
    const unheard = await ask({ url: second.url, key: made.body.key }, marked(mark()))
    for (const { status, text, ms } of [...during, unheard]) {
      expect(status).toBe(503)
      expect(text).toMatch(/ledger|database/)
      expect(ms).toBeLessThan(5_000)
    }
    expect((await fetch(`${first.url}/health`)).status).toBe(200)
    for (const path of ['/credits', '/keys', '/admin/credits', '/admin/ledger/verify']) {
      const told = await first.call('GET', path, undefined, first.operatorKey)
      expect(told.status, path).toBe(503)
      expect(told.headers.get('retry-after'), path).toBe('1')
    }
    const ended = await Promise.all(streams)
    await postgres.start()
    const back = performance.now()
    for (const gateway of [first, other()])
      while (!(await ask(gateway, marked(mark()))).complete) {
        expect(performance.now() - back).toBeLessThan(5_000)
        await sleep(50)
      }
    agent.destroy()

    await expect.poll(() => standing(first), { timeout: 10_000 }).toMatchObject({ held: 0n })
    expect(await expectSound(second)).toMatchObject({ held: 0n, open: 0 })
    const book = await postgresBook(postgres.url('postgres'))
    const charges = await chargesIn(book)
    await book.close()
    for (const { id, complete } of ended) expect(charges.get(id) ?? 0n).toBe(complete ? CHARGE : 0n)
    for (const { id } of during) expect(charges.has(id)).toBe(false)
  }, 60_000)

  it('resolve the holds of one that was killed', async () => {
    gapMs = 400
    const streams = Array.from({ length: 10 }, () => ask(first, marked(mark(), { stream: true })))
    await provider.received(10)
    await sleep(2_500)
    await first.kill()
    const seen = await Promise.all(streams)
    expect(seen.some(({ complete }) => complete)).toBe(false)
    expect((await standing(second)).held).toBeGreaterThan(0n)
    await expect
      .poll(() => standing(second).then(({ held }) => held), { timeout: 60_000, interval: 500 })
      .toBe(0n)
    expect(await expectSound(second)).toMatchObject({ held: 0n, open: 0 })
    const book = await postgresBook(postgres.url('postgres'))
    const charges = await chargesIn(book)
    const calls = await callsIn(book)
    await book.close()
    // What had been streamed is charged by its last checkpoint.
    expect(charges.size).toBe(10)
    for (const [id, nanos] of charges) {
      const { promptTokens, completionTokens, source } = calls.get(id)!
      expect(source).toBe('estimated')
      expect(completionTokens).toBeGreaterThan(0)
      expect(nanos).toBe(rated({ n: 0, prompt: promptTokens, completion: completionTokens }))
    }
  }, 90_000)
})
