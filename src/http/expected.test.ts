import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExpectedOutput } from './expected.ts'

describe('the expected length of an answer', () => {
  it('is a usual one for somebody unknown, longer for models that reason', () => {
    const expected = new ExpectedOutput()
    expect(expected.of('k', 'm', false)).toBe(4_096)
    expect(expected.of('k', 'm', true)).toBe(16_384)
  })

  it('is what nine of ten answers of the key and model have stayed below, and a quarter more', () => {
    const expected = new ExpectedOutput()
    for (let i = 1; i <= 100; i++) expected.saw('k', 'm', 1_000)
    expect(expected.of('k', 'm', true)).toBe(1_250)
    expect(expected.of('k', 'other', false)).toBe(4_096)
    expect(expected.of('another', 'm', false)).toBe(4_096)
  })

  it('follows what is going on now', () => {
    const expected = new ExpectedOutput()
    for (let i = 0; i < 100; i++) expected.saw('k', 'm', 20_000)
    for (let i = 0; i < 64; i++) expected.saw('k', 'm', 1_600)
    expect(expected.of('k', 'm', false)).toBe(2_000)
  })

  it('never expects less than a few words, and at most a quarter more than the longest', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000), { minLength: 8, maxLength: 100 }), (lengths) => {
        const expected = new ExpectedOutput()
        for (const tokens of lengths) expected.saw('k', 'm', tokens)
        const tokens = expected.of('k', 'm', false)
        expect(tokens).toBeGreaterThanOrEqual(1_024)
        expect(tokens).toBeLessThanOrEqual(Math.max(1_024, Math.ceil(Math.max(...lengths) * 1.25)))
      }),
    )
  })

  it('remembers ten thousand and no more', () => {
    const expected = new ExpectedOutput()
    for (let i = 0; i < 20; i++) expected.saw('first', 'm', 1_000)
    for (let i = 0; i < 10_000; i++) expected.saw(`k${i}`, 'm', 1)
    expect(expected.of('first', 'm', false)).toBe(4_096)
  })
})
