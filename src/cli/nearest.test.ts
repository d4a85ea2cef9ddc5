import { describe, expect, it } from 'vitest'
import { nearest, usageSentence } from './nearest.ts'

describe('nearest()', () => {
  it.each([
    ['modles', 'models'],
    ['keys creat', 'keys create'],
    ['--limt', '--limit'],
  ])('takes %s for %s', (word, meant) => {
    expect(nearest(word, ['models', 'keys create', '--limit', 'backup'])).toBe(meant)
  })

  it.each(['', 'weather', 'xy'])('does not guess at "%s"', (word) => {
    expect(nearest(word, ['models', 'keys create', '--limit'])).toBeNull()
  })
})

describe('usageSentence()', () => {
  it('keeps the cause, drops the advice, adds the option that is meant', () => {
    const thrown = new Error(
      "Unknown option '--prot'. To specify a positional argument starting with a '-', …",
    )
    expect(usageSentence(thrown, ['port', 'host'])).toBe("Unknown option '--prot'. Did you mean --port?")
    expect(usageSentence(new Error("Option '--limit <value>' argument missing"), ['limit'])).toBe(
      "Option '--limit <value>' argument missing.",
    )
  })
})
