import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crossings, NO_RULES, tide } from './crossings.ts'
import { type AlertStep, apply, type Credit, emptyImage, type Hold, type Image, limitKey } from './state.ts'

const REF = { scope: 'key', scopeId: 'k', span: 'daily', windowStart: 86_400_000 } as const
const OWNER = { organizationId: 'o', workspaceId: 'w', creatorUserId: 'u', keyHash: 'k' }

const hold: Hold = {
  id: 'gen-1',
  owner: OWNER,
  state: 'streaming',
  accountId: 'org:o:credit',
  amount: 0n,
  limits: [limitKey(REF)],
  tariffs: new Map(),
  attempt: 1,
  endpointId: null,
  usage: null,
  node: 'n',
  createdAt: 0,
  expiresAt: 1,
}

function imageWith(cap: bigint | null, spent: bigint, posted = 10n ** 15n): Image {
  const image = emptyImage()
  image.limits.set(limitKey(REF), { ref: REF, organizationId: 'o', cap, spent, held: 0n })
  image.accounts.set('org:o:credit', { id: 'org:o:credit', organizationId: 'o', floor: 1, posted, held: 0n })
  return image
}

const thresholdsOf = (steps: readonly AlertStep[] = []) =>
  steps.flatMap((step) => (step.type === 'alert' ? Number(step.alert.threshold) : []))

describe('what a charge makes worth telling', () => {
  it('says whose cap it is, what is spent of it, and which call did it', () => {
    const rules = { thresholds: [80], lowBalanceNanos: null }
    const { alerts } = crossings(imageWith(1_000n, 700n), { hold, charged: 150n, now: 5 }, rules)
    expect(alerts).toEqual([
      {
        type: 'alert',
        alert: {
          ...REF,
          threshold: 80n,
          capNanos: 1_000n,
          amountNanos: 850n,
          owner: OWNER,
          cause: 'gen-1',
          at: 5,
        },
      },
    ])
  })

  it('is each share once, by exact fractions, however the spending is cut into charges', () => {
    const charges = fc.array(fc.bigInt(0n, 2n ** 50n), { maxLength: 40 })
    const thresholds = fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { maxLength: 6 })
    fc.assert(
      fc.property(fc.bigInt(1n, 2n ** 54n), charges, thresholds, (cap, list, percents) => {
        const image = imageWith(cap, 0n)
        const told: number[] = []
        let spent = 0n
        for (const charged of list) {
          const { alerts } = crossings(
            image,
            { hold, charged, now: 0 },
            { thresholds: percents, lowBalanceNanos: null },
          )
          told.push(...thresholdsOf(alerts))
          apply(image, {
            hold: null,
            accounts: [],
            limits: [{ key: limitKey(REF), spent: charged, held: 0n }],
            journal: null,
          })
          spent += charged
        }
        const reached = percents.filter((percent) => spent * 100n >= cap * BigInt(percent) && spent > 0n)
        expect(told.sort()).toEqual(reached.sort())
      }),
    )
  })

  it.each([
    ['a cap is missing', imageWith(null, 0n), 5n],
    ['a cap is zero', imageWith(0n, 0n), 5n],
    ['nothing was charged', imageWith(10n, 5n), 0n],
    ['no share is reached', imageWith(1_000n, 0n), 499n],
  ])('is nothing where %s', (_, image, charged) => {
    const rules = { thresholds: [50, 100], lowBalanceNanos: null }
    expect(crossings(image, { hold, charged, now: 0 }, rules)).toEqual({})
    expect(crossings(image, { hold, charged, now: 0 }, NO_RULES)).toEqual({})
  })

  it('is a balance that falls below the mark, and none that was below before', () => {
    const rules = { thresholds: [], lowBalanceNanos: 100n }
    const at = (posted: bigint) =>
      crossings(imageWith(null, 0n, posted), { hold, charged: 5n, now: 0 }, rules)
    expect(at(106n)).toEqual({})
    expect(at(105n)).toEqual({})
    expect(at(104n).alerts).toMatchObject([{ alert: { scope: 'balance', scopeId: 'o', amountNanos: 99n } }])
    expect(at(100n).alerts).toHaveLength(1)
    expect(at(99n)).toEqual({})
  })
})

describe('a change of credit', () => {
  const rules = { thresholds: [], lowBalanceNanos: 100n }
  const credit = (amount: bigint): Credit => ({
    organizationId: 'o',
    amount,
    source: 'manual',
    reference: 'r',
    memo: null,
    now: 7,
  })

  it.each([
    ['brings it a quarter above the mark', 20n, 105n, [{ type: 'rearm', organizationId: 'o', at: 7 }]],
    ['does not bring it there', 20n, 104n, undefined],
    ['takes it below', 120n, -21n, [{ type: 'alert', alert: { cause: 'manual:r', amountNanos: 99n } }]],
    ['leaves it above', 120n, -20n, undefined],
  ])('that %s', (_, posted, amount, expected) => {
    const { alerts } = tide(posted, credit(amount), rules)
    if (expected === undefined) expect(alerts).toBeUndefined()
    else expect(alerts).toMatchObject(expected)
  })
})
