import { describe, expect, test } from 'vitest'
import { type ConfiguredModel, withConfigured, withDialects } from './configured.ts'
import { createCatalog } from './create.ts'
import { endpoint, model } from './sample.fixture.ts'
import { FREE, readTariff } from './tariff.ts'

const PRICE = { prompt: '1000', completion: '2000' }
const base = createCatalog({
  models: [model('acme/rocket', { contextLength: 50_000, supportedParameters: ['max_tokens', 'tools'] })],
  endpoints: [
    endpoint('acme/rocket', 'acme', PRICE, {
      contextLength: 50_000,
      supportedParameters: ['max_tokens', 'tools'],
    }),
    endpoint('acme/rocket', 'host', PRICE),
    endpoint('acme/rocket', 'host/eu', PRICE),
  ],
})

const wish = (more: Partial<ConfiguredModel>): ConfiguredModel => ({
  providerId: 'mine',
  providerName: 'Mine',
  dialect: 'openai-chat',
  id: 'acme/rocket',
  upstreamId: 'rocket-local',
  contextLength: null,
  maxOutput: null,
  tariff: null,
  free: false,
  capabilities: [],
  ...more,
})

describe('a configured model', () => {
  test('of a known model adds an endpoint that inherits what is left open, but no price', () => {
    const catalog = withConfigured(base, [wish({})])
    expect(catalog.resolve('acme/rocket')?.endpoints.map(({ tag }) => tag)).toEqual([
      'acme',
      'host',
      'host/eu',
      'mine',
    ])
    expect(catalog.endpoint('acme/rocket@mine')).toMatchObject({
      upstreamId: 'rocket-local',
      contextLength: 50_000,
      supportedParameters: ['max_tokens', 'tools'],
      tariff: null,
      source: { name: 'configuration' },
    })
  })

  test('takes the place of all endpoints at its provider and keeps the known price', () => {
    const catalog = withConfigured(base, [wish({ providerId: 'host', providerName: 'Host', maxOutput: 77 })])
    expect(catalog.resolve('acme/rocket')?.endpoints.map(({ tag }) => tag)).toEqual(['acme', 'host'])
    const changed = catalog.endpoint('acme/rocket@host')
    expect(changed).toMatchObject({ maxOutput: 77, upstreamId: 'rocket-local' })
    expect(changed?.tariff).toEqual(base.endpoint('acme/rocket@host')?.tariff)
  })

  test('brings its own price, which wins', () => {
    const tariff = readTariff('x', { prompt: '5', completion: '6' })
    const catalog = withConfigured(base, [wish({ providerId: 'host', tariff })])
    expect(catalog.endpoint('acme/rocket@host')?.tariff).toBe(tariff)
  })

  test('that is free has a tariff of zeros named free', () => {
    const free = withConfigured(base, [wish({ free: true })]).endpoint('acme/rocket@mine')?.tariff
    expect(free).toBe(FREE)
    expect(free).toMatchObject({ version: 'free', prompt: 0n, completion: 0n, request: 0n })
  })

  test('that nobody knows becomes a model with its declared capabilities', () => {
    const catalog = withConfigured(base, [
      wish({
        id: 'me/own',
        contextLength: 4096,
        capabilities: ['tools', 'vision', 'reasoning', 'structured_outputs'],
      }),
    ])
    expect(catalog.resolve('ME/own')?.model).toMatchObject({
      id: 'me/own',
      contextLength: 4096,
      inputModalities: ['text', 'image'],
      outputModalities: ['text'],
      reasoning: true,
    })
    const parameters = catalog.endpoint('me/own@mine')?.supportedParameters
    for (const name of [
      'temperature',
      'tools',
      'tool_choice',
      'reasoning',
      'response_format',
      'structured_outputs',
    ]) {
      expect(parameters).toContain(name)
    }
  })

  test('of embeddings answers in embeddings only', () => {
    const catalog = withConfigured(base, [wish({ id: 'me/embed', capabilities: ['embeddings'] })])
    expect(catalog.endpoint('me/embed@mine')).toMatchObject({
      outputModalities: ['embeddings'],
      supportedParameters: [],
    })
  })

  test('may be simulated', () => {
    const catalog = withConfigured(base, [wish({ id: 'sim/echo', simulated: true, free: true })])
    expect(catalog.endpoint('sim/echo@mine')?.simulated).toBe(true)
  })

  test('named by an alias joins the model behind it', () => {
    const aliased = createCatalog({
      models: [model('acme/rocket', { aliases: ['rocket-1'] })],
      endpoints: [],
    })
    expect(withConfigured(aliased, [wish({ id: 'rocket-1' })]).endpoint('acme/rocket@mine')).toBeDefined()
  })
})

test('the snapshot it starts from does not change, and no wish is no change', () => {
  const before = base.endpoints.length
  const changed = withConfigured(base, [wish({})])
  expect(base.endpoints).toHaveLength(before)
  expect(changed.version).not.toBe(base.version)
  expect(withConfigured(base, [])).toBe(base)
})

test('a replaced dialect counts for what the seed knows of the provider, and for nobody else', () => {
  const catalog = withDialects(base, new Map([['host', 'openai-responses']]))
  expect(catalog.endpoints.map(({ dialect }) => dialect)).toEqual([
    'openai-chat',
    'openai-responses',
    'openai-responses',
  ])
  expect(withDialects(base, new Map())).toBe(base)
})
