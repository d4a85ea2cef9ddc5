import { describe, expect, it } from 'vitest'
import { GenerationIds } from './id.ts'

/** Ids of a clock that stands still for `each` ids before it goes on by a millisecond. */
function mint(count: number, each: number, start = 1_763_900_000_000): string[] {
  let asked = 0
  const ids = new GenerationIds({ now: () => start + Math.floor(asked++ / each), tick: () => 0 })
  return Array.from({ length: count }, () => ids.next())
}

describe('a generation id', () => {
  it('names the second and has twenty digits', () => {
    for (const id of mint(300, 7, 1_763_900_000_999))
      expect(id).toMatch(/^gen-176390000[01]-[0-9A-Za-z]{20}$/)
  })

  it('sorts, byte by byte, in the order of minting, within a millisecond and over the end of a second', () => {
    const ids = mint(30_000, 5_000, 1_763_900_000_997)
    expect(ids.toSorted()).toEqual(ids)
  })

  it('is never minted twice, even by two makers at the same time', () => {
    const ids = [...mint(20_000, 500), ...mint(20_000, 500)]
    expect(new Set(ids).size).toBe(ids.length)
  })
})
