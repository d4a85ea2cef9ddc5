import { expect, test } from 'vitest'
import { createCatalog, loadSeed } from '../../catalog/index.ts'
import { modelBody } from './model.ts'
import { routerModel, virtualModels } from './virtual-models.ts'

const catalog = createCatalog(loadSeed())

test('routers and the newest of known lines are rows with every key of a model', () => {
  const rows = virtualModels(catalog)
  const { model, endpoints } = catalog.all[0]!
  const keys = Object.keys(modelBody(model, endpoints))
  for (const row of rows) expect(Object.keys(row), row.id).toEqual(expect.arrayContaining(keys))
  expect(rows.slice(0, 2).map(({ id, pricing }) => [id, pricing.prompt])).toEqual([
    ['openrouter/auto', '-1'],
    ['openrouter/free', '0'],
  ])
  expect(rows.length).toBeGreaterThan(25)
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
})

test('an alias shows the price of the model that it stands for', () => {
  for (const row of virtualModels(catalog).slice(2)) {
    const { model, endpoints } = catalog.resolve(row.id)!
    expect(row.alias_target).toEqual({ name: model.name, slug: model.id })
    expect(row.pricing).toEqual(modelBody(model, endpoints).pricing)
  }
})

test('a router is found under both names, nothing else is', () => {
  expect(routerModel(catalog, 'waybill/auto')?.id).toBe('openrouter/auto')
  expect(routerModel(catalog, 'openrouter/free')?.name).toBe('Free Models Router')
  expect(routerModel(catalog, 'openrouter/gpt-4o')).toBeUndefined()
})
