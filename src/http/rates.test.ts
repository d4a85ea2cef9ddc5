import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ChatRequest } from '../chat/index.ts'
import type { RateLimits } from '../config/index.ts'
import type { ApiKey } from '../identity/index.ts'
import { ratesOf } from './rates.ts'

const none = { requestsPerMinute: null, tokensPerMinute: null, concurrency: null }
const unlimited: RateLimits = {
  key: none,
  organization: none,
  user: none,
  freeModels: { requestsPerMinute: null, requestsPerDay: null },
}
const key = (rates: Partial<ApiKey['rates']> = {}) =>
  ({ name: 'ci', lineage: 'first', organizationId: 'o', rates: { ...none, ...rates } }) as ApiKey
const chat = (over: Partial<ChatRequest> = {}) =>
  ({ models: ['openai/gpt-5.1'], user: null, ...over }) as ChatRequest
const names = (limits: RateLimits, of = key(), asked = chat()) => {
  const plan = ratesOf(limits, of, asked, 100)
  return [...plan.rates, ...plan.gates].map(({ key: name, limit }) => [name, limit])
}

describe('the rates of a call', () => {
  it('are none where none is set', () => {
    expect(names(unlimited)).toEqual([])
  })

  it('are those of the configuration for every key, and its own where it has them', () => {
    const limits = { ...unlimited, key: { requestsPerMinute: 60, tokensPerMinute: 9_000, concurrency: 4 } }
    expect(names(limits)).toEqual([
      ['key:first:requests:60', 60],
      ['key:first:tokens:9000', 9_000],
      ['key:first:inside', 4],
    ])
    expect(names(limits, key({ requestsPerMinute: 600 }))).toContainEqual(['key:first:requests:600', 600])
  })

  it('count an end user only where the request names one', () => {
    const limits = { ...unlimited, user: { ...none, requestsPerMinute: 5 } }
    expect(names(limits)).toEqual([])
    const named = chat({ user: 'ann@example.com', endUserHash: 'u1' })
    // By the hash: who it is stays out of what nodes share.
    expect(names(limits, key(), named)).toEqual([['user:u1:requests:5', 5]])
  })

  it('count free models by minute and day', () => {
    const limits = { ...unlimited, freeModels: { requestsPerMinute: 20, requestsPerDay: 50 } }
    expect(names(limits)).toEqual([])
    expect(names(limits, key(), chat({ models: ['a/b:free'] }))).toEqual([
      ['free:minute:20', 20],
      ['free:day:50', 50],
    ])
  })

  it('take one request and the likely tokens, each from its own bucket', () => {
    const rate = fc.option(fc.integer({ min: 1, max: 1e6 }), { nil: null })
    const rates = fc.record({ requestsPerMinute: rate, tokensPerMinute: rate, concurrency: rate })
    fc.assert(
      fc.property(rates, rates, rates, fc.nat(1e6), (a, b, c, tokens) => {
        const limits = { ...unlimited, key: a, organization: b, user: c }
        const plan = ratesOf(limits, key(), chat({ endUserHash: 'u' }), tokens)
        const keys = [...plan.rates, ...plan.gates].map((one) => one.key)
        expect(new Set(keys).size).toBe(keys.length)
        for (const one of plan.rates) expect(one.cost).toBe(one.tokens ? tokens : 1)
        const set = [a, b, c].flatMap((one) => Object.values(one)).filter((value) => value !== null)
        expect(keys).toHaveLength(set.length)
      }),
    )
  })
})
