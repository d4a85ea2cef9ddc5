import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NO_USAGE, type Tariff, type Usage } from '../chat/index.ts'
import { quote, worstCase } from './price.ts'

const base: Tariff = {
  version: 'v',
  prompt: 150_000n,
  completion: 600_000n,
  cacheRead: null,
  cacheWrite: null,
  cacheWrite1h: null,
  reasoning: null,
  request: 0n,
  tiers: [],
}
const usage = (over: Partial<Usage>): Usage => ({ ...NO_USAGE, ...over })
const nanos = (tariff: Tariff, over: Partial<Usage>, markup = 0n) => quote(tariff, usage(over), markup)!.nanos

describe('a quote', () => {
  it('is the sum of tokens by price, rounded up once', () => {
    expect(nanos(base, { promptTokens: 1_000, completionTokens: 500 })).toBe(450_000n)
    expect(nanos({ ...base, prompt: 1n }, { promptTokens: 1 })).toBe(1n)
    expect(nanos({ ...base, prompt: 1n, completion: 1n }, { promptTokens: 1, completionTokens: 1 })).toBe(1n)
    expect(nanos(base, {})).toBe(0n)
  })

  it('prices cached reads and writes apart, by lifetime', () => {
    const tariff = { ...base, cacheRead: 15_000n, cacheWrite: 187_500n, cacheWrite1h: 300_000n }
    const parts = {
      promptTokens: 1_000,
      cacheReadTokens: 600,
      cacheWriteTokens: 200,
      cacheWrite1hTokens: 100,
    }
    expect(nanos(tariff, parts)).toBe(9_000n + 37_500n + 30_000n + 15_000n)
    expect(nanos({ ...tariff, cacheWrite1h: null }, parts)).toBe(9_000n + 37_500n + 18_750n + 15_000n)
    expect(nanos(base, parts)).toBe(150_000n)
  })

  it('prices reasoning apart where the tariff does', () => {
    const parts = { completionTokens: 100, reasoningTokens: 40 }
    expect(nanos(base, parts)).toBe(60_000n)
    expect(nanos({ ...base, reasoning: 1_000_000n }, parts)).toBe(36_000n + 40_000n)
  })

  it('adds the fee per request even to an empty answer', () => {
    expect(nanos({ ...base, request: 5_000_000n }, {})).toBe(5_000n)
  })

  it('takes a tier only when the prompt is strictly larger', () => {
    const tariff = {
      ...base,
      cacheRead: 15_000n,
      tiers: [
        { minPromptTokens: 200, prompt: 300_000n },
        { minPromptTokens: 400, completion: 900_000n },
      ],
    }
    expect(nanos(tariff, { promptTokens: 200 })).toBe(30_000n)
    expect(nanos(tariff, { promptTokens: 201 })).toBe(60_300n)
    expect(nanos(tariff, { promptTokens: 401, completionTokens: 1, cacheReadTokens: 1 })).toBe(60_915n)
  })

  it('adds the markup before it rounds', () => {
    expect(nanos(base, { promptTokens: 1_000 }, 55_000n)).toBe(158_250n)
    expect(nanos({ ...base, prompt: 1n }, { promptTokens: 1_000 }, 1n)).toBe(2n)
    expect(quote(base, usage({ promptTokens: 1_000 }), 55_000n)!.upstreamNanos).toBe(150_000n)
  })

  it('is null, never zero, when the price is unknown', () => {
    expect(quote(null, NO_USAGE)).toBeNull()
  })

  it('takes nonsense for what it is', () => {
    for (const bad of [-1, Number.NaN, Number.NEGATIVE_INFINITY]) {
      expect(quote(base, usage({ promptTokens: bad, completionTokens: 1 }))).toMatchObject({
        nanos: 600n,
        clamped: true,
      })
    }
    expect(quote(base, usage({ completionTokens: 1e18 }))).toMatchObject({
      nanos: 60_000_000_000n,
      clamped: true,
    })
    expect(quote(base, usage({ completionTokens: Infinity }))!.clamped).toBe(true)
    expect(quote(base, usage({ completionTokens: 5 }))!.clamped).toBe(false)
  })

  it('cuts parts that exceed the whole', () => {
    const tariff = { ...base, cacheRead: 15_000n, cacheWrite: 187_500n, reasoning: 1_000_000n }
    expect(nanos(tariff, { promptTokens: 10, cacheReadTokens: 50, cacheWriteTokens: 50 })).toBe(150n)
    expect(nanos(tariff, { completionTokens: 10, reasoningTokens: 50 })).toBe(10_000n)
  })
})

describe('a worst case', () => {
  it('covers every usage within its bounds, on every tariff', () => {
    fc.assert(
      fc.property(fc.array(tariffs, { minLength: 1, maxLength: 4 }), usages, (list, used) => {
        const size = { promptTokensUpper: used.promptTokens, maxOutput: used.completionTokens }
        const worst = worstCase(list, size)!
        for (const tariff of list) expect(worst >= quote(tariff, used)!.nanos).toBe(true)
      }),
    )
  })

  it('is null when no tariff is known and ignores unknown ones among known', () => {
    const size = { promptTokensUpper: 10, maxOutput: 10 }
    expect(worstCase([null], size)).toBeNull()
    expect(worstCase([null, base], size)).toBe(7_500n)
  })
})

const price = fc.bigInt({ min: 0n, max: 600_000_000n })
const maybe = fc.option(price)
const tariffs: fc.Arbitrary<Tariff> = fc.record({
  version: fc.constant('v'),
  prompt: price,
  completion: price,
  cacheRead: maybe,
  cacheWrite: maybe,
  cacheWrite1h: maybe,
  reasoning: maybe,
  request: price,
  tiers: fc
    .uniqueArray(fc.integer({ min: 0, max: 1_000_000 }), { maxLength: 3 })
    .chain((steps) =>
      fc.tuple(
        ...steps
          .sort((a, b) => a - b)
          .map((minPromptTokens) =>
            fc
              .record(
                { prompt: price, completion: price, cacheRead: price, reasoning: price },
                { requiredKeys: [] },
              )
              .map((prices) => ({ minPromptTokens, ...prices })),
          ),
      ),
    ),
})
const tokens = fc.oneof(fc.nat(2_000_000), fc.nat(100))
const usages: fc.Arbitrary<Usage> = fc
  .record({
    promptTokens: tokens,
    completionTokens: tokens,
    cacheReadTokens: tokens,
    cacheWriteTokens: tokens,
    cacheWrite1hTokens: tokens,
    reasoningTokens: tokens,
  })
  .map((counts) => ({ ...NO_USAGE, ...counts }))

/** The same rule written a second time over exact fractions of a dollar, rounded up at the end. */
const ORACLE = `
import json, sys
from fractions import Fraction as F
from math import ceil
for line in sys.stdin:
    t, u, markup = json.loads(line)
    p = {k: (None if t[k] is None else F(int(t[k]), 10**12)) for k in
         ['prompt', 'completion', 'cacheRead', 'cacheWrite', 'cacheWrite1h', 'reasoning']}
    best = dict(p)
    for tier in t['tiers']:
        if u['promptTokens'] > tier['minPromptTokens']:
            best = dict(p)
            for k, v in tier.items():
                if k != 'minPromptTokens': best[k] = F(int(v), 10**12)
    or_ = lambda a, b: b if a is None else a
    left = u['promptTokens']
    total = F(int(t['request']), 10**12)
    write = or_(best['cacheWrite'], best['prompt'])
    for n, unit in [(u['cacheReadTokens'], or_(best['cacheRead'], best['prompt'])),
                    (u['cacheWriteTokens'], write),
                    (u['cacheWrite1hTokens'], or_(best['cacheWrite1h'], write))]:
        n = min(n, left); left -= n; total += n * unit
    total += left * best['prompt']
    thought = min(u['reasoningTokens'], u['completionTokens'])
    total += thought * or_(best['reasoning'], best['completion'])
    total += (u['completionTokens'] - thought) * best['completion']
    total *= 1 + F(int(markup), 10**6)
    print(ceil(total * 10**9))
`
const python = spawnSync('python3', ['-c', 'print(1)'], { encoding: 'utf8', timeout: 10_000 }).stdout?.trim()

describe.skipIf(python !== '1')('quotes beside exact fractions in Python', () => {
  it('agree to the nano on 500 tariffs', () => {
    const cases = fc.sample(fc.tuple(tariffs, usages, fc.bigInt({ min: 0n, max: 500_000n })), 500)
    const input = cases.map((one) =>
      JSON.stringify(one, (_, v) => (typeof v === 'bigint' ? v.toString() : v)),
    )
    const said = spawnSync('python3', ['-c', ORACLE], {
      input: input.join('\n'),
      encoding: 'utf8',
      timeout: 60_000,
    })
    const expected = said.stdout.trim().split('\n').map(BigInt)
    expect(expected).toHaveLength(cases.length)
    cases.forEach(([tariff, used, markup], i) => {
      expect(quote(tariff, used, markup)!.nanos, input[i]).toBe(expected[i])
    })
  })
})

describe('quotes beside a token-by-token count', () => {
  it('agree to the nano', () => {
    fc.assert(
      fc.property(tariffs, usages, fc.bigInt({ min: 0n, max: 500_000n }), (tariff, used, markup) => {
        expect(quote(tariff, used, markup)!.nanos).toBe(byKind(tariff, used, markup))
      }),
    )
  })
})

/** Gives every part of the answer its unit price, then adds up; written without looking at price.ts. */
function byKind(tariff: Tariff, used: Usage, markup: bigint): bigint {
  const tier = tariff.tiers.findLast((step) => used.promptTokens > step.minPromptTokens)
  const prices = { ...tariff, ...tier }
  const parts: [number, bigint][] = []
  let left = used.promptTokens
  const take = (count: number, unit: bigint): void => {
    const n = Math.min(count, left)
    left -= n
    parts.push([n, unit])
  }
  take(used.cacheReadTokens, prices.cacheRead ?? prices.prompt)
  take(used.cacheWriteTokens, prices.cacheWrite ?? prices.prompt)
  take(used.cacheWrite1hTokens, prices.cacheWrite1h ?? prices.cacheWrite ?? prices.prompt)
  take(left, prices.prompt)
  const thought = Math.min(used.reasoningTokens, used.completionTokens)
  parts.push([thought, prices.reasoning ?? prices.completion])
  parts.push([used.completionTokens - thought, prices.completion])
  const picos = parts.reduce((sum, [n, unit]) => sum + BigInt(n) * unit, tariff.request)
  const scaled = picos * (1_000_000n + markup)
  const nano = 1_000_000_000n
  return scaled / nano + (scaled % nano === 0n ? 0n : 1n)
}
