import { GatewayError } from '../../chat/index.ts'
import type { RouteContext } from '../gateway.ts'

/** A whole number from a query; `fallback` without one. Throws GatewayError `invalid_request` that names the field. */
export function readNumber(
  text: string | undefined,
  field: string,
  fallback: number,
  max: number,
  min = 0,
): number {
  if (text === undefined || text === '') return fallback
  const value = Number(text)
  if (!Number.isInteger(value) || value < min || value > max)
    throw new GatewayError('invalid_request', `"${field}" must be a whole number from ${min} to ${max}.`)
  return value
}

/** The part of a list that `offset` and `limit` (50, at most 100) ask for, in OpenRouter's envelope. */
export function page<T, U>(c: RouteContext, all: readonly T[], show: (one: T) => U) {
  const offset = readNumber(c.req.query('offset'), 'offset', 0, 1_000_000_000)
  const limit = readNumber(c.req.query('limit'), 'limit', 50, 100, 1)
  return { data: all.slice(offset, offset + limit).map(show), total_count: all.length }
}
