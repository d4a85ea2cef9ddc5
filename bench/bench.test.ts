import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DIALECTS } from '../src/dialects/index.ts'
import { modelNames } from './contestants/contestant.ts'
import { deltaCosts } from './deltas.ts'
import { cpuMicros, ratio, targets } from './figures.ts'
import { type Job, type Measured, measure, percentiles } from './load.ts'
import { startMock } from './mock.ts'
import { costsOf } from './profile.ts'
import { page } from './report.ts'
import type { MeasuredWorkload, Round, Sample } from './rounds.ts'

let mock: Awaited<ReturnType<typeof startMock>>
beforeAll(async () => {
  mock = await startMock()
})
afterAll(() => mock.close())

function job(more: Partial<Job>): Job {
  return {
    mode: 'closed',
    workload: 'A',
    address: { port: mock.port, path: '/v1/chat/completions', headers: {}, models: modelNames() },
    group: null,
    connections: 8,
    rate: 200,
    warmMs: 30,
    windowMs: 200,
    ...more,
  }
}

describe('the load generator against the mock', () => {
  it.each(['A', 'B', 'C'] as const)('counts whole answers of %s without an error', async (workload) => {
    const measured = await measure(job({ workload }))
    expect(measured).toMatchObject({ errors: 0, fault: null })
    expect(measured.done).toBeGreaterThan(20)
  })

  it('counts the events of slow streams, fifty a second each', async () => {
    const measured = await measure(job({ workload: 'B2', connections: 10, windowMs: 400 }))
    expect(measured.errors).toBe(0)
    expect(measured.done / measured.seconds).toBeGreaterThan(350)
    expect(measured.done / measured.seconds).toBeLessThan(650)
    expect(measured.p50).toBeGreaterThan(0)
  })

  it('sends at its rate and measures every answer to what was sent in the window', async () => {
    const measured = await measure(job({ mode: 'open', rate: 300, windowMs: 400 }))
    expect(measured.errors).toBe(0)
    expect(measured.done).toBeGreaterThan(90)
    expect(measured.done).toBeLessThan(150)
    expect(measured.p99).toBeGreaterThanOrEqual(measured.p50)
  })

  it('sees streams that begin and then say nothing', async () => {
    expect(await measure(job({ mode: 'idle', workload: 'I', connections: 20, windowMs: 20 }))).toMatchObject({
      done: 20,
      errors: 0,
    })
  })

  it('counts refusals and wrong answers as errors', async () => {
    const models = { ...modelNames(), A: 'bench-unknown', B: 'bench-a' }
    const address = { ...job({}).address, models }
    expect(await measure(job({ address }))).toMatchObject({ done: 0, fault: 'status 400: ' })
    expect((await measure(job({ address, workload: 'B' }))).fault).toBe('a stream without its end')
  })

  it('says that nobody listens', async () => {
    const address = { ...job({}).address, port: 1 }
    const measured = await measure(job({ address, windowMs: 50 }))
    expect(measured.done).toBe(0)
    expect(measured.fault).toMatch(/ECONNREFUSED/)
  })
})

describe('the figures', () => {
  const measured = (cpu: number): Measured => ({
    done: 1000,
    seconds: 1,
    cpu,
    p50: 100,
    p99: 200,
    memoryMb: 100,
    errors: 0,
    fault: null,
  })
  const sample = (cpu: number): Sample => ({ closed: measured(cpu), open: null, direct: null })
  const round = (waybill: number, nginx: number): Round =>
    new Map([
      ['waybill', new Map<MeasuredWorkload, Sample>([['A', sample(waybill)]])],
      ['nginx', new Map<MeasuredWorkload, Sample>([['A', sample(nginx)]])],
    ])
  const rounds = [round(0.1, 0.02), round(0.3, 0.02), round(0.12, 0.02)]
  const own = { readySeconds: null, requests: 0, idleKib: null, idleStreams: 0, deltaUs: null }

  it('takes ratios within a round and their median', () => {
    expect(cpuMicros(measured(0.1))).toBe(100)
    expect(ratio(rounds, 'waybill', 'nginx', 'A')).toMatchObject({ median: 6, min: 5, max: 15, n: 3 })
    expect(ratio(rounds, 'waybill', 'Portkey', 'A')).toBeNull()
  })

  it('tells a target that is met from one that is missed or was not measured', () => {
    const found = targets(rounds, ['A'], own)
    expect(found.map(({ met }) => met)).toEqual([true, null, true, null, null, null])
    expect(targets([round(0.2, 0.02)], ['A'], own)[0]!.met).toBe(false)
  })

  it('holds a delta between two dialects to ten microseconds, in its slowest pair', () => {
    const delta = (median: number) => ({ median, min: median, max: median, n: 40 })
    const met = (median: number) => targets(rounds, [], { ...own, deltaUs: delta(median) }).at(-1)
    expect(met(4)).toMatchObject({
      name: expect.stringContaining('delta'),
      limit: 10,
      unit: ' µs',
      met: true,
    })
    expect(met(12)!.met).toBe(false)
  })

  it('measures every pair of formats that has deltas', () => {
    const costs = deltaCosts(2, 20)
    expect(new Set(costs.map(({ from, to }) => `${from} ${to}`)).size).toBe(
      DIALECTS.size * (DIALECTS.size - 1),
    )
    expect(costs.every(({ cost }) => cost.median > 0)).toBe(true)
  })

  it('gives percentiles of few and no values', () => {
    expect(percentiles([3, 1, 2])).toEqual({ p50: 2, p99: 3 })
    expect(percentiles([])).toEqual({ p50: 0, p99: 0 })
  })

  it('names on the page what was not measured, and why', () => {
    const text = page({
      rounds,
      workloads: ['A'],
      contestants: [{ name: 'waybill', version: '1.0.0', setup: 'as it is' }],
      absent: [{ name: 'LiteLLM', reason: 'no Python' }],
      own,
      commit: 'abc',
      date: '2026-01-01',
      machine: 'a machine',
      pinned: true,
    })
    expect(text).toContain('**LiteLLM**: not measured: no Python.')
    expect(text).toContain('2 of 2 targets are met, 4 were not measured.')
  })
})

describe('the profile', () => {
  it('leaves out idle time and what lies outside of the window, and finds who a native call was for', () => {
    const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 0 })
    const money = new URL('../src/money/state.ts', import.meta.url).href
    const costs = costsOf(
      {
        nodes: [
          { id: 1, callFrame: frame('(root)'), children: [2, 4] },
          { id: 2, callFrame: frame('apply', money), children: [3] },
          { id: 3, callFrame: frame('stringify') },
          { id: 4, callFrame: frame('(idle)') },
        ],
        startTime: 1_000,
        samples: [3, 2, 4, 3, 3],
        timeDeltas: [10, 10, 10, 10, 1_000],
      },
      1_005,
      1_100,
    )
    expect(costs.total).toBe(30)
    expect(costs.causes).toEqual(new Map([['money', 30]]))
    expect(costs.rooms).toEqual(
      new Map([
        ['native', 20],
        ['money', 10],
      ]),
    )
  })
})
