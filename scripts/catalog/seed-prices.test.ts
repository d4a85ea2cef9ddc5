import { expect, test } from 'vitest'
import { loadSeed } from '../../src/catalog/index.ts'
import overrides from './overrides.json' with { type: 'json' }
import { AGGREGATORS } from './providers.ts'

const priced = loadSeed().endpoints.filter(
  ({ providerId, tariff }) => tariff !== null && !AGGREGATORS.has(providerId),
)

test('no model is 20 times dearer at one host than at another unless an override says that it is', () => {
  const wide: string[] = []
  for (const [model, siblings] of Map.groupBy(priced, ({ modelId }) => modelId)) {
    for (const kind of ['prompt', 'completion'] as const) {
      const prices = siblings.map(({ tariff }) => Number(tariff?.[kind])).filter((price) => price > 0)
      if (Math.max(...prices) > 20 * Math.min(...prices)) wide.push(model)
    }
  }
  expect([...new Set(wide)]).toEqual(overrides.spreads.map(({ model }) => model))
})

test('every override says which source is right, why and since when, and is in use', () => {
  const ids = new Set(priced.map(({ id }) => id))
  for (const { endpoint, take, values, reason, decided } of overrides.prices) {
    expect(ids.has(endpoint), endpoint).toBe(true)
    expect(Object.keys(values)).toContain(take)
    expect(reason.length).toBeGreaterThan(10)
    expect(decided).toMatch(/^20\d\d-\d\d-\d\d$/)
  }
})
