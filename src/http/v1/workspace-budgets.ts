import { z } from 'zod'
import { GatewayError } from '../../chat/index.ts'
import { shownWorkspaceId, type Workspace } from '../../identity/index.ts'
import { type Budget, MOST_BUDGETS } from '../../money/index.ts'
import type { Gateway, RouteContext } from '../gateway.ts'
import { readUsd, usdNumber } from '../money.ts'
import { readBody } from '../validate.ts'
import { workspaceAt } from './workspaces.ts'

/** Wide to narrow: each cap must be below the one before it. */
const INTERVALS = ['lifetime', 'monthly', 'weekly', 'daily'] as const
type Interval = (typeof INTERVALS)[number]

const Put = z.strictObject({
  limit_usd: z.union([z.number(), z.string()]),
  include_byok_in_budgets: z.boolean().optional(),
})

/** `GET /workspaces/{id}/budgets` */
export async function listWorkspaceBudgets(gateway: Gateway, c: RouteContext): Promise<Response> {
  const workspace = await workspaceAt(gateway, c, c.req.param('id') ?? '')
  const data = budgetsOf(gateway, workspace).map(budgetObject)
  return c.json({ data, include_byok_in_budgets: false })
}

/** `GET /workspaces/{id}/budgets/{interval}` */
export async function getWorkspaceBudget(gateway: Gateway, c: RouteContext): Promise<Response> {
  const workspace = await workspaceAt(gateway, c, c.req.param('id') ?? '')
  const interval = intervalOf(c)
  const budget = budgetsOf(gateway, workspace).find(({ span }) => span === spanOf(interval))
  if (budget === undefined)
    throw new GatewayError('not_found', `The workspace "${workspace.slug}" has no ${interval} budget.`)
  return c.json({ data: budgetObject(budget), include_byok_in_budgets: false })
}

/** `PUT /workspaces/{id}/budgets/{interval}`: holds from the next request on. */
export async function putWorkspaceBudget(gateway: Gateway, c: RouteContext): Promise<Response> {
  const workspace = await workspaceAt(gateway, c, c.req.param('id') ?? '')
  const interval = intervalOf(c)
  const body = await readBody(gateway, c, Put)
  if (body.include_byok_in_budgets === true)
    throw new GatewayError(
      'not_implemented',
      'Calls by own provider keys cost nothing here, so budgets cannot count them: leave "include_byok_in_budgets" out.',
      { metadata: { param: 'include_byok_in_budgets' } },
    )
  const limitNanos = readUsd(body.limit_usd, 'limit_usd')
  if (limitNanos <= 0n) throw new GatewayError('invalid_request', '"limit_usd" must be more than 0.')
  const { organizationId } = workspace
  const present = budgetsOf(gateway, workspace)
  refuseDisorder(present, interval, limitNanos)
  const caller = c.get('caller')
  const budget = await gateway.budgets.put({
    organizationId,
    scope: 'workspace',
    scopeId: workspace.id,
    span: spanOf(interval),
    limitNanos,
    creatorUserId: caller.kind === 'key' ? caller.key.creatorUserId : null,
  })
  if (budget === null)
    throw new GatewayError('invalid_request', `An organization has at most ${MOST_BUDGETS} budgets.`)
  return c.json({ data: budgetObject(budget), include_byok_in_budgets: false })
}

/** `DELETE /workspaces/{id}/budgets/{interval}`: the same answer when there was none. */
export async function removeWorkspaceBudget(gateway: Gateway, c: RouteContext): Promise<Response> {
  const workspace = await workspaceAt(gateway, c, c.req.param('id') ?? '')
  const span = spanOf(intervalOf(c))
  for (const budget of budgetsOf(gateway, workspace))
    if (budget.span === span) await gateway.budgets.remove(workspace.organizationId, budget.id)
  return c.json({ deleted: true })
}

/** A narrow window with a wider cap than the window around it would never be reached. */
function refuseDisorder(present: readonly Budget[], interval: Interval, limitNanos: bigint): void {
  const at = INTERVALS.indexOf(interval)
  INTERVALS.forEach((other, i) => {
    const cap = present.find(({ span }) => span === spanOf(other))?.limitNanos
    if (cap === undefined || i === at || (i < at ? limitNanos < cap : limitNanos > cap)) return
    throw new GatewayError(
      'invalid_request',
      `The ${interval} budget must be ${i < at ? 'below' : 'above'} the ${other} one of $${usdNumber(cap)}: lifetime > monthly > weekly > daily.`,
      { metadata: { param: 'limit_usd' } },
    )
  })
}

function budgetsOf(gateway: Gateway, { organizationId, id }: Workspace): Budget[] {
  return gateway.budgets
    .of(organizationId)
    .filter(({ scope, scopeId }) => scope === 'workspace' && scopeId === id)
}

function intervalOf(c: RouteContext): Interval {
  const given = c.req.param('interval') ?? ''
  const found = INTERVALS.find((interval) => interval === given)
  if (found !== undefined) return found
  throw new GatewayError('invalid_request', `A budget is for one of ${INTERVALS.toReversed().join(', ')}.`)
}

const spanOf = (interval: Interval): Budget['span'] => (interval === 'lifetime' ? 'total' : interval)

function budgetObject(budget: Budget): Record<string, unknown> {
  return {
    id: budget.id,
    workspace_id: shownWorkspaceId(budget.scopeId),
    limit_usd: usdNumber(budget.limitNanos),
    reset_interval: budget.span === 'total' ? null : budget.span,
    created_at: new Date(budget.createdAt).toISOString(),
    updated_at: new Date(budget.updatedAt).toISOString(),
  }
}
