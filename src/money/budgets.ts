import { hash, randomUUID } from 'node:crypto'
import type { Clock } from '../lib/index.ts'
import type { BudgetRow, Store } from '../store/index.ts'
import type { LimitRef } from './ledger.ts'
import { type Span, windowStart } from './limits.ts'

/** Whose spending a budget caps, all keys together. */
export const BUDGET_SCOPES = ['organization', 'workspace', 'member', 'user'] as const
export type BudgetScope = (typeof BUDGET_SCOPES)[number]

/** In place of an id: every member, every end user, each by itself. */
export const EACH = '*'

/** A cap in USD with its window. Counted from the moment it is set, in whole windows of UTC. */
export interface Budget {
  readonly id: string
  readonly organizationId: string
  readonly scope: BudgetScope
  /** Id of the organization or workspace; id of a member or end user, or `*` for each of them. */
  readonly scopeId: string
  readonly span: Span
  readonly limitNanos: bigint
  /** ms since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
}

export type NewBudget = Pick<Budget, 'organizationId' | 'scope' | 'scopeId' | 'span' | 'limitNanos'> & {
  readonly creatorUserId: string | null
}

/** Who a request is of, as budgets tell people apart. */
export interface Spender {
  readonly organizationId: string
  readonly workspaceId: string
  readonly creatorUserId: string | null
  /** The end user that the request names. */
  readonly endUser: string | null
}

/** Most budgets of an organization: each that fits a request is a limit row more. */
export const MOST_BUDGETS = 1_000

/**
 * The limit rows that a request counts against at `nowMs`, besides those of its key. Pure. The narrowest window first, so that a
 * refusal names the cap that ends soonest.
 */
export function budgetRefs(budgets: readonly Budget[], spender: Spender, nowMs: number): LimitRef[] {
  const refs: LimitRef[] = []
  for (const budget of budgets) {
    const who = spenderOf(budget, spender)
    if (who === null) continue
    refs.push(refOf(budget, who, nowMs))
  }
  return refs
}

/** The limit row of a budget in its present window; `who` is the one it counts for (hashed where it is an end user). */
export function refOf(budget: Budget, who: string, nowMs: number): LimitRef {
  return {
    scope: `budget-${budget.scope}`,
    scopeId: `${budget.id}:${budget.scope === 'user' ? hash('sha256', who, 'hex').slice(0, 32) : who}`,
    span: budget.span,
    windowStart: windowStart(budget.span, nowMs),
    capNanos: budget.limitNanos,
  }
}

function spenderOf({ scope, scopeId }: Budget, spender: Spender): string | null {
  const who = {
    organization: spender.organizationId,
    workspace: spender.workspaceId,
    member: spender.creatorUserId,
    user: spender.endUser,
  }[scope]
  return who !== null && (scopeId === who || (scopeId === EACH && (scope === 'member' || scope === 'user')))
    ? who
    : null
}

function isSame(a: Pick<Budget, 'scope' | 'scopeId' | 'span'>, b: typeof a): boolean {
  return a.scope === b.scope && a.scopeId === b.scopeId && a.span === b.span
}

const ORDER: readonly Span[] = ['daily', 'weekly', 'monthly', 'total']

/** All budgets in memory, by organization, since every request asks for them. The database is the truth. */
export class BudgetBook {
  readonly #store: Store
  readonly #clock: Clock
  #budgets = new Map<string, readonly Budget[]>()
  #seen = ''

  private constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  static async open(store: Store, clock: Clock): Promise<BudgetBook> {
    const book = new BudgetBook(store, clock)
    await book.refresh()
    return book
  }

  /** Those of an organization, narrow windows first. */
  of(organizationId: string): readonly Budget[] {
    return this.#budgets.get(organizationId) ?? []
  }

  /**
   * Makes a budget, or changes the cap of the one with this scope and window; in force from the next request on. Null when
   * the organization has as many as it may.
   */
  async put(wanted: NewBudget): Promise<Budget | null> {
    const others = this.of(wanted.organizationId).filter((budget) => !isSame(budget, wanted))
    if (others.length >= MOST_BUDGETS) return null
    const now = BigInt(this.#clock.now())
    const row: BudgetRow = {
      id: randomUUID(),
      organization_id: wanted.organizationId,
      workspace_id: wanted.scope === 'workspace' ? wanted.scopeId : null,
      creator_user_id: wanted.creatorUserId,
      scope: wanted.scope,
      scope_id: wanted.scopeId,
      span: wanted.span,
      limit_nanos: wanted.limitNanos,
      created_at: now,
      updated_at: now,
    }
    const kept = await this.#store.db
      .insertInto('budgets')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .columns(['organization_id', 'scope', 'scope_id', 'span'])
          .doUpdateSet({ limit_nanos: wanted.limitNanos, updated_at: now }),
      )
      .returningAll()
      .executeTakeFirstOrThrow()
    await this.#load()
    return fromRow(kept)
  }

  /** @returns whether there was one */
  async remove(organizationId: string, id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#store.db
      .deleteFrom('budgets')
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    await this.#load()
    return numDeletedRows > 0n
  }

  /** Picks up what other nodes changed. */
  async refresh(): Promise<void> {
    const { count, newest } = await this.#store.db
      .selectFrom('budgets')
      .select((eb) => [eb.fn.countAll().as('count'), eb.fn.max('updated_at').as('newest')])
      .executeTakeFirstOrThrow()
    const seen = `${count} ${newest}`
    if (seen === this.#seen) return
    await this.#load()
    this.#seen = seen
  }

  async #load(): Promise<void> {
    const rows = await this.#store.db.selectFrom('budgets').selectAll().orderBy('created_at').execute()
    const budgets = new Map<string, Budget[]>()
    for (const row of rows) {
      const list = budgets.get(row.organization_id)
      if (list === undefined) budgets.set(row.organization_id, [fromRow(row)])
      else list.push(fromRow(row))
    }
    for (const list of budgets.values()) list.sort((a, b) => ORDER.indexOf(a.span) - ORDER.indexOf(b.span))
    this.#budgets = budgets
  }
}

function fromRow(row: BudgetRow): Budget {
  return {
    id: row.id,
    organizationId: row.organization_id,
    scope: row.scope as BudgetScope,
    scopeId: row.scope_id,
    span: row.span as Span,
    limitNanos: row.limit_nanos,
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  }
}
