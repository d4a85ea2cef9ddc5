import { describe, expect, test } from 'vitest'
import type { Endpoint } from '../catalog/index.ts'
import { type FailedTry, fallback } from './fallback.ts'
import type { Plan, PlanRequest } from './plan.types.ts'
import { endpoint, policy, request, snapshot, tariff, type World } from './sample.fixture.ts'
import { planWithStandIns, type StandInRules } from './stand-ins.ts'
import { noteLetter, noteOf } from './waybill-codes.ts'

const one = (tag: string, more: Partial<Endpoint> = {}) => endpoint(tag, { modelId: 'acme/one', ...more })
const two = (tag: string, more: Partial<Endpoint> = {}) => endpoint(tag, { modelId: 'acme/two', ...more })
const three = (tag: string, more: Partial<Endpoint> = {}) => endpoint(tag, { modelId: 'acme/three', ...more })
const endpoints = [
  one('a', { tariff: tariff(3) }),
  one('b', { tariff: tariff(4) }),
  two('a', { tariff: tariff(1) }),
  three('c', { tariff: tariff(2) }),
]

const rules = (lists: Record<string, readonly string[]>, onRefusal = false): StandInRules => ({
  lists: new Map(Object.entries(lists)),
  onRefusal,
})

function plan(
  standIns: StandInRules,
  ask: Partial<PlanRequest> = {},
  world: Partial<World> = {},
  retries = 2,
): Plan {
  const frozen = snapshot({ endpoints, ...world })
  return planWithStandIns(request(ask), { ...policy, retries }, standIns, frozen, () => 0)
}

const ids = ({ order }: Plan): string[] => order.map(({ id }) => id)
const facts = { contentSent: false, remainingMs: 60_000 }
const failed = (index: number, code: FailedTry['code'], retryAfterMs: number | null = null): FailedTry => ({
  index,
  code,
  retryAfterMs,
})

describe('the plan', () => {
  test('ends in the stand-ins of the model, or of `*` when it has no list of its own', () => {
    const made = plan(rules({ 'acme/one': ['acme/three'], '*': ['acme/two'] }))
    expect(ids(made)).toEqual(['acme/one@a', 'acme/one@b', 'acme/three@c'])
    expect(made).toMatchObject({ standIns: { models: ['acme/three'], onRefusal: false }, maxAttempts: 6 })
    expect(made.candidates.map(({ rank }) => rank)).toEqual([0, 1, 2])
    expect(noteOf(noteLetter(made.candidates[2]!.note))).toBe('stands in by the configuration')
    expect(ids(plan(rules({ '*': ['acme/two', 'acme/one', 'acme/two'] })))).toEqual([
      'acme/one@a',
      'acme/one@b',
      'acme/two@a',
    ])
  })

  test('keeps models that are sorted together ahead of cheaper stand-ins', () => {
    const sort = { by: 'price', partition: 'none' } as const
    const made = plan(rules({ '*': ['acme/two'] }), {
      models: ['acme/one', 'acme/three'],
      provider: { sort },
    })
    expect(ids(made)).toEqual(['acme/three@c', 'acme/one@a', 'acme/one@b', 'acme/two@a'])
  })

  test('puts a ready stand-in before endpoints that rest, which stay as the last resort', () => {
    const made = plan(rules({ '*': ['acme/two'] }), {}, { health: { b: { breaker: 'open' } } })
    expect(ids(made)).toEqual(['acme/one@a', 'acme/two@a', 'acme/one@b'])
    expect(made.candidates.map(({ endpoint: { id }, rank }) => [id, rank])).toEqual([
      ['acme/one@a', 0],
      ['acme/one@b', 2],
      ['acme/two@a', 1],
    ])
  })

  test('waits for a model that cools down for a moment, and passes it by for a longer one', () => {
    const cooling = (coolingMs: number) =>
      plan(rules({ '*': ['acme/three'] }), {}, { health: { a: { coolingMs }, b: { coolingMs } } })
    expect(ids(cooling(2_000))).toEqual(['acme/one@a', 'acme/one@b', 'acme/three@c'])
    expect(cooling(2_000).coolingMs).toBe(2_000)
    expect(ids(cooling(4_000))).toEqual(['acme/three@c', 'acme/one@a', 'acme/one@b'])
    expect(cooling(4_000).coolingMs).toBe(0)
  })

  test('is the plan alone where nothing stands in, fallbacks are forbidden, or models are simulated', () => {
    for (const made of [
      plan(rules({})),
      plan(rules({ 'acme/three': ['acme/two'] })),
      plan(rules({ '*': ['acme/unheard-of'] })),
      plan(rules({ '*': ['acme/two'] }), { provider: { allowFallbacks: false } }),
      plan(rules({ '*': ['acme/two'] }), {}, { endpoints: [one('a', { simulated: true }), two('a')] }),
      plan(rules({ '*': ['acme/two'] }), {}, { endpoints: [one('a'), two('a', { simulated: true })] }),
    ]) {
      expect(made.standIns).toBeUndefined()
      expect(made.order.every(({ modelId }) => modelId === 'acme/one')).toBe(true)
    }
  })

  test('serves by a stand-in when no provider of the model has a key, or none has the room', () => {
    const without = plan(rules({ '*': ['acme/three'] }), {}, { without: ['a', 'b'] })
    expect(without.refusal).toBeNull()
    expect(ids(without)).toEqual(['acme/three@c'])
    const small = [one('a', { contextLength: 1_000 }), three('c')]
    const long = plan(rules({ '*': ['acme/three'] }), { promptTokens: 5_000 }, { endpoints: small })
    expect(ids(long)).toEqual(['acme/three@c'])
  })

  test('stays a refusal when the caller’s own filters leave nobody, or the name is unknown', () => {
    const only = plan(rules({ '*': ['acme/three'] }), { provider: { only: ['nobody'] } })
    expect(only.refusal).not.toBeNull()
    const unknown = plan(rules({ '*': ['acme/three'] }), { models: ['acme/none'] })
    expect(unknown.refusal?.code).toBe('invalid_model')
  })

  test('keeps the caller’s filters for the stand-ins too', () => {
    const made = plan(rules({ '*': ['acme/two', 'acme/three'] }), { provider: { ignore: ['c'] } })
    expect(ids(made)).not.toContain('acme/three@c')
  })
})

describe('after a failure', () => {
  const made = plan(rules({ 'acme/one': ['acme/three'] }))

  test('of providers the stand-in follows when the model has no endpoint left', () => {
    const first = failed(0, 'provider_unavailable')
    expect(fallback([first], made, facts)).toEqual({ do: 'next', index: 1 })
    expect(fallback([first, failed(1, 'provider_timeout')], made, facts)).toEqual({ do: 'next', index: 2 })
    expect(fallback([first, failed(1, 'rate_limit_exceeded', 9_000)], made, facts)).toEqual({
      do: 'next',
      index: 2,
    })
  })

  test('a short Retry-After of any of its endpoints is waited out before a stand-in is asked', () => {
    const tries = [failed(0, 'rate_limit_exceeded', 2_000), failed(1, 'rate_limit_exceeded', 60_000)]
    expect(fallback(tries, made, facts)).toEqual({ do: 'retry', index: 0, waitMs: 2_000 })
  })

  test.each(['content_policy_violation', 'moderation'] as const)(
    '%s is final, unless the operator says otherwise',
    (code) => {
      expect(fallback([failed(0, code)], made, facts)).toEqual({ do: 'stop', reason: 'caused_by_request' })
      const brave = plan(rules({ 'acme/one': ['acme/three'] }, true))
      expect(fallback([failed(0, code)], brave, facts)).toEqual({ do: 'next', index: 2 })
    },
  )

  test('a refusal by one of the caller’s models closes the stand-ins for good', () => {
    const models = ['acme/one', 'acme/two']
    const both = plan(rules({ '*': ['acme/three'] }), { models })
    const tries = [failed(0, 'content_policy_violation'), failed(2, 'provider_timeout')]
    expect(fallback(tries.slice(0, 1), both, facts)).toEqual({ do: 'next', index: 2 })
    expect(fallback(tries, both, facts).do).toBe('stop')
  })

  test.each(['invalid_request', 'unprocessable', 'payload_too_large'] as const)(
    '%s is the caller’s own and is told',
    (code) => {
      for (const onRefusal of [false, true]) {
        const any = plan(rules({ 'acme/one': ['acme/three'] }, onRefusal))
        expect(fallback([failed(0, code)], any, facts).do).toBe('stop')
      }
    },
  )

  test('a prompt too long goes only to a stand-in with more room', () => {
    const of = (room: number) =>
      plan(rules({ '*': ['acme/three'] }), {}, { endpoints: [one('a'), three('c', { contextLength: room })] })
    const tries = [failed(0, 'context_length_exceeded')]
    expect(fallback(tries, of(100_001), facts)).toEqual({ do: 'next', index: 1 })
    expect(fallback(tries, of(100_000), facts)).toEqual({ do: 'stop', reason: 'caused_by_request' })
  })
})

describe('the retry budget', () => {
  test('passes a provider by that takes no more retries, and stops when none does', () => {
    const made = plan(rules({ 'acme/one': ['acme/three'] }))
    const spent = (...providers: string[]) => ({
      ...facts,
      spent: (id: string) => providers.includes(id),
    })
    const first = [failed(0, 'provider_unavailable')]
    expect(fallback(first, made, spent('b'))).toMatchObject({ do: 'retry', index: 0 })
    expect(fallback(first, made, spent('a', 'b'))).toEqual({ do: 'next', index: 2 })
    expect(fallback(first, made, spent('a', 'b', 'c'))).toEqual({ do: 'stop', reason: 'retry_budget' })
  })
})
