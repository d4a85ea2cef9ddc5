import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isKeyShaped, KEY_PREFIX, keyHash, keyLabel, mintKey } from './key.ts'

describe('mintKey()', () => {
  it('gives a key of constant length that passes its own checksum', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (random) => {
        const key = mintKey(random)
        expect(key).toHaveLength(KEY_PREFIX.length + 49)
        expect(isKeyShaped(key)).toBe(true)
      }),
    )
  })

  it('gives different keys for different randomness', () => {
    expect(mintKey()).not.toBe(mintKey())
  })
})

describe('isKeyShaped()', () => {
  it('refuses a key with any one character changed', () => {
    const key = mintKey(new Uint8Array(32).fill(7))
    for (let at = KEY_PREFIX.length; at < key.length; at++) {
      const other = key[at] === 'x' ? 'y' : 'x'
      expect(isKeyShaped(key.slice(0, at) + other + key.slice(at + 1))).toBe(false)
    }
  })

  it('refuses other prefixes, empty text and trailing text', () => {
    const key = mintKey()
    expect(isKeyShaped('')).toBe(false)
    expect(isKeyShaped(key.replace('sk-wb', 'sk-or'))).toBe(false)
    expect(isKeyShaped(`${key} `)).toBe(false)
  })
})

describe('keyHash() and keyLabel()', () => {
  it('hash as SHA-256 hex and label with the ends only', () => {
    expect(keyHash('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    const key = mintKey()
    expect(keyLabel(key)).toMatch(/^sk-wb-v1-[0-9A-Za-z]{3}\.\.\.[0-9A-Za-z]{3}$/)
  })
})
