import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { beyondMaker, type KeyPowers } from './rights.ts'

const FREE: KeyPowers = { kind: 'management', limitNanos: null, limitReset: null, expiresAt: null }

describe('what a key may hand on', () => {
  it('is anything when it holds everything', () => {
    expect(beyondMaker(FREE, { ...FREE, kind: 'inference', limitNanos: 5n, limitReset: 'daily' })).toBeNull()
    expect(beyondMaker(FREE, FREE)).toBeNull()
  })

  it('is no larger limit, none at all, and none that starts anew more often', () => {
    const maker: KeyPowers = { ...FREE, limitNanos: 10n, limitReset: 'weekly' }
    const made = (more: Partial<KeyPowers>) => beyondMaker(maker, { ...FREE, kind: 'inference', ...more })
    expect(made({ limitNanos: 10n, limitReset: 'weekly' })).toBeNull()
    expect(made({ limitNanos: 10n, limitReset: null })).toBeNull()
    expect(made({ limitNanos: 11n, limitReset: null })).toMatch(/not above it/)
    expect(made({})).toMatch(/not above it/)
    expect(made({ limitNanos: 1n, limitReset: 'daily' })).toMatch(/resets weekly/)
  })

  it('is no longer life of another management key, while keys for models may outlive it', () => {
    const maker: KeyPowers = { ...FREE, expiresAt: 1_000 }
    expect(beyondMaker(maker, { ...FREE, expiresAt: 1_000 })).toBeNull()
    expect(beyondMaker(maker, { ...FREE, expiresAt: 1_001 })).toMatch(/must not live longer/)
    expect(beyondMaker(maker, FREE)).toMatch(/must not live longer/)
    expect(beyondMaker(maker, { ...FREE, kind: 'inference' })).toBeNull()
  })

  it('does not grow over generations', () => {
    const powers = fc.record({
      kind: fc.constantFrom('management' as const, 'inference' as const),
      limitNanos: fc.option(fc.bigInt(0n, 5n)),
      limitReset: fc.constantFrom(null, 'daily' as const, 'weekly' as const, 'monthly' as const),
      expiresAt: fc.option(fc.integer({ min: 0, max: 5 })),
    })
    fc.assert(
      fc.property(powers, powers, powers, (a, b, c) => {
        const between = { ...b, kind: 'management' as const }
        if (beyondMaker(a, between) === null && beyondMaker(between, c) === null)
          expect(beyondMaker(a, c)).toBeNull()
      }),
      { numRuns: 300 },
    )
  })
})
