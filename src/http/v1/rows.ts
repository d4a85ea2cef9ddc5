import { toCsv } from '../../usage/index.ts'
import type { RouteContext } from '../gateway.ts'

/** True when a client wants a table instead of JSON: `?format=csv`, or `Accept: text/csv`. */
function wantsCsv(c: RouteContext): boolean {
  const format = c.req.query('format')
  return format === undefined ? /^\s*text\/csv\b/i.test(c.req.header('accept') ?? '') : format === 'csv'
}

/** Rows as CSV where the client wants that, else as the JSON that `body` makes. */
export function rowsAnswer(
  c: RouteContext,
  columns: readonly string[],
  rows: readonly Readonly<Record<string, unknown>>[],
  body: () => object,
): Response {
  if (!wantsCsv(c)) return c.json(body())
  return c.body(toCsv(columns, rows), 200, { 'content-type': 'text/csv; charset=utf-8' })
}
