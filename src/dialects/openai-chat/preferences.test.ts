import { describe, expect, test } from 'vitest'
import { decodePreferences } from './preferences.ts'

const sort = (provider: object, more: object = {}) => decodePreferences({ provider, ...more }).sort

describe('sort', () => {
  test('is a word, or an object with a partition', () => {
    expect(sort({ sort: 'price' })).toEqual({ by: 'price', partition: 'model' })
    expect(sort({ sort: { by: 'latency' } })).toEqual({ by: 'latency', partition: 'model' })
    expect(sort({ sort: { by: 'exacto', partition: 'none' } })).toEqual({ by: 'exacto', partition: 'none' })
    expect(sort({})).toBeUndefined()
    expect(() => sort({ sort: 'luck' })).toThrow(/provider\.sort/)
    expect(() => sort({ sort: { by: 'price', partition: 'some' } })).toThrow(/partition/)
  })

  test('goes over all models with the older field route, unless a partition is given', () => {
    expect(sort({ sort: 'price' }, { route: 'sort' })).toEqual({ by: 'price', partition: 'none' })
    expect(sort({ sort: 'price' }, { route: 'fallback' })).toEqual({ by: 'price', partition: 'model' })
    expect(sort({ sort: { by: 'price', partition: 'model' } }, { route: 'sort' })?.partition).toBe('model')
  })
})

describe('max_price', () => {
  test('is exact, from numbers and strings, by million tokens or by call', () => {
    const { maxPrice } = decodePreferences({
      provider: { max_price: { prompt: '0.1', completion: 2, request: '0.000001', image: 0.5, audio: 1 } },
    })
    expect(maxPrice).toEqual({
      prompt: 100_000n,
      completion: 2_000_000n,
      request: 1_000_000n,
      image: 500_000_000_000n,
      audio: 1_000_000n,
    })
  })
})

describe('preferred speed', () => {
  test('is a median, or percentiles', () => {
    const { preferredMinThroughput, preferredMaxLatency } = decodePreferences({
      provider: { preferred_min_throughput: 50, preferred_max_latency: { p50: 1, p99: 5 } },
    })
    expect([preferredMinThroughput, preferredMaxLatency]).toEqual([{ p50: 50 }, { p50: 1, p99: 5 }])
    expect(() => decodePreferences({ provider: { preferred_max_latency: { p50: 0 } } })).toThrow(
      /greater than zero/,
    )
    expect(() => decodePreferences({ provider: { preferred_max_latency: 'fast' } })).toThrow(
      /p50, p75, p90, p99/,
    )
  })
})
