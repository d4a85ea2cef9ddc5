import { describe, expect, test } from 'vitest'
import type { Endpoint } from '../catalog/index.ts'
import type { ErrorCode } from '../chat/index.ts'
import { type FailedTry, fallback } from './fallback.ts'
import { HealthBook } from './health.ts'
import { planAttempts } from './plan.ts'
import type { PlanRequest } from './plan.types.ts'
import { endpoint, policy, request, seeded, snapshot, tariff } from './sample.fixture.ts'
import { FULL, faultsOf, simulate } from './sim.fixture.ts'

/** How an endpoint answers at a time: null is good. */
type Weather = (tag: string, nowMs: number) => ErrorCode | null

interface Result {
  readonly succeeded: number
  readonly calls: number
  /** Endpoint that answered each request, with the time. */
  readonly served: readonly { readonly tag: string; readonly at: number }[]
  readonly callsTo: (tag: string, fromMs: number, toMs: number) => number
}

/** Sends `count` requests, one every `gapMs` of a virtual clock, through plan, breaker, fallback and health. */
function run(
  endpoints: readonly Endpoint[],
  weather: Weather,
  count: number,
  gapMs: number,
  ask: Partial<PlanRequest> = {},
): Result {
  const random = seeded(11)
  const book = new HealthBook(random)
  let now = 10_000_000
  const start = now
  const frozen = snapshot({ endpoints, more: { health: (id) => book.health(id, now) } })
  const calls: { tag: string; at: number }[] = []
  const served: { tag: string; at: number }[] = []
  for (let n = 0; n < count; n++, now += gapMs) {
    const plan = planAttempts(request(ask), policy, frozen, random)
    const tries: FailedTry[] = []
    for (let index = 0; ; ) {
      while (index < plan.order.length - 1 && !book.admit(plan.order[index]!.id, now)) index++
      const { id, tag } = plan.order[index]!
      const code = weather(tag, now - start)
      calls.push({ tag, at: now - start })
      const result = code === null ? 'ok' : 'failed'
      book.record(
        id,
        null,
        {
          result,
          code,
          retryAfterMs: null,
          ttftMs: code === null ? 300 : null,
          durationMs: 0,
          outputTokens: 50,
        },
        now,
      )
      if (code === null) {
        served.push({ tag, at: now - start })
        break
      }
      tries.push({ index, code, retryAfterMs: null })
      const next = fallback(tries, plan, { contentSent: false, remainingMs: 60_000 })
      if (next.do === 'stop') break
      index = next.index
    }
  }
  return {
    succeeded: served.length,
    calls: calls.length,
    served,
    callsTo: (tag, from, to) =>
      calls.filter((call) => call.tag === tag && call.at >= from && call.at < to).length,
  }
}

const three = [1, 2, 3].map((price) => endpoint(`p${price}`, { tariff: tariff(price) }))

describe('with three providers, the cheapest of which always fails', () => {
  test.each([
    'provider_overloaded',
    'provider_unavailable',
    'provider_timeout',
    'rate_limit_exceeded',
    'provider_protocol',
  ] as const)('%s costs no request, and few calls', (code) => {
    const result = run(three, (tag) => (tag === 'p1' ? code : null), 10_000, 10)
    expect(result.succeeded).toBe(10_000)
    expect(result.calls).toBeLessThan(10_000 * 1.02)
  })
})

test('an outage of a minute: served throughout, few probes, and back within 30 s of its end', () => {
  const weather: Weather = (tag, at) =>
    tag === 'p1' && at >= 60_000 && at < 120_000 ? 'provider_unavailable' : null
  const result = run(three, weather, 3_600, 50)
  expect(result.succeeded).toBe(3_600)
  expect(result.callsTo('p1', 60_000, 120_000)).toBeLessThan(12)
  const back = result.served.find(({ tag, at }) => tag === 'p1' && at >= 120_000)!.at
  expect(back - 120_000).toBeLessThanOrEqual(30_000)
  const share =
    result.served.filter(({ tag, at }) => tag === 'p1' && at >= back).length /
    result.served.filter(({ at }) => at >= back).length
  expect(share).toBeGreaterThan(0.65)
})

describe('over twenty endpoints with outages and several gateways', () => {
  const dense = { ...FULL, requests: 90_000, perSecond: 100, nodes: 3, upMs: 150_000 }

  test.each([3, 4])(
    'sorted by price: no flapping, no herd, the cost of the cheapest healthy choice (seed %i)',
    (seed) => {
      const result = simulate({ ...dense, seed })
      expect(faultsOf(result)).toEqual([])
      expect(result.opened).toBeGreaterThan(10)
    },
  )

  test('with the load balanced it holds all the same, but for the price', () => {
    const { ask: _, ...balanced } = dense
    const faults = faultsOf(simulate({ ...balanced, requests: 50_000, seed: 8 })).filter(
      (fault) => !fault.startsWith('cost'),
    )
    expect(faults).toEqual([])
  })

  test('a whole load that comes back at once would be seen', () => {
    const faults = faultsOf(simulate({ ...dense, seed: 8, ramp: false }))
    expect(faults.join()).toContain('opened again though their endpoint was well')
  })
})
