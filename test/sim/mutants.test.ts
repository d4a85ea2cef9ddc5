import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Decision, Image } from '../../src/money/state.ts'
import { simulate } from './run.ts'

/** Ways to decide with the compare-and-set left out: each takes what others hold, or did, for not there. */
type Mutant = 'none' | 'balance' | 'cap' | 'twice' | 'release' | 'price'

const mutant = vi.hoisted(() => ({ now: 'none' as Mutant }))

vi.mock('../../src/money/decide.ts', async (original) => {
  const real = await original<typeof import('../../src/money/decide.ts')>()
  /** Holds as they were before they were resolved. */
  const seen = new Map<string, Parameters<Image['holds']['set']>[1]>()
  const decide: typeof real.decide = (image, command, rules): Decision => {
    if (mutant.now === 'balance' && command.type === 'reserve') {
      const accounts = new Map([...image.accounts].map(([id, row]) => [id, { ...row, held: 0n }]))
      return real.decide({ ...image, accounts }, command, rules)
    }
    if (mutant.now === 'cap' && command.type === 'reserve') {
      const limits = new Map([...image.limits].map(([key, row]) => [key, { ...row, held: 0n }]))
      return real.decide({ ...image, limits }, command, rules)
    }
    if (command.type === 'settle' || command.type === 'release') {
      const hold = image.holds.get(command.id)
      if (hold !== undefined) seen.set(command.id, hold)
      const before = seen.get(command.id)
      if (mutant.now === 'twice' && hold === undefined && before !== undefined) {
        return real.decide({ ...image, holds: new Map([[command.id, before]]) }, command, rules)
      }
    }
    const decision = real.decide(image, command, rules)
    if (!decision.ok) return decision
    if (mutant.now === 'release' && command.type === 'release') {
      return { ...decision, change: { ...decision.change, accounts: [] } }
    }
    return decision
  }
  const resolution: typeof real.resolution = (hold, now, context) =>
    real.resolution(mutant.now === 'price' ? { ...hold, usage: null } : hold, now, context)
  return { ...real, decide, resolution }
})

beforeEach(() => {
  mutant.now = 'none'
})

describe('a bug that is put into a decision is found:', () => {
  it('none is, where there is none', async () => {
    await simulate({ seed: 3, requests: 1_000 })
  })

  const mutants: [what: string, name: Mutant, unguarded: boolean, invariant: RegExp][] = [
    ['a reserve that does not compare with what others hold', 'balance', true, /I2|I4/],
    ['a cap that does not count what others hold', 'cap', true, /I6/],
    ['a settle or release that does not look whether the hold is open', 'twice', false, /I4|I11|I14/],
    ['nor does the database', 'twice', true, /I\d+/],
    ['a release that frees nothing', 'release', true, /I3|I4/],
    ['a recovery that forgets what was streamed', 'price', true, /I4/],
  ]
  it.each(mutants)(
    '%s',
    async (_, name, unguarded, invariant) => {
      mutant.now = name
      await expect(simulate({ seed: 1, requests: 20_000, bugs: { unguarded } })).rejects.toThrow(invariant)
    },
    60_000,
  )
})
