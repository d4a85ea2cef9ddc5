import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contentHash } from './hash.ts'
import { picoPerToken, readTariff } from './tariff.ts'

describe('USD per million tokens become pico-USD per token', () => {
  test.each([
    ['0.25', 250_000n],
    ['10', 10_000_000n],
    ['0.0028', 2_800n],
    ['0', 0n],
    ['0.000001', 1n],
    ['0.0000001', 1n],
    ['1.', 1_000_000n],
  ])('%s → %s, rounded up', (usd, pico) => expect(picoPerToken(usd)).toBe(pico))

  test.each(['', '-1', '1e3', 'free', '0x1', '1,5'])('%j is refused', (text) => {
    expect(() => picoPerToken(text)).toThrow(RangeError)
  })

  test('and never less than written', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1_000 }), fc.nat({ max: 999_999_999 }), (whole, fraction) => {
        const exact = BigInt(whole) * 1_000_000_000n + BigInt(fraction)
        const pico = picoPerToken(`${whole}.${String(fraction).padStart(9, '0')}`)
        return pico * 1_000n >= exact && pico * 1_000n - exact < 1_000n
      }),
      { numRuns: 300 },
    )
  })
})

describe('the version of a tariff', () => {
  const text = { prompt: '1', completion: '2', tiers: [{ minPromptTokens: 10, prompt: '3' }] }
  const version = readTariff('a/b@c', text).version

  test('is the same for the same endpoint and prices', () =>
    expect(readTariff('a/b@c', { ...text }).version).toBe(version))
  test.each([
    ['another endpoint', 'a/b@d', text],
    ['another price', 'a/b@c', { ...text, completion: '3' }],
    ['a price of another kind', 'a/b@c', { ...text, cacheRead: '1' }],
    ['another tier', 'a/b@c', { ...text, tiers: [{ minPromptTokens: 11, prompt: '3' }] }],
    ['a fee per call', 'a/b@c', { ...text, request: '5' }],
  ])('differs for %s', (_, id, other) => expect(readTariff(id, other).version).not.toBe(version))
})

test('hashes of many similar texts do not meet', () => {
  const hashes = new Set(
    Array.from({ length: 50_000 }, (_, i) => contentHash(`openai/gpt-${i}|${i % 7},${i % 11}`)),
  )
  expect(hashes.size).toBe(50_000)
})
