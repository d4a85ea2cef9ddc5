import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Endpoint } from '../catalog/index.ts'
import type { ProviderPreferences } from '../chat/index.ts'
import { type AccessRules, joinAccess } from './access.ts'
import { planAttempts } from './plan.ts'
import type { ExclusionReason, Plan, PlanRequest, RoutingPolicy } from './plan.types.ts'
import { endpoint, policy, request, seeded, snapshot, tariff, type World } from './sample.fixture.ts'

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

function tags(made: Plan): string[] {
  return made.order.map((e) => e.tag)
}

function prefer(world: World, provider: ProviderPreferences): string[] {
  return tags(plan(world, { provider }))
}

function reasonOf(made: Plan, tag: string): ExclusionReason | null | undefined {
  return made.candidates.find((c) => c.endpoint.tag === tag)?.excluded
}

/** Share of first places by tag over many draws. */
function shares(world: World, draws: number): Record<string, number> {
  const random = seeded(42)
  const frozen = snapshot(world)
  const counts: Record<string, number> = {}
  for (let i = 0; i < draws; i++) {
    const first = planAttempts(request(), policy, frozen, random).order[0]!.tag
    counts[first] = (counts[first] ?? 0) + 1
  }
  return Object.fromEntries(Object.entries(counts).map(([tag, n]) => [tag, n / draws]))
}

describe('load balancing', () => {
  test('the first place is drawn with the weight 1/price²', () => {
    const share = shares(abc, 20_000)
    const total = 1 + 1 / 4 + 1 / 9
    expect(share.a).toBeCloseTo(1 / total, 1.7)
    expect(Math.abs(share.a! - 1 / total)).toBeLessThan(0.012)
    expect(Math.abs(share.b! - 1 / 4 / total)).toBeLessThan(0.012)
    expect(Math.abs(share.c! - 1 / 9 / total)).toBeLessThan(0.012)
  })

  test('with prices 1, 2, 3 and an outage of the second, the first is nine times likelier than the third', () => {
    const world = { ...abc, health: { b: { outage: true } } }
    const share = shares(world, 20_000)
    expect(share.b).toBeUndefined()
    expect(share.a! / share.c!).toBeGreaterThan(8)
    expect(share.a! / share.c!).toBeLessThan(10.2)
    expect(tags(plan(world, {}, {}, () => 0.999))).toEqual(['c', 'a', 'b'])
  })

  test('those that were not drawn follow by price', () => {
    expect(tags(plan(abc, {}, {}, () => 0.999))).toEqual(['c', 'a', 'b'])
    expect(tags(plan(abc, {}, {}, () => 0.75))).toEqual(['b', 'a', 'c'])
  })

  test('free endpoints share the draw evenly and come before paid ones', () => {
    const free = tariff(0)
    const world = { endpoints: [A, endpoint('x', { tariff: free }), endpoint('y', { tariff: free })] }
    const share = shares(world, 4_000)
    expect(share.a).toBeUndefined()
    expect(share.x).toBeGreaterThan(0.45)
    expect(share.y).toBeGreaterThan(0.45)
    expect(tags(plan(world, {}, {}, () => 0.999_999)).at(-1)).toBe('a')
  })

  test('an endpoint without a known price weighs as much as the dearest', () => {
    const world = { endpoints: [A, endpoint('x', { tariff: null })] }
    const made = plan(world, {}, { needsPrice: false })
    expect(made.candidates.map((c) => c.weight)).toEqual([0.5, 0.5])
  })

  test('the comparable price is three parts input to one part output, with a fee per call spread', () => {
    const world = { endpoints: [endpoint('a', { tariff: tariff(1, 5, { request: 2_000_000_000n }) })] }
    expect(plan(world).candidates[0]!.price).toBe(2_000_000n + 2_000_000n)
  })

  test('the tier that the prompt falls into is what is compared', () => {
    const tiers = [{ minPromptTokens: 1_000, prompt: 9_000_000n, completion: 9_000_000n }]
    const world = { endpoints: [A, endpoint('b', { tariff: tariff(0.5, 0.5, { tiers }) })] }
    expect(
      tags(plan(world, { promptTokens: 1_000, provider: { sort: { by: 'price', partition: 'model' } } })),
    ).toEqual(['b', 'a'])
    expect(
      tags(plan(world, { promptTokens: 1_001, provider: { sort: { by: 'price', partition: 'model' } } })),
    ).toEqual(['a', 'b'])
  })

  test('uptime below 95 % goes behind, below 80 % further behind, and counts only from 100 outcomes on', () => {
    const health = { a: { uptime5m: 0.7, samples5m: 100 }, b: { uptime5m: 0.9, samples5m: 100 } }
    expect(tags(plan({ ...abc, health }))).toEqual(['c', 'b', 'a'])
    const few = { a: { uptime5m: 0.7, samples5m: 99 } }
    expect(tags(plan({ ...abc, health: few }))).toEqual(['a', 'b', 'c'])
  })

  test('cooling endpoints and open breakers go last, but are never left out', () => {
    const health = { a: { coolingMs: 5_000 }, b: { breaker: 'open' as const } }
    expect(tags(plan({ ...abc, health }))).toEqual(['c', 'b', 'a'])
  })

  test('with every endpoint cooling the one that is ready first leads, and the plan tells the wait', () => {
    const health = { a: { coolingMs: 9_000 }, b: { coolingMs: 2_000 }, c: { coolingMs: 4_000 } }
    const made = plan({ ...abc, health })
    expect(tags(made)).toEqual(['b', 'c', 'a'])
    expect(made.coolingMs).toBe(2_000)
    expect(plan({ ...abc, health: { a: { coolingMs: 9_000 } } }).coolingMs).toBe(0)
  })

  test('a half-open endpoint keeps its place in spite of its outage, so that it can be probed', () => {
    const health = { a: { breaker: 'half-open' as const, outage: true } }
    expect(tags(plan({ ...abc, health }))).toEqual(['a', 'b', 'c'])
  })
})

describe('provider preferences', () => {
  test('order comes first, the others follow by price', () => {
    expect(prefer(abc, { order: ['c', 'b'] })).toEqual(['c', 'b', 'a'])
  })

  test('order without fallbacks leaves the others out', () => {
    const made = plan(abc, { provider: { order: ['c'], allowFallbacks: false } })
    expect(tags(made)).toEqual(['c'])
    expect(reasonOf(made, 'a')).toBe('order_without_fallbacks')
  })

  test('no fallbacks without an order leaves one endpoint a model', () => {
    expect(prefer(abc, { allowFallbacks: false })).toEqual(['a'])
  })

  test('only and ignore are hard', () => {
    expect(prefer(abc, { only: ['b', 'c'], ignore: ['c'] })).toEqual(['b'])
  })

  test('sort by price is strict and asks for no random number', () => {
    const made = plan(abc, { provider: { sort: { by: 'price', partition: 'model' } } }, {}, () => {
      throw new Error('asked')
    })
    expect(tags(made)).toEqual(['a', 'b', 'c'])
    expect(made.strategy).toBe('sort:price')
  })

  test('sort by throughput and latency go by the median; what is not measured comes after', () => {
    const health = { a: { throughputP50: 10, ttftP50Ms: 90 }, c: { throughputP50: 70, ttftP50Ms: 300 } }
    expect(prefer({ ...abc, health }, { sort: { by: 'throughput', partition: 'model' } })).toEqual([
      'c',
      'a',
      'b',
    ])
    expect(prefer({ ...abc, health }, { sort: { by: 'latency', partition: 'model' } })).toEqual([
      'a',
      'c',
      'b',
    ])
  })

  test('partition none sorts the endpoints of all models together', () => {
    const other = endpoint('a', { modelId: 'acme/two', tariff: tariff(1.5) })
    const world = { endpoints: [A, B, other] }
    const ask = (partition: 'model' | 'none') =>
      plan(world, { models: ['acme/one', 'acme/two'], provider: { sort: { by: 'price', partition } } })
    expect(ask('none').order.map((e) => e.id)).toEqual(['acme/one@a', 'acme/two@a', 'acme/one@b'])
    expect(ask('model').order.map((e) => e.id)).toEqual(['acme/one@a', 'acme/one@b', 'acme/two@a'])
  })

  test('nitro sorts by throughput, floor by price, an explicit sort wins over both', () => {
    expect(plan(abc, { models: ['acme/one:nitro'] }).strategy).toBe('sort:throughput')
    expect(plan(abc, { models: ['acme/one:floor'] }).strategy).toBe('sort:price')
    const sort = { by: 'latency', partition: 'model' } as const
    expect(plan(abc, { models: ['acme/one:nitro'], provider: { sort } }).strategy).toBe('sort:latency')
  })

  test('exacto puts a provider far slower than its peers behind, unmeasured ones between', () => {
    const speeds = { a: 5, b: 50, c: 55, d: 52, e: 54 }
    const endpoints = ['a', 'b', 'c', 'd', 'e', 'f'].map((tag, i) => endpoint(tag, { tariff: tariff(i + 1) }))
    const health = Object.fromEntries(
      Object.entries(speeds).map(([tag, throughputP50]) => [tag, { throughputP50 }]),
    )
    expect(tags(plan({ endpoints, health }, { models: ['acme/one:exacto'] }))).toEqual([
      'b',
      'c',
      'd',
      'e',
      'f',
      'a',
    ])
  })

  test('a missed percentile cutoff puts an endpoint behind the endpoints of all models', () => {
    const figures = (value: number) => ({ p50: value, p75: value, p90: value, p99: value })
    const two = endpoint('a', { modelId: 'acme/two' })
    const health = { b: { throughput: figures(20), ttftMs: figures(4_000) } }
    const world = { endpoints: [B, two], health }
    const ask = (provider: ProviderPreferences) =>
      plan(world, { models: ['acme/one', 'acme/two'], provider }).order.map((e) => e.id)
    expect(ask({})).toEqual(['acme/one@b', 'acme/two@a'])
    expect(ask({ preferredMinThroughput: { p90: 21 } })).toEqual(['acme/two@a', 'acme/one@b'])
    expect(ask({ preferredMinThroughput: { p90: 19 } })).toEqual(['acme/one@b', 'acme/two@a'])
    expect(ask({ preferredMaxLatency: { p50: 3 } })).toEqual(['acme/two@a', 'acme/one@b'])
  })

  test('max_price is hard for input, output and the fee per request', () => {
    const dear = endpoint('d', { tariff: tariff(1, 1, { request: 5n }) })
    const world = { endpoints: [A, B, dear] }
    expect(prefer(world, { maxPrice: { prompt: 1_000_000n, request: 4n } })).toEqual(['a'])
    expect(prefer(world, { maxPrice: { completion: 1_000_000n } })).toEqual(['a', 'd'])
  })

  test('require_parameters drops endpoints that lack one; without it they only go behind', () => {
    const able = endpoint('z', { tariff: tariff(9), supportedParameters: ['tools', 'seed'] })
    const world = { endpoints: [A, able] }
    expect(tags(plan(world, { parameters: ['tools'] }))).toEqual(['z', 'a'])
    expect(
      tags(plan(world, { parameters: ['tools', 'seed'], provider: { requireParameters: true } })),
    ).toEqual(['z'])
    expect(plan({ endpoints: [A] }, { parameters: ['tools'] }).order).toHaveLength(1)
  })

  test('quantizations are hard', () => {
    const world = { endpoints: [A, endpoint('q', { quantization: 'fp8' })] }
    expect(prefer(world, { quantizations: ['fp8', 'bf16'] })).toEqual(['q'])
  })

  test('zdr and data_collection deny let only providers pass whose policy is known to fit', () => {
    const facts = { a: { trains: false, retains: true }, b: { trains: false, retains: false } }
    const more = { dataPolicy: (id: string) => facts[id as 'a' | 'b'] }
    expect(prefer({ ...abc, more }, { zdr: true })).toEqual(['b'])
    expect(prefer({ ...abc, more }, { dataCollection: 'deny' })).toEqual(['a', 'b'])
    expect(prefer({ ...abc, more }, { dataCollection: 'allow' })).toEqual(['a', 'b', 'c'])
    expect(reasonOf(plan({ ...abc, more }, { provider: { zdr: true } }), 'c')).toBe('data_policy')
  })

  test('lists of key and installation are hard, come before the wishes, and are named', () => {
    const under = (rules: AccessRules, provider: ProviderPreferences = {}) =>
      plan(abc, { provider }, { access: joinAccess([{ owner: 'the key', rules }], snapshot(abc).resolve) })
    expect(tags(under({ allowedProviders: ['a', 'b'], ignoredProviders: ['a'] }))).toEqual(['b'])
    expect(under({ allowedModels: ['acme/*'] }).order).toHaveLength(3)
    const none = under({ allowedModels: ['other/*'] }, { only: ['a'] })
    expect(reasonOf(none, 'a')).toBe('key_policy')
    expect(none.refusal).toMatchObject({
      code: 'no_endpoints',
      message: expect.stringContaining('not in allowed_models of the key (3 endpoints)'),
      metadata: { availability: { code: 'constraint_filtered', excluded_by: ['allowed_models'] } },
    })
  })

  test('a data policy of the installation holds where the request says nothing or less', () => {
    const facts = { a: { trains: false, retains: true }, b: { trains: false, retains: false } }
    const more = { dataPolicy: (id: string) => facts[id as 'a' | 'b'] }
    const under = (rules: AccessRules, provider: ProviderPreferences = {}) =>
      plan(
        { ...abc, more },
        { provider },
        { access: joinAccess([{ owner: 'policy', rules }], () => undefined) },
      )
    expect(tags(under({ zdr: true }, { zdr: false }))).toEqual(['b'])
    expect(tags(under({ dataCollection: 'deny' }, { dataCollection: 'allow' }))).toEqual(['a', 'b'])
    expect(tags(under({ dataCollection: 'allow' }, { zdr: true }))).toEqual(['b'])
    expect(under({ zdr: true }).candidates[0]?.detail).toContain('zdr is set by policy')
  })
})

describe('slugs and service tiers', () => {
  const eu = endpoint('vertex/europe', { tariff: tariff(2) })
  const us = endpoint('vertex/us')
  const flex = endpoint('vertex/flex', { tariff: tariff(0.5) })
  const fast = endpoint('vertex/priority', { tariff: tariff(8) })
  const world = { endpoints: [eu, us, flex, fast] }

  test('a base slug names every region, a longer one only its own, a display name its provider', () => {
    expect(prefer(world, { only: ['vertex'] })).toEqual(['vertex/europe', 'vertex/us'])
    expect(prefer(world, { only: ['vertex/europe'] })).toEqual(['vertex/europe'])
    expect(prefer(world, { only: ['VERTEX'] })).toEqual(['vertex/europe', 'vertex/us'])
    expect(prefer(world, { only: ['vert'] })).toEqual([])
  })

  test('an endpoint of a service tier serves only when asked for', () => {
    expect(reasonOf(plan(world), 'vertex/flex')).toBe('service_tier')
    expect(prefer(world, { only: ['vertex/flex'] })).toEqual(['vertex/flex'])
    expect(tags(plan(world, { serviceTier: 'flex' }))).toEqual(['vertex/flex'])
    expect(tags(plan(world, { serviceTier: 'priority' }))[0]).toBe('vertex/priority')
    expect(tags(plan(world, { models: ['acme/one:floor'] }))[0]).toBe('vertex/flex')
    expect(tags(plan({ endpoints: [us] }, { serviceTier: 'flex' }))).toEqual(['vertex/us'])
  })
})

describe('what an endpoint can do', () => {
  test('prompt and output must fit the context, the output its own limit', () => {
    const small = endpoint('s', { contextLength: 1_000, maxOutput: 300 })
    const world = { endpoints: [small, A] }
    expect(reasonOf(plan(world, { promptTokens: 701, maxOutputTokens: 300 }), 's')).toBe('context_length')
    expect(reasonOf(plan(world, { promptTokens: 700, maxOutputTokens: 300 }), 's')).toBe(null)
    expect(reasonOf(plan(world, { maxOutputTokens: 301 }), 's')).toBe('max_output')
    // A ceiling is no wish: what the endpoint gives at most is all that it makes room for.
    const ceiling = { maxOutputTokens: 32_000, limitIsCeiling: true }
    expect(reasonOf(plan(world, { ...ceiling, promptTokens: 700 }), 's')).toBe(null)
    expect(reasonOf(plan(world, { ...ceiling, promptTokens: 701 }), 's')).toBe('context_length')
  })

  test('modalities, dialect, key and price are needed', () => {
    const world = {
      endpoints: [A, B, endpoint('d', { dialect: 'smoke-signals' }), endpoint('u', { tariff: null })],
      without: ['b'],
    }
    const made = plan(world, { inputModalities: ['text', 'image'] })
    expect(made.candidates.map((c) => c.excluded)).toEqual([
      'input_modality',
      'no_credential',
      'no_dialect',
      'unknown_price',
    ])
    expect(reasonOf(plan(world, {}, { needsPrice: false }), 'u')).toBe(null)
    expect(
      reasonOf(plan(world, { provider: { maxPrice: { prompt: 1n } } }, { needsPrice: false }), 'u'),
    ).toBe('unknown_price')
    expect(reasonOf(plan(world, { outputModalities: ['image'] }), 'a')).toBe('output_modality')
  })

  test('an endpoint of another kind is left out for that, not for a key, a price or a format that would not help', () => {
    const embeds = { outputModalities: ['embeddings'], supportedParameters: [] }
    const world = {
      endpoints: [
        endpoint('b', embeds),
        endpoint('d', { ...embeds, dialect: 'smoke-signals' }),
        endpoint('u', { ...embeds, tariff: null }),
      ],
      without: ['b'],
    }
    const chat = plan(world)
    expect(chat.candidates.map((c) => c.excluded)).toEqual(Array(3).fill('output_modality'))
    expect(chat.refusal?.message).toContain('POST /api/v1/embeddings')
    const wrong = plan({ endpoints: [A, B] }, { outputModalities: ['embeddings'], maxOutputTokens: 0 })
    expect(wrong.refusal?.message).toContain('gives no embeddings')
    const right = plan(world, { outputModalities: ['embeddings'], maxOutputTokens: 0 })
    expect(right.candidates.map((c) => c.excluded)).toEqual(['no_credential', 'no_dialect', 'unknown_price'])
    expect(right.candidates[1]!.detail).toContain('cannot ask for embeddings')
  })

  test('the simulator is neither a fallback of real models nor falls over to them', () => {
    const sim = endpoint('simulator', { modelId: 'sim/echo', simulated: true })
    const world = { endpoints: [A, sim] }
    expect(tags(plan(world, { models: ['acme/one', 'sim/echo'] }))).toEqual(['a'])
    expect(tags(plan(world, { models: ['sim/echo', 'acme/one'] }))).toEqual(['simulator'])
  })
})

describe('refusals', () => {
  test('an unknown model is a 400 that names close ones', () => {
    const { refusal } = plan(abc, { models: ['acme/oen'] })
    expect(refusal?.code).toBe('invalid_model')
    expect(refusal?.message).toContain('acme/oen is not a valid model ID. Did you mean acme/one or acme/two?')
    expect(refusal?.metadata).toMatchObject({ availability: { code: 'model_not_found', retryable: false } })
  })

  test('a model that no key reaches is a 404 naming the variables to set', () => {
    const { refusal } = plan({ endpoints: [A, B], without: ['a', 'b'] })
    expect(refusal?.code).toBe('no_endpoints')
    expect(refusal?.message).toContain('Set A_API_KEY or B_API_KEY in the environment')
    expect(refusal?.metadata).toMatchObject({
      availability: { code: 'no_endpoints', excluded_by: ['no_credential'] },
    })
  })

  test('filters that leave nobody are told with their names and figures', () => {
    const { refusal } = plan(abc, { provider: { maxPrice: { prompt: 100_000n }, ignore: ['c'] } })
    expect(refusal?.code).toBe('no_endpoints')
    expect(refusal?.message).toContain('input costs $1.00/M, above $0.10/M')
    expect(refusal?.metadata).toMatchObject({
      availability: {
        code: 'constraint_filtered',
        excluded_by: ['max_price', 'ignored_providers'],
        requested_models: ['acme/one'],
      },
    })
  })

  test('a prompt that fits nowhere is the error that clients know for it, with both figures', () => {
    const { refusal } = plan(abc, { promptTokens: 120_000 })
    expect(refusal?.code).toBe('context_length_exceeded')
    expect(refusal?.message).toContain('100,000 tokens, but the prompt has about 120,000')
  })

  test('an output that nobody gives is max_tokens_exceeded', () => {
    const { refusal } = plan({ endpoints: [endpoint('a', { maxOutput: 50 })] }, { maxOutputTokens: 51 })
    expect(refusal?.code).toBe('max_tokens_exceeded')
  })

  test('no models at all is refused', () => {
    expect(plan(abc, { models: [] }).refusal?.code).toBe('invalid_model')
  })
})

describe('attempts', () => {
  test('are bounded by retries a model, by the policy and by eight', () => {
    expect(plan(abc).maxAttempts).toBe(3)
    expect(plan(abc, {}, { retries: 20, maxAttempts: 100 }).maxAttempts).toBe(8)
    expect(plan(abc, {}, { retries: 5, maxAttempts: 4 }).maxAttempts).toBe(4)
    expect(plan(abc, {}, { retries: 0 }).maxAttempts).toBe(1)
  })

  test('cooling endpoints of the first model come after ready ones of the second', () => {
    const two = endpoint('z', { modelId: 'acme/two', tariff: tariff(50) })
    const made = plan(
      { endpoints: [A, two], health: { a: { coolingMs: 60_000 } } },
      { models: ['acme/one', 'acme/two'] },
    )
    expect(tags(made)).toEqual(['z', 'a'])
  })
})

const anyEndpoints = fc
  .array(
    fc.record({
      price: fc.option(fc.integer({ min: 0, max: 50 })),
      context: fc.integer({ min: 50, max: 4_000 }),
      tools: fc.boolean(),
      model: fc.constantFrom('acme/one', 'acme/two'),
      dialect: fc.constantFrom('openai-chat', 'openai-chat', 'other'),
      suffix: fc.constantFrom('', '/eu', '/flex', '/priority'),
    }),
    { maxLength: 60 },
  )
  .map((list): Endpoint[] =>
    list.map((e, i) =>
      endpoint(`p${i}${e.suffix}`, {
        modelId: e.model,
        tariff: e.price === null ? null : tariff(e.price),
        contextLength: e.context,
        dialect: e.dialect,
        supportedParameters: e.tools ? ['tools'] : ['max_tokens'],
      }),
    ),
  )

const slugs = fc.array(
  fc.integer({ min: 0, max: 12 }).map((i) => `p${i}`),
  { maxLength: 4 },
)
const anyPreferences: fc.Arbitrary<ProviderPreferences> = fc.record(
  {
    order: slugs,
    only: slugs,
    ignore: slugs,
    allowFallbacks: fc.boolean(),
    requireParameters: fc.boolean(),
    sort: fc.record({
      by: fc.constantFrom('price' as const, 'throughput' as const, 'latency' as const, 'exacto' as const),
      partition: fc.constantFrom('model' as const, 'none' as const),
    }),
    maxPrice: fc.record({ prompt: fc.bigInt({ min: 0n, max: 50_000_000n }) }),
  },
  { requiredKeys: [] },
)
const anyHealth = fc.dictionary(
  fc.integer({ min: 0, max: 60 }).map((i) => `p${i}`),
  fc.record({
    outage: fc.boolean(),
    coolingMs: fc.constantFrom(0, 0, 500, 60_000),
    breaker: fc.constantFrom('closed' as const, 'open' as const, 'half-open' as const),
    throughputP50: fc.option(fc.integer({ min: 1, max: 200 })),
  }),
)

test('whatever is asked for: eligible candidates and no others are ordered, once each, and the seed decides alone', () => {
  fc.assert(
    fc.property(
      anyEndpoints,
      anyPreferences,
      anyHealth,
      fc.nat(),
      fc.integer({ min: 1, max: 4_000 }),
      fc.integer({ min: 0, max: 9 }),
      (endpoints, provider, health, seed, promptTokens, retries) => {
        const world = { endpoints, health, without: ['p3', 'p7'] }
        const ask = { models: ['acme/one', 'acme/two'], provider, promptTokens, parameters: ['tools'] }
        const make = (): Plan => plan(world, ask, { retries }, seeded(seed))
        const made = make()
        expect(make()).toEqual(made)
        if (made.refusal?.code === 'invalid_model') return
        const eligible = made.candidates.filter((c) => c.excluded === null).map((c) => c.endpoint.id)
        expect(made.order.map((e) => e.id).toSorted()).toEqual(eligible.toSorted())
        expect(made.candidates).toHaveLength(endpoints.length)
        expect(made.maxAttempts).toBeLessThanOrEqual(8)
        expect(made.refusal === null).toBe(made.order.length > 0)
        for (const c of made.candidates) {
          expect(c.excluded === null).toBe(c.detail === null)
          expect(c.rank).toBe(c.excluded === null ? made.order.indexOf(c.endpoint) : null)
        }
        for (const e of made.order) {
          expect(e.dialect).toBe('openai-chat')
          expect(['p3', 'p7']).not.toContain(e.providerId)
          expect(e.contextLength).toBeGreaterThanOrEqual(promptTokens)
          expect(e.tariff).not.toBeNull()
          if (provider.maxPrice?.prompt !== undefined)
            expect(e.tariff!.prompt <= provider.maxPrice.prompt).toBe(true)
          if (provider.requireParameters) expect(e.supportedParameters).toContain('tools')
          expect(provider.ignore ?? []).not.toContain(e.tag)
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('price alone decides a strict sort, whatever the catalog order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 120 }), (prices) => {
      const endpoints = prices.map((price, i) => endpoint(`p${i}`, { tariff: tariff(price) }))
      const sort = { by: 'price', partition: 'model' } as const
      const sorted = plan({ endpoints }, { provider: { sort } }).order.map((e) => Number(e.tariff!.prompt))
      expect(sorted).toEqual(sorted.toSorted((a, b) => a - b))
    }),
    { numRuns: 100 },
  )
})
