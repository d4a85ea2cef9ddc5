import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Endpoint } from '../catalog/index.ts'
import { NO_USAGE } from '../chat/index.ts'
import { planAttempts } from './plan.ts'
import type { Plan } from './plan.types.ts'
import { endpoint, policy, request, seeded, snapshot, tariff } from './sample.fixture.ts'
import { encodeWaybill, WAYBILL_BYTES, type WaybillAttempt, type WaybillFacts } from './waybill.ts'
import { expandRuns, noteLetter, noteOf, outcomeCode, outcomeOf, runLengths } from './waybill-codes.ts'
import { readWaybill, waybillTables } from './waybill-read.ts'

function planOf(endpoints: readonly Endpoint[], more: Parameters<typeof request>[0] = {}): Plan {
  return planAttempts(request(more), policy, snapshot({ endpoints, without: ['p3', 'p4', 'p5'] }), seeded(1))
}

function many(n: number, modelId = 'acme/one'): Endpoint[] {
  return Array.from({ length: n }, (_, i) =>
    endpoint(`p${i}/region-${i}`, { modelId, tariff: tariff(i + 1) }),
  )
}

function attempt(endpointId: string, more: Partial<WaybillAttempt> = {}): WaybillAttempt {
  return {
    endpointId,
    outcome: 'ok',
    status: 200,
    startMs: 3,
    ttftMs: 210,
    durationMs: 1_900,
    outputTokens: 120,
    ...more,
  }
}

function facts(plan: Plan, more: Partial<WaybillFacts> = {}): WaybillFacts {
  return { plan, attempts: [], dropped: [], usage: null, promptTokens: 100, maxOutputTokens: null, ...more }
}

/** Encodes and reads back with its own tables. */
function roundTrip(given: WaybillFacts) {
  const { data, tables } = encodeWaybill(given)
  return readWaybill(data, new Map(tables.map((table) => [table.hash, table.data])))!
}

describe('the waybill', () => {
  test('of 30 candidates and 8 failed tries is kept whole in 1,024 bytes', () => {
    const plan = planOf(many(30))
    const tries = plan.order.slice(0, 8).map((e, i) =>
      attempt(e.id, {
        outcome: 'content_policy_violation',
        status: 503,
        startMs: 123_456 + i,
        ttftMs: 54_321,
        durationMs: 120_000.123,
        outputTokens: 12_345,
      }),
    )
    const given = facts(plan, {
      attempts: tries,
      dropped: ['verbosity', 'seed', 'logit_bias'],
      usage: { ...NO_USAGE, promptTokens: 123_456, completionTokens: 9_876, reasoningTokens: 1_234 },
      promptTokens: 123_456,
      maxOutputTokens: 65_536,
    })
    const size = Buffer.byteLength(encodeWaybill(given).data)
    expect(size).toBeLessThanOrEqual(1_024)
    const read = roundTrip(given)
    expect(read.attempts).toHaveLength(8)
    expect(read.dropped).toEqual(given.dropped)
    expect(read.candidates.filter(({ reason }) => reason === null)).toEqual([])
    expect(read.candidates).toHaveLength(30)
  })

  test('is read back with every reason, place, share, note, try and count', () => {
    const plan = planOf(many(12))
    const served = plan.order[0]!
    const usage = { ...NO_USAGE, promptTokens: 9, completionTokens: 2, cacheWrite1hTokens: 4 }
    const read = roundTrip(
      facts(plan, {
        attempts: [attempt(served.id, { seam: 'restart', seamAt: 160 })],
        dropped: ['seed'],
        usage,
        maxOutputTokens: 50,
      }),
    )
    expect(read).toMatchObject({
      requested: ['acme/one'],
      resolved: ['acme/one'],
      strategy: 'load-balance',
      considered: 12,
      promptTokens: 100,
      maxOutputTokens: 50,
      usage,
      dropped: ['seed'],
    })
    const byId = new Map(read.candidates.map((candidate) => [candidate.endpoint, candidate]))
    for (const { endpoint: e, excluded, rank, weight, note } of plan.candidates) {
      const told = byId.get(e.id)!
      expect([told.excluded, told.rank]).toEqual([excluded, rank])
      expect(told.weight).toBe(weight === null ? null : Math.round(weight * 1_000) / 1_000)
      expect(told.reason).toBe(excluded === 'no_credential' ? 'no key for this provider' : note)
      expect([told.prompt, told.completion]).toEqual([e.tariff!.prompt, e.tariff!.completion])
    }
    expect(read.candidates.map(({ rank }) => rank)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, null, null, null])
    expect(read.attempts).toEqual([
      {
        ...attempt(served.id),
        provider: served.providerName,
        model: 'acme/one',
        seam: 'restart',
        seamAt: 160,
      },
    ])
  })

  test('every note that the planner gives has a letter', () => {
    const source = readFileSync(new URL('./rank.ts', import.meta.url), 'utf8')
    const notes = [...source.matchAll(/note (?:\|\|)?= ([^\n]+)/g)].flatMap(([, right]) =>
      [...right!.matchAll(/'([^']+)'/g)].map(([, note]) => note!),
    )
    expect(notes.length).toBeGreaterThan(10)
    for (const note of notes) expect([note, noteOf(noteLetter(note))]).toEqual([note, note])
  })

  test('tells how names led to models', () => {
    const plan: Plan = {
      ...planOf(many(3)),
      requested: ['openrouter/auto', 'acme/one'],
      routes: [
        { requested: 'openrouter/auto', models: ['acme/one'], via: 'auto', because: 'code, high' },
        { requested: 'acme/one', models: ['acme/one'], via: 'direct', because: null },
      ],
    }
    expect(roundTrip(facts(plan))).toMatchObject({ via: ['auto', 'direct'], because: 'code, high' })
    expect(roundTrip(facts(planOf(many(3))))).toMatchObject({ via: ['direct'], because: null })
  })

  test('without one of its tables tells the tries, and no candidates', () => {
    const { data } = encodeWaybill(facts(planOf(many(3)), { attempts: [attempt('acme/one@p0/region-0')] }))
    const read = readWaybill(data, new Map())!
    expect(read.candidates).toEqual([])
    expect(read.considered).toBe(3)
    expect(read.attempts[0]).toMatchObject({ provider: 'unknown', durationMs: 1_900 })
  })

  test('text that is no waybill is none, and refers to nothing', () => {
    for (const text of ['', '{}', 'null', '[]', '{"v":1}', '{"v":']) {
      expect(readWaybill(text, new Map())).toBeNull()
      expect(waybillTables(text)).toEqual([])
    }
  })

  test('never passes its limit, whatever the names and however many models', () => {
    const models = Array.from({ length: 20 }, (_, i) => many(30, `acme/model-${i}`))
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 200 }), { maxLength: 12 }),
        fc.array(fc.string({ unit: 'grapheme', maxLength: 80 }), { maxLength: 20 }),
        fc.nat(8),
        fc.integer({ min: 1, max: 20 }),
        (names, dropped, attempts, count) => {
          const asked = models.slice(0, count)
          const plan = {
            ...planOf(asked.flat(), { models: asked.map(([first]) => first!.modelId) }),
            requested: names,
          }
          const tried = plan.order.slice(-attempts).map((e) => attempt(e.id))
          const given = facts(plan, { attempts: tried.slice(0, attempts), dropped })
          expect(Buffer.byteLength(encodeWaybill(given).data)).toBeLessThanOrEqual(WAYBILL_BYTES)
          const read = roundTrip(given)
          expect(read.considered).toBe(plan.candidates.length)
          expect(read.attempts.map(({ endpointId }) => endpointId)).toEqual(
            given.attempts.map(({ endpointId }) => endpointId),
          )
        },
      ),
      { numRuns: 60 },
    )
  })

  test('models have a table each, shared by all plans over them', () => {
    const one = many(9)
    const two = many(3, 'acme/two')
    const hashes = (plan: Plan) => encodeWaybill(facts(plan)).tables.map(({ hash }) => hash)
    const [first] = hashes(planOf(one))
    expect(hashes(planOf(one, { provider: { only: ['p1'] } }))).toEqual([first])
    expect(hashes(planOf(many(9)))).toEqual([first])
    const both = hashes(planOf([...one, ...two], { models: ['acme/two', 'acme/one'] }))
    expect(both).toEqual([...hashes(planOf(two, { models: ['acme/two'] })), first])
    expect(hashes(planOf(many(10)))).not.toEqual([first])
    const dearer = [...one.slice(0, 8), endpoint('p8/region-8', { tariff: tariff(99) })]
    expect(hashes(planOf(dearer))).not.toEqual([first])
  })

  test('runs of signs and outcomes are read back as they were', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('.', 'c', 'D', '?'), maxLength: 60 }), (signs) => {
        expect(expandRuns(runLengths(signs))).toBe(signs)
      }),
    )
    for (const outcome of ['ok', 'cancelled', 'provider_cut', 'rate_limit_exceeded']) {
      expect(outcomeOf(outcomeCode(outcome))).toBe(outcome)
    }
    expect(outcomeOf(outcomeCode('something new'))).toBe('failed')
  })
})
