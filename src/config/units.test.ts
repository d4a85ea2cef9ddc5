import fc from 'fast-check'
import { expect, test } from 'vitest'
import { closest } from './suggest.ts'
import { parseDecimal, parseDuration, parseSize } from './units.ts'

test.each([
  ['0.10', 6, 100_000n],
  [0.1, 6, 100_000n],
  ['2.5', 6, 2_500_000n],
  ['0.0375', 6, 37_500n],
  [15, 6, 15_000_000n],
  [1e-6, 6, 1n],
  ['0.000001', 6, 1n],
  ['0.50', 12, 500_000_000_000n],
  ['0', 6, 0n],
  ['1.0000000000', 6, 1_000_000n],
  ['0.1234567', 6, 'finer'],
  [1e-7, 6, 'finer'],
  ['-1', 6, null],
  ['1,5', 6, null],
  ['', 6, null],
  ['1e99', 6, null],
  [Number.NaN, 6, null],
])('the decimal %s at scale %i is %s', (value, scale, expected) => {
  expect(parseDecimal(value, scale)).toBe(expected)
})

test('a decimal is exact whatever its digits', () => {
  const digits = fc.bigInt({ min: 0n, max: 10n ** 18n })
  fc.assert(
    fc.property(digits, (pico) => {
      const text = `${pico / 1_000_000n}.${String(pico % 1_000_000n).padStart(6, '0')}`
      expect(parseDecimal(text, 6)).toBe(pico)
    }),
    { numRuns: 200 },
  )
})

test('a time or size without its unit is none', () => {
  for (const text of ['5', '', 's', '5 s', '-5s', '5sec', '1e3s']) expect(parseDuration(text)).toBeNull()
  for (const text of ['5', '', 'kb', '-5kb', '5 kilobytes']) expect(parseSize(text)).toBeNull()
  expect(parseDuration('1d')).toBe(86_400_000)
  expect(parseSize('2 GiB')).toBe(2 ** 31)
})

test('the closest word is suggested only when it can be meant', () => {
  expect(closest('prot', ['port', 'host'])).toBe('port')
  expect(closest('apikey', ['api_key', 'api_keys'])).toBe('api_key')
  expect(closest('Anthropc', ['anthropic', 'azure'])).toBe('anthropic')
  expect(closest('zebra', ['port', 'host'])).toBeNull()
  expect(closest('x', [])).toBeNull()
  expect(closest('y'.repeat(100_000), ['port'])).toBeNull()
})
