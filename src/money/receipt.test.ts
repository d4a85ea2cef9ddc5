import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NO_USAGE, type Tariff, type Usage } from '../chat/index.ts'
import { quote } from './price.ts'
import { itemize } from './receipt.ts'

const base: Tariff = {
  version: 'v',
  prompt: 3_000_000n,
  completion: 15_000_000n,
  cacheRead: 300_000n,
  cacheWrite: 3_750_000n,
  cacheWrite1h: null,
  reasoning: null,
  request: 5_000_000_000n,
  tiers: [{ minPromptTokens: 200_000, prompt: 6_000_000n }],
}
const usage = (over: Partial<Usage>): Usage => ({ ...NO_USAGE, ...over })

describe('a receipt', () => {
  it('has a line for each kind that was used, with its price and the exact product', () => {
    const used = usage({
      promptTokens: 1_000,
      cacheReadTokens: 600,
      cacheWriteTokens: 100,
      cacheWrite1hTokens: 50,
      completionTokens: 80,
      reasoningTokens: 30,
    })
    const { lines, savedPicos, discountPicos } = itemize(base, used)
    expect(lines.map(({ what, quantity, picosEach, picos }) => [what, quantity, picosEach, picos])).toEqual([
      ['input', 250n, 3_000_000n, 750_000_000n],
      ['cached input', 600n, 300_000n, 180_000_000n],
      ['cache write', 100n, 3_750_000n, 375_000_000n],
      ['cache write, 1 hour', 50n, 3_750_000n, 187_500_000n],
      ['output', 50n, 15_000_000n, 750_000_000n],
      ['reasoning', 30n, 15_000_000n, 450_000_000n],
      ['request', 1n, 5_000_000_000n, 5_000_000_000n],
    ])
    expect(savedPicos).toBe(600n * 2_700_000n)
    expect(discountPicos).toBe(600n * 2_700_000n - 150n * 750_000n)
  })

  it('takes the prices of the step that the prompt falls into', () => {
    const [input] = itemize(base, usage({ promptTokens: 200_001 })).lines
    expect(input).toMatchObject({ what: 'input', picosEach: 6_000_000n })
  })

  it('sums up to the price that is charged, whatever the tariff and the counts', () => {
    const price = fc.bigInt({ min: 0n, max: 600_000_000n })
    const maybe = fc.option(price)
    const tariffs = fc.record({
      version: fc.constant('v'),
      prompt: price,
      completion: price,
      cacheRead: maybe,
      cacheWrite: maybe,
      cacheWrite1h: maybe,
      reasoning: maybe,
      request: price,
      tiers: fc.array(fc.record({ minPromptTokens: fc.nat(1_000), prompt: price, reasoning: price }), {
        maxLength: 2,
      }),
    })
    const tokens = fc.oneof(fc.nat(5_000), fc.constantFrom(-1, Number.NaN, 1e12, 0.5))
    const usages = fc.record({
      ...Object.fromEntries(
        Object.keys(NO_USAGE)
          .filter((name) => name !== 'source')
          .map((name) => [name, tokens]),
      ),
      source: fc.constant('provider' as const),
    }) as fc.Arbitrary<Usage>
    fc.assert(
      fc.property(tariffs, usages, (tariff, used) => {
        expect(itemize(tariff, used).picos).toBe(quote(tariff, used)!.picos)
      }),
      { numRuns: 300 },
    )
  })
})
