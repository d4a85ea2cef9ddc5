import { describe, expect, test } from 'vitest'
import type { Endpoint } from '../catalog/index.ts'
import { explainPlan } from './explain.ts'
import { planAttempts } from './plan.ts'
import type { Plan } from './plan.types.ts'
import { endpoint, policy, request, seeded, snapshot, tariff } from './sample.fixture.ts'
import { routerMetadata, type Try, waybillLine } from './waybill-line.ts'

function planOf(endpoints: readonly Endpoint[], more: Parameters<typeof request>[0] = {}): Plan {
  return planAttempts(request(more), policy, snapshot({ endpoints, without: ['p3', 'p4', 'p5'] }), seeded(1))
}

function many(n: number): Endpoint[] {
  return Array.from({ length: n }, (_, i) => endpoint(`p${i}/region-${i}`, { tariff: tariff(i + 1) }))
}

const byPrice = { provider: { sort: { by: 'price', partition: 'model' } } } as const

describe('the explanation', () => {
  test('lists those to try in order, then those left out, each with its reason', () => {
    const explanation = explainPlan(planOf(many(5), byPrice))
    expect(explanation.candidates.map((c) => [c.rank, c.tag, c.reason])).toEqual([
      [1, 'p0/region-0', 'by price'],
      [2, 'p1/region-1', 'by price'],
      [3, 'p2/region-2', 'by price'],
      [null, 'p3/region-3', 'no key for P3'],
      [null, 'p4/region-4', 'no key for P4'],
    ])
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation)
  })

  test('tells prices and the shares of the draw', () => {
    const [first, second] = explainPlan(planOf([endpoint('a'), endpoint('b')])).candidates
    expect(first).toMatchObject({ weight: 0.5, reason: 'drawn by price', price_per_million: '1.00' })
    expect(second).toMatchObject({ weight: 0.5, reason: 'by price' })
    expect(explainPlan(planOf([endpoint('a')])).resolved).toEqual(['acme/one'])
  })

  test('says why nobody can serve', () => {
    expect(explainPlan(planOf([endpoint('p3')])).error?.message).toContain('Set P3_API_KEY')
  })
})

function tried(endpoint: Endpoint, more: Partial<Try> = {}): Try {
  const { id, providerName, modelId } = endpoint
  return {
    endpointId: id,
    provider: providerName,
    model: modelId,
    outcome: 'ok',
    status: 200,
    errorCode: null,
    ...more,
  }
}

describe('the short form', () => {
  test('names who answers, the route, the candidates and what failed before', () => {
    const plan = planOf(many(5), byPrice)
    const [first, second, third] = plan.order
    const tries = [
      tried(first!, { outcome: 'failed', status: 503, errorCode: 'provider_overloaded' }),
      tried(second!, { outcome: 'failed', status: null, errorCode: 'provider_timeout' }),
      tried(third!, { outcome: 'pending' }),
    ]
    expect(waybillLine(plan, tries)).toBe(
      'p2/region-2; model=acme/one; route=sort:price; candidates=3/5; attempts=3; failed=p0/region-0:503,p1/region-1:provider_timeout',
    )
    expect(waybillLine(plan, tries.slice(0, 1))).toBe(
      'none; route=sort:price; candidates=3/5; attempts=1; failed=p0/region-0:503',
    )
  })

  test('is printable ASCII whatever the names', () => {
    const odd = endpoint('p0/ü;,x', { modelId: 'acme/größe\r' })
    expect(waybillLine(planOf([odd]), [tried(odd)])).toMatch(/^p0\/___x; model=acme\/gr__e_; /)
  })
})

describe("OpenRouter's form", () => {
  const facts = { requested: ['acme/one'], isByok: false, durationMs: 812.4, dropped: [] }

  test('has all members that its schema requires', () => {
    const plan = planOf(many(3), byPrice)
    const tries = [
      tried(plan.order[0]!, { outcome: 'failed', status: null, errorCode: 'provider_timeout' }),
      tried(plan.order[1]!),
    ]
    expect(routerMetadata({ ...facts, plan, tries, dropped: ['seed'] })).toEqual({
      requested: 'acme/one',
      strategy: 'direct',
      region: null,
      summary: waybillLine(plan, tries),
      attempt: 2,
      is_byok: false,
      endpoints: {
        total: 3,
        available: [
          { provider: 'P0', model: 'acme/one', selected: false },
          { provider: 'P1', model: 'acme/one', selected: true },
          { provider: 'P2', model: 'acme/one', selected: false },
        ],
      },
      attempts: [
        { provider: 'P0', model: 'acme/one', status: 504 },
        { provider: 'P1', model: 'acme/one', status: 200 },
      ],
      params: { dropped_parameters: ['seed'] },
      generation_time: 812,
    })
  })

  test('says in its words how the name led to endpoints', () => {
    const plan = planOf(many(1))
    const strategy = (via: 'direct' | 'alias' | 'latest' | 'auto' | 'free', ...more: string[]) => {
      const routes = [{ requested: 'a', models: ['acme/one'], via, because: null }]
      return routerMetadata({ ...facts, requested: ['a', ...more], plan: { ...plan, routes }, tries: [] })
        .strategy
    }
    for (const via of ['direct', 'alias', 'latest', 'auto', 'free'] as const) expect(strategy(via)).toBe(via)
    expect(strategy('direct', 'acme/two')).toBe('fallback')
    expect(strategy('auto', 'acme/two')).toBe('auto')
  })

  test('of a request that never came to a plan has attempt 0', () => {
    expect(routerMetadata({ ...facts, plan: null, tries: [], durationMs: null })).toMatchObject({
      attempt: 0,
      endpoints: { total: 0, available: [] },
    })
  })
})
