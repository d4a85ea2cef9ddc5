import { expect, test } from 'vitest'
import { type GenaiModel, genaiPrice } from './read-genai.ts'

const model = (prices: GenaiModel['prices']): GenaiModel => ({ id: 'one', prices })

test('the price is the one that is valid at the date', () => {
  const dated = model([
    { prices: { input_mtok: 1, output_mtok: 2 } },
    {
      constraint: { type: 'start_date', start_date: '2026-08-01' },
      prices: { input_mtok: 3, output_mtok: 4 },
    },
    {
      constraint: { type: 'start_date', start_date: '2027-01-01' },
      prices: { input_mtok: 5, output_mtok: 6 },
    },
  ])
  expect(genaiPrice(dated, '2026-11-10')).toEqual({ input: 3, output: 4 })
  expect(genaiPrice(dated, '2026-07-31')).toEqual({ input: 1, output: 2 })
})

test('where the price depends on the hour the dearest counts', () => {
  const hourly = model([
    { prices: { input_mtok: 1, output_mtok: 2 } },
    { constraint: { type: 'time_of_date' }, prices: { input_mtok: 2, output_mtok: 4 } },
  ])
  expect(genaiPrice(hourly, '2026-11-10')).toEqual({ input: 2, output: 4 })
})

test('tiers of several kinds meet under their threshold', () => {
  const tiered = model({
    input_mtok: { base: 1, tiers: [{ start: 200_000, price: 2 }] },
    output_mtok: { base: 10, tiers: [{ start: 200_000, price: 15 }] },
    cache_read_mtok: 0.1,
  })
  expect(genaiPrice(tiered, '2026-11-10')).toEqual({
    input: 1,
    output: 10,
    cacheRead: 0.1,
    tiers: [{ above: 200_000, input: 2, output: 15 }],
  })
})

test('a model that bills by hours or pages has no price per token', () => {
  expect(genaiPrice(model({ input_mtok: 1, audio_hours: 0.1 }), '2026-11-10')).toBeUndefined()
})
