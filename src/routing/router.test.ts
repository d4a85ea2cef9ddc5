import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCatalog, type Endpoint, loadSeed, type Model } from '../catalog/index.ts'
import type { ChatMessage, ChatRequest } from '../chat/index.ts'
import { classify } from './classify.ts'
import { featuresOf } from './features.ts'
import { HEALTHY } from './health.ts'
import { planAttempts } from './plan.ts'
import type { Plan, PlanRequest, RequestFeatures, RoutingSnapshot } from './plan.types.ts'
import { endpoint, model, policy, request, seeded, tariff } from './sample.fixture.ts'

const PLAIN: RequestFeatures = {
  askTokens: 20,
  turns: 1,
  tools: 0,
  schema: false,
  code: false,
  math: false,
  translation: false,
  foreign: 0,
  effort: null,
}

function world(models: Model[], endpoints: Endpoint[], more: Partial<RoutingSnapshot> = {}): RoutingSnapshot {
  const catalog = createCatalog({ models, endpoints })
  return viewOf(catalog, more)
}

function viewOf(
  catalog: ReturnType<typeof createCatalog>,
  more: Partial<RoutingSnapshot> = {},
): RoutingSnapshot {
  return {
    resolve: (name) => catalog.resolve(name),
    models: () => catalog.all,
    latest: () => catalog.latest,
    suggest: () => [],
    hasCredential: () => true,
    credentialHint: () => [],
    hasDialect: () => true,
    health: () => HEALTHY,
    ...more,
  }
}

function go(view: RoutingSnapshot, ask: Partial<PlanRequest>, random = () => 0): Plan {
  return planAttempts(request({ models: ['openrouter/auto'], ...ask }), policy, view, random)
}
const routed = (made: Plan) => made.routes?.[0]?.models

const seed = viewOf(createCatalog(loadSeed()))
const at = (modelId: string, price: number, more: Partial<Endpoint> = {}) =>
  endpoint('host', { modelId, tariff: tariff(price), ...more })

describe('openrouter/auto', () => {
  const named = (id: string) => ({ ...model(id), created: 1 })
  const line = [
    named('anthropic/claude-haiku-5'),
    named('anthropic/claude-sonnet-5'),
    named('anthropic/claude-opus-5'),
    named('openai/gpt-codex-5'),
    named('own/helper-1'),
  ]
  const hosts = [
    at('anthropic/claude-haiku-5', 0.5),
    at('anthropic/claude-sonnet-5', 5),
    at('anthropic/claude-opus-5', 11),
    at('openai/gpt-codex-5', 5),
    at('own/helper-1', 0.2),
  ]
  const view = world(line, hosts)
  const hard: RequestFeatures = { ...PLAIN, tools: 3, math: true, effort: 'high' }

  test('takes an easy request to a cheap general model and a hard one to a dear one', () => {
    expect(routed(go(view, { features: () => PLAIN }))?.[0]).toBe('anthropic/claude-haiku-5')
    expect(routed(go(view, { features: () => hard }))?.[0]).toBe('anthropic/claude-sonnet-5')
    expect(go(view, { features: () => hard }).routes?.[0]?.because).toBe('math, high')
  })

  test('takes code to a model made for it, and nothing else', () => {
    const code = { ...PLAIN, code: true, tools: 3, effort: 'high' }
    expect(routed(go(view, { features: () => code }))?.[0]).toBe('openai/gpt-codex-5')
    expect(routed(go(view, { features: () => hard }))).not.toContain('openai/gpt-codex-5')
  })

  test('cost_tier is a ceiling that nothing passes', () => {
    const ask = (costTier: 'low' | 'max', features = hard) =>
      go(view, { features: () => features, router: { costTier } })
    expect(routed(ask('low'))).toEqual(['anthropic/claude-haiku-5', 'own/helper-1'])
    expect(routed(ask('max', PLAIN))?.[0]).toBe('anthropic/claude-opus-5')
  })

  test('goes above the tier only when nothing below can serve', () => {
    const dear = world([line[2]!], [hosts[2]!])
    expect(routed(go(dear, { features: () => PLAIN }))).toEqual(['anthropic/claude-opus-5'])
    expect(go(dear, { features: () => PLAIN, router: { costTier: 'low' } }).refusal?.code).toBe(
      'no_endpoints',
    )
  })

  test('keeps to the models that the caller allows', () => {
    const ask = (router: PlanRequest['router'] & object) =>
      routed(go(view, { features: () => PLAIN, router }))
    expect(ask({ allowedModels: ['openai/*', 'own/helper-1'] })).toEqual(['own/helper-1'])
    expect(ask({ allowedModels: ['*sonnet*'] })).toEqual(['anthropic/claude-sonnet-5'])
    expect(ask({ excludedModels: ['anthropic/*'] })).toEqual(['own/helper-1'])
    expect(ask({ allowedModels: ['anthropic/claude-haiku-5'], excludedModels: ['*'] })).toEqual([])
  })

  test('says 404 when nothing matches', () => {
    const made = go(view, { features: () => PLAIN, router: { allowedModels: ['nobody/*'] } })
    expect(made.refusal).toMatchObject({ code: 'no_endpoints' })
    expect(made.refusal?.message).toContain('No models match your request and model restrictions')
    const keyless = go({ ...view, hasCredential: () => false }, { features: () => PLAIN })
    expect(keyless.refusal?.message).toContain('None of their providers has a key here')
  })

  test('passes by models that cannot take the request, and keeps them out of the candidates', () => {
    const seeing = world(
      line,
      [...hosts.slice(1), at('anthropic/claude-haiku-5', 0.5, { inputModalities: ['text'] })].map((e) =>
        e.modelId === 'own/helper-1' ? { ...e, inputModalities: ['text', 'image'] } : e,
      ),
    )
    const made = go(seeing, { features: () => PLAIN, inputModalities: ['text', 'image'] })
    expect(routed(made)).toEqual(['own/helper-1'])
    expect(made.candidates.map((c) => c.endpoint.modelId)).toEqual(['own/helper-1'])
  })

  test('never chooses simulated, special or unpriced models', () => {
    const models = [named('sim/fast'), named('meta-llama/llama-guard-9'), named('acme/unpriced')]
    const view = world(models, [
      at('sim/fast', 0, { simulated: true }),
      at('meta-llama/llama-guard-9', 1),
      at('acme/unpriced', 1, { tariff: null }),
    ])
    expect(go(view, { features: () => PLAIN }).order).toEqual([])
  })

  test('keeps a conversation at the model whose cache is warm, while it may be taken', () => {
    const warm = { features: () => PLAIN, sticky: 'anthropic/claude-opus-5@host' }
    expect(routed(go(view, warm))?.[0]).toBe('anthropic/claude-opus-5')
    expect(routed(go(view, { ...warm, router: { excludedModels: ['*opus*'] } }))?.[0]).toBe(
      'anthropic/claude-haiku-5',
    )
    expect(routed(go(view, { ...warm, router: { costTier: 'low' } }))?.[0]).toBe('anthropic/claude-haiku-5')
  })

  test('stands in a list of models, under both names, with variants and preferences', () => {
    const made = go(view, { models: ['own/helper-1', 'waybill/auto:floor'], features: () => PLAIN })
    expect(made.order[0]?.modelId).toBe('own/helper-1')
    expect(made.routes?.map(({ via }) => via)).toEqual(['direct', 'auto'])
    expect(go(view, { models: ['waybill/auto:floor'] }).strategy).toBe('auto, sort:price')
    expect(go(view, { provider: { only: ['nobody'] } }).refusal?.code).toBe('no_endpoints')
  })

  test('is nothing special where there are no routers', () => {
    const { models: _, ...bare } = view
    expect(go(bare, {}).refusal?.code).toBe('invalid_model')
  })

  test('gives the same answer to the same request, over the whole seed, within its tier', () => {
    const features = fc.record({
      askTokens: fc.integer({ min: 0, max: 5_000 }),
      turns: fc.integer({ min: 1, max: 30 }),
      tools: fc.integer({ min: 0, max: 20 }),
      schema: fc.boolean(),
      code: fc.boolean(),
      math: fc.boolean(),
      translation: fc.boolean(),
      foreign: fc.double({ min: 0, max: 1, noNaN: true }),
      effort: fc.constantFrom(null, 'low', 'medium', 'high', 'max'),
    })
    const tier = fc.constantFrom('low', 'medium', 'high', 'xhigh', 'max' as const)
    fc.assert(
      fc.property(features, tier, fc.integer({ min: 1, max: 200_000 }), (found, costTier, promptTokens) => {
        const ask = { features: () => found, router: { costTier }, promptTokens } as Partial<PlanRequest>
        const made = go(seed, ask)
        expect(routed(made)).toEqual(routed(go(seed, ask, () => 0.99)))
        expect(made.order.length).toBeGreaterThan(0)
        for (const e of made.order) expect(e.simulated).toBe(false)
        const free = go(seed, { features: () => found, promptTokens })
        expect(free.routes?.[0]?.because).toBe(Object.values(classify(request({ ...ask }))).join(', '))
      }),
      { numRuns: 60 },
    )
  })
})

describe('openrouter/free', () => {
  const view = world(
    [model('acme/one'), model('acme/two'), model('acme/three:free')],
    [
      at('acme/one', 0),
      endpoint('dear', { modelId: 'acme/one', tariff: tariff(1) }),
      at('acme/two', 1),
      at('acme/three:free', 0),
    ],
  )

  test('draws among the models that cost nothing, at the endpoints that do', () => {
    const random = seeded(3)
    const firsts = new Set<string>()
    for (let i = 0; i < 60; i++) {
      const made = go(view, { models: ['openrouter/free'] }, random)
      firsts.add(made.order[0]!.modelId)
      for (const e of made.order) expect(e.tariff?.prompt).toBe(0n)
    }
    expect([...firsts].sort()).toEqual(['acme/one', 'acme/three:free'])
  })

  test('says 404 when none can take the request', () => {
    const made = go(view, { models: ['waybill/free'], inputModalities: ['text', 'video'] })
    expect(made.refusal).toMatchObject({ code: 'no_endpoints' })
    expect(made.refusal?.metadata['availability']).toMatchObject({ excluded_by: ['input_modalities'] })
  })
})

describe('what a request tells of itself', () => {
  function chat(text: string, more: Partial<ChatRequest> = {}): ChatRequest {
    const messages: ChatMessage[] = [
      { role: 'system', content: [{ kind: 'text', text: 'def class function const return; ```' }] },
      { role: 'user', content: [{ kind: 'text', text }] },
    ]
    return {
      parameters: [],
      reasoning: null,
      messages: () => messages,
      tools: () => [],
      ...more,
    } as unknown as ChatRequest
  }

  test.each([
    ['```ts\nlet a = 1\n```', 'code'],
    ['Refactor this Python function and add unit tests: def run(x): return x', 'code'],
    ['Write a Python function that parses a CSV file.', 'code'],
    ['Prove that there are infinitely many primes.', 'math'],
    ['What is \\frac{1}{2} of 3?', 'math'],
    ['Translate this to German: good morning', 'translation'],
    ['把这句话翻译成英文', 'translation'],
  ] as const)('%j is %s', (text, task) => {
    expect(featuresOf(chat(text))[task]).toBe(true)
  })

  test.each([
    'Hello there!',
    'Write a poem about the class of 1998.',
    'How do I return a parcel?',
    'My class has a JSON file.',
    '',
  ])('%j is plain talk', (text) => {
    expect(featuresOf(chat(text))).toMatchObject({ code: false, math: false, translation: false, turns: 1 })
  })

  test('letters of other scripts count by their share', () => {
    expect(featuresOf(chat('Привет, как дела?')).foreign).toBe(1)
    expect(featuresOf(chat('año déjà für')).foreign).toBe(0)
    expect(featuresOf(chat('ab אב')).foreign).toBe(0.5)
  })

  test('tools, a schema and effort are read from what is set', () => {
    const found = featuresOf(
      chat('hi', {
        parameters: ['tools', 'response_format'],
        tools: () => [{ name: 'a' }, { name: 'b' }],
        reasoning: { maxTokens: 20_000 },
      }),
    )
    expect(found).toMatchObject({ tools: 2, schema: true, effort: 'high' })
  })

  test('a very long text is looked at in bounded time', () => {
    const long = `${'(a=>b) {\n'.repeat(50_000)} x`
    const started = performance.now()
    featuresOf(chat(long))
    expect(performance.now() - started).toBeLessThan(200)
  })
})
