import { type RawBuilder, sql } from 'kysely'
import type { GenerationRow } from '../store/index.ts'

/** How a metric's integer is meant: nano-USD, thousandths, millionths, or as it is. */
export type MetricUnit = 'count' | 'nanos' | 'milli' | 'micro'

export interface Metric {
  readonly label: string
  readonly format: 'number' | 'currency' | 'percent' | 'latency' | 'throughput'
  /** A mean, a share or a percentile: not to be summed. */
  readonly rate: boolean
  readonly unit: MetricUnit
  /** Over the rows `x` of one group; a 64-bit integer, or null where there is nothing to tell. */
  readonly sql: RawBuilder<bigint | null>
  /** The column whose ranks it needs. */
  readonly ranked?: Ranked
}

/** Columns that metrics are made of; a percentile sorts them all, so there are no more than needed. */
export const COUNTED = [
  'result',
  'prompt_tokens',
  'completion_tokens',
  'cache_read_tokens',
  'reasoning_tokens',
  'is_byok',
  'cost_nanos',
  'upstream_prompt_nanos',
  'upstream_completion_nanos',
] as const satisfies readonly (keyof GenerationRow)[]

/** Columns of `x` that percentiles are taken of. */
export type Ranked = 'latency' | 'throughput'

const big = (expression: RawBuilder<unknown>) => sql<bigint | null>`cast(${expression} as bigint)`
const total = (expression: RawBuilder<unknown>) => big(sql`coalesce(sum(${expression}), 0)`)
const ref = (column: (typeof COUNTED)[number]) => sql`x.${sql.ref(column)}`

function count(label: string, expression: RawBuilder<unknown>): Metric {
  return { label, format: 'number', rate: false, unit: 'count', sql: total(expression) }
}

/** Calls at an unknown price add nothing here; `unpriced_count` tells how many those are. */
function money(label: string, expression: RawBuilder<unknown>): Metric {
  return { label, format: 'currency', rate: false, unit: 'nanos', sql: total(expression) }
}

const mean = (column: Ranked) => big(sql`sum(x.${sql.ref(column)}) / nullif(count(x.${sql.ref(column)}), 0)`)

/** The value that `percent` of the calls do not exceed (nearest rank), on both engines alike. */
function percentile(column: Ranked, percent: number): RawBuilder<bigint | null> {
  const [value, rank, counted] = [column, `${column}_rank`, `${column}_count`].map((name) => sql.ref(name))
  const wanted = sql.lit(percent)
  return big(
    sql`max(case when x.${value} is not null and x.${rank} = (x.${counted} * ${wanted} + 99) / 100 then x.${value} end)`,
  )
}

function rates(column: Ranked, label: string): Record<string, Metric> {
  const unit = column === 'latency' ? 'count' : 'milli'
  const rate = { format: column, rate: true, unit } as const
  return {
    [`avg_${column}`]: { ...rate, label: `Mean ${label}`, sql: mean(column) },
    ...Object.fromEntries(
      [50, 90, 99].map((percent) => [
        `p${percent}_${column}`,
        { ...rate, label: `${label}, p${percent}`, sql: percentile(column, percent), ranked: column },
      ]),
    ),
  }
}

/** What can be counted, by the names that OpenRouter's analytics have; `failed_count` and `unpriced_count` are ours. */
export const METRICS: Readonly<Record<string, Metric>> = {
  request_count: count('Requests', sql`1`),
  failed_count: count('Failed requests', sql`case when ${ref('result')} = 'failed' then 1 else 0 end`),
  tokens_total: count('Tokens', sql`cast(${ref('prompt_tokens')} as bigint) + ${ref('completion_tokens')}`),
  tokens_prompt: count('Prompt tokens', ref('prompt_tokens')),
  tokens_completion: count('Completion tokens', ref('completion_tokens')),
  reasoning_tokens: count('Reasoning tokens', ref('reasoning_tokens')),
  cached_tokens: count('Cached tokens', ref('cache_read_tokens')),
  byok_request_count: count('Requests with own keys', ref('is_byok')),
  unpriced_count: count(
    'Requests at an unknown price',
    sql`case when ${ref('cost_nanos')} is null and ${ref('result')} <> 'failed' then 1 else 0 end`,
  ),
  total_usage: money('Spend', ref('cost_nanos')),
  credits_usage: money(
    'Spend from credits',
    sql`case when ${ref('is_byok')} = 0 then ${ref('cost_nanos')} else 0 end`,
  ),
  byok_usage: money(
    'Spend with own keys',
    sql`case when ${ref('is_byok')} = 1 then ${ref('cost_nanos')} else 0 end`,
  ),
  usage_upstream: money(
    'Cost at the provider',
    sql`coalesce(${ref('upstream_prompt_nanos')}, 0) + coalesce(${ref('upstream_completion_nanos')}, 0)`,
  ),
  ...rates('latency', 'Latency'),
  ...rates('throughput', 'Throughput'),
  cache_hit_rate: {
    label: 'Share of prompt tokens read from caches',
    format: 'percent',
    rate: true,
    unit: 'micro',
    sql: big(
      sql`sum(cast(${ref('cache_read_tokens')} as bigint)) * 1000000 / nullif(sum(cast(${ref('prompt_tokens')} as bigint)), 0)`,
    ),
  },
}

export interface Dimension {
  readonly label: string
  readonly column: keyof GenerationRow
  /** So many values that only a month of them may be asked for. */
  readonly fine: boolean
}

const coarse = (label: string, column: keyof GenerationRow): Dimension => ({ label, column, fine: false })
const fine = (label: string, column: keyof GenerationRow): Dimension => ({ label, column, fine: true })

/** What usage can be told apart by. */
export const DIMENSIONS: Readonly<Record<string, Dimension>> = {
  model: coarse('Model', 'model'),
  api_key_id: coarse('API key', 'key_hash'),
  user: coarse('Member', 'creator_user_id'),
  workspace: coarse('Workspace', 'workspace_id'),
  app: coarse('App', 'app_title'),
  surface: coarse('Format', 'surface'),
  provider: fine('Provider', 'provider'),
  endpoint: fine('Endpoint', 'endpoint_id'),
  origin: fine('Origin', 'app_url'),
  finish_reason: fine('Finish reason', 'finish_reason'),
  external_user: fine('End user', 'external_user'),
  session: fine('Session', 'session_id'),
  generation_id: fine('Generation', 'id'),
}

/** Comparisons of filters, by name. */
export const OPERATORS = {
  eq: { sql: '=', value: 'scalar' },
  neq: { sql: '<>', value: 'scalar' },
  in: { sql: 'in', value: 'array' },
  not_in: { sql: 'not in', value: 'array' },
  gt: { sql: '>', value: 'scalar' },
  gte: { sql: '>=', value: 'scalar' },
  lt: { sql: '<', value: 'scalar' },
  lte: { sql: '<=', value: 'scalar' },
} as const
export type Operator = keyof typeof OPERATORS
