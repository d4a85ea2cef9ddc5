import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCatalog } from './create.ts'
import { latestModels, lineageOf, redirectKey } from './names.ts'
import { endpoint, model } from './sample.fixture.ts'
import { loadSeed } from './seed.ts'

const PRICE = { prompt: '1000', completion: '2000' }
const day = (date: string) => Date.parse(date) / 1000

function catalogOf(...ids: readonly (readonly [id: string, released: string | null])[]) {
  return createCatalog({
    models: ids.map(([id, released]) => model(id, { created: released === null ? 0 : day(released) })),
    endpoints: ids.map(([id]) => endpoint(id, 'host', PRICE)),
  })
}

describe('the line of a model', () => {
  test.each([
    ['anthropic/claude-opus-4.5', 'anthropic/claude-opus', 4.5, 0],
    ['anthropic/claude-opus-4-5', 'anthropic/claude-opus', 4.5, 0],
    ['openai/gpt-5.1-codex-mini', 'openai/gpt-codex-mini', 5.1, 0],
    ['openai/gpt-4o', 'openai/gpt-o', 4, 0],
    ['openai/o4-mini', 'openai/o-mini', 4, 0],
    ['google/gemini-3.1-pro-preview', 'google/gemini-pro', 3.1, 0],
    ['mistralai/mistral-large-2512', 'mistralai/mistral-large', 0, 2512],
    ['moonshotai/kimi-k2-0905', 'moonshotai/kimi', 2, 905],
    ['qwen/qwen3.5-flash-02-23', 'qwen/qwen-flash', 3.5, 223],
    ['meta-llama/llama-3.3-70b-instruct', 'meta-llama/llama-70b-instruct', 3.3, 0],
    ['google/gemma-4-26b-a4b-it', 'google/gemma-26b-a4b-it', 4, 0],
    ['z-ai/glm-4.6v', 'z-ai/glm-v', 4.6, 0],
  ])('%s is of %s', (id, family, version, date) => {
    expect(lineageOf(id)).toEqual({ family, version, date })
  })

  test('an id without author or without any word has none', () => {
    expect(lineageOf('gpt-5')).toBeNull()
    expect(lineageOf('acme/4.5')).toBeNull()
  })
})

describe('~author/family-latest', () => {
  test('leads to the newest release', () => {
    const catalog = catalogOf(
      ['acme/rocket-3-pro', '2026-01-01'],
      ['acme/rocket-4-pro', '2026-05-01'],
      ['acme/rocket-4-mini', '2026-09-01'],
    )
    expect(catalog.resolve('~acme/rocket-pro-latest')?.model.id).toBe('acme/rocket-4-pro')
    expect(catalog.resolve('~ACME/rocket-mini-latest:nitro')).toMatchObject({
      model: { id: 'acme/rocket-4-mini' },
      variants: ['nitro'],
    })
    expect(catalog.resolve('~acme/rocket-latest')).toBeUndefined()
  })

  test('an undated model takes the place only with a higher version', () => {
    const dated = ['acme/rocket-4', '2026-05-01'] as const
    expect(catalogOf(dated, ['acme/rocket-4.1', null]).latest.get('~acme/rocket-latest')?.model.id).toBe(
      'acme/rocket-4.1',
    )
    expect(catalogOf(dated, ['acme/rocket-4-0101', null]).latest.get('~acme/rocket-latest')?.model.id).toBe(
      'acme/rocket-4',
    )
  })

  test('variants, test models, embeddings and models that nobody serves are passed by', () => {
    const rocket = model('acme/rocket-1', { created: 1 })
    const newer = { created: 2 }
    const catalog = createCatalog({
      models: [
        rocket,
        model('acme/rocket-2:free', newer),
        model('acme/rocket-3', newer),
        model('acme/rocket-4', { ...newer, outputModalities: ['embeddings'] }),
        model('acme/rocket-5', newer),
      ],
      endpoints: [
        endpoint('acme/rocket-1', 'host', PRICE),
        endpoint('acme/rocket-2:free', 'host', PRICE),
        endpoint('acme/rocket-3', 'host', PRICE, { simulated: true }),
        endpoint('acme/rocket-4', 'host', PRICE),
      ],
    })
    expect([...catalog.latest.keys()]).toEqual(['~acme/rocket-latest'])
    expect(catalog.resolve('~acme/rocket-latest')?.model).toBe(rocket)
  })

  test('the order of the catalog does not matter', () => {
    const entry = fc.record({
      major: fc.integer({ min: 1, max: 9 }),
      minor: fc.integer({ min: 0, max: 9 }),
      created: fc.integer({ min: 0, max: 3 }),
    })
    fc.assert(
      fc.property(
        fc.uniqueArray(entry, { selector: (e) => `${e.major}.${e.minor}`, minLength: 1 }),
        (line) => {
          const all = line.map(({ major, minor, created }) => {
            const id = `acme/rocket-${major}.${minor}`
            return { model: model(id, { created }), endpoints: [endpoint(id, 'host', PRICE)], variants: [] }
          })
          const found = latestModels(all).get('~acme/rocket-latest')?.model.id
          expect(latestModels(all.toReversed()).get('~acme/rocket-latest')?.model.id).toBe(found)
          expect(all.map((resolved) => resolved.model.id)).toContain(found)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('the seed has the lines that users know', () => {
    const { latest } = createCatalog(loadSeed())
    for (const line of [
      'anthropic/claude-sonnet',
      'openai/gpt',
      'openai/gpt-mini',
      'google/gemini-flash',
      'x-ai/grok',
    ])
      expect(latest.get(`~${line}-latest`), line).toBeDefined()
    for (const [alias, { model: newest }] of latest)
      expect(`~${lineageOf(newest.id)?.family}-latest`).toBe(alias)
  })
})

describe('an older spelling', () => {
  const catalog = createCatalog(loadSeed())

  test.each([
    ['anthropic/claude-opus-4-5', 'anthropic/claude-opus-4.5'],
    ['anthropic/claude-4.5-opus', 'anthropic/claude-opus-4.5'],
    ['claude-opus-4-5', 'anthropic/claude-opus-4.5'],
    ['google/gemini-flash-2.5', 'google/gemini-2.5-flash'],
    ['gemini/gemini-2.5-flash:floor', 'google/gemini-2.5-flash'],
    ['xai/grok-4.7', 'x-ai/grok-4.7'],
    ['qwen/qwen-3.5-plus', 'qwen/qwen3.5-plus'],
  ])('%s leads to %s', (old, id) => {
    expect(catalog.resolve(old)?.model.id).toBe(id)
  })

  test.each([
    'openai/gpt-5-2',
    'anthropic/claude-opus-45',
    'nobody/claude-opus-4.5',
    'openai/gpt-4o-2024-13-13',
  ])('%s never leads to another generation, size, date or author', (name) => {
    const found = catalog.resolve(name)?.model.id
    expect(found === undefined || redirectKey(found) === redirectKey(name)).toBe(true)
  })

  test('one that two models share leads nowhere', () => {
    const twin = catalogOf(['acme/rocket-4-5', null], ['acme/4.5-rocket', null])
    expect(twin.resolve('acme/rocket-4.5')).toBeUndefined()
    expect(twin.resolve('acme/rocket-4-5')?.model.id).toBe('acme/rocket-4-5')
  })
})

describe('a static variant without a row', () => {
  const catalog = createCatalog({
    models: [model('acme/one'), model('acme/two')],
    endpoints: [
      endpoint('acme/one', 'paid', PRICE, { contextLength: 200_000, reasoning: true }),
      endpoint('acme/one', 'gift', { prompt: '0', completion: '0' }, { contextLength: 8_000 }),
      endpoint('acme/two', 'paid', PRICE),
    ],
  })
  const tags = (name: string) => catalog.resolve(name)?.endpoints.map(({ tag }) => tag)

  test(':free leaves the endpoints that cost nothing', () => {
    expect(tags('acme/one:free')).toEqual(['gift'])
    expect(tags('acme/one:free:nitro')).toEqual(['gift'])
    expect(tags('acme/two:free')).toBeUndefined()
  })

  test(':extended leaves the widest context, :thinking what reasons', () => {
    expect(tags('acme/one:extended')).toEqual(['paid'])
    expect(tags('acme/one:thinking')).toEqual(['paid'])
    expect(catalog.resolve('acme/one:thinking')?.variants).toEqual(['thinking'])
    expect(tags('acme/two:thinking')).toBeUndefined()
    expect(tags('acme/one:thinking:free')).toBeUndefined()
  })
})
