import { describe, expect, test } from 'vitest'
import type { SourceId } from './download.ts'
import { choosePrice, type Group, groupObservations, isServed, type Override } from './merge.ts'
import type { Observation, Price } from './observation.ts'

const seen = (source: SourceId, price?: Price, more: Partial<Observation> = {}): Observation => ({
  source,
  provider: 'acme',
  upstreamId: 'one',
  ...(price ? { price } : {}),
  ...more,
})

const group = (...observations: Observation[]): Group => ({
  id: 'acme/one@acme',
  model: 'acme/one',
  provider: 'acme',
  tag: 'acme',
  quantization: 'unknown',
  observations,
})

const pair = group(seen('pi-ai', { input: 1, output: 2 }), seen('genai-prices', { input: 1, output: 2.03 }))

describe('two sources of a price', () => {
  test('that agree within 1 % take the fresher one', () => {
    const close = group(
      seen('genai-prices', { input: 1, output: 2 }),
      seen('pi-ai', { input: 1, output: 2.01 }),
    )
    expect(choosePrice(close, [])).toMatchObject({ source: 'pi-ai', price: { input: 1, output: 2.01 } })
  })

  test('that differ by more than 1 % are a disagreement that names both', () => {
    expect(choosePrice(pair, [])).toEqual({
      endpoint: 'acme/one@acme',
      values: { 'pi-ai': '1/2', 'genai-prices': '1/2.03' },
    })
  })

  test('disagree on cache prices too, where both state one', () => {
    const cache = (cacheRead: number): Price => ({ input: 1, output: 2, cacheRead })
    expect(
      choosePrice(group(seen('pi-ai', cache(0.1)), seen('genai-prices', cache(0.2))), []),
    ).toHaveProperty('values')
    expect(
      choosePrice(group(seen('pi-ai', cache(0.1)), seen('genai-prices', { input: 1, output: 2 })), []),
    ).toMatchObject({ source: 'pi-ai' })
  })

  test('are decided by an override that read the same two values', () => {
    const override: Override = {
      endpoint: 'acme/one@acme',
      take: 'genai-prices',
      values: { 'pi-ai': '1/2', 'genai-prices': '1/2.03' },
      reason: 'the price page',
      decided: '2026-11-24',
    }
    expect(choosePrice(pair, [override])).toMatchObject({ source: 'genai-prices', price: { output: 2.03 } })
    const stale = { ...override, values: { ...override.values, 'pi-ai': '1/1.9' } }
    expect(choosePrice(pair, [stale])).toHaveProperty('values')
  })

  test('fill the kinds that the fresher one leaves open', () => {
    const full = group(
      seen('pi-ai', { input: 1, output: 2 }),
      seen('genai-prices', { input: 1, output: 2, cacheWrite1h: 4 }),
    )
    expect(choosePrice(full, [])).toMatchObject({ price: { input: 1, cacheWrite1h: 4 } })
  })

  test('without a price leave it unknown', () => {
    expect(choosePrice(group(seen('mastra')), [])).toEqual({ price: null, source: null })
  })
})

test('an older snapshot of the same list is no second opinion', () => {
  const old = group(seen('pi-ai', { input: 1, output: 2 }), seen('models.dev', { input: 3, output: 9 }))
  expect(choosePrice(old, [])).toMatchObject({ source: 'pi-ai' })
})

test('observations of one model at one provider and tag become one group; regions stay apart', () => {
  const nameOf = (_: string, id: string) => ({
    model: 'acme/one',
    quantization: 'unknown',
    suffix: id.split('.')[1] ?? null,
  })
  const groups = groupObservations(
    [
      seen('pi-ai'),
      seen('genai-prices'),
      seen('pi-ai', undefined, { upstreamId: 'one.eu' }),
      seen('mastra', undefined, { upstreamId: 'one.regional' }),
    ],
    nameOf,
  )
  expect(groups.map(({ id, observations }) => [id, observations.length])).toEqual([
    ['acme/one@acme', 3],
    ['acme/one@acme/eu', 2],
  ])
})

describe('an endpoint counts as served', () => {
  const listed = new Map<SourceId, ReadonlySet<string>>([
    ['pi-ai', new Set(['acme'])],
    ['mastra', new Set(['acme'])],
  ])
  test('when the freshest list has it', () => expect(isServed(group(seen('pi-ai')), listed)).toBe(true))
  test('not when it calls tools and the freshest list of tool callers lacks it', () => {
    const gone = group(seen('models.dev', undefined, { tools: true }), seen('mastra'))
    expect(isServed(gone, listed)).toBe(false)
  })
  test('when it calls no tools and the next list has it', () => {
    expect(isServed(group(seen('models.dev', undefined, { tools: false }), seen('mastra')), listed)).toBe(
      true,
    )
  })
  test('not when it is only in a list of prices of the past', () => {
    expect(isServed(group(seen('genai-prices')), listed)).toBe(false)
  })
  test('not when it was withdrawn', () => {
    expect(isServed(group(seen('genai-prices', undefined, { retired: true }), seen('mastra')), listed)).toBe(
      false,
    )
  })
})
