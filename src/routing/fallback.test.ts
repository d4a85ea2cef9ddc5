import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Endpoint } from '../catalog/index.ts'
import { ERRORS, type ErrorCode, type ProviderPreferences } from '../chat/index.ts'
import { type FailedTry, fallback } from './fallback.ts'
import { planAttempts } from './plan.ts'
import type { Plan } from './plan.types.ts'
import { endpoint, policy, request, seeded, snapshot, tariff } from './sample.fixture.ts'

const facts = { contentSent: false, remainingMs: 60_000 }

/** A plan over endpoints of `acme/one` and `acme/two`, by price. */
function plan(one: number, two = 0, retries = 2, provider: ProviderPreferences = {}): Plan {
  const make = (n: number, modelId: string): Endpoint[] =>
    Array.from({ length: n }, (_, i) => endpoint(`p${i}`, { modelId, tariff: tariff(i + 1) }))
  const endpoints = [...make(one, 'acme/one'), ...make(two, 'acme/two')]
  const models = two > 0 ? ['acme/one', 'acme/two'] : ['acme/one']
  const sort = { by: 'price', partition: 'model' } as const
  return planAttempts(
    request({ models, provider: { sort, ...provider } }),
    { ...policy, retries },
    snapshot({ endpoints }),
    () => 0,
  )
}

function failed(index: number, code: ErrorCode, retryAfterMs: number | null = null): FailedTry {
  return { index, code, retryAfterMs }
}

describe('before content', () => {
  test.each([
    'provider_unavailable',
    'provider_timeout',
    'provider_overloaded',
    'provider_protocol',
    'provider_auth',
    'provider_payment',
    'provider_not_found',
    'provider_cut',
    'rate_limit_exceeded',
  ] as const)('%s goes on to the next endpoint of the model', (code) => {
    expect(fallback([failed(0, code)], plan(3), facts)).toEqual({ do: 'next', index: 1 })
  })

  test.each([
    'invalid_request',
    'moderation',
    'content_policy_violation',
    'payload_too_large',
    'unprocessable',
  ] as const)('%s skips the other endpoints of the model, and stops without another model', (code) => {
    expect(fallback([failed(0, code)], plan(3, 1), facts)).toEqual({ do: 'next', index: 3 })
    expect(fallback([failed(0, code)], plan(3), facts)).toEqual({ do: 'stop', reason: 'caused_by_request' })
  })

  test('a prompt too long goes on only to more room, or to the next model', () => {
    const small = endpoint('s', { contextLength: 1_000, tariff: tariff(1) })
    const same = endpoint('t', { contextLength: 1_000, tariff: tariff(2) })
    const large = endpoint('u', { contextLength: 2_000, tariff: tariff(3) })
    const make = (...endpoints: Endpoint[]): Plan =>
      planAttempts(
        request({ provider: { sort: { by: 'price', partition: 'model' } } }),
        policy,
        snapshot({ endpoints }),
        () => 0,
      )
    const tries = [failed(0, 'context_length_exceeded')]
    expect(fallback(tries, make(small, same, large), facts)).toEqual({ do: 'next', index: 2 })
    expect(fallback(tries, make(small, same), facts)).toEqual({ do: 'stop', reason: 'caused_by_request' })
    expect(fallback(tries, plan(2, 1), facts)).toEqual({ do: 'next', index: 2 })
  })

  test('a model gets one try and its retries, then the next model follows', () => {
    const tries = [0, 1, 2].map((i) => failed(i, 'provider_timeout'))
    expect(fallback(tries.slice(0, 2), plan(9, 2), facts)).toEqual({ do: 'next', index: 2 })
    expect(fallback(tries, plan(9, 2), facts)).toEqual({ do: 'next', index: 9 })
    expect(fallback(tries, plan(9), facts).do).toBe('stop')
  })

  test('a lone transient failure is tried once more at the same endpoint when no other is left', () => {
    const first = [failed(0, 'provider_unavailable')]
    expect(fallback(first, plan(1, 1), facts)).toMatchObject({ do: 'retry', index: 0 })
    expect(fallback([...first, failed(0, 'provider_unavailable')], plan(1, 1), facts)).toEqual({
      do: 'next',
      index: 1,
    })
  })

  test('a silent route is not tried twice', () => {
    expect(fallback([failed(0, 'provider_timeout')], plan(1), facts)).toEqual({
      do: 'stop',
      reason: 'no_endpoint_left',
    })
  })

  test('a rate limit of up to 3 s is waited out when no other endpoint of the model is left', () => {
    expect(fallback([failed(0, 'rate_limit_exceeded', 2_000)], plan(1, 1), facts)).toEqual({
      do: 'retry',
      index: 0,
      waitMs: 2_000,
    })
    expect(fallback([failed(0, 'rate_limit_exceeded', 3_001)], plan(1, 1), facts)).toEqual({
      do: 'next',
      index: 1,
    })
    expect(fallback([failed(0, 'rate_limit_exceeded', 2_000)], plan(2), facts)).toEqual({
      do: 'next',
      index: 1,
    })
  })

  test('a persistent rate limit gets no more than the tries of its model', () => {
    const tries = [0, 0, 0].map((i) => failed(i, 'rate_limit_exceeded', 1_000))
    expect(fallback(tries.slice(0, 2), plan(1), facts).do).toBe('retry')
    expect(fallback(tries, plan(1), facts).do).toBe('stop')
  })

  test('a wait that outlives the request is not begun', () => {
    expect(
      fallback([failed(0, 'rate_limit_exceeded', 2_000)], plan(1), { ...facts, remainingMs: 1_999 }).do,
    ).toBe('stop')
  })

  test('another credential of the same endpoint is used at once', () => {
    const more = { ...facts, otherCredential: true }
    expect(fallback([failed(0, 'provider_auth')], plan(2), more)).toEqual({
      do: 'retry',
      index: 0,
      waitMs: 0,
    })
    expect(fallback([failed(0, 'provider_timeout')], plan(2), more)).toEqual({ do: 'next', index: 1 })
    const two = [failed(0, 'rate_limit_exceeded'), failed(0, 'rate_limit_exceeded')]
    expect(fallback(two, plan(2), more)).toEqual({ do: 'next', index: 1 })
    expect(fallback(two, plan(1), more)).toEqual({ do: 'retry', index: 0, waitMs: 0 })
  })

  test('a hold that cannot be raised looks for a cheaper endpoint and never waits', () => {
    expect(fallback([failed(0, 'payment_required')], plan(2), facts)).toEqual({ do: 'next', index: 1 })
    expect(fallback([failed(0, 'payment_required')], plan(1), facts).do).toBe('stop')
  })

  test('our own failures stop', () => {
    expect(fallback([failed(0, 'server')], plan(3, 2), facts).do).toBe('stop')
  })

  test('without fallbacks the error of the first endpoint is returned', () => {
    const made = plan(3, 0, 2, { allowFallbacks: false })
    expect(fallback([failed(0, 'provider_unavailable')], made, facts)).toEqual({
      do: 'stop',
      reason: 'no_endpoint_left',
    })
  })
})

test('after content nothing follows', () => {
  const after = { ...facts, contentSent: true }
  expect(fallback([failed(0, 'provider_cut')], plan(3, 3), after)).toEqual({
    do: 'stop',
    reason: 'content_sent',
  })
})

test('whatever fails: attempts stay within their bounds, indexes within the order, and it ends', () => {
  const codes = Object.keys(ERRORS) as ErrorCode[]
  fc.assert(
    fc.property(
      fc.nat(12),
      fc.nat(5),
      fc.nat(9),
      fc.array(fc.tuple(fc.constantFrom(...codes), fc.option(fc.nat(6_000)), fc.boolean()), {
        minLength: 9,
        maxLength: 9,
      }),
      fc.nat(),
      (one, two, retries, outcomes, seed) => {
        const made = plan(one + 1, two, retries)
        const random = seeded(seed)
        const tries: FailedTry[] = []
        let index = 0
        for (const [code, retryAfterMs, otherCredential] of outcomes) {
          tries.push({ index, code, retryAfterMs })
          const next = fallback(tries, made, {
            contentSent: random() < 0.02,
            remainingMs: 60_000,
            otherCredential,
          })
          if (next.do === 'stop') break
          expect(made.order[next.index]).toBeDefined()
          if (next.do === 'retry') expect(next.waitMs).toBeLessThanOrEqual(3_000)
          if (next.do === 'next') expect(tries.every((tried) => tried.index !== next.index)).toBe(true)
          index = next.index
        }
        expect(tries.length).toBeLessThanOrEqual(made.maxAttempts)
        for (const modelId of ['acme/one', 'acme/two']) {
          const mine = tries.filter((tried) => made.order[tried.index]!.modelId === modelId)
          expect(mine.length).toBeLessThanOrEqual(1 + retries)
        }
      },
    ),
    { numRuns: 500 },
  )
})
