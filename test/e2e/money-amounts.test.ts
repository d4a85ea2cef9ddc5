import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import { expectSound, standing, topUp } from './rig/books.ts'
import { ask } from './rig/client.ts'
import { billing, configOf, marked } from './rig/provider.ts'

vi.setConfig({ testTimeout: 60_000 })

let provider: FakeUpstream
let gateway: RunningGateway

beforeAll(async () => {
  provider = await billing()
  gateway = await startGateway({ config: configOf([{ id: 'acme', url: provider.url }]) })
  await topUp(gateway, 10)
})

afterAll(async () => {
  await gateway.remove()
  await provider.close()
})

describe('an amount that the books cannot hold', () => {
  it.each(['99999999999', '-99999999999', 10_000_000_000, '9223372036.854775808'])(
    'as credit (%s) is refused, and paid requests go on',
    async (amount_usd) => {
      const before = await standing(gateway)
      const told = await gateway.call('POST', '/admin/credits', { amount_usd }, gateway.operatorKey)
      expect(told.status).toBe(400)
      expect(told.body.error.message).toMatch(/"amount_usd".*1,000,000,000/)
      expect(await standing(gateway)).toEqual(before)
      expect((await ask(gateway, marked({ n: 1, prompt: 1, completion: 1 }))).complete).toBe(true)
      expect(gateway.log()).not.toContain('cannot write')
    },
  )

  it('as the limit of a key is refused', async () => {
    const told = await gateway.call(
      'POST',
      '/keys',
      { name: 'rich', limit: 99_999_999_999 },
      gateway.operatorKey,
    )
    expect(told.status).toBe(400)
    expect(told.body.error.message).toMatch(/"limit"/)
  })
})

describe('credit under one reference', () => {
  it('is added once, however often and however concurrently it is sent', async () => {
    const before = await standing(gateway)
    const body = { amount_usd: '2.5', reference: 'invoice-1' }
    const told = await Promise.all(
      Array.from({ length: 20 }, () => gateway.call('POST', '/admin/credits', body, gateway.operatorKey)),
    )
    expect(told.every(({ status }) => status === 201)).toBe(true)
    const other = await gateway.call(
      'POST',
      '/admin/credits',
      { ...body, amount_usd: 3 },
      gateway.operatorKey,
    )
    expect(other.status).toBe(409)
    expect((await standing(gateway)).credited - before.credited).toBe(2_500_000_000n)
    await expectSound(gateway)
  })

  it('can be corrected down to what is held, never below', async () => {
    const { available } = await standing(gateway)
    const all = Number(available) / 1e9
    const tooMuch = await gateway.call(
      'POST',
      '/admin/credits',
      { amount_usd: -(all + 1) },
      gateway.operatorKey,
    )
    expect(tooMuch.status).toBe(402)
    const exact = await gateway.call('POST', '/admin/credits', { amount_usd: -all }, gateway.operatorKey)
    expect(exact.status).toBe(201)
    expect(await standing(gateway)).toMatchObject({ available: 0n, posted: 0n, held: 0n })
    await expectSound(gateway)
  })
})
