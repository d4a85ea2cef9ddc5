import type { LimitRef } from './ledger.ts'

export type Span = LimitRef['span']

const DAY = 86_400_000
/** 1970-01-05 was the first Monday after the epoch. */
const FIRST_MONDAY = 4 * DAY

/** First ms (UTC) of the window that holds `nowMs`: midnight, Monday, the first of the month; 0 for `total`. */
export function windowStart(span: Span, nowMs: number): number {
  switch (span) {
    case 'total':
      return 0
    case 'daily':
      return Math.floor(nowMs / DAY) * DAY
    case 'weekly':
      return Math.floor((nowMs - FIRST_MONDAY) / (7 * DAY)) * 7 * DAY + FIRST_MONDAY
    case 'monthly': {
      const date = new Date(nowMs)
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
    }
  }
}

/** First ms (UTC) of the next window, when spending starts anew; null for `total`. */
export function windowEnd(span: Span, nowMs: number): number | null {
  switch (span) {
    case 'total':
      return null
    case 'daily':
      return windowStart('daily', nowMs) + DAY
    case 'weekly':
      return windowStart('weekly', nowMs) + 7 * DAY
    case 'monthly': {
      const date = new Date(nowMs)
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
    }
  }
}

/** What of an API key decides its caps. */
export interface KeyCap {
  readonly hash: string
  readonly limit_nanos: bigint | null
  /** `daily`, `weekly`, `monthly`; null: the cap never resets. */
  readonly limit_reset: string | null
}

/**
 * The limit rows that a request of this key counts against at `nowMs`. The total is always counted (it is the key's
 * usage); the cap stands on the row of its window. A change of `limit_reset` starts the new window at zero.
 */
export function limitRefs(key: KeyCap, nowMs: number): LimitRef[] {
  const span = spanOf(key.limit_reset)
  const total: LimitRef = {
    scope: 'key',
    scopeId: key.hash,
    span: 'total',
    windowStart: 0,
    capNanos: span === 'total' ? key.limit_nanos : null,
  }
  if (span === 'total') return [total]
  return [total, { ...total, span, windowStart: windowStart(span, nowMs), capNanos: key.limit_nanos }]
}

/** The span that `limit_reset` of a key names. @throws {RangeError} for an unknown word. */
export function spanOf(reset: string | null): Span {
  switch (reset) {
    case null:
      return 'total'
    case 'daily':
    case 'weekly':
    case 'monthly':
      return reset
    default:
      throw new RangeError(`limit_reset "${reset}" is not daily, weekly, monthly or null`)
  }
}
