import { describe, expect, it } from 'vitest'
import { NO_USAGE } from '../../src/chat/index.ts'
import { LedgerError, type VerifyReport } from '../../src/money/index.ts'
import { ledgerAlerts } from './alerts.ts'
import { ledgerAudit } from './audit.ts'
import { linesOf, useNode } from './node.ts'
import { capOf, ENDPOINT, reserveOf, settleOf, TARIFF, tamper, topUp, type World } from './world.ts'

/** What every ledger does, whatever its engine. */
export function ledgerConformance(make: () => Promise<World>): void {
  describe('holds and charges', () => holdsAndCharges(make))
  describe('credit', () => credits(make))
  describe('recovery', () => recovery(make))
  describe('alerts', () => ledgerAlerts(make))
  describe('audit', () => ledgerAudit(make))
  describe('verification', () => verification(make))
}

function holdsAndCharges(make: () => Promise<World>): void {
  const at = useNode(make)

  it('holds, charges the actual price and frees the rest', async () => {
    const { ledger, org } = await at(100_000_000n)
    expect((await ledger.reserve(reserveOf('a1', {}, org))).ok).toBe(true)
    expect(await ledger.balance(org, 'prepaid')).toMatchObject({
      heldNanos: 10_000_000n,
      availableNanos: 90_000_000n,
    })
    const settled = await ledger.settle(settleOf('a1', 1_000))
    expect(settled).toEqual({
      chargedNanos: 2_000_000n,
      upstreamPromptNanos: 0n,
      upstreamCompletionNanos: 2_000_000n,
      writtenOffNanos: 0n,
    })
    expect(await ledger.balance(org, 'prepaid')).toEqual({
      postedNanos: 98_000_000n,
      heldNanos: 0n,
      availableNanos: 98_000_000n,
      creditedNanos: 100_000_000n,
      usedNanos: 2_000_000n,
    })
  })

  it('refuses a hold that the balance cannot bear, to the nano', async () => {
    const { ledger, org } = await at(10n)
    expect(await ledger.reserve(reserveOf('b1', { amountNanos: 11n }, org))).toEqual({
      ok: false,
      refusal: { kind: 'balance', availableNanos: 10n, neededNanos: 11n },
    })
    expect((await ledger.reserve(reserveOf('b2', { amountNanos: 10n }, org))).ok).toBe(true)
    expect((await ledger.reserve(reserveOf('b3', { amountNanos: 1n }, org))).ok).toBe(false)
  })

  it('lets an unlimited organization run below zero and a test account beside real money', async () => {
    const { ledger, org } = await at(0n)
    await ledger.reserve(reserveOf('c1', { account: 'unlimited' }, org))
    await ledger.settle(settleOf('c1', 50))
    await ledger.reserve(reserveOf('c2', { account: 'test' }, org))
    await ledger.settle(settleOf('c2', 70))
    expect(await ledger.balance(org, 'unlimited')).toMatchObject({
      postedNanos: -100_000n,
      usedNanos: 100_000n,
    })
    expect(await ledger.balance(org, 'test')).toMatchObject({ postedNanos: -140_000n, heldNanos: 0n })
    expect(await ledger.balance(org, 'prepaid')).toMatchObject({ postedNanos: 0n })
  })

  it('holds one id only once', async () => {
    const { ledger, org } = await at(100_000_000n)
    await ledger.reserve(reserveOf('d1', {}, org))
    await expect(ledger.reserve(reserveOf('d1', {}, org))).rejects.toThrow(LedgerError)
    expect(await ledger.balance(org, 'prepaid')).toMatchObject({ heldNanos: 10_000_000n })
  })

  it('raises a hold only as far as balance and cap allow', async () => {
    const { ledger, org } = await at(30_000_000n)
    const held = await ledger.reserve(reserveOf('e1', { limits: [capOf(`${org}-e`, 25_000_000n)] }, org))
    if (held.ok) await held.durable
    expect((await ledger.extend('e1', 20_000_000n)).ok).toBe(true)
    expect((await ledger.extend('e1', 5n)).ok).toBe(true)
    expect(await ledger.extend('e1', 25_000_001n)).toMatchObject({ ok: false, refusal: { kind: 'limit' } })
    expect(await ledger.extend('e1', 30_000_001n)).toMatchObject({ ok: false, refusal: { kind: 'balance' } })
    expect(await ledger.balance(org, 'prepaid')).toMatchObject({ heldNanos: 20_000_000n })
  })

  it('counts a charge against the cap of the window of admission and never passes it', async () => {
    const { ledger, org } = await at(1_000_000_000n)
    const limits = [capOf(org, 15_000_000n, 'daily')]
    expect((await ledger.reserve(reserveOf('f1', { limits }, org))).ok).toBe(true)
    expect(await ledger.reserve(reserveOf('f2', { limits }, org))).toEqual({
      ok: false,
      refusal: {
        kind: 'limit',
        limit: limits[0],
        remainingNanos: 5_000_000n,
        neededNanos: 10_000_000n,
      },
    })
    await ledger.settle(settleOf('f1', 1_000))
    expect(await ledger.limit(limits[0]!)).toEqual({ spentNanos: 2_000_000n, heldNanos: 0n })
    expect((await ledger.reserve(reserveOf('f3', { limits }, org))).ok).toBe(true)
  })

  it('charges what lies beyond the hold from free balance under the cap, the rest to the platform', async () => {
    const { ledger, org } = await at(1_000_000_000n)
    const limits = [capOf(org, 12_000_000n)]
    await ledger.reserve(reserveOf('g1', { limits }, org))
    const settled = await ledger.settle(settleOf('g1', 10_000))
    expect(settled).toMatchObject({ chargedNanos: 12_000_000n, writtenOffNanos: 8_000_000n })
    expect(await ledger.limit(limits[0]!)).toEqual({ spentNanos: 12_000_000n, heldNanos: 0n })
  })

  it('never charges beyond the hold for counts that no model can have', async () => {
    const { ledger, org } = await at(1_000_000_000n)
    await ledger.reserve(reserveOf('h1', {}, org))
    await ledger.reserve(reserveOf('h2', {}, org))
    expect(await ledger.settle(settleOf('h1', 1e18))).toMatchObject({ chargedNanos: 10_000_000n })
    expect(await ledger.settle(settleOf('h2', -5))).toMatchObject({ chargedNanos: 0n })
  })

  it('sees a lowered cap at the next hold', async () => {
    const { ledger, org } = await at(1_000_000_000n)
    await ledger.reserve(reserveOf('i1', { limits: [capOf(org, 50_000_000n)] }, org))
    const lower = [capOf(org, 15_000_000n)]
    expect(await ledger.reserve(reserveOf('i2', { limits: lower }, org))).toMatchObject({
      ok: false,
      refusal: { kind: 'limit', remainingNanos: 5_000_000n },
    })
    const raised = [capOf(org, 20_000_000n)]
    expect((await ledger.reserve(reserveOf('i3', { limits: raised }, org))).ok).toBe(true)
  })

  it('charges a hold once however often it is settled', async () => {
    const { ledger, org } = await at(100_000_000n)
    await ledger.reserve(reserveOf('j1', {}, org))
    const both = await Promise.all([ledger.settle(settleOf('j1', 100)), ledger.settle(settleOf('j1', 900))])
    expect(both[1]).toEqual(both[0])
    expect(await ledger.settle(settleOf('j1', 500))).toEqual(both[0])
    expect(await ledger.balance(org, 'prepaid')).toMatchObject({ usedNanos: 200_000n })
  })

  it('charges nothing after a release, and releases nothing after a settle', async () => {
    const { ledger, org } = await at(100_000_000n)
    await ledger.reserve(reserveOf('k1', {}, org))
    await ledger.release('k1', Date.now(), null)
    await ledger.release('k1', Date.now(), null)
    await expect(ledger.settle(settleOf('k1', 100))).rejects.toMatchObject({ fault: 'released' })
    await expect(ledger.settle(settleOf('k-none', 100))).rejects.toMatchObject({ fault: 'unknown_hold' })
    await ledger.reserve(reserveOf('k2', {}, org))
    await ledger.settle(settleOf('k2', 100))
    await ledger.release('k2', Date.now(), null)
    expect(await ledger.balance(org, 'prepaid')).toMatchObject({ heldNanos: 0n, usedNanos: 200_000n })
  })

  it('charges nothing for a zero completion and books the price to the insurance', async () => {
    const { ledger, store, org } = await at(100_000_000n)
    await ledger.reserve(reserveOf('l1', {}, org))
    const settled = await ledger.settle(settleOf('l1', 100, { charge: false }))
    expect(settled.chargedNanos).toBe(0n)
    const lines = await linesOf(store, 'l1')
    expect(lines).toEqual([
      ['platform:insurance', -200_000n],
      ['payable:acme', 200_000n],
    ])
  })

  it('books what a rescue cost beyond the charge to the insurance, each provider at its own tariff', async () => {
    const { ledger, store, org } = await at(100_000_000n)
    const dearer = { ...TARIFF, version: 'other', completion: 5_000_000n }
    const tariffs = new Map([
      [ENDPOINT, TARIFF],
      ['m/x@other', dearer],
    ])
    await ledger.reserve(reserveOf('r1', { tariffs }, org))
    const usage = (completionTokens: number) => ({ ...NO_USAGE, completionTokens })
    const settled = await ledger.settle(
      settleOf('r1', 100, {
        upstream: [
          { endpointId: 'm/x@other', providerId: 'other', usage: usage(40) },
          { endpointId: ENDPOINT, providerId: 'acme', usage: usage(100) },
        ],
      }),
    )
    expect(settled).toMatchObject({ chargedNanos: 200_000n, upstreamCompletionNanos: 200_000n })
    expect(await linesOf(store, 'r1')).toEqual([
      [`org:${org}:credit`, -200_000n],
      ['rev:usage', 200_000n],
      ['cost:acme', -200_000n],
      ['platform:insurance', -200_000n],
      ['payable:other', 200_000n],
      ['payable:acme', 200_000n],
    ])
    expect(await ledger.verify()).toMatchObject({ ok: true })
  })

  it('says null, not zero, where the price is unknown', async () => {
    const { ledger, org } = await at(0n)
    const tariffs = new Map([[ENDPOINT, null]])
    await ledger.reserve(reserveOf('m1', { account: 'unlimited', amountNanos: 0n, tariffs }, org))
    expect(await ledger.settle(settleOf('m1', 100))).toMatchObject({
      chargedNanos: null,
      upstreamPromptNanos: null,
    })
  })

  it('charges the price of the admission although the price list changed', async () => {
    const { ledger, org } = await at(100_000_000n)
    await ledger.reserve(reserveOf('n1', {}, org))
    const dearer = { ...TARIFF, version: 'two', completion: 9_000_000n }
    await ledger.reserve(reserveOf('n2', { tariffs: new Map([[ENDPOINT, dearer]]) }, org))
    expect(await ledger.settle(settleOf('n1', 100))).toMatchObject({ chargedNanos: 200_000n })
    expect(await ledger.settle(settleOf('n2', 100))).toMatchObject({ chargedNanos: 900_000n })
  })

  it('refuses one version for two price lists', async () => {
    const { ledger, org } = await at(100_000_000n)
    await ledger.reserve(reserveOf('o1', {}, org))
    const changed = new Map([[ENDPOINT, { ...TARIFF, completion: 1n }]])
    await expect(ledger.reserve(reserveOf('o2', { tariffs: changed }, org))).rejects.toMatchObject({
      fault: 'conflict',
    })
  })

  it('writes the usage row with the charge, its cost filled in', async () => {
    const { ledger, store, org } = await at(100_000_000n)
    await ledger.reserve(reserveOf('p1', {}, org))
    ledger.checkpoint('p1', { attempt: 1, endpointId: ENDPOINT, phase: 'dispatched', usage: null })
    await ledger.settle(settleOf('p1', 100))
    const row = await store.db
      .selectFrom('generations')
      .selectAll()
      .where('id', '=', 'p1')
      .executeTakeFirstOrThrow()
    expect(row).toMatchObject({
      cost_nanos: 200_000n,
      upstream_completion_nanos: 200_000n,
      tariff_version: 'one',
      completion_tokens: 100,
    })
  })

  it('survives a description that fails or holds what a database cannot take', async () => {
    const { ledger, store, org } = await at(100_000_000n)
    await ledger.reserve(reserveOf('q1', {}, org))
    const record = () => {
      throw new Error('no words')
    }
    expect(await ledger.settle(settleOf('q1', 100, { record }))).toMatchObject({ chargedNanos: 200_000n })
    await ledger.reserve(reserveOf('q2', {}, org))
    const generation = await store.db
      .selectFrom('generations')
      .selectAll()
      .where('id', '=', 'q1')
      .executeTakeFirstOrThrow()
    const odd = { ...generation, id: 'q2', user_agent: 'a\0b\ud800', prompt_tokens: 1e18, latency_ms: 1.5 }
    const parts = { attempts: [], waybill: null }
    await ledger.settle(settleOf('q2', 100, { record: { generation: odd, ...parts } }))
    const stored = await store.db
      .selectFrom('generations')
      .select(['user_agent', 'cost_nanos', 'latency_ms'])
      .where('id', '=', 'q2')
      .executeTakeFirst()
    expect(stored).toEqual({ user_agent: 'a\ufffdb\ufffd', cost_nanos: 200_000n, latency_ms: 2 })
  })
}

function credits(make: () => Promise<World>): void {
  const at = useNode(make)
  const command = (organizationId: string, reference: string, amountNanos: bigint) => ({
    organizationId,
    amountNanos,
    source: 'manual',
    reference,
    memo: null,
    now: Date.now(),
  })

  it('credits one reference once, at the same time and later', async () => {
    const { ledger, org } = await at(0n)
    const add = () => ledger.credit(command(org, `${org}-x`, 5n))
    await Promise.all([add(), add(), add()])
    expect(await add()).toMatchObject({ postedNanos: 5n, creditedNanos: 5n })
    await expect(ledger.credit(command(org, `${org}-x`, 6n))).rejects.toMatchObject({ fault: 'conflict' })
  })

  it('corrects down to what is free and no further', async () => {
    const { ledger, org } = await at(20_000_000n)
    await ledger.reserve(reserveOf(`${org}-1`, {}, org))
    await expect(ledger.credit(command(org, `${org}-y`, -10_000_001n))).rejects.toMatchObject({
      fault: 'refused',
    })
    expect(await ledger.credit(command(org, `${org}-z`, -10_000_000n))).toMatchObject({
      availableNanos: 0n,
      creditedNanos: 10_000_000n,
    })
  })

  it('refuses credit that an account could not hold, and goes on', async () => {
    const { ledger, org } = await at(5n)
    const billions = 9_000_000_000_000_000_000n
    await expect(ledger.credit(command(org, `${org}-much`, billions))).rejects.toMatchObject({
      fault: 'overflow',
    })
    expect(await ledger.credit(command(org, `${org}-more`, 1n))).toMatchObject({ postedNanos: 6n })
  })
}

function recovery(make: () => Promise<World>): void {
  it('releases what delivered nothing and settles the last checkpoint of what streamed, once', async () => {
    const world = await make()
    try {
      const first = await world.start()
      await topUp(first.ledger, 100_000_000n)
      for (const id of ['r', 'd', 's', 'z']) {
        await first.ledger.reserve(reserveOf(id, { limits: [capOf('k', 100_000_000n)] }))
      }
      const mark = (phase: 'dispatched' | 'streaming', completionTokens: number) => ({
        attempt: 1,
        endpointId: ENDPOINT,
        phase,
        usage: completionTokens === 0 ? null : { ...NO_USAGE, completionTokens },
      })
      first.ledger.checkpoint('d', mark('dispatched', 0))
      first.ledger.checkpoint('s', mark('streaming', 7))
      first.ledger.checkpoint('s', mark('streaming', 70))
      first.ledger.checkpoint('z', mark('streaming', 0))
      await first.close()
      const second = await world.start()
      expect(await second.ledger.recover(Date.now())).toEqual({ released: 3, settled: 1 })
      expect(await second.ledger.recover(Date.now())).toEqual({ released: 0, settled: 0 })
      expect(await second.ledger.balance('default', 'prepaid')).toMatchObject({
        heldNanos: 0n,
        usedNanos: 140_000n,
      })
      expect(await second.ledger.limit(capOf('k', null))).toEqual({ spentNanos: 140_000n, heldNanos: 0n })
      expect(await second.ledger.settle(settleOf('s', 900))).toMatchObject({ chargedNanos: 140_000n })
      await expect(second.ledger.settle(settleOf('d', 9))).rejects.toMatchObject({ fault: 'released' })
      expect(await second.ledger.verify()).toMatchObject({ ok: true, held_nano: '0', holds_open: 0 })
      await second.close()
    } finally {
      await world.drop()
    }
  })
}

function verification(make: () => Promise<World>): void {
  const cases: readonly [what: string, statement: string, names: string][] = [
    [
      'an entry',
      "update entries set amount_nanos = amount_nanos + 1 where account_id = 'rev:usage'",
      'journals',
    ],
    [
      'two entries that still add up',
      "update entries set amount_nanos = amount_nanos + case account_id when 'rev:usage' then 1 else -1 end where account_id in ('rev:usage', 'org:default:credit') and journal_id in (select id from journals where kind = 'charge')",
      'journals',
    ],
    [
      'a balance',
      "update accounts set posted_nanos = posted_nanos + 1 where id = 'org:default:credit'",
      'accounts org:default:credit',
    ],
    ['a hold', "update holds set amount_nanos = 3 where id = 'open'", 'accounts org:default:credit'],
    ['a limit', 'update limits set spent_nanos = 0', 'limits key k total 0'],
    ['a journal', "update journals set memo = 'forged' where kind = 'topup'", 'journals'],
    ['the registry', "update chains set node = 'other'", 'journals'],
    ['the length of a chain', 'update chains set length = length - 1', 'journals'],
    ['a usage row', "update generations set cost_nanos = 1 where id = 'done'", 'generations done'],
  ]
  for (const [what, statement, names] of cases) {
    it(`names the row when somebody edits ${what}`, async () => {
      const report = await tampered(make, statement)
      expect(report.ok).toBe(false)
      expect(report.faults.map((fault) => fault.row).join('\n')).toContain(names)
    })
  }

  it('finds a journal that was taken out', async () => {
    const report = await tampered(make, "delete from journals where kind = 'topup'")
    expect(report.faults.map((fault) => fault.invariant)).toContain('I10')
  })
}

async function tampered(make: () => Promise<World>, statement: string): Promise<VerifyReport> {
  const world = await make()
  try {
    const node = await world.start()
    await topUp(node.ledger, 100_000_000n)
    const limits = [capOf('k', null)]
    await node.ledger.reserve(reserveOf('open', { limits }))
    await node.ledger.reserve(reserveOf('done', { limits }))
    await node.ledger.settle(settleOf('done', 100))
    expect(await node.ledger.verify()).toMatchObject({
      ok: true,
      faults: [],
      posted_nano: '99800000',
      held_nano: '10000000',
      journals: 2,
      entries: 6,
      holds_open: 1,
    })
    await tamper(node.store, statement)
    const report = await node.ledger.verify()
    await node.close()
    return report
  } finally {
    await world.drop()
  }
}
