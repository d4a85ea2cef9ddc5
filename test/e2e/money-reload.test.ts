import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import { chargesIn, expectSound, sqliteBook, standing, topUp } from './rig/books.ts'
import { ask, keepAlive, type Seen } from './rig/client.ts'
import { billing, configOf, marked } from './rig/provider.ts'

/** USD per million completion tokens, one after the other; the prompt is free. */
const PRICES = ['100', '200', '50', '700', '30']
const TOKENS = 10

let provider: FakeUpstream
let gateway: RunningGateway

const config = (completion: string) => configOf([{ id: 'acme', url: provider.url, prompt: '0', completion }])

beforeAll(async () => {
  provider = await billing(({ n }) => ({ delayMs: 20 + (n % 60) }))
  gateway = await startGateway({ config: config(PRICES[0]!) })
  await topUp(gateway, 1_000)
})

afterAll(async () => {
  await gateway.remove()
  await provider.close()
})

it('prices that change under load are those of the moment a request was admitted', async () => {
  const file = join(gateway.dataDir, 'waybill.yaml')
  const agent = keepAlive()
  const seen: Seen[] = []
  let running = true
  let marks = 0
  const client = async () => {
    while (running) {
      const n = ++marks
      seen.push(
        await ask(gateway, marked({ n, prompt: 5, completion: TOKENS }, { stream: n % 2 === 0 }), { agent }),
      )
    }
  }
  const clients = Array.from({ length: 16 }, client)
  for (const price of PRICES.slice(1)) {
    await new Promise((next) => setTimeout(next, 250))
    writeFileSync(file, config(price))
    gateway.process.kill('SIGHUP')
    const from = seen.length
    await expect.poll(() => seen.slice(from).some(({ costNanos }) => costNanos === costAt(price))).toBe(true)
    // One that cannot be read changes nothing and stops nobody.
    writeFileSync(file, `${config(price)}\nnonsense: [`)
    gateway.process.kill('SIGHUP')
  }
  running = false
  await Promise.all(clients)
  agent.destroy()

  expect(seen.filter(({ complete }) => !complete)).toEqual([])
  const book = sqliteBook(gateway.dataDir)
  const charges = await chargesIn(book)
  const frozen = await book.rows(
    'select g.id as id, t.data as data from generations g join tariffs t on t.version = g.tariff_version and t.endpoint_id = g.endpoint_id',
  )
  await book.close()
  const tariffs = new Map(frozen.map(({ id, data }) => [String(id), String(data)]))
  const used = new Set<bigint>()
  for (const { id, costNanos } of seen) {
    expect(charges.get(id)).toBe(costNanos)
    used.add(costNanos!)
    // The tariff that the ledger kept for this call has the price that the client was told.
    expect(tariffs.get(id)).toContain(String((costNanos! * 1_000n) / BigInt(TOKENS)))
  }
  expect([...used].sort()).toEqual(PRICES.map(costAt).sort())
  expect((await standing(gateway)).held).toBe(0n)
  await expectSound(gateway)
}, 40_000)

function costAt(price: string): bigint {
  return BigInt(TOKENS) * BigInt(price) * 1_000n
}
