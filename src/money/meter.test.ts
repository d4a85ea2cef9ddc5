import { describe, expect, it } from 'vitest'
import { NO_USAGE, type Outcome } from '../chat/index.ts'
import { type Ledger, LedgerError, type SettleCommand } from './ledger.ts'
import { createMeter, type MeterEnd, type MeterOptions } from './meter.ts'

const RESULT = {
  chargedNanos: 7n,
  upstreamPromptNanos: 3n,
  upstreamCompletionNanos: 4n,
  writtenOffNanos: 0n,
}
const outcome = (over: Partial<Outcome> = {}): Outcome => ({
  attempt: 1,
  usage: { ...NO_USAGE, completionTokens: 5 },
  result: 'complete',
  ...over,
})
const dispatched = (attempt: number, endpointId: string) =>
  ({ attempt, endpointId, phase: 'dispatched', usage: null }) as const

function setUp(over: Partial<MeterOptions> = {}, ledger: Partial<Ledger> = {}) {
  const calls: unknown[][] = []
  const ends: MeterEnd[] = []
  const fake: Partial<Ledger> = {
    extend: async (...args) => {
      calls.push(['extend', ...args])
      return { ok: true, durable: Promise.resolve() }
    },
    checkpoint: (...args) => void calls.push(['checkpoint', ...args]),
    settle: async (command: SettleCommand) => {
      calls.push(['settle', command])
      if (typeof command.record === 'function') command.record(RESULT)
      return RESULT
    },
    release: async (id, now, record) => {
      calls.push(['release', id, now])
      if (typeof record === 'function') record(RESULT)
    },
    ...ledger,
  }
  const meter = createMeter(fake as Ledger, {
    holdId: 'gen-1',
    held: Promise.resolve(),
    worstCase: (endpointId) => (endpointId === 'unknown@x' ? null : 99n),
    now: () => 42,
    record: (end) => {
      ends.push(end)
      return null
    },
    ...over,
  })
  return { meter, calls, ends }
}

describe('a meter', () => {
  it('settles on the endpoint of the attempt that served', async () => {
    const { meter, calls, ends } = setUp()
    meter.checkpoint(dispatched(1, 'm@first'))
    meter.checkpoint(dispatched(2, 'm@second/eu'))
    expect(await meter.settle(outcome({ attempt: 2 }))).toEqual({
      costNanos: 7n,
      upstreamPromptNanos: 3n,
      upstreamCompletionNanos: 4n,
      isByok: false,
    })
    expect(calls.at(-1)![1]).toMatchObject({
      id: 'gen-1',
      endpointId: 'm@second/eu',
      providerId: 'second',
      charge: true,
      now: 42,
    })
    expect(ends).toEqual([{ type: 'settled', outcome: outcome({ attempt: 2 }), charge: RESULT }])
  })

  it('names the endpoint and the provider of every attempt that worked for the answer', async () => {
    const { meter, calls } = setUp()
    meter.checkpoint(dispatched(1, 'm@first'))
    meter.checkpoint(dispatched(2, 'm@second/eu'))
    const usage = { ...NO_USAGE, completionTokens: 2 }
    const upstream = [
      { attempt: 1, usage },
      { attempt: 2, usage: NO_USAGE },
    ]
    await meter.settle(outcome({ attempt: 2, upstream }))
    expect(calls.at(-1)![1]).toMatchObject({
      upstream: [
        { endpointId: 'm@first', providerId: 'first', usage },
        { endpointId: 'm@second/eu', providerId: 'second', usage: NO_USAGE },
      ],
    })
  })

  it('charges a client that left but not a failure', async () => {
    for (const [result, charge] of [
      ['client_gone', true],
      ['failed', false],
    ] as const) {
      const { meter, calls } = setUp()
      meter.checkpoint(dispatched(1, 'm@p'))
      await meter.settle(outcome({ result }))
      expect(calls.at(-1)![1]).toMatchObject({ charge })
    }
  })

  it('settles once, and a release after it does nothing', async () => {
    const { meter, calls, ends } = setUp()
    const [a, b] = await Promise.all([meter.settle(outcome()), meter.settle(outcome({ result: 'failed' }))])
    expect(b).toBe(a)
    await meter.release('late')
    expect(calls.map(([name]) => name)).toEqual(['settle'])
    expect(ends).toHaveLength(1)
  })

  it('charges nothing after a release', async () => {
    const { meter, calls, ends } = setUp()
    await Promise.all([meter.release('all failed'), meter.release('again')])
    expect(await meter.settle(outcome())).toMatchObject({ costNanos: 0n })
    meter.checkpoint(dispatched(1, 'm@p'))
    expect(calls).toEqual([['release', 'gen-1', 42]])
    expect(ends).toEqual([{ type: 'released', reason: 'all failed' }])
  })

  it('extends to the worst case of an endpoint and says no when money does', async () => {
    const refusal = { kind: 'balance', availableNanos: 1n, neededNanos: 2n } as const
    const { meter, calls } = setUp()
    expect(await meter.extend('m@p')).toBe(true)
    expect(await meter.extend('unknown@x')).toBe(true)
    expect(calls).toEqual([['extend', 'gen-1', 99n]])
    const poor = setUp({}, { extend: async () => ({ ok: false, refusal }) })
    expect(await poor.meter.extend('m@p')).toBe(false)
  })

  it('fails when the store does, and then frees quietly', async () => {
    const broken = async () => {
      throw new LedgerError('unavailable', 'disk')
    }
    const message = 'disk'
    const { meter } = setUp(
      {},
      { settle: broken, extend: async () => ({ ok: false, refusal: { kind: 'unavailable', message } }) },
    )
    await expect(meter.extend('m@p')).rejects.toMatchObject({ fault: 'unavailable' })
    await expect(meter.settle(outcome())).rejects.toMatchObject({ fault: 'unavailable' })
    await meter.release('failed')
  })
})
