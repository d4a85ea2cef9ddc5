import { describe, expect, test } from 'vitest'
import { createCatalog } from './create.ts'
import { endpoint, model } from './sample.fixture.ts'

const PRICE = { prompt: '1000', completion: '2000' }
const content = {
  models: [
    model('acme/rocket-4.5', {
      canonicalSlug: 'acme/rocket-4.5-20260101',
      aliases: ['rocket-old', 'former/rocket'],
    }),
    model('acme/rocket-4.5:free'),
    model('other/boat', { huggingFaceId: 'Other-Org/Boat-7B' }),
  ],
  endpoints: [
    endpoint('acme/rocket-4.5', 'acme', PRICE, { upstreamId: 'Rocket-4.5-Turbo' }),
    endpoint('acme/rocket-4.5', 'host/fp8', PRICE, { upstreamId: 'shared-name' }),
    endpoint('acme/rocket-4.5:free', 'host', null),
    endpoint('other/boat', 'host', PRICE, { upstreamId: 'shared-name' }),
  ],
}
const catalog = createCatalog(content)

describe('a name resolves', () => {
  test.each([
    ['acme/rocket-4.5'],
    ['ACME/Rocket-4.5'],
    [' acme/rocket-4.5 '],
    ['acme/rocket-4.5-20260101'],
    ['rocket-old'],
    ['acme/rocket-old'],
    ['former/rocket'],
    ['rocket-4.5'],
    ['rocket-4.5-turbo'],
  ])('by %j', (name) => {
    expect(catalog.resolve(name)).toMatchObject({ model: { id: 'acme/rocket-4.5' }, variants: [] })
    expect(catalog.resolve(name)?.endpoints.map(({ tag }) => tag)).toEqual(['acme', 'host/fp8'])
  })

  test('by the id at Hugging Face', () =>
    expect(catalog.resolve('other-org/boat-7b')?.model.id).toBe('other/boat'))

  test('with dynamic suffixes taken off, each once', () => {
    expect(catalog.resolve('acme/rocket-4.5:nitro:online:nitro')).toMatchObject({
      model: { id: 'acme/rocket-4.5' },
      variants: ['nitro', 'online'],
    })
  })

  test('with a static suffix only where the catalog lists it, also behind an alias', () => {
    expect(catalog.resolve('acme/rocket-4.5:free')?.model.id).toBe('acme/rocket-4.5:free')
    expect(catalog.resolve('rocket-old:floor:free')).toMatchObject({
      model: { id: 'acme/rocket-4.5:free' },
      variants: ['floor'],
    })
    expect(catalog.resolve('other/boat:free')).toBeUndefined()
  })

  test.each(['', ':free', 'acme/rocket-4.5:wrong', 'shared-name', 'x'.repeat(300), '__proto__'])(
    'not by %j',
    (name) => {
      expect(catalog.resolve(name)).toBeUndefined()
    },
  )
})

test('endpoints are found by id', () => {
  expect(catalog.endpoint('acme/rocket-4.5@host/fp8')?.tag).toBe('host/fp8')
  expect(catalog.endpoint('acme/rocket-4.5@nobody')).toBeUndefined()
})

test('the version tells content apart and nothing else', () => {
  const [first, ...rest] = content.endpoints
  const dearer = endpoint(
    'acme/rocket-4.5',
    'acme',
    { ...PRICE, completion: '2001' },
    { upstreamId: first!.upstreamId },
  )
  expect(createCatalog(content).version).toBe(catalog.version)
  expect(createCatalog({ ...content, endpoints: [dearer, ...rest] }).version).not.toBe(catalog.version)
  expect(createCatalog(content, 'given').version).toBe('given')
})

test('a catalog that contradicts itself is refused', () => {
  const { models, endpoints } = content
  expect(() => createCatalog({ models: [...models, models[0]!], endpoints })).toThrow(
    'acme/rocket-4.5 is in the catalog twice',
  )
  expect(() => createCatalog({ models, endpoints: [...endpoints, endpoints[0]!] })).toThrow('twice')
  expect(() => createCatalog({ models: [], endpoints })).toThrow('no model')
})
