import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ERRORS, type ErrorCode } from '../chat/index.ts'
import { type AttemptOutcome, HEALTHY, HealthBook } from './health.ts'
import { seeded } from './sample.fixture.ts'
import { FigureWindow, OutcomeWindow } from './window.ts'

const E = 'acme/one@a'
const START = 50_000_000

function ok(more: Partial<AttemptOutcome> = {}): AttemptOutcome {
  return {
    result: 'ok',
    code: null,
    retryAfterMs: null,
    ttftMs: 200,
    durationMs: 0,
    outputTokens: 100,
    ...more,
  }
}

function bad(code: ErrorCode, retryAfterMs: number | null = null): AttemptOutcome {
  return { result: 'failed', code, retryAfterMs, ttftMs: null, durationMs: 0, outputTokens: 0 }
}

/** A book without jitter. */
function fresh(): HealthBook {
  return new HealthBook(() => 0)
}

function fail(
  book: HealthBook,
  times: number,
  nowMs: number,
  code: ErrorCode = 'provider_unavailable',
): void {
  for (let i = 0; i < times; i++) book.record(E, 'key', bad(code), nowMs)
}

describe('uptime', () => {
  test('an endpoint that nothing is known about is healthy', () => {
    expect(fresh().health(E, START)).toEqual(HEALTHY)
    expect(fresh().stats(E, START).uptime_last_1d).toBeNull()
  })

  test('is the share of good outcomes, for each window its own', () => {
    const book = fresh()
    fail(book, 1, START)
    for (let i = 0; i < 3; i++) book.record(E, 'key', ok(), START + 20 * 60_000)
    expect(book.stats(E, START + 20 * 60_000)).toMatchObject({
      uptime_last_5m: 100,
      uptime_last_30m: 75,
      uptime_last_1d: 75,
    })
    expect(book.stats(E, START + 45 * 60_000)).toMatchObject({
      uptime_last_5m: null,
      uptime_last_30m: 100,
      uptime_last_1d: 75,
    })
    expect(book.stats(E, START + 26 * 3_600_000).uptime_last_1d).toBeNull()
  })

  test('counts exactly the failures that the table of errors calls the provider’s', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const book = fresh()
      book.record(E, null, bad(code), START)
      expect(book.stats(E, START).uptime_last_5m, code).toBe(ERRORS[code].health ? 0 : null)
    }
  })

  test('a client that leaves counts neither way, but its first token was measured', () => {
    const book = fresh()
    book.record(E, 'key', ok({ result: 'cancelled', ttftMs: 400 }), START)
    expect(book.stats(E, START).uptime_last_5m).toBeNull()
    expect(book.health(E, START).ttftP50Ms).toBeCloseTo(400, -2)
  })

  test('one failure in five within 30 s is an outage, and passes with them', () => {
    const book = fresh()
    for (let i = 0; i < 4; i++) book.record(E, 'key', ok(), START)
    fail(book, 1, START)
    expect(book.health(E, START).outage).toBe(true)
    book.record(E, 'key', ok(), START)
    expect(book.health(E, START).outage).toBe(false)
    fail(book, 2, START)
    expect(book.health(E, START + 28_000).outage).toBe(true)
    expect(book.health(E, START + 31_000).outage).toBe(false)
  })
})

describe('the breaker', () => {
  test('opens after five failures in a row, not after four', () => {
    const book = fresh()
    fail(book, 4, START)
    expect(book.health(E, START).breaker).toBe('closed')
    book.record(E, 'key', ok(), START)
    fail(book, 5, START)
    expect(book.health(E, START).breaker).toBe('open')
    expect(book.admit(E, START)).toBe(false)
  })

  test('opens when half of at least twenty in ten seconds fail', () => {
    const book = fresh()
    for (let i = 0; i < 10; i++) {
      book.record(E, 'key', ok(), START)
      expect(book.health(E, START).breaker).toBe('closed')
      fail(book, 1, START)
    }
    expect(book.health(E, START).breaker).toBe('open')
  })

  test('probes after 10 s, then 20 s, then every 25 s, one at a time', () => {
    const book = fresh()
    fail(book, 5, START)
    let now = START
    for (const wait of [10_000, 20_000, 25_000, 25_000]) {
      expect(book.health(E, now + wait - 1).breaker).toBe('open')
      now += wait
      expect(book.health(E, now).breaker).toBe('half-open')
      expect(book.admit(E, now)).toBe(true)
      expect(book.admit(E, now)).toBe(false)
      expect(book.health(E, now).breaker).toBe('open')
      fail(book, 1, now)
    }
  })

  test('chance shortens the wait by up to a fifth and never makes it longer', () => {
    const waits = Array.from({ length: 200 }, (_, seed) => {
      const book = new HealthBook(seeded(seed))
      fail(book, 5, START)
      let now = START
      while (book.health(E, now).breaker !== 'half-open') now += 50
      return now - START
    })
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(8_000)
    expect(Math.max(...waits)).toBeLessThanOrEqual(10_050)
    expect(new Set(waits).size).toBeGreaterThan(10)
  })

  test('closes with one good probe, and the outage no longer weighs in routing', () => {
    const book = fresh()
    for (let i = 0; i < 150; i++) fail(book, 1, START)
    book.admit(E, START + 10_000)
    book.record(E, 'key', ok({ durationMs: 500 }), START + 10_500)
    const health = book.health(E, START + 10_500)
    expect(health).toMatchObject({ breaker: 'closed', outage: false })
    expect(health.samples5m).toBeLessThan(2)
    expect(book.stats(E, START + 10_500).uptime_last_5m).toBeLessThan(1)
  })

  test('an answer that refuses the request proves that the endpoint is back', () => {
    const book = fresh()
    fail(book, 5, START)
    book.admit(E, START + 10_000)
    book.record(E, 'key', bad('invalid_request'), START + 10_100)
    expect(book.health(E, START + 10_100).breaker).toBe('closed')
  })

  test('a probe without a verdict makes room for the next', () => {
    const book = fresh()
    fail(book, 5, START)
    expect(book.admit(E, START + 10_000)).toBe(true)
    book.record(E, 'key', ok({ result: 'cancelled', ttftMs: null }), START + 10_100)
    expect(book.admit(E, START + 10_100)).toBe(true)
    expect(book.admit(E, START + 40_200)).toBe(true)
  })

  test('what was sent before it opened neither closes it nor puts the probe off', () => {
    const book = fresh()
    fail(book, 5, START)
    book.record(E, 'key', ok({ durationMs: 2_000 }), START + 1_000)
    expect(book.health(E, START + 1_000).breaker).toBe('open')
    book.record(E, 'key', { ...bad('provider_timeout'), durationMs: 12_000 }, START + 11_000)
    expect(book.health(E, START + 11_000).breaker).toBe('half-open')
  })
})

describe('cool-downs', () => {
  test('follow Retry-After, at most ten minutes', () => {
    const book = fresh()
    book.record(E, 'key', bad('rate_limit_exceeded', 7_000), START)
    expect(book.health(E, START).coolingMs).toBe(7_000)
    expect(book.health(E, START + 7_000).coolingMs).toBe(0)
    book.record(E, 'key', bad('rate_limit_exceeded', 9_999_999), START)
    expect(book.health(E, START).coolingMs).toBe(600_000)
  })

  test('a rate limit that names no time doubles from a second up to 25 s, until a success', () => {
    const book = fresh()
    let now = START
    for (const wait of [1_000, 2_000, 4_000, 8_000, 16_000, 25_000, 25_000]) {
      book.record(E, 'key', bad('rate_limit_exceeded'), now)
      expect(book.health(E, now).coolingMs).toBe(wait)
      now += wait
    }
    book.record(E, 'key', ok(), now)
    book.record(E, 'key', bad('rate_limit_exceeded'), now)
    expect(book.health(E, now).coolingMs).toBe(1_000)
  })

  test('belong to the credential: another one is ready', () => {
    const book = fresh()
    book.record(E, 'one', bad('rate_limit_exceeded', 7_000), START)
    expect(book.health(E, START, ['one', 'two']).coolingMs).toBe(0)
    expect(book.health(E, START, ['one']).coolingMs).toBe(7_000)
    expect(book.pickCredential(['one', 'two'], START, () => 0, E)).toBe('two')
    expect(book.pickCredential(['one', 'two'], START, () => 0, 'other')).toBe('one')
    book.record(E, 'two', bad('rate_limit_exceeded', 3_000), START)
    expect(book.health(E, START, ['one', 'two']).coolingMs).toBe(3_000)
    expect(book.pickCredential(['one', 'two'], START, () => 0, E)).toBe('two')
  })
})

describe('credentials', () => {
  test('a refused one rests, is told, and is tried by one caller when it has rested', () => {
    const book = fresh()
    book.record(E, 'one', bad('provider_auth'), START)
    expect(book.refusedCredentials()).toMatchObject([{ id: 'one', code: 'provider_auth', sinceMs: START }])
    for (const r of [0, 0.5, 0.999])
      expect(book.pickCredential(['one', 'two'], START + 1, () => r)).toBe('two')
    const later = START + 600_000
    expect(book.pickCredential(['one', 'two'], later, () => 0)).toBe('one')
    expect(book.pickCredential(['one', 'two'], later, () => 0)).toBe('two')
    book.record(E, 'one', ok(), later)
    expect(book.refusedCredentials()).toEqual([])
  })

  test('refusals of one key do not open the endpoint for the others', () => {
    const book = fresh()
    fail(book, 9, START, 'provider_auth')
    expect(book.health(E, START, ['key', 'other']).breaker).toBe('closed')
    expect(book.health(E, START, ['key']).breaker).toBe('open')
    expect(book.health('never/seen@b', START, ['key']).breaker).toBe('open')
    book.enableCredential('key')
    expect(book.health(E, START, ['key']).breaker).toBe('closed')
  })

  test('are used in turn by chance; a provider without any gives null', () => {
    const book = fresh()
    const random = seeded(3)
    const counts = new Map<string, number>()
    for (let i = 0; i < 3_000; i++) {
      const id = book.pickCredential(['a', 'b', 'c'], START, random)!
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    for (const n of counts.values()) expect(n).toBeGreaterThan(850)
    expect(counts.size).toBe(3)
    expect(book.pickCredential([], START, random)).toBeNull()
  })

  test('with all refused the one that is ready soonest is still given', () => {
    const book = fresh()
    book.record(E, 'one', bad('provider_auth'), START)
    book.record(E, 'two', bad('provider_auth'), START + 5)
    expect(book.pickCredential(['two', 'one'], START + 6, () => 0)).toBe('one')
  })
})

describe('figures', () => {
  test('percentiles are within 5 % of the exact ones; throughput tells the slow end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 100_000 }), { minLength: 1, maxLength: 400 }),
        (values) => {
          const window = new FigureWindow(5, 60_000)
          for (const value of values) window.add(value, START)
          const sorted = values.toSorted((a, b) => a - b)
          const exact = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!
          const rising = window.percentiles(START)!
          const falling = window.percentiles(START, true)!
          for (const [got, want] of [
            [rising.p50, exact(0.5)],
            [rising.p90, exact(0.9)],
            [rising.p99, exact(0.99)],
            [falling.p90, exact(0.1)],
            [falling.p99, exact(0.01)],
          ] as const) {
            expect(Math.abs(got - want) / want).toBeLessThan(0.06)
          }
        },
      ),
      { numRuns: 100 },
    )
  })

  test('keep their shares however many there are', () => {
    const window = new FigureWindow(5, 60_000)
    for (let i = 0; i < 400_000; i++) window.add(i % 4 === 0 ? 4_000 : 200, START)
    const { p50, p90 } = window.percentiles(START)!
    expect(Math.abs(p50 - 200)).toBeLessThan(12)
    expect(Math.abs(p90 - 4_000)).toBeLessThan(240)
  })

  test('leave with their window', () => {
    const window = new FigureWindow(5, 60_000)
    window.add(100, START)
    expect(window.percentiles(START + 5 * 60_000)).toBeNull()
  })

  test('throughput is tokens over the whole time of the attempt', () => {
    const book = fresh()
    book.record(E, 'key', ok({ durationMs: 4_000, outputTokens: 200 }), START)
    expect(book.health(E, START).throughputP50).toBeGreaterThan(47)
    expect(book.health(E, START).throughputP50).toBeLessThan(53)
    expect(book.stats(E, START).throughput_last_30m!.p99).toBeGreaterThan(47)
  })
})

test('a window of outcomes equals a list of them, to the width of a bucket', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), fc.nat(4_000)), { maxLength: 200 }),
      fc.nat(8_000),
      (steps, after) => {
        const window = new OutcomeWindow(30, 1_000)
        const list: [boolean, number][] = []
        let now = START
        for (const [good, gap] of steps) {
          now += gap
          window.add(good, now)
          list.push([good, now])
        }
        now += after
        const first = (Math.floor(now / 1_000) - 29) * 1_000
        const { good, bad } = window.sum(now, 30_000)
        expect(good).toBe(list.filter(([isGood, at]) => isGood && at >= first).length)
        expect(bad).toBe(list.filter(([isGood, at]) => !isGood && at >= first).length)
      },
    ),
    { numRuns: 200 },
  )
})
