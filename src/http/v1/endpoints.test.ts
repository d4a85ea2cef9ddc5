import { describe, expect, test } from 'vitest'
import { createCatalog } from '../../catalog/index.ts'
import { endpoint, model } from '../../catalog/sample.fixture.ts'
import type { EndpointStats } from '../../routing/index.ts'
import { endpointsBody, type LiveStats } from './endpoints.ts'
import { oneModelBody, pricingBody } from './model.ts'
import { providersBody } from './providers.ts'

const catalog = createCatalog({
  models: [model('acme/rocket', { aliases: ['acme/rocket-old'] })],
  endpoints: [
    endpoint('acme/rocket', 'blank', null),
    endpoint('acme/rocket', 'dear', { prompt: '3000000', completion: '15000000', cacheRead: '300000' }),
    endpoint(
      'acme/rocket',
      'cheap/fp8',
      { prompt: '100000', completion: '400000' },
      { supportedParameters: ['tools', 'tool_choice'], quantization: 'fp8' },
    ),
  ],
})

const figures = { p50: 1, p75: 2, p90: 3, p99: 4 }
const stats = (uptime: number): EndpointStats => ({
  uptime_last_5m: uptime,
  uptime_last_30m: uptime,
  uptime_last_1d: uptime,
  latency_last_30m: figures,
  throughput_last_30m: figures,
})
const live = (authenticated: boolean, uptime = 100): LiveStats => ({
  authenticated,
  stats: (id) => (id === 'acme/rocket@dear' ? stats(uptime) : undefined),
})

describe('the endpoints of a model', () => {
  test('stand cheapest first, unknown prices last as -1', () => {
    const { data } = endpointsBody(catalog, 'acme', 'rocket', live(true))
    expect(data.endpoints.map(({ tag, pricing }) => [tag, pricing.prompt])).toEqual([
      ['cheap/fp8', '0.0000001'],
      ['dear', '0.000003'],
      ['blank', '-1'],
    ])
    expect(data.endpoints[0]).toMatchObject({
      name: 'CHEAP | acme/rocket',
      quantization: 'fp8',
      supports_tool_choice: { auto: true, required: true },
      uptime_last_30m: null,
      latency_last_30m: null,
      status: 0,
    })
  })

  test('show latency and throughput to callers with a key only', () => {
    const dear = (authenticated: boolean) =>
      endpointsBody(catalog, 'acme', 'rocket', live(authenticated)).data.endpoints[1]
    expect(dear(true)).toMatchObject({
      latency_last_30m: figures,
      throughput_last_30m: figures,
      uptime_last_1d: 100,
    })
    expect(dear(false)).toMatchObject({
      latency_last_30m: null,
      throughput_last_30m: null,
      uptime_last_1d: 100,
    })
  })

  test.each([
    [100, 0],
    [94, -2],
    [79, -3],
    [10, -5],
  ])('at %i %% uptime have status %i', (uptime, status) => {
    expect(endpointsBody(catalog, 'acme', 'rocket', live(true, uptime)).data.endpoints[1]?.status).toBe(
      status,
    )
  })

  test('are found by alias and by a name with dynamic suffixes', () => {
    expect(endpointsBody(catalog, 'acme', 'rocket-old', live(true)).data.id).toBe('acme/rocket')
    expect(oneModelBody(catalog, 'acme', 'rocket:nitro').data.id).toBe('acme/rocket')
  })

  test('of an unknown model are a 404 that names the closest', () => {
    expect(() => endpointsBody(catalog, 'acme', 'roket', live(true))).toThrow(
      expect.objectContaining({
        code: 'not_found',
        message: expect.stringContaining('Did you mean acme/rocket?'),
      }),
    )
    expect(() => oneModelBody(catalog, 'zz', 'qq')).toThrow('GET /api/v1/models lists all')
  })
})

test('tiers become overrides, kinds without a price stay away', () => {
  const body = pricingBody({
    version: 't',
    prompt: 1_250_000n,
    completion: 10_000_000n,
    cacheRead: 125_000n,
    cacheWrite: null,
    cacheWrite1h: null,
    reasoning: null,
    request: 5_000_000_000n,
    tiers: [{ minPromptTokens: 200_000, prompt: 2_500_000n, cacheRead: 250_000n }],
  })
  expect(body).toEqual({
    prompt: '0.00000125',
    completion: '0.00001',
    request: '0.005',
    input_cache_read: '0.000000125',
    overrides: [{ min_prompt_tokens: 200_000, prompt: '0.0000025', input_cache_read: '0.00000025' }],
  })
})

test('providers of the configuration are listed beside the known ones, simulated ones are not', () => {
  const known = {
    id: 'dear',
    name: 'Dear & Co',
    privacyPolicyUrl: 'https://dear.example/privacy',
    headquarters: 'US',
  }
  const endpoints = [...catalog.endpoints, endpoint('sim/echo', 'simulator', null, { simulated: true })]
  const { data } = providersBody([known as never], endpoints)
  expect(data.map(({ slug, name }) => [slug, name])).toEqual([
    ['blank', 'BLANK'],
    ['cheap', 'CHEAP'],
    ['dear', 'Dear & Co'],
  ])
  expect(data[2]).toMatchObject({ privacy_policy_url: 'https://dear.example/privacy', headquarters: 'US' })
  expect(data[0]).toMatchObject({ privacy_policy_url: null, datacenters: null })
})
