import { z } from 'zod'
import { GatewayError } from '../../chat/index.ts'
import { shownWorkspaceId } from '../../identity/index.ts'
import { BUDGET_SCOPES, type Budget, EACH, MOST_BUDGETS, refOf, windowEnd } from '../../money/index.ts'
import { type Gateway, organizationOf, type RouteContext, workspaceOf } from '../gateway.ts'
import { readUsd, usdNumber } from '../money.ts'
import { readBody } from '../validate.ts'
import { workspaceAt } from './workspaces.ts'

const Put = z.strictObject({
  scope: z.enum(BUDGET_SCOPES),
  /** Left out: the caller's own organization or workspace; for members and end users `*`, each of them. */
  scope_id: z.string().min(1).max(256).optional(),
  limit_usd: z.union([z.number(), z.string()]),
  reset_interval: z.enum(['daily', 'weekly', 'monthly']).nullable().optional(),
})

/** `GET /budgets`: the organization's budgets, with what their present window has spent where one is counted. */
export async function listBudgets(gateway: Gateway, c: RouteContext): Promise<Response> {
  const budgets = gateway.budgets.of(organizationOf(c.get('caller')))
  return c.json({ data: await Promise.all(budgets.map((budget) => budgetObject(gateway, budget))) })
}

/** `PUT /budgets`: makes a budget or changes its cap; holds from the next request on. */
export async function putBudget(gateway: Gateway, c: RouteContext): Promise<Response> {
  const body = await readBody(gateway, c, Put)
  const caller = c.get('caller')
  const organizationId = organizationOf(caller)
  const own = {
    organization: organizationId,
    workspace: workspaceOf(caller),
    member: EACH,
    user: EACH,
  }
  const wanted = body.scope_id ?? own[body.scope]
  const scopeId = body.scope === 'workspace' ? (await workspaceAt(gateway, c, wanted)).id : wanted
  if (body.scope === 'organization' && scopeId !== organizationId)
    throw new GatewayError('permission_denied', 'A budget can only be set for your own organization.')
  const limitNanos = readUsd(body.limit_usd, 'limit_usd')
  if (limitNanos < 0n) throw new GatewayError('invalid_request', '"limit_usd" must not be negative.')
  const budget = await gateway.budgets.put({
    organizationId,
    scope: body.scope,
    scopeId,
    span: body.reset_interval ?? 'total',
    limitNanos,
    creatorUserId: caller.kind === 'key' ? caller.key.creatorUserId : null,
  })
  if (budget === null)
    throw new GatewayError('invalid_request', `An organization has at most ${MOST_BUDGETS} budgets.`)
  return c.json({ data: await budgetObject(gateway, budget) })
}

/** `DELETE /budgets/{id}` */
export async function removeBudget(gateway: Gateway, c: RouteContext): Promise<Response> {
  const id = c.req.param('id') ?? ''
  if (!(await gateway.budgets.remove(organizationOf(c.get('caller')), id)))
    throw new GatewayError('not_found', 'No budget with this id. List them with GET /api/v1/budgets.')
  return c.json({ deleted: true })
}

async function budgetObject(gateway: Gateway, budget: Budget): Promise<Record<string, unknown>> {
  const now = gateway.clock.now()
  const ends = windowEnd(budget.span, now)
  return {
    id: budget.id,
    scope: budget.scope,
    scope_id: budget.scope === 'workspace' ? shownWorkspaceId(budget.scopeId) : budget.scopeId,
    limit_usd: usdNumber(budget.limitNanos),
    reset_interval: budget.span === 'total' ? null : budget.span,
    resets_at: ends === null ? null : new Date(ends).toISOString(),
    ...(await spending(gateway, budget, now)),
    created_at: new Date(budget.createdAt).toISOString(),
    updated_at: new Date(budget.updatedAt).toISOString(),
  }
}

/** Null where a budget counts for each member or end user: there is no one sum. */
async function spending(gateway: Gateway, budget: Budget, now: number): Promise<Record<string, unknown>> {
  if (budget.scopeId === EACH) return { spent_usd: null, held_usd: null, remaining_usd: null }
  const { spentNanos, heldNanos } = await gateway.ledger.limit(refOf(budget, budget.scopeId, now))
  const left = budget.limitNanos - spentNanos - heldNanos
  return {
    spent_usd: usdNumber(spentNanos),
    held_usd: usdNumber(heldNanos),
    remaining_usd: usdNumber(left > 0n ? left : 0n),
  }
}
