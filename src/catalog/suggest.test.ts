import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCatalog } from './create.ts'
import { loadSeed } from './seed.ts'
import { distance } from './suggest.ts'

const seed = loadSeed()
const catalog = createCatalog(seed, seed.version)

describe('a wrong name suggests', () => {
  test.each([
    ['opnai/gpt-5.1', 'openai/gpt-5.1'],
    ['gpt-5.1-turbo', 'openai/gpt-5.1'],
    ['openai/gpt5.1', 'openai/gpt-5.1'],
    ['anthropic/claude-4.5-opus', 'anthropic/claude-opus-4.5'],
    ['claude-opus-45', 'anthropic/claude-opus-4.5'],
    ['llama-3.3-70b', 'meta-llama/llama-3.3-70b-instruct'],
    ['gemini-25-pro', 'google/gemini-2.5-pro'],
    ['deepseek/r1-0528', 'deepseek/deepseek-r1-0528'],
    ['mistral-lage', 'mistralai/mistral-large'],
  ])('%s → %s first', (wrong, right) => expect(catalog.suggest(wrong, 3)[0]).toBe(right))

  test('nothing where nothing is alike', () => {
    expect(catalog.suggest('zzzzqqqq', 3)).toEqual([])
    expect(catalog.suggest('', 3)).toEqual([])
  })

  test('at most as many as asked for', () => {
    expect(catalog.suggest('gpt-5', 2)).toHaveLength(2)
    expect(catalog.suggest('gpt-5', 0)).toEqual([])
  })

  test('in bounded time, however long the name', () => {
    const start = performance.now()
    for (let i = 0; i < 20; i++) catalog.suggest('gpt-5-mini/'.repeat(10_000) + i, 3)
    expect((performance.now() - start) / 20).toBeLessThan(50)
  })
})

describe('the distance of two names', () => {
  test('counts a swap of neighbours once', () => {
    expect(distance('claude', 'cladue')).toBe(1)
    expect(distance('gpt', 'gpt-5')).toBe(2)
    expect(distance('', 'abc')).toBe(3)
  })

  test('is zero only for equals, symmetric, and at most the longer length', () => {
    const word = fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b', 'c', '-') })
    fc.assert(
      fc.property(word, word, (a, b) => {
        const d = distance(a, b)
        return d === distance(b, a) && (d === 0) === (a === b) && d <= Math.max(a.length, b.length)
      }),
      { numRuns: 300 },
    )
  })
})
