import { createHash } from 'node:crypto'
import type { StoreBugs } from './disk.ts'
import { episode, type Mode, type Outcome } from './world.ts'

/** Requests of one small world. */
const EPISODE = 250

export interface Totals extends Outcome {
  readonly episodes: number
}

/** The seed of the `n`th episode of a run. */
export function episodeSeed(seed: number, n: number): number {
  return (Math.imul(seed, 1_000_003) + n) >>> 0
}

/**
 * Simulates so many requests, world after world, safety and liveness by turns. One seed has one trace.
 * @throws {Violation} at the first invariant that does not hold, with the seed of its episode
 */
export async function simulate(
  { seed, requests, bugs }: { readonly seed: number; readonly requests: number; readonly bugs?: StoreBugs },
  progress: (totals: Totals) => void = () => {},
): Promise<Totals> {
  const hash = createHash('sha256')
  const sums = {
    requests: 0,
    settled: 0,
    refused: 0,
    crashes: 0,
    crashesAtWrites: 0,
    storeFaults: 0,
    clockJumps: 0,
    writes: 0,
  }
  let episodes = 0
  let totals: Totals = { ...sums, episodes, trace: '' }
  while (sums.requests < requests) {
    const mode: Mode = episodes % 2 === 0 ? 'safety' : 'liveness'
    const { trace, ...counts } = await episode({
      seed: episodeSeed(seed, episodes++),
      requests: Math.min(EPISODE, Math.max(50, requests - sums.requests)),
      mode,
      ...(bugs !== undefined && { bugs }),
    })
    hash.update(trace)
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += counts[name]
    totals = { ...sums, episodes, trace: '' }
    progress(totals)
  }
  return { ...totals, trace: hash.digest('hex') }
}
