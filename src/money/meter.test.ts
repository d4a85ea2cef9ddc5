import { describe, expect, it } from 'vitest'
import { GatewayError, NO_USAGE, type Outcome } from '../chat/index.ts'
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
    needed: (endpointId) => (endpointId === 'unknown@x' ? null : 99n),
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

describe('a meter that keeps ahead of its answer', () => {
  const usage = (completionTokens: number) => ({ ...NO_USAGE, completionTokens })
  const streaming = (tokens: number) =>
    ({ attempt: 1, endpointId: 'm@p', phase: 'streaming', usage: usage(tokens) }) as const
  const REFUSED = { kind: 'balance', availableNanos: 0n, neededNanos: 1n } as const

  /** One nano-USD a token, 100 held, five from checkpoint to checkpoint; `free` beside the hold. */
  function watched(free: bigint, most = 10_000n) {
    let held = 100n
    const raises: bigint[] = []
    const said: GatewayError[] = []
    const { meter } = setUp(
      {
        ahead: {
          heldNanos: 100n,
          most: () => most,
          costOf: (_, { completionTokens }) => BigInt(completionTokens),
          step: () => 5n,
          short: () => new GatewayError('payment_required', 'used up'),
        },
      },
      {
        extend: async (_, amount) => {
          const more = amount - held
          if (more > free) return { ok: false, refusal: { ...REFUSED, availableNanos: free } }
          free -= more
          held = amount
          raises.push(amount)
          return { ok: true, durable: Promise.resolve() }
        },
      },
    )
    meter.watch!((error) => said.push(error))
    const at = async (tokens: number) => {
      meter.checkpoint(streaming(tokens))
      await new Promise((resolve) => setImmediate(resolve))
    }
    return { at, raises, said }
  }

  it('raises the hold before the answer reaches it, doubling', async () => {
    const { at, raises, said } = watched(1_000n)
    await at(80)
    expect(raises).toEqual([])
    await at(95)
    expect(raises).toEqual([200n])
    await at(195)
    await at(380)
    await at(395)
    expect(raises).toEqual([200n, 400n, 800n])
    expect(said).toEqual([])
  })

  it('never raises beyond the worst case', async () => {
    const { at, raises } = watched(1_000n, 150n)
    await at(95)
    await at(149)
    expect(raises).toEqual([150n])
  })

  it('takes what is left when that is less, and tells when nothing is', async () => {
    const { at, raises, said } = watched(30n)
    await at(95)
    expect(raises).toEqual([130n])
    await at(115)
    await at(124)
    expect(said).toEqual([])
    await at(126)
    expect(said.map(({ message }) => message)).toEqual(['used up'])
    await at(127)
    expect(said).toHaveLength(2)
  })

  it('leaves a failing store to the settle', async () => {
    const { meter } = setUp(
      {
        ahead: {
          heldNanos: 1n,
          most: () => 9n,
          costOf: () => 5n,
          step: () => 1n,
          short: () => new GatewayError('payment_required', 'never'),
        },
      },
      { extend: () => Promise.reject(new LedgerError('unavailable', 'disk')) },
    )
    meter.watch!(() => expect.unreachable())
    meter.checkpoint(streaming(5))
    await new Promise((resolve) => setImmediate(resolve))
  })
})
