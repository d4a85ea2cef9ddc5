import { z } from 'zod'
import { GatewayError } from '../../chat/index.ts'
import { shownWorkspaceId, storedWorkspaceId } from '../../identity/index.ts'
import {
  bucketsOf,
  DIMENSIONS,
  GRANULARITIES,
  type Granularity,
  isTimeZone,
  METRICS,
  type MetricUnit,
  OPERATORS,
  type Operator,
  queryUsage,
  type Span,
  type UsageFilter,
  type UsageQuery,
  type UsageRow,
} from '../../usage/index.ts'
import { type Gateway, organizationOf, type RouteContext } from '../gateway.ts'
import { readUsd, usdNumber } from '../money.ts'
import { readBody } from '../validate.ts'
import { rowsAnswer } from './rows.ts'

const DAY = 86_400_000
/** Without `time_range`: so many days up to now. */
const DEFAULT_DAYS = 30
const MOST_DAYS = 366
/** Calendars of other times are of no use here. */
const EARLIEST = Date.UTC(2000, 0, 1)
/** With a dimension of many values. */
const MOST_FINE_DAYS = 31
const MOST_BUCKETS = 1_500
const DEFAULT_ROWS = 1_000
const MOST_ROWS = 10_000
const MOST_VALUES = 500

const UNPRICED = 'unpriced_count'

const names = (fields: Readonly<Record<string, unknown>>) => Object.keys(fields) as [string, ...string[]]
const scalar = z.union([z.string().max(256), z.number()])
const instant = z.iso.datetime({ offset: true })

const Query = z.strictObject({
  metrics: z
    .array(z.enum(names(METRICS)))
    .min(1)
    .max(20),
  dimensions: z
    .array(z.enum(names(DIMENSIONS)))
    .max(2)
    .optional(),
  granularity: z.enum(GRANULARITIES).optional(),
  filters: z
    .array(
      z.strictObject({
        field: z.string().max(64),
        operator: z.enum(names(OPERATORS)),
        value: z.union([scalar, z.array(scalar).min(1).max(MOST_VALUES)]),
        include_unset: z.boolean().optional(),
      }),
    )
    .max(20)
    .optional(),
  time_range: z.strictObject({ start: instant, end: instant }).optional(),
  order_by: z.strictObject({ field: z.string().max(64), direction: z.enum(['asc', 'desc']) }).optional(),
  limit: z.number().int().min(1).max(MOST_ROWS).optional(),
  group_limit: z.number().int().min(1).max(100).optional(),
  classifier_dimensions: z.unknown().optional(),
  classifier_filters: z.unknown().optional(),
  /** Ours: an IANA zone, for the borders of days, weeks and months. */
  time_zone: z.string().max(64).optional(),
  /** Ours: test calls instead of real ones. */
  simulated: z.boolean().optional(),
})

/** `GET /analytics/meta`: what can be asked of `/analytics/query`. */
export function analyticsMeta(_: Gateway, c: RouteContext): Response {
  const labelled = (name: string) => ({ name, display_label: `${name[0]!.toUpperCase()}${name.slice(1)}` })
  return c.json({
    data: {
      metrics: Object.entries(METRICS).map(([name, { label, format, rate }]) => ({
        name,
        display_label: label,
        display_format: format,
        is_rate: rate,
      })),
      dimensions: Object.entries(DIMENSIONS).map(([name, { label }]) => ({ name, display_label: label })),
      granularities: GRANULARITIES.map(labelled),
      operators: Object.entries(OPERATORS).map(([name, { value }]) => ({ name, value_type: value })),
    },
  })
}

/** `POST /analytics/query`: sums, rates and percentiles by time and group. Amounts in USD, latency in ms, throughput in tokens a second. */
export async function queryAnalytics(gateway: Gateway, c: RouteContext): Promise<Response> {
  const body = await readBody(gateway, c, Query)
  if (body.classifier_dimensions != null || body.classifier_filters != null)
    throw new GatewayError('not_implemented', 'Classifiers are not served by this version.')
  const started = gateway.clock.tick()
  const query = queryOf(body, organizationOf(c.get('caller')), gateway.clock.now())
  const { rows, truncated } = await queryUsage(gateway.store, query)
  const time = body.granularity === undefined ? null : timeColumn(body.granularity)
  const metrics = [...new Set(body.metrics)]
  const shown = rows.map((row) => rowObject(query, metrics, time, row))
  const columns = [...(time === null ? [] : [time]), ...query.dimensions, ...metrics]
  return rowsAnswer(c, columns, shown, () => ({
    data: {
      data: shown,
      metadata: {
        row_count: shown.length,
        query_time_ms: Math.round((gateway.clock.tick() - started) * 1000) / 1000,
        truncated,
      },
      warnings: warningsOf(query, rows),
    },
  }))
}

function queryOf(body: z.infer<typeof Query>, organizationId: string, now: number): UsageQuery {
  const dimensions = [...new Set(body.dimensions ?? [])]
  const metrics = [...new Set(body.metrics)]
  const range = rangeOf(body.time_range, dimensions, now)
  const zone = body.time_zone ?? 'UTC'
  if (!isTimeZone(zone)) throw wrong('time_zone', 'is no time zone that is known here, e.g. Europe/Berlin')
  const buckets =
    body.granularity === undefined
      ? null
      : (bucketsOf(range, body.granularity, zone, MOST_BUCKETS) ?? tooFine())
  const time = body.granularity === undefined ? null : timeColumn(body.granularity)
  const order = body.order_by
  if (order !== undefined && ![...metrics, ...dimensions, time].includes(order.field))
    throw wrong('order_by.field', 'must be one of the metrics or dimensions asked for, or the column of time')
  return {
    organizationId,
    range,
    buckets,
    // The last one is for the warning, and is not shown.
    metrics: metrics.some((name) => METRICS[name]!.unit === 'nanos')
      ? [...new Set([...metrics, UNPRICED])]
      : metrics,
    dimensions,
    filters: (body.filters ?? []).map((filter, i) => filterOf(filter, metrics, `filters.${i}`)),
    simulated: body.simulated ?? false,
    ...(body.group_limit !== undefined && { groupLimit: body.group_limit }),
    ...(order !== undefined && {
      orderBy: { field: order.field === time ? 'time' : order.field, descending: order.direction === 'desc' },
    }),
    limit: body.limit ?? DEFAULT_ROWS,
  }
}

function rangeOf(
  given: { start: string; end: string } | undefined,
  dimensions: readonly string[],
  now: number,
): Span {
  const range =
    given === undefined
      ? { start: now - DEFAULT_DAYS * DAY, end: now }
      : { start: Date.parse(given.start), end: Date.parse(given.end) }
  const fine = dimensions.find((name) => DIMENSIONS[name]!.fine)
  const most = fine === undefined ? MOST_DAYS : MOST_FINE_DAYS
  if (range.start < EARLIEST) throw wrong('time_range', 'must begin in this century')
  if (range.end <= range.start) throw wrong('time_range', 'must end after it starts')
  if (range.end - range.start > most * DAY)
    throw wrong(
      'time_range',
      `may span ${most} days${fine === undefined ? '' : ` where "${fine}" is asked for`}`,
    )
  return range
}

type Given = NonNullable<z.infer<typeof Query>['filters']>[number]

function filterOf(given: Given, metrics: readonly string[], at: string): UsageFilter {
  const operator = given.operator as Operator
  const values = Array.isArray(given.value) ? given.value : [given.value]
  const wantsList = OPERATORS[operator].value === 'array'
  if (wantsList !== Array.isArray(given.value))
    throw wrong(`${at}.value`, `must ${wantsList ? '' : 'not '}be a list for "${operator}"`)
  const unset = given.include_unset === true ? { includeUnset: true } : {}
  if (Object.hasOwn(DIMENSIONS, given.field)) {
    const text = values.map(String).map(given.field === 'workspace' ? storedWorkspaceId : (value) => value)
    return { field: given.field, operator, values: text, ...unset }
  }
  if (!metrics.includes(given.field))
    throw wrong(`${at}.field`, 'must be a dimension, or one of the metrics asked for')
  const { unit } = METRICS[given.field]!
  return {
    field: given.field,
    operator,
    values: values.map((value) => integerOf(value, unit, `${at}.value`)),
    ...unset,
  }
}

const SCALE = { count: 1, milli: 1_000, micro: 1_000_000 } as const

function integerOf(value: string | number, unit: MetricUnit, field: string): bigint {
  if (unit === 'nanos') return readUsd(value, field)
  const scaled = Math.round(Number(value) * SCALE[unit])
  if (!Number.isSafeInteger(scaled)) throw wrong(field, 'must be a number')
  return BigInt(scaled)
}

function numberOf(value: bigint | null, unit: MetricUnit): number | null {
  if (value === null) return null
  return unit === 'nanos' ? usdNumber(value) : Number(value) / SCALE[unit]
}

function rowObject(
  query: UsageQuery,
  metrics: readonly string[],
  time: string | null,
  row: UsageRow,
): Record<string, unknown> {
  const shown: Record<string, unknown> = time === null ? {} : { [time]: row.time }
  query.dimensions.forEach((name, i) => {
    const value = row.dimensions[i]!
    shown[name] = name === 'workspace' && value !== null ? shownWorkspaceId(value) : value
  })
  metrics.forEach((name, i) => {
    shown[name] = numberOf(row.metrics[i]!, METRICS[name]!.unit)
  })
  return shown
}

/** A sum that leaves something out says so. */
function warningsOf({ metrics }: UsageQuery, rows: readonly UsageRow[]): string[] {
  const at = metrics.indexOf(UNPRICED)
  const unpriced = at === -1 ? 0n : rows.reduce((sum, row) => sum + (row.metrics[at] ?? 0n), 0n)
  return unpriced === 0n ? [] : [`${unpriced} requests at an unknown price are not in the spend.`]
}

function timeColumn(granularity: Granularity): string {
  return granularity === 'minute' || granularity === 'hour'
    ? `created_at__${granularity}`
    : `date__${granularity}`
}

function tooFine(): never {
  throw wrong(
    'granularity',
    `would make more than ${MOST_BUCKETS} rows of time: ask for a shorter range or a wider one`,
  )
}

function wrong(field: string, what: string): GatewayError {
  return new GatewayError('invalid_request', `"${field}" ${what}.`, { metadata: { param: field } })
}
