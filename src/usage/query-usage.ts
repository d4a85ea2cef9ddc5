import { type RawBuilder, sql } from 'kysely'
import type { Store } from '../store/index.ts'
import { COUNTED, DIMENSIONS, METRICS, OPERATORS, type Operator, type Ranked } from './query-fields.ts'
import type { Bucket, Span } from './query-time.ts'

/** A comparison of a dimension (text) or of a metric (an integer of its unit). */
export interface UsageFilter {
  readonly field: string
  readonly operator: Operator
  readonly values: readonly (string | bigint)[]
  /** Calls where the dimension is not known pass too. */
  readonly includeUnset?: boolean
}

/** What to count. Names are those of `METRICS` and `DIMENSIONS`. */
export interface UsageQuery {
  readonly organizationId: string
  /** One row for each bucket and group; a range without buckets is one. */
  readonly range: Span
  readonly buckets: readonly Bucket[] | null
  readonly metrics: readonly string[]
  readonly dimensions: readonly string[]
  readonly filters: readonly UsageFilter[]
  /** Test calls instead of real ones: the two are never counted together. */
  readonly simulated: boolean
  /** Only the groups with the most of the first metric over the whole range. */
  readonly groupLimit?: number
  /** `time`, a metric or a dimension. By default by time, then the first metric, largest first. */
  readonly orderBy?: { readonly field: string; readonly descending: boolean }
  /** Most rows. */
  readonly limit: number
}

export interface UsageRow {
  /** The bucket's label; null without buckets. */
  readonly time: string | null
  /** In the order of the query. */
  readonly dimensions: readonly (string | null)[]
  /** Integers of each metric's unit, in the order of the query; null where there is nothing to tell. */
  readonly metrics: readonly (bigint | null)[]
}

export interface UsageAnswer {
  readonly rows: readonly UsageRow[]
  /** There were more rows than the limit. */
  readonly truncated: boolean
}

type Sql = RawBuilder<unknown>
const list = (parts: readonly Sql[]) => sql.join(parts)
const dimensionName = (i: number) => sql.ref(`d${i}`)
const metricName = (i: number) => sql.ref(`m${i}`)
const int8 = (value: number) => sql`cast(${BigInt(value)} as bigint)`

/**
 * Counts the usage of an organization: what `/activity`, `/analytics`, CSV and the command line tell. Sums are exact
 * integers; every call lies in one bucket, so that buckets add up to their range.
 */
export async function queryUsage(store: Store, query: UsageQuery): Promise<UsageAnswer> {
  const groups = await topGroups(store, query)
  if (groups !== null && groups.length === 0) return { rows: [], truncated: false }
  const { rows } = await statement(query, groups).execute(store.db)
  return {
    rows: rows.slice(0, query.limit).map((row) => rowOf(query, row)),
    truncated: rows.length > query.limit,
  }
}

/** The groups that `groupLimit` leaves; null: all. */
async function topGroups(store: Store, query: UsageQuery): Promise<(readonly (string | null)[])[] | null> {
  const { groupLimit, orderBy: _, ...rest } = query
  if (groupLimit === undefined || query.dimensions.length === 0 || query.buckets === null) return null
  const filters = rest.filters.filter(({ field }) => !Object.hasOwn(METRICS, field))
  const { rows } = await queryUsage(store, { ...rest, filters, buckets: null, limit: groupLimit })
  return rows.map((row) => row.dimensions)
}

function statement(query: UsageQuery, groups: readonly (readonly (string | null)[])[] | null) {
  const { buckets, dimensions, metrics } = query
  const keys = [
    ...(buckets === null ? [] : [sql.ref('bucket')]),
    ...dimensions.map((_, i) => dimensionName(i)),
  ]
  const counted = metrics.map((name, i) => sql`${METRICS[name]!.sql} as ${metricName(i)}`)
  const grouped = keys.length === 0 ? sql`` : sql`group by ${list(keys)}`
  const having = query.filters.filter(({ field }) => Object.hasOwn(METRICS, field))
  const passes = having.map((filter) => comparison(metricName(metrics.indexOf(filter.field)), filter))
  const where = passes.length === 0 ? sql`` : sql`where ${sql.join(passes, sql` and `)}`
  return sql<Record<string, unknown>>`${bucketTable(buckets)}
    select * from (
      select ${list([...keys, ...counted])} from (${calls(query, groups)}) x ${grouped}
    ) y ${where} ${ordered(query)} limit ${BigInt(query.limit + 1)}`
}

function bucketTable(buckets: UsageQuery['buckets']): Sql {
  if (buckets === null) return sql``
  const rows = buckets.map(({ start, end }, i) => sql`(${int8(i)}, ${int8(start)}, ${int8(end)})`)
  return sql`with b(n, begins, ends) as (values ${list(rows)})`
}

/** The calls that count, each with its bucket, group and ranks. */
function calls(query: UsageQuery, groups: readonly (readonly (string | null)[])[] | null): Sql {
  const { buckets, dimensions, range } = query
  const column = (name: string) => sql`g.${sql.ref(DIMENSIONS[name]!.column)}`
  const time = buckets === null ? [int8(range.start), int8(range.end)] : [sql`b.begins`, sql`b.ends`]
  const conditions = [
    sql`g.organization_id = ${query.organizationId}`,
    sql`g.created_at >= ${time[0]}`,
    sql`g.created_at < ${time[1]}`,
    sql`g.simulated = ${query.simulated ? 1 : 0}`,
    ...query.filters
      .filter(({ field }) => Object.hasOwn(DIMENSIONS, field))
      .map((filter) => comparison(column(filter.field), filter)),
    ...(groups === null ? [] : [oneOf(dimensions.map(column), groups)]),
  ]
  const latency = sql`cast(g.latency_ms as bigint)`
  const throughput = sql`case when g.generation_ms > 0 and g.completion_tokens > 0
    then cast(g.completion_tokens as bigint) * 1000000 / g.generation_ms end`
  const inner = sql`select ${list([
    ...(buckets === null ? [] : [sql`b.n as bucket`]),
    ...dimensions.map((name, i) => sql`${column(name)} as ${dimensionName(i)}`),
    ...COUNTED.map((name) => sql`g.${sql.ref(name)}`),
    sql`${latency} as latency`,
    sql`${throughput} as throughput`,
  ])} from ${buckets === null ? sql`` : sql`b cross join`} generations g where ${sql.join(conditions, sql` and `)}`
  const ranked = [...new Set(query.metrics.flatMap((name) => METRICS[name]!.ranked ?? []))]
  if (ranked.length === 0) return inner
  const group = [...(buckets === null ? [] : [sql`bucket`]), ...dimensions.map((_, i) => dimensionName(i))]
  return sql`select w.*, ${list(ranked.flatMap((one) => ranks(one, group)))} from (${inner}) w`
}

function ranks(ranked: Ranked, group: readonly Sql[]): Sql[] {
  const column = sql.ref(ranked)
  const within = list([...group, sql`${column} is null`])
  return [
    sql`row_number() over (partition by ${within} order by ${column}) as ${sql.ref(`${ranked}_rank`)}`,
    sql`count(${column}) over (partition by ${within}) as ${sql.ref(`${ranked}_count`)}`,
  ]
}

function comparison(left: Sql, { operator, values, includeUnset }: UsageFilter): Sql {
  const { sql: written, value } = OPERATORS[operator]
  const right = value === 'array' ? sql`(${sql.join(values)})` : sql`${values[0]}`
  const compared = sql`${left} ${sql.raw(written)} ${right}`
  return includeUnset === true ? sql`(${compared} or ${left} is null)` : compared
}

function oneOf(columns: readonly Sql[], groups: readonly (readonly (string | null)[])[]): Sql {
  const each = groups.map((group) => {
    const parts = group.map((value, i) =>
      value === null ? sql`${columns[i]} is null` : sql`${columns[i]} = ${value}`,
    )
    return sql`(${sql.join(parts, sql` and `)})`
  })
  return sql`(${sql.join(each, sql` or `)})`
}

/** The groups come last, so that the order of equal rows is the same on every run. */
function ordered({ buckets, dimensions, metrics, orderBy }: UsageQuery): Sql {
  const time = buckets === null ? [] : [sql`bucket`]
  const groups = dimensions.map((_, i) => sql`${dimensionName(i)} nulls last`)
  const first = orderBy === undefined ? [...time, sql`m0 desc nulls last`] : [wanted(), ...time]
  return sql`order by ${list([...first, ...groups])}`

  function wanted(): Sql {
    const { field, descending } = orderBy!
    const at = metrics.indexOf(field)
    const column =
      field === 'time' ? sql`bucket` : at === -1 ? dimensionName(dimensions.indexOf(field)) : metricName(at)
    return sql`${column} ${descending ? sql`desc` : sql`asc`} nulls last`
  }
}

function rowOf({ buckets, dimensions, metrics }: UsageQuery, row: Record<string, unknown>): UsageRow {
  return {
    time: buckets === null ? null : buckets[Number(row['bucket'])]!.label,
    dimensions: dimensions.map((_, i) => row[`d${i}`] as string | null),
    metrics: metrics.map((_, i) => (row[`m${i}`] == null ? null : BigInt(row[`m${i}`] as bigint))),
  }
}
