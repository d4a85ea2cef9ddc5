import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketsOf, GRANULARITIES, isTimeZone } from './query-time.ts'

/** Whole, half and three-quarter hours, both hemispheres, clocks that jump over midnight, both ends of the world. */
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
  'Africa/Cairo',
  'America/Santiago',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
]

const dateIn = (zone: string, at: number) => new Intl.DateTimeFormat('sv-SE', { timeZone: zone }).format(at)
const DAY = 86_400_000

describe('buckets of time', () => {
  it('cut a range without gap or overlap, in every zone, and name days by their local date', () => {
    const range = fc.tuple(
      fc.constantFrom(...ZONES),
      fc.constantFrom(...GRANULARITIES),
      fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2027, 0, 1) }),
      fc.integer({ min: 1, max: 400 * DAY }),
    )
    fc.assert(
      fc.property(range, ([zone, granularity, start, length]) => {
        const most = 500
        const buckets = bucketsOf({ start, end: start + length }, granularity, zone, most)
        if (buckets === undefined) return
        expect(buckets[0]!.start).toBe(start)
        expect(buckets.at(-1)!.end).toBe(start + length)
        for (const [i, bucket] of buckets.entries()) {
          expect(bucket.end).toBeGreaterThan(bucket.start)
          if (i > 0) expect(bucket.start).toBe(buckets[i - 1]!.end)
        }
        expect(new Set(buckets.map(({ label }) => label)).size).toBe(buckets.length)
        if (granularity !== 'day') return
        for (const { label, ...bucket } of buckets) {
          expect(dateIn(zone, bucket.start)).toBe(label)
          expect(dateIn(zone, bucket.end - 1)).toBe(label)
        }
      }),
      { numRuns: 150 },
    )
  })

  it.each([
    ['Europe/Berlin', '2026-03-29', 23],
    ['Europe/Berlin', '2026-10-25', 25],
    ['America/New_York', '2026-03-08', 23],
    ['America/New_York', '2026-11-01', 25],
    ['Australia/Lord_Howe', '2026-10-04', 23.5],
    ['Australia/Lord_Howe', '2026-04-05', 24.5],
    // Midnight itself does not exist on these days.
    ['Africa/Cairo', '2026-04-24', 23],
    ['America/Santiago', '2026-09-06', 23],
    ['Asia/Kolkata', '2026-03-29', 24],
  ])('in %s the day %s has %d hours', (zone, date, hours) => {
    const from = Date.parse(`${date}T00:00:00Z`)
    const days = bucketsOf({ start: from - 3 * DAY, end: from + 4 * DAY }, 'day', zone, 20)!
    const day = days.find(({ label }) => label === date)!
    expect((day.end - day.start) / 3_600_000).toBe(hours)
  })

  it('knows that Samoa had no 30 December 2011', () => {
    const range = { start: Date.UTC(2011, 11, 29), end: Date.UTC(2012, 0, 2) }
    const labels = bucketsOf(range, 'day', 'Pacific/Apia', 9)!.map(({ label }) => label)
    expect(labels).toEqual(['2011-12-28', '2011-12-29', '2011-12-31', '2012-01-01', '2012-01-02'])
  })

  it('begins weeks on Mondays and months on the first', () => {
    const range = { start: Date.UTC(2026, 7, 22), end: Date.UTC(2026, 9, 2) }
    const labels = (granularity: 'week' | 'month') =>
      bucketsOf(range, granularity, 'UTC', 99)!.map(({ label }) => label)
    expect(labels('week')).toEqual([
      '2026-08-17',
      '2026-08-24',
      '2026-08-31',
      '2026-09-07',
      '2026-09-14',
      '2026-09-21',
      '2026-09-28',
    ])
    expect(labels('month')).toEqual(['2026-08-01', '2026-09-01', '2026-10-01'])
  })

  it('are refused when there would be too many, and so are unknown zones', () => {
    expect(bucketsOf({ start: 0, end: 61 * 60_000 }, 'minute', 'UTC', 60)).toBeUndefined()
    expect(isTimeZone('Europe/Berlin')).toBe(true)
    expect(isTimeZone('Europe/Atlantis')).toBe(false)
  })
})
