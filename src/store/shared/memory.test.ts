import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sharedStateConformance } from './conformance.ts'
import { MemoryState } from './memory.ts'

describe('shared state in memory', () => {
  sharedStateConformance(async () => new MemoryState(() => performance.now()))

  it('never lets more pass than the limit and what has filled since', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 }),
        (limit, gaps) => {
          let now = 1_000
          const state = new MemoryState(() => now)
          let passed = 0
          for (const gap of gaps) {
            now += gap
            const rate = { key: 'k', limit, windowMs: 1_000, cost: 1 }
            if (state.admit({ id: 'x', group: 'g', rates: [rate], gates: [], leaseMs: 1 }).ok) passed++
            expect(passed).toBeLessThanOrEqual(limit + ((now - 1_000) * limit) / 1_000 + 1e-6)
          }
        },
      ),
    )
  })

  it('forgets buckets that are full again', () => {
    let now = 0
    const state = new MemoryState(() => now)
    for (let i = 0; i < 60_000; i++) {
      now += 1
      const rates = [{ key: `k${i}`, limit: 10, windowMs: 1_000, cost: 1 }]
      state.admit({ id: 'x', group: 'g', rates, gates: [], leaseMs: 1 })
    }
    expect(state.size).toBeLessThan(20_001)
  })
})
