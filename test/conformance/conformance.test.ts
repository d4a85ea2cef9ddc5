import { beforeAll, describe, expect, it } from 'vitest'
import { hasFixtures, WITHOUT_FIXTURES } from '../fixtures.ts'
import { conversationPairs, everyCase } from './cases.ts'
import type { Difference } from './compare.ts'
import { documentOf, faults, type Result, type Run } from './document.ts'
import { embeddingPairs, replaySmall } from './embeddings.ts'
import { replayTo } from './replay.ts'
import { startWorld, type Unit, type World } from './world.ts'

const PAGE = '../../docs/reference/conformance.md'

/** One after the other: the provider plays one recording at a time. */
async function runAll<P extends Unit>(
  world: World,
  pairs: readonly P[],
  replay: (world: World, pair: P, seed: number) => Promise<Difference[]>,
): Promise<Result<P>[]> {
  const results: Result<P>[] = []
  for (const [seed, pair] of pairs.entries())
    results.push({ pair, differences: await replay(world, pair, seed) })
  return results
}

describe.skipIf(!hasFixtures)(
  `recorded traffic through a running gateway [${hasFixtures ? everyCase().length : WITHOUT_FIXTURES}]`,
  () => {
    let run: Run

    beforeAll(async () => {
      const pairs = conversationPairs()
      const small = embeddingPairs()
      const world = await startWorld([...pairs, ...small])
      try {
        run = {
          conversations: await runAll(world, pairs, replayTo),
          embeddings: await runAll(world, small, replaySmall),
        }
      } finally {
        await world.stop()
      }
      console.log(/^\| recordings[\s\S]*?\n\n/m.exec(documentOf(run))?.[0])
    }, 110_000)

    it('reaches every client as the provider said it, but for what a format cannot say', () => {
      expect(faults(run)).toEqual([])
    })

    it('is what docs/reference/conformance.md says (npm run generate:conformance writes it)', async () => {
      await expect(documentOf(run)).toMatchFileSnapshot(PAGE)
    })
  },
)
