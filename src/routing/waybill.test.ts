import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Endpoint } from '../catalog/index.ts'
import { explainLines, explainPlan } from './explain.ts'
import { planAttempts } from './plan.ts'
import type { Plan } from './plan.types.ts'
import { endpoint, policy, request, seeded, snapshot, tariff } from './sample.fixture.ts'
import { candidateTable, readWaybill, WAYBILL_BYTES, type WaybillAttempt, waybillData } from './waybill.ts'

function planOf(endpoints: readonly Endpoint[], more: Parameters<typeof request>[0] = {}): Plan {
  return planAttempts(request(more), policy, snapshot({ endpoints, without: ['p3', 'p4', 'p5'] }), seeded(1))
}

function many(n: number): Endpoint[] {
  return Array.from({ length: n }, (_, i) => endpoint(`p${i}/region-${i}`, { tariff: tariff(i + 1) }))
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

describe('the waybill', () => {
  test('with 60 endpoints and eight failed attempts takes at most 1,000 bytes', () => {
    const made = planOf(many(60))
    const failed = made.order.slice(0, 8).map((e) =>
      attempt(e.id, {
        outcome: 'content_policy_violation',
        status: 503,
        startMs: 123_456,
        durationMs: 120_000.123,
      }),
    )
    const data = waybillData(made, failed, ['verbosity', 'seed', 'logit_bias'])
    expect(Buffer.byteLength(data)).toBeLessThanOrEqual(WAYBILL_BYTES)
    expect(readWaybill(data, candidateTable(made).data).attempts).toHaveLength(8)
  })

  test('is read back with every reason, place and attempt', () => {
    const made = planOf(many(12))
    const record = readWaybill(
      waybillData(made, [attempt(made.order[0]!.id)], ['seed']),
      candidateTable(made).data,
    )
    expect(record.requested).toEqual(['acme/one'])
    expect(record.strategy).toBe('load-balance')
    expect(record.dropped).toEqual(['seed'])
    expect(record.candidates.map((c) => c.excluded)).toEqual(made.candidates.map((c) => c.excluded))
    expect(record.candidates.map((c) => c.rank)).toEqual(made.candidates.map((c) => c.rank))
    expect(record.attempts).toEqual([
      { ...attempt(made.order[0]!.id), provider: made.order[0]!.providerName },
    ])
  })

  test('can be read without its table', () => {
    const record = readWaybill(waybillData(planOf(many(3)), []), null)
    expect(record.candidates).toEqual([])
  })

  test('never passes its limit, whatever the names', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 200 }), { maxLength: 12 }),
        fc.array(fc.string({ unit: 'grapheme', maxLength: 80 }), { maxLength: 20 }),
        fc.nat(8),
        (models, dropped, attempts) => {
          const made = { ...planOf(many(40)), requested: models }
          const tried = made.order.slice(0, attempts).map((e) => attempt(e.id))
          const data = waybillData(made, tried, dropped)
          expect(Buffer.byteLength(data)).toBeLessThanOrEqual(WAYBILL_BYTES)
          expect(() => readWaybill(data, null)).not.toThrow()
        },
      ),
      { numRuns: 100 },
    )
  })

  test('plans over the same endpoints share one table, whatever their reasons; others do not', () => {
    const endpoints = many(9)
    const table = candidateTable(planOf(endpoints))
    expect(candidateTable(planOf(endpoints, { provider: { only: ['p1'] } }))).toBe(table)
    expect(candidateTable(planOf(many(9)))).toEqual(table)
    expect(candidateTable(planOf(many(10))).hash).not.toBe(table.hash)
    const dearer = [...endpoints.slice(0, 8), endpoint('p8/region-8', { tariff: tariff(99) })]
    expect(candidateTable(planOf(dearer)).hash).not.toBe(table.hash)
  })
})

describe('the explanation', () => {
  test('lists those to try in order, then those left out, each with its reason', () => {
    const explanation = explainPlan(
      planOf(many(5), { provider: { sort: { by: 'price', partition: 'model' } } }),
    )
    expect(explanation.candidates.map((c) => [c.rank, c.tag, c.reason])).toEqual([
      [1, 'p0/region-0', 'by price'],
      [2, 'p1/region-1', 'by price'],
      [3, 'p2/region-2', 'by price'],
      [null, 'p3/region-3', 'no key for P3'],
      [null, 'p4/region-4', 'no key for P4'],
    ])
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation)
  })

  test('reads as lines, with prices and the shares of the draw', () => {
    const lines = explainLines(explainPlan(planOf(many(4))))
    expect(lines[0]).toBe('acme/one   load-balance, up to 3 attempts')
    expect(lines[1]).toMatch(/^ {2}1 {2}p\d\/region-\d {2}\$\d\.00\/M +drawn by price, share \d+ %$/)
    expect(lines.at(-1)).toContain('–  p3/region-3')
  })

  test('says why nobody can serve', () => {
    const lines = explainLines(explainPlan(planOf([endpoint('p3')])))
    expect(lines.at(-1)).toContain('Set P3_API_KEY')
  })
})
