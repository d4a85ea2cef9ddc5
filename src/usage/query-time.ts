/** Widths of time that usage is counted by, narrow to wide. */
export const GRANULARITIES = ['minute', 'hour', 'day', 'week', 'month'] as const
export type Granularity = (typeof GRANULARITIES)[number]

/** A half-open piece of time, ms since the epoch. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A piece of a range with the name that its row carries. */
export interface Bucket extends Span {
  /** From days on the first local date (`2026-08-22`), below an instant (`2026-08-22T10:00:00.000Z`). */
  readonly label: string
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** 1970-01-05 was the first Monday after the epoch. */
const FIRST_MONDAY = 4 * DAY
/** No zone is further from UTC than this. */
const FARTHEST = 16 * HOUR

const formats = new Map<string, Intl.DateTimeFormat>()

/** True for the name of a time zone that this runtime knows, e.g. `Europe/Berlin`. */
export function isTimeZone(zone: string): boolean {
  try {
    formatOf(zone)
    return true
  } catch {
    return false
  }
}

/**
 * Cuts a range at the borders of minutes, hours, days, weeks (from Monday) or months of a time zone, so that every
 * instant of it lies in exactly one bucket; the first and the last may be cut short by the range. Days last 23 to 25
 * hours where clocks change. Undefined when there would be more than `most`. Pure.
 */
export function bucketsOf(
  range: Span,
  granularity: Granularity,
  zone: string,
  most: number,
): Bucket[] | undefined {
  const buckets: Bucket[] = []
  for (let start = range.start; start < range.end; ) {
    if (buckets.length === most) return undefined
    const end = Math.min(range.end, nextBorder(start, granularity, zone))
    buckets.push({ start, end, label: labelOf(start, granularity, zone) })
    start = end
  }
  return buckets
}

/** First border after `at`. */
function nextBorder(at: number, granularity: Granularity, zone: string): number {
  const local = localMs(at, zone)
  if (granularity === 'minute' || granularity === 'hour') {
    const width = granularity === 'minute' ? MINUTE : HOUR
    return at + width - (local % width)
  }
  const first = firstDate(local, granularity)
  // A date that a zone has left out (Samoa's 30 December 2011) has no instant: the next one that has begins here.
  let next = dateAfter(first, granularity)
  while (beginOfDate(next, zone) <= at) next = dateAfter(next, 'day')
  return beginOfDate(next, zone)
}

function labelOf(at: number, granularity: Granularity, zone: string): string {
  const local = localMs(at, zone)
  if (granularity === 'minute' || granularity === 'hour') {
    const width = granularity === 'minute' ? MINUTE : HOUR
    return new Date(at - (local % width)).toISOString()
  }
  return new Date(firstDate(local, granularity)).toISOString().slice(0, 10)
}

/** The date that a day, week or month begins with, as if its midnight were of UTC. */
function firstDate(local: number, granularity: 'day' | 'week' | 'month'): number {
  if (granularity === 'week') return local - ((((local - FIRST_MONDAY) % (7 * DAY)) + 7 * DAY) % (7 * DAY))
  if (granularity === 'day') return local - (local % DAY)
  const date = new Date(local)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
}

function dateAfter(date: number, granularity: 'day' | 'week' | 'month'): number {
  if (granularity !== 'month') return date + (granularity === 'day' ? DAY : 7 * DAY)
  const first = new Date(date)
  return Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 1)
}

/** First instant of a local date (given as midnight of UTC): midnight, or later where the clocks jump over it. */
function beginOfDate(date: number, zone: string): number {
  if (zone === 'UTC') return date
  const guess = date - (localMs(date, zone) - date)
  const near = date - (localMs(guess, zone) - guess)
  if (localMs(near, zone) === date && localMs(near - 1, zone) < date) return near
  let before = date - FARTHEST
  let after = date + FARTHEST
  while (after - before > MINUTE) {
    const middle = before + Math.floor((after - before) / (2 * MINUTE)) * MINUTE
    if (localMs(middle, zone) < date) before = middle
    else after = middle
  }
  return after
}

/** What the clocks of a zone show, as ms since the epoch of a clock of UTC that shows the same. */
function localMs(at: number, zone: string): number {
  if (zone === 'UTC') return at
  const parts: Record<string, number> = {}
  for (const { type, value } of formatOf(zone).formatToParts(at)) parts[type] = Number(value)
  const { year, month, day, hour, minute, second } = parts as Record<string, number>
  const shown = Date.UTC(year!, month! - 1, day!, hour!, minute!, second!)
  return shown + (((at % 1_000) + 1_000) % 1_000)
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone)
  if (format === undefined) {
    const two = '2-digit'
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: two,
      day: two,
      hour: two,
      minute: two,
      second: two,
    })
    formats.set(zone, format)
  }
  return format
}
