import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatUsd,
  nanosToDecimal,
  picoToDecimal,
  picoToUsdPerMillion,
  usdPerMillionToPico,
  usdToNanos,
} from './amount.ts'

describe('amounts', () => {
  it('read USD exactly, from text and from numbers', () => {
    expect(usdToNanos('12.5')).toBe(12_500_000_000n)
    expect(usdToNanos(12.5)).toBe(12_500_000_000n)
    expect(usdToNanos(' -0.000000001 ')).toBe(-1n)
    expect(usdToNanos(1e-9)).toBe(1n)
    expect(usdToNanos(2.5e-7)).toBe(250n)
    expect(usdToNanos(1e21)).toBe(10n ** 30n)
    expect(usdToNanos('1.0000000000')).toBe(1_000_000_000n)
    expect(usdToNanos(0.3)).toBe(300_000_000n)
  })

  it('are refused when they are finer than a nano-dollar or no number at all', () => {
    expect(() => usdToNanos('0.0000000001')).toThrow(/finer than one nano-dollar/)
    expect(() => usdToNanos(0.1 + 0.2)).toThrow(/finer/)
    for (const bad of ['', '.', '1.', '.5', '1e3', '0x10', '1,5', '$1', 'NaN', Number.NaN, Infinity, '--1']) {
      expect(() => usdToNanos(bad)).toThrow(/is not a decimal number/)
    }
  })

  it('are written without exponent and trailing zeros', () => {
    expect(nanosToDecimal(65_000n)).toBe('0.000065')
    expect(nanosToDecimal(0n)).toBe('0')
    expect(nanosToDecimal(-3_000_000_000n)).toBe('-3')
    expect(nanosToDecimal(1n)).toBe('0.000000001')
  })

  it('are shown with at least two decimals and never rounded', () => {
    expect(formatUsd(1_250_000_000n)).toBe('$1.25')
    expect(formatUsd(2_000_000_000n)).toBe('$2.00')
    expect(formatUsd(-500_000_000n)).toBe('-$0.50')
    expect(formatUsd(65_000n)).toBe('$0.000065')
  })

  it('survive the way to text and back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), (nanos) => {
        expect(usdToNanos(nanosToDecimal(nanos))).toBe(nanos)
        expect(usdToNanos(formatUsd(nanos).replace('$', ''))).toBe(nanos)
      }),
    )
  })
})

describe('prices', () => {
  it('are integers of a pico-dollar per token', () => {
    expect(usdPerMillionToPico('0.0375')).toBe(37_500n)
    expect(usdPerMillionToPico('0.003625')).toBe(3_625n)
    expect(usdPerMillionToPico(15)).toBe(15_000_000n)
  })

  it('are refused when finer or negative', () => {
    expect(() => usdPerMillionToPico('0.0000001')).toThrow(/finer than 0.000001 USD per million/)
    expect(() => usdPerMillionToPico('-1')).toThrow(/negative/)
  })

  it('are written per token and per million', () => {
    expect(picoToDecimal(150_000n)).toBe('0.00000015')
    expect(picoToUsdPerMillion(37_500n)).toBe('0.0375')
  })
})
