import { describe, expect, it } from 'vitest'
import type { StoreBugs } from './disk.ts'
import { simulate } from './run.ts'
import { episode } from './world.ts'

const REQUESTS = Number(process.env['WAYBILL_SIM_REQUESTS'] ?? 20_000)
const SEED = Number(process.env['WAYBILL_SIM_SEED'] ?? Date.now() % 1_000_000)

describe('a simulated ledger', () => {
  it(`keeps its invariants for ${REQUESTS} requests, whatever fails (seed ${SEED})`, async () => {
    const totals = await simulate({ seed: SEED, requests: REQUESTS })
    expect(totals.settled).toBeGreaterThan(REQUESTS / 4)
    expect(totals.refused).toBeGreaterThan(REQUESTS / 20)
    expect(totals.crashes).toBeGreaterThan(REQUESTS / 500)
    expect(totals.crashesAtWrites).toBeGreaterThan(0)
    expect(totals.storeFaults).toBeGreaterThan(REQUESTS / 500)
    expect(totals.clockJumps).toBeGreaterThan(0)
  }, 600_000)

  it.each(['safety', 'liveness'] as const)(
    'has one trace and one database for one seed (%s)',
    async (mode) => {
      const first = await episode({ seed: SEED, requests: 250, mode })
      expect(await episode({ seed: SEED, requests: 250, mode })).toEqual(first)
      expect((await episode({ seed: SEED + 1, requests: 250, mode })).trace).not.toBe(first.trace)
    },
  )

  it.each([false, true])(
    'may die at any of its writes (after it: %s)',
    async (after) => {
      const world = { seed: 7, requests: 25, mode: 'safety' } as const
      const { crashes, writes } = await episode({
        ...world,
        dieAt: { write: Number.POSITIVE_INFINITY, after },
      })
      expect(crashes).toBe(1)
      for (let write = 1; write <= writes; write++) await episode({ ...world, dieAt: { write, after } })
    },
    60_000,
  )
})

describe('a bug that is put into the store is found:', () => {
  const bugs: [what: string, bugs: StoreBugs, invariant: RegExp][] = [
    ['an answer before the write', { answersEarly: true }, /I\d+/],
    ['half of a unit after a crash', { tears: true }, /I\d+/],
  ]
  it.each(bugs)(
    '%s',
    async (_, bugs, invariant) => {
      await expect(simulate({ seed: 1, requests: 20_000, bugs })).rejects.toThrow(invariant)
    },
    60_000,
  )
})
