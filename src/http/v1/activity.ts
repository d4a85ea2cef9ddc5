import { GatewayError } from '../../chat/index.ts'
import { shownWorkspaceId } from '../../identity/index.ts'
import { bucketsOf, queryUsage, type UsageFilter, type UsageRow } from '../../usage/index.ts'
import { type Gateway, organizationOf, type RouteContext } from '../gateway.ts'
import { usdNumber } from '../money.ts'
import { rowsAnswer } from './rows.ts'
import { workspaceAt } from './workspaces.ts'

const DAY = 86_400_000
/** Completed days that are told. */
const DAYS = 30
/** Beyond it the answer would be of no use to a client that cannot page. */
const MOST_ROWS = 100_000

const METRICS = [
  'total_usage',
  'byok_usage',
  'request_count',
  'tokens_prompt',
  'tokens_completion',
  'reasoning_tokens',
  'unpriced_count',
]

const COLUMNS = [
  'date',
  'model',
  'model_permaslug',
  'endpoint_id',
  'provider_name',
  'usage',
  'byok_usage_inference',
  'requests',
  'prompt_tokens',
  'completion_tokens',
  'reasoning_tokens',
  'unpriced_requests',
]

/**
 * `GET /activity`: what providers have served, by UTC day, model and endpoint, over the last 30 completed days or on
 * `?date=` (today too). Filters: `api_key_hash`, `user_id`, `workspace_id`; `group_by=workspace` splits rows;
 * `simulated=true`, ours, tells test calls instead. Amounts in USD.
 */
export async function activity(gateway: Gateway, c: RouteContext): Promise<Response> {
  const range = rangeOf(c.req.query('date'), gateway.clock.now())
  const byWorkspace = groupOf(c.req.query('group_by'))
  const { rows, truncated } = await queryUsage(gateway.store, {
    organizationId: organizationOf(c.get('caller')),
    range,
    buckets: bucketsOf(range, 'day', 'UTC', DAYS + 1)!,
    metrics: METRICS,
    dimensions: ['model', 'endpoint', 'provider', ...(byWorkspace ? ['workspace'] : [])],
    filters: await filtersOf(gateway, c),
    simulated: c.req.query('simulated') === 'true',
    limit: MOST_ROWS,
  })
  if (truncated)
    throw new GatewayError(
      'invalid_request',
      `There are more than ${MOST_ROWS} rows. Ask for single days with "date", or use POST /api/v1/analytics/query.`,
    )
  const data = rows.map((row) => activityRow(gateway, row))
  const columns = byWorkspace ? [...COLUMNS, 'workspace_id'] : COLUMNS
  return rowsAnswer(c, columns, data, () => ({ data }))
}

function rangeOf(date: string | undefined, now: number) {
  const today = now - (now % DAY)
  if (date === undefined || date === '') return { start: today - DAYS * DAY, end: today }
  const start = /^\d{4}-\d\d-\d\d$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(start) || start < today - DAYS * DAY || start > today)
    throw new GatewayError(
      'invalid_request',
      `"date" must be one of the last ${DAYS} days, as YYYY-MM-DD (UTC).`,
    )
  return { start, end: start + DAY }
}

function groupOf(given: string | undefined): boolean {
  if (given === undefined || given === '') return false
  if (given === 'workspace') return true
  throw new GatewayError('invalid_request', '"group_by" can only be "workspace".')
}

async function filtersOf(gateway: Gateway, c: RouteContext): Promise<UsageFilter[]> {
  const [key, user, workspace] = [
    c.req.query('api_key_hash'),
    c.req.query('user_id'),
    c.req.query('workspace_id'),
  ]
  const is = (field: string, value: string | undefined): UsageFilter[] =>
    value === undefined || value === '' ? [] : [{ field, operator: 'eq', values: [value] }]
  if (key !== undefined && !/^[0-9a-f]{64}$/.test(key))
    throw new GatewayError('invalid_request', '"api_key_hash" must be the SHA-256 of a key, 64 hex digits.')
  const inWorkspace =
    workspace === undefined || workspace === '' ? undefined : await workspaceAt(gateway, c, workspace)
  return [
    // What no provider has served is no activity.
    { field: 'provider', operator: 'neq', values: [''] },
    ...is('api_key_id', key),
    ...is('user', user),
    ...is('workspace', inWorkspace?.id),
  ]
}

function activityRow(gateway: Gateway, { time, dimensions, metrics }: UsageRow): Record<string, unknown> {
  const [model, endpoint, provider, workspace] = dimensions
  const [usage, byok, requests, prompt, completion, reasoning, unpriced] = metrics.map((value) => value ?? 0n)
  return {
    date: time,
    model,
    model_permaslug: gateway.snapshot.catalog.resolve(model ?? '')?.model.canonicalSlug ?? model,
    endpoint_id: endpoint ?? '',
    provider_name: provider ?? '',
    usage: usdNumber(usage!),
    byok_usage_inference: usdNumber(byok!),
    requests: Number(requests),
    prompt_tokens: Number(prompt),
    completion_tokens: Number(completion),
    reasoning_tokens: Number(reasoning),
    unpriced_requests: Number(unpriced),
    ...(workspace != null && { workspace_id: shownWorkspaceId(workspace) }),
  }
}
