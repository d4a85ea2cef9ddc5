import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../lib/index.ts'
import { openStore } from '../store/index.ts'
import {
  type BUDGET_SCOPES,
  type Budget,
  BudgetBook,
  budgetRefs,
  EACH,
  MOST_BUDGETS,
  type Spender,
} from './budgets.ts'
import { limitKey } from './state.ts'

const NOW = Date.UTC(2026, 10, 24, 12)
const budget = (over: Partial<Budget>): Budget => ({
  id: 'b',
  organizationId: 'o',
  scope: 'organization',
  scopeId: 'o',
  span: 'monthly',
  limitNanos: 5n,
  createdAt: 0,
  updatedAt: 0,
  ...over,
})
const spender: Spender = { organizationId: 'o', workspaceId: 'w', creatorUserId: 'm', endUser: 'ann' }

describe('the budgets of a request', () => {
  it('are those of its organization, workspace, member and end user', () => {
    const all = [
      budget({ id: '1' }),
      budget({ id: '2', scope: 'workspace', scopeId: 'w' }),
      budget({ id: '3', scope: 'workspace', scopeId: 'other' }),
      budget({ id: '4', scope: 'member', scopeId: 'm' }),
      budget({ id: '5', scope: 'member', scopeId: EACH }),
      budget({ id: '6', scope: 'user', scopeId: 'bob' }),
      budget({ id: '7', scope: 'user', scopeId: EACH }),
    ]
    expect(budgetRefs(all, spender, NOW).map(({ scopeId }) => scopeId.split(':')[0])).toEqual([
      '1',
      '2',
      '4',
      '5',
      '7',
    ])
    const nobody = { ...spender, creatorUserId: null, endUser: null }
    expect(budgetRefs(all, nobody, NOW).map(({ scopeId }) => scopeId.split(':')[0])).toEqual(['1', '2'])
  })

  it('count in the window of the moment, UTC', () => {
    const [ref] = budgetRefs([budget({})], spender, NOW)
    expect(ref).toMatchObject({ span: 'monthly', windowStart: Date.UTC(2026, 10, 1), capNanos: 5n })
  })

  it('keep the name of an end user out of the ledger', () => {
    const [ref] = budgetRefs([budget({ scope: 'user', scopeId: EACH })], spender, NOW)
    expect(ref!.scopeId).not.toContain('ann')
    expect(ref!.scopeId).toMatch(/^b:[0-9a-f]{32}$/)
  })

  it('never share a row between two who are counted apart', () => {
    const name = fc.string({ minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(name, name, fc.constantFrom('member', 'user'), (a, b, scope) => {
        const each = [budget({ scope: scope as (typeof BUDGET_SCOPES)[number], scopeId: EACH })]
        const row = (who: string) =>
          limitKey(budgetRefs(each, { ...spender, creatorUserId: who, endUser: who }, NOW)[0]!)
        expect(row(a) === row(b)).toBe(a === b)
      }),
    )
  })
})

describe('the book of budgets', () => {
  it('is full at a thousand of an organization, but a cap in it can still be changed', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'waybill-budgets-'))
    const store = await openStore({ dataDir, clock: systemClock })
    try {
      const book = await BudgetBook.open(store, systemClock)
      const wanted = (scopeId: string, limitNanos = 1n) => ({
        organizationId: 'o',
        scope: 'member' as const,
        scopeId,
        span: 'daily' as const,
        limitNanos,
        creatorUserId: null,
      })
      const first = (await book.put(wanted('m0')))!
      const rows = Array.from({ length: MOST_BUDGETS - 2 }, (_, i) => ({
        id: `b${i}`,
        organization_id: 'o',
        workspace_id: null,
        creator_user_id: null,
        scope: 'member',
        scope_id: `n${i}`,
        span: 'daily',
        limit_nanos: 1n,
        created_at: BigInt(first.createdAt),
        updated_at: BigInt(first.updatedAt),
      }))
      await store.db.insertInto('budgets').values(rows).execute()
      await book.refresh()
      expect(await book.put(wanted('last'))).not.toBeNull()
      expect(await book.put(wanted('one more'))).toBeNull()
      expect(await book.put(wanted('last', 7n))).toMatchObject({ limitNanos: 7n })
      expect(book.of('o')).toHaveLength(MOST_BUDGETS)
    } finally {
      await store.close()
      rmSync(dataDir, { recursive: true, force: true })
    }
  }, 60_000)
})
