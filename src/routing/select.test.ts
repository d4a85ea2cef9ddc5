import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Endpoint } from '../catalog/index.ts'
import type { ProviderPreferences } from '../chat/index.ts'
import { planAttempts } from './plan.ts'
import type { OwnKey, Plan, PlanRequest, RoutingPolicy } from './plan.types.ts'
import { endpoint, model, policy, request, seeded, snapshot, tariff, type World } from './sample.fixture.ts'

const A = endpoint('a', { tariff: tariff(1) })
const B = endpoint('b', { tariff: tariff(2) })
const C = endpoint('c', { tariff: tariff(3) })
const abc = { endpoints: [A, B, C] }

function plan(
  world: World,
  ask: Partial<PlanRequest> = {},
  rules: Partial<RoutingPolicy> = {},
  random = () => 0,
): Plan {
  return planAttempts(request(ask), { ...policy, ...rules }, snapshot(world), random)
}
const tags = (made: Plan) => made.order.map((e) => e.tag)
const reason = (made: Plan, tag: string) => made.candidates.find((c) => c.endpoint.tag === tag)?.excluded

describe('a warm prompt cache', () => {
  const cached = tariff(5, 5, { cacheRead: 500_000n })
  const warm = endpoint('w', { tariff: cached })
  const world = { endpoints: [A, B, warm] }

  test('keeps its conversation at the endpoint, without a draw', () => {
    const made = plan(world, { sticky: warm.id }, {}, () => {
      throw new Error('drawn')
    })
    expect(tags(made)).toEqual(['w', 'a', 'b'])
    expect(made.candidates.find((c) => c.rank === 0)?.note).toBe('kept for the prompt cache')
  })

  test('is given up when the endpoint is out, cooling, excluded or unknown', () => {
    const first = (w: World, provider: ProviderPreferences = {}) =>
      tags(plan(w, { sticky: warm.id, provider }))[0]
    expect(first({ ...world, health: { w: { outage: true } } })).toBe('a')
    expect(first({ ...world, health: { w: { coolingMs: 1_000 } } })).toBe('a')
    expect(first({ ...world, health: { w: { breaker: 'open' } } })).toBe('a')
    expect(first(world, { ignore: ['w'] })).toBe('a')
    expect(tags(plan(abc, { sticky: warm.id }))[0]).toBe('a')
  })

  test('does not count where reading it is not cheaper', () => {
    const dear = endpoint('w', { tariff: tariff(5, 5, { cacheRead: 5_000_000n }) })
    expect(tags(plan({ endpoints: [A, dear] }, { sticky: dear.id }))[0]).toBe('a')
  })

  test('does not stand against an order or a sort of the caller', () => {
    expect(tags(plan(world, { sticky: warm.id, provider: { order: ['b'] } }))[0]).toBe('b')
    const sort = { by: 'price', partition: 'model' } as const
    expect(tags(plan(world, { sticky: warm.id, provider: { sort } }))[0]).toBe('a')
    expect(tags(plan(world, { sticky: warm.id, models: ['acme/one:floor'] }))[0]).toBe('a')
  })
})

describe('a request with tools', () => {
  const endpoints = ['a', 'b', 'c', 'd', 'e', 'new'].map((tag, i) =>
    endpoint(tag, { tariff: tariff(i + 1), supportedParameters: ['tools'] }),
  )
  const health = Object.fromEntries(
    Object.entries({ a: 5, b: 50, c: 55, d: 52, e: 54 }).map(([tag, throughputP50]) => [
      tag,
      { throughputP50 },
    ]),
  )

  test('passes by a provider far slower than its peers, and keeps unmeasured ones in the draw', () => {
    const made = plan({ endpoints, health }, { parameters: ['tools'] })
    expect(tags(made)).toEqual(['b', 'c', 'd', 'e', 'new', 'a'])
    expect(made.candidates.find((c) => c.endpoint.tag === 'new')?.weight).toBeGreaterThan(0)
    expect(made.candidates.find((c) => c.endpoint.tag === 'a')?.note).toBe('far slower than its peers')
  })

  test('goes by price alone without tools, with three providers, or when asked to', () => {
    expect(tags(plan({ endpoints, health }))[0]).toBe('a')
    const few = endpoints.slice(0, 3)
    expect(tags(plan({ endpoints: few, health }, { parameters: ['tools'] }))[0]).toBe('a')
    const sort = { by: 'price', partition: 'model' } as const
    expect(tags(plan({ endpoints, health }, { parameters: ['tools'], provider: { sort } }))[0]).toBe('a')
  })
})

describe('room that is not certain', () => {
  test('an endpoint that holds the estimate but not the most stands behind those that hold both', () => {
    const small = endpoint('small', { tariff: tariff(0.1), contextLength: 1_000 })
    const ask = { promptTokens: 600, promptTokensUpper: 1_200 }
    expect(tags(plan({ endpoints: [small, A] }, ask))).toEqual(['a', 'small'])
    expect(tags(plan({ endpoints: [small, A] }, { ...ask, promptTokensUpper: 900 }))).toEqual(['small', 'a'])
    expect(reason(plan({ endpoints: [small, A] }, { promptTokens: 1_001 }), 'small')).toBe('context_length')
  })

  test('an endpoint whose longest answer nobody knows stands behind one that can give max_tokens', () => {
    const known = endpoint('known', { tariff: tariff(9), maxOutput: 32_000 })
    const ask = { maxOutputTokens: 10_000 }
    expect(tags(plan({ endpoints: [A, known] }, ask))).toEqual(['known', 'a'])
    expect(tags(plan({ endpoints: [A, known] }))).toEqual(['a', 'known'])
    expect(tags(plan({ endpoints: [A] }, ask))).toEqual(['a'])
    expect(tags(plan({ endpoints: [A, known] }, { maxOutputTokens: 1_000 }))).toEqual(['a', 'known'])
    expect(tags(plan({ endpoints: [A, known] }, { ...ask, limitIsCeiling: true }))).toEqual(['a', 'known'])
  })
})

describe('service tiers', () => {
  const fast = endpoint('a/priority', { tariff: tariff(8) })

  test('fast is another word for priority; default, auto and scale ask for nothing', () => {
    const world = { endpoints: [A, fast] }
    expect(tags(plan(world, { serviceTier: 'fast' }))).toEqual(['a/priority', 'a'])
    for (const serviceTier of ['default', 'auto', 'scale', 'standard', null])
      expect(tags(plan(world, { serviceTier }))).toEqual(['a'])
  })
})

describe('enforce_distillable_text', () => {
  test.each([
    [true, 1],
    [false, 0],
    [null, 0],
  ])('with a license that says %s leaves %d endpoints', (distillable, left) => {
    const resolve = () => ({ model: { ...model('acme/one'), distillable }, endpoints: [A], variants: [] })
    const made = plan({ endpoints: [A], more: { resolve } }, { provider: { enforceDistillableText: true } })
    expect(made.order).toHaveLength(left)
    if (left === 0) expect(reason(made, 'a')).toBe('distillation')
    expect(plan({ endpoints: [A], more: { resolve } }).order).toHaveLength(1)
  })
})

test('max_price.audio is hard for requests that hold audio, which costs what the prompt costs', () => {
  const hears = endpoint('h', { tariff: tariff(4), inputModalities: ['text', 'audio'] })
  const ask = (inputModalities: string[]) =>
    plan({ endpoints: [hears] }, { inputModalities, provider: { maxPrice: { audio: 3_000_000n } } })
  expect(reason(ask(['text', 'audio']), 'h')).toBe('max_price')
  expect(reason(ask(['text']), 'h')).toBe(null)
})

describe('own keys', () => {
  const key = (id: string, more: Partial<OwnKey> = {}): OwnKey => ({
    id,
    fallback: false,
    required: false,
    order: 0,
    ...more,
  })
  function places(keys: Record<string, OwnKey[]>, ask: Partial<PlanRequest> = {}, world: World = abc) {
    const ownKeys = (e: Endpoint) => keys[e.providerId] ?? []
    const made = plan({ ...world, more: { ...world.more, ownKeys } }, ask)
    return made.order.map((e, i) => `${e.tag}:${made.credentials?.[i] ?? '-'}`)
  }

  test('come first by their order, then the gateway, then those for fallback', () => {
    expect(
      places({ c: [key('k2', { order: 2 }), key('k1', { order: 1 })], b: [key('f', { fallback: true })] }),
    ).toEqual(['c:k1', 'c:k2', 'a:-', 'b:-', 'c:-', 'b:f'])
  })

  test('precede provider.order too', () => {
    expect(places({ c: [key('k')] }, { provider: { order: ['b'] } })).toEqual(['c:k', 'b:-', 'a:-', 'c:-'])
  })

  test('one that is required takes the gateway out of its provider', () => {
    expect(places({ a: [key('k', { required: true })] })).toEqual(['a:k', 'b:-', 'c:-'])
  })

  test('serve where the gateway has no key, or no price', () => {
    expect(places({ a: [key('k')] }, {}, { ...abc, without: ['a', 'b'] })).toEqual(['a:k', 'c:-'])
    const unpriced = endpoint('u', { tariff: null })
    expect(places({ u: [key('k')] }, {}, { endpoints: [unpriced, B] })).toEqual(['u:k', 'b:-'])
  })

  test('do not pass a filter that the request sets', () => {
    expect(places({ a: [key('k')] }, { provider: { zdr: true } })).toEqual([])
    expect(places({ a: [key('k')] }, { provider: { only: ['b'] } })).toEqual(['b:-'])
  })

  test('without fallbacks one place a model is left', () => {
    expect(places({ a: [key('k')] }, { provider: { allowFallbacks: false } })).toEqual(['a:k'])
  })

  test('a plan without them names no credential', () => {
    expect(plan(abc).credentials).toBeNull()
  })
})

describe('an error', () => {
  test('tells why each endpoint was left out', () => {
    const made = plan({ ...abc, without: ['b'] }, { provider: { ignore: ['a'], maxPrice: { prompt: 1n } } })
    expect(made.refusal?.metadata['availability']).toMatchObject({
      excluded_by: ['ignored_providers', 'no_credential', 'max_price'],
      excluded_endpoints: [
        { model: 'acme/one', tag: 'a', reason: 'ignore', detail: 'named in provider.ignore' },
        { model: 'acme/one', tag: 'b', reason: 'no_credential' },
        { model: 'acme/one', tag: 'c', reason: 'max_price' },
      ],
    })
  })

  test('names at most thirty of them', () => {
    const endpoints = Array.from({ length: 80 }, (_, i) => endpoint(`p${i}`))
    const made = plan({ endpoints }, { provider: { only: ['nobody'] } })
    expect(
      (made.refusal!.metadata['availability'] as { excluded_endpoints: unknown[] }).excluded_endpoints,
    ).toHaveLength(30)
  })

  test('a variant that a model does not have is 404 with the model itself', () => {
    const resolve = (name: string) =>
      name === 'acme/one' ? { model: model('acme/one'), endpoints: [A], variants: [] } : undefined
    const made = plan({ endpoints: [A], more: { resolve } }, { models: ['acme/one:free'] })
    expect(made.refusal).toMatchObject({
      code: 'no_endpoints',
      metadata: { availability: { code: 'free_variant_ended', fallback_models: ['acme/one'] } },
    })
  })
})

test('a model asked for twice is tried once, but for the endpoints that the first name left out', () => {
  const gift = endpoint('gift', { tariff: tariff(0) })
  const resolve = (name: string) => ({
    model: model('acme/one'),
    endpoints: name.endsWith(':free') ? [gift] : [A, gift],
    variants: [],
  })
  const ask = (models: string[]) => plan({ endpoints: [A, gift], more: { resolve } }, { models })
  expect(tags(ask(['acme/one:free', 'acme/one']))).toEqual(['gift', 'a'])
  expect(ask(['acme/one:free', 'acme/one']).candidates).toHaveLength(2)
  expect(ask(['acme/one', 'acme/one:free']).routes).toHaveLength(1)
})

describe('routes', () => {
  test('say how each name was understood', () => {
    const resolve = (name: string) => ({
      model: model(name.includes('two') ? 'acme/two' : 'acme/one'),
      endpoints: [A],
      variants: [],
    })
    const made = plan(
      { endpoints: [A], more: { resolve } },
      { models: ['acme/one:nitro', '~acme/two-latest', 'ACME/one'] },
    )
    expect(made.routes).toEqual([
      { requested: 'acme/one:nitro', models: ['acme/one'], via: 'direct', because: null },
      { requested: '~acme/two-latest', models: ['acme/two'], via: 'latest', because: null },
    ])
  })
})

/** Any preferences over the providers of a world of up to 12. */
const anyPreferences: fc.Arbitrary<ProviderPreferences> = fc.record(
  {
    order: fc.array(fc.constantFrom('p0', 'p1', 'p2', 'p3', 'nobody'), { maxLength: 4 }),
    only: fc.array(fc.constantFrom('p0', 'p1', 'p2', 'p3', 'p4'), { minLength: 1, maxLength: 5 }),
    ignore: fc.array(fc.constantFrom('p0', 'p1', 'p5'), { maxLength: 3 }),
    allowFallbacks: fc.boolean(),
    requireParameters: fc.boolean(),
    zdr: fc.boolean(),
    dataCollection: fc.constantFrom('allow', 'deny'),
    quantizations: fc.constantFrom(['fp8'], ['fp8', 'unknown'], ['bf16']),
    sort: fc.record({
      by: fc.constantFrom('price', 'throughput', 'latency', 'exacto'),
      partition: fc.constantFrom('model', 'none'),
    }),
    maxPrice: fc.record({ prompt: fc.bigInt({ min: 0n, max: 4_000_000n }) }),
    preferredMinThroughput: fc.record({ p50: fc.integer({ min: 1, max: 100 }) }),
    preferredMaxLatency: fc.record({ p90: fc.integer({ min: 1, max: 4 }) }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<ProviderPreferences>

const anyWorld = fc
  .array(
    fc.record({
      price: fc.integer({ min: 0, max: 5 }),
      quantization: fc.constantFrom('unknown', 'fp8'),
      tools: fc.boolean(),
      coolingMs: fc.constantFrom(0, 0, 0, 500),
      outage: fc.boolean(),
      speed: fc.option(fc.integer({ min: 1, max: 200 })),
      known: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((rows) => {
    const endpoints = rows.map(({ price, quantization, tools }, i) =>
      endpoint(`p${i}`, {
        tariff: tariff(price),
        quantization,
        supportedParameters: tools ? ['tools', 'temperature'] : ['temperature'],
      }),
    )
    const health = Object.fromEntries(
      rows.map(({ coolingMs, outage, speed }, i) => [`p${i}`, { coolingMs, outage, throughputP50: speed }]),
    )
    const facts = rows.map(({ known }) => (known ? { trains: false, retains: false } : undefined))
    return { endpoints, health, more: { dataPolicy: (id: string) => facts[Number(id.slice(1))] } }
  })

test('hard filters hold, soft ones leave nobody out, and every candidate is told of, whatever is asked', () => {
  fc.assert(
    fc.property(anyWorld, anyPreferences, fc.integer(), fc.boolean(), (world, provider, seed, tools) => {
      const made = plan(world, { provider, parameters: tools ? ['tools'] : [] }, {}, seeded(seed))
      expect(made.candidates.map((c) => c.endpoint.id).sort()).toEqual(
        world.endpoints.map((e) => e.id).sort(),
      )
      expect(new Set(made.order).size).toBe(made.order.length)
      expect(made.refusal === null).toBe(made.order.length > 0)
      for (const { endpoint: e, excluded, rank, detail } of made.candidates) {
        expect(rank === null).toBe(excluded !== null)
        if (excluded !== null) expect(detail).not.toBeNull()
        else expect(made.order[rank!]).toBe(e)
      }
      for (const e of made.order) {
        if (provider.only) expect(provider.only).toContain(e.tag)
        if (provider.ignore) expect(provider.ignore).not.toContain(e.tag)
        if (provider.quantizations) expect(provider.quantizations).toContain(e.quantization)
        if (provider.maxPrice?.prompt !== undefined)
          expect(e.tariff!.prompt).toBeLessThanOrEqual(provider.maxPrice.prompt)
        if (provider.requireParameters && tools) expect(e.supportedParameters).toContain('tools')
        if (provider.zdr) expect(world.more.dataPolicy(e.providerId)?.retains).toBe(false)
        if (provider.dataCollection === 'deny')
          expect(world.more.dataPolicy(e.providerId)?.trains).toBe(false)
      }
      const { sort: _s, preferredMinThroughput: _t, preferredMaxLatency: _l, order, ...hard } = provider
      if (provider.allowFallbacks !== false) {
        const plain = plan(world, { provider: hard, parameters: tools ? ['tools'] : [] })
        expect([...made.order].map((e) => e.id).sort()).toEqual([...plain.order].map((e) => e.id).sort())
      } else if (order === undefined || order.length === 0) expect(made.order.length).toBeLessThanOrEqual(1)
    }),
    { numRuns: 400 },
  )
})

test('the same request, view and draw give the same plan', () => {
  fc.assert(
    fc.property(anyWorld, anyPreferences, fc.integer(), (world, provider, seed) => {
      const ask = { provider, parameters: ['tools'] }
      expect(tags(plan(world, ask, {}, seeded(seed)))).toEqual(tags(plan(world, ask, {}, seeded(seed))))
    }),
    { numRuns: 100 },
  )
})

test('own keys stand in their order around the gateway, each once, at endpoints that may serve', () => {
  const anyKeys = fc.array(
    fc.record({ fallback: fc.boolean(), required: fc.boolean(), order: fc.integer({ min: 0, max: 9 }) }),
    { maxLength: 3 },
  )
  fc.assert(
    fc.property(anyWorld, fc.array(anyKeys, { maxLength: 12 }), fc.integer(), (world, keys, seed) => {
      const own = (e: Endpoint): OwnKey[] =>
        (keys[Number(e.providerId.slice(1))] ?? []).map((key, i) => ({ ...key, id: `${e.providerId}-${i}` }))
      const made = plan({ ...world, more: { ...world.more, ownKeys: own } }, {}, {}, seeded(seed))
      const places = made.order.map((e, i) => ({ e, id: made.credentials?.[i] ?? null }))
      expect(new Set(places.map(({ e, id }) => `${e.id} ${id}`)).size).toBe(places.length)
      const kind = ({ e, id }: (typeof places)[number]) =>
        id === null ? 1 : own(e).find((key) => key.id === id)!.fallback ? 2 : 0
      const kinds = places.map(kind)
      expect(kinds).toEqual(kinds.toSorted((a, b) => a - b))
      for (const group of [0, 2]) {
        const orders = places
          .filter((place) => kind(place) === group)
          .map(({ e, id }) => own(e).find((key) => key.id === id)!.order)
        expect(orders).toEqual(orders.toSorted((a, b) => a - b))
      }
      for (const { endpoint: e, rank } of made.candidates) {
        expect(rank).not.toBeNull()
        const mine = own(e)
        const shared = !mine.some((key) => key.required)
        expect(places.filter((place) => place.e === e).length).toBe(mine.length + (shared ? 1 : 0))
      }
    }),
    { numRuns: 200 },
  )
})
