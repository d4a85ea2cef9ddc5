import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../chat/index.ts'
import { Breaker } from './breaker.ts'
import { type AttemptOutcome, HealthBook, type HealthEvent } from './health.ts'

const E = 'acme/one@a'
const F = 'acme/two@a'
const START = 50_000_000

const outcome = (more: Partial<AttemptOutcome>): AttemptOutcome => ({
  result: 'ok',
  code: null,
  retryAfterMs: null,
  ttftMs: null,
  durationMs: 0,
  outputTokens: 0,
  ...more,
})
const ok = outcome({})
const bad = (code: ErrorCode, more: Partial<AttemptOutcome> = {}) =>
  outcome({ result: 'failed', code, ...more })
const down = bad('provider_unavailable')

/** A breaker without jitter that five failures have opened. */
function opened(nowMs = START): Breaker {
  const breaker = new Breaker(() => 0)
  for (let i = 0; i < 5; i++) breaker.note(false, nowMs, nowMs)
  expect(breaker.state(nowMs)).toBe('open')
  return breaker
}

/** Probes it at the first moment that it may be, with the given result. */
function probe(breaker: Breaker, good: boolean, tookMs = 0): number {
  const at = breaker.readyAt
  expect(breaker.admit(at)).toBe(true)
  breaker.note(good, at + tookMs, at)
  return at
}

describe('after an outage', () => {
  test('the load comes back over five seconds, ever more of it, where another endpoint can take the rest', () => {
    const breaker = opened()
    const back = probe(breaker, true)
    const admitted = Array.from({ length: 5 }, (_, second) => {
      let n = 0
      for (let i = 0; i < 100; i++) if (breaker.admit(back + second * 1_000 + i * 10, true)) n++
      return n
    })
    expect(admitted[0]).toBeGreaterThanOrEqual(8)
    expect(admitted[0]).toBeLessThan(20)
    expect(admitted.every((n, i) => i === 0 || n > admitted[i - 1]!)).toBe(true)
    expect(admitted[4]).toBeGreaterThan(80)
    expect(breaker.admit(back + 5_000, true)).toBe(true)
  })

  test('all of it comes back at once where there is no other endpoint', () => {
    const breaker = opened()
    const back = probe(breaker, true)
    for (let i = 0; i < 50; i++) expect(breaker.admit(back + i)).toBe(true)
  })

  test('two failures of the first seconds open it again, and the waits go on from where they were', () => {
    const breaker = opened()
    probe(breaker, false)
    const back = probe(breaker, true)
    breaker.note(false, back + 100, back + 50)
    expect(breaker.state(back + 100)).toBe('closed')
    breaker.note(false, back + 200, back + 60)
    expect(breaker.state(back + 200)).toBe('open')
    expect(breaker.readyAt).toBe(back + 200 + 25_000)
  })

  test('what was sent into the outage and fails late does not open it again', () => {
    const breaker = opened()
    const back = probe(breaker, true)
    for (let i = 0; i < 50; i++) breaker.note(false, back + 2_000, back - 8_000)
    expect(breaker.state(back + 2_000)).toBe('closed')
  })

  test('a steady minute forgets how long it took', () => {
    const breaker = opened()
    const back = probe(breaker, true)
    const later = back + 60_000
    for (let i = 0; i < 5; i++) breaker.note(false, later, later)
    expect(breaker.readyAt).toBe(later + 10_000)
  })
})

describe('probes', () => {
  test('of a route that stays silent follow each other by when they were sent, at most 25 s apart', () => {
    const breaker = opened()
    let last = probe(breaker, false, 10_000)
    for (let i = 0; i < 4; i++) {
      const at = probe(breaker, false, 10_000)
      expect(at - last).toBeLessThanOrEqual(25_000)
      last = at
    }
  })

  test('are not put off by requests that go past the open breaker for want of a better endpoint', () => {
    const breaker = opened()
    for (let i = 1; i < 90; i++) breaker.note(false, START + i * 100, START + i * 100)
    expect(breaker.readyAt).toBe(START + 10_000)
  })

  test('may be called for by other evidence, which can also open it', () => {
    const breaker = opened()
    breaker.probeNow(START + 500)
    expect(breaker.state(START + 500)).toBe('half-open')
    const closed = new Breaker(() => 0)
    expect(closed.trip(START)).toBe(true)
    expect(closed.trip(START)).toBe(false)
    expect(closed.state(START)).toBe('open')
  })
})

describe('several keys at one endpoint', () => {
  const keys = ['one', 'two']

  test('one that fails is left alone, and the endpoint stays open to the other', () => {
    const book = new HealthBook(() => 0)
    book.record(E, 'two', ok, START)
    for (let i = 0; i < 50; i++) book.record(E, 'one', down, START + i)
    book.record(E, 'two', ok, START + 50)
    expect(book.health(E, START + 50, keys).breaker).toBe('closed')
    for (const r of [0, 0.5, 0.99]) expect(book.pickCredential(keys, START + 50, () => r, E)).toBe('two')
    expect(book.pickCredential(keys, START + 50, () => 0, F)).toBe('one')
  })

  test('the failing one is probed by one request at a time, and comes back with a good one', () => {
    const book = new HealthBook(() => 0)
    book.record(E, 'two', ok, START)
    for (let i = 0; i < 5; i++) book.record(E, 'one', down, START)
    const due = START + 10_000
    expect(book.pickCredential(keys, due, () => 0, E)).toBe('one')
    expect(book.pickCredential(keys, due, () => 0, E)).toBe('two')
    book.record(E, 'one', ok, due + 100)
    expect(book.pickCredential(keys, due + 100, () => 0, E)).toBe('one')
    expect(book.pickCredential(keys, due + 100, () => 0, E)).toBe('one')
  })

  test('failures of both open the endpoint', () => {
    const book = new HealthBook(() => 0)
    for (let i = 0; i < 6; i++) book.record(E, keys[i % 2]!, down, START + i)
    expect(book.health(E, START + 6, keys).breaker).toBe('open')
    expect(book.admit(E, START + 6)).toBe(false)
    expect(book.pickCredential(keys, START + 6, () => 0, E)).not.toBeNull()
  })

  test('an endpoint whose keys have all been left alone counts as open', () => {
    const book = new HealthBook(() => 0)
    book.record(E, 'two', ok, START)
    for (let i = 0; i < 5; i++) book.record(E, 'one', down, START)
    book.record(E, 'one', bad('provider_auth', { status: 401 }), START)
    book.record(E, 'two', bad('provider_auth', { status: 401 }), START)
    expect(book.health(E, START, keys).breaker).toBe('open')
  })
})

describe('refused keys', () => {
  test('are told once when they stop working, and once when they work again', () => {
    const events: HealthEvent[] = []
    const book = new HealthBook(
      () => 0,
      (event) => events.push(event),
    )
    for (let i = 0; i < 3; i++) book.record(E, 'one', bad('provider_auth', { status: 401 }), START)
    expect(events).toEqual([{ type: 'credential_refused', credentialId: 'one', code: 'provider_auth' }])
    book.record(E, 'one', ok, START)
    book.record(E, 'one', ok, START)
    expect(events.slice(1)).toEqual([{ type: 'credential_works', credentialId: 'one' }])
  })

  test('403 at one endpoint may be about its model: the key rests there, and everywhere only after a second one', () => {
    const book = new HealthBook(() => 0)
    const forbidden = bad('provider_auth', { status: 403 })
    book.record(E, 'one', forbidden, START)
    expect(book.refusedCredentials()).toEqual([])
    expect(book.stats(E, START).uptime_last_5m).toBeNull()
    expect(book.pickCredential(['one', 'two'], START, () => 0, E)).toBe('two')
    expect(book.pickCredential(['one', 'two'], START, () => 0, F)).toBe('one')
    book.record(F, 'one', forbidden, START)
    expect(book.refusedCredentials()).toMatchObject([{ id: 'one' }])
  })

  test('may be refused and proved outside of requests', () => {
    const book = new HealthBook(() => 0)
    book.refuseCredential('one', START)
    expect(book.pickCredential(['one', 'two'], START, () => 0, E)).toBe('two')
    book.enableCredential('one')
    expect(book.pickCredential(['one', 'two'], START, () => 0, E)).toBe('one')
  })
})

test('breakers are told when they open and close', () => {
  const events: HealthEvent[] = []
  const book = new HealthBook(
    () => 0,
    (event) => events.push(event),
  )
  for (let i = 0; i < 9; i++) book.record(E, 'one', down, START)
  book.admit(E, START + 10_000)
  book.record(E, 'one', ok, START + 10_000)
  book.suspect([F], START)
  expect(events).toEqual([
    { type: 'breaker_opened', endpointId: E },
    { type: 'breaker_closed', endpointId: E },
    { type: 'breaker_opened', endpointId: F },
  ])
  book.expect([F, 'never/seen@a'], START + 1)
  expect(book.health(F, START + 1).breaker).toBe('half-open')
})

describe('the retry budget of a provider', () => {
  const first = (result: 'ok' | 'failed') => outcome({ result, providerId: 'a', retry: false })
  const retry = (result: 'ok' | 'failed') => outcome({ result, providerId: 'a', retry: true })

  test('is a hundred failed retries in ten seconds and a fifth of the requests', () => {
    const book = new HealthBook(() => 0)
    for (let i = 0; i < 500; i++) book.record(E, null, first('ok'), START)
    for (let i = 0; i < 199; i++) book.record(E, null, retry('failed'), START)
    expect(book.mayRetry('a', START)).toBe(true)
    book.record(E, null, retry('failed'), START)
    expect(book.mayRetry('a', START)).toBe(false)
    expect(book.mayRetry('b', START)).toBe(true)
    expect(book.mayRetry('a', START + 1_000)).toBe(true)
    book.record(E, null, retry('failed'), START + 1_000)
    expect(book.mayRetry('a', START + 1_500)).toBe(false)
    expect(book.mayRetry('a', START + 11_000)).toBe(true)
  })

  test('is not touched by retries that succeed: a healthy provider takes over any load', () => {
    const book = new HealthBook(() => 0)
    for (let i = 0; i < 5_000; i++) book.record(E, null, retry('ok'), START)
    expect(book.mayRetry('a', START)).toBe(true)
  })
})

describe('what is known of the first token', () => {
  test('is its slow end, from fifty streams on, and waits in vain lengthen it', () => {
    const book = new HealthBook(() => 0)
    for (let i = 0; i < 49; i++) book.record(E, null, outcome({ ttftMs: 400 }), START)
    expect(book.slowFirstToken(E, START)).toBeNull()
    book.record(E, null, outcome({ ttftMs: 400 }), START)
    expect(book.slowFirstToken(E, START + 1_000)).toBeCloseTo(400, -2)
    book.record(E, null, bad('provider_timeout', { ttftMs: 5_000 }), START + 1_000)
    expect(book.slowFirstToken(E, START + 2_000)).toBeGreaterThan(4_500)
    expect(book.stats(E, START + 2_000).latency_last_30m!.p99).toBeLessThan(500)
    expect(book.slowFirstToken(F, START)).toBeNull()
  })
})

describe('a rate limit that names no time', () => {
  test('counts once for all the requests that were under way when it came', () => {
    const book = new HealthBook(() => 0)
    for (let i = 0; i < 8; i++) {
      book.record(E, 'one', bad('rate_limit_exceeded', { durationMs: 50 }), START + i)
    }
    expect(book.health(E, START + 8).coolingMs).toBeLessThanOrEqual(1_000)
  })
})

describe('a quick endpoint that falls silent', () => {
  const known = (): HealthBook => {
    const book = new HealthBook(() => 0)
    for (let i = 0; i < 60; i++) book.record(E, null, outcome({ ttftMs: 300 }), START)
    return book
  }

  test('gets one request at a time, once five streams have waited a second, until it speaks', () => {
    const book = known()
    for (let i = 0; i < 5; i++) book.sent(E, START + i)
    expect(book.admit(E, START + 900, true)).toBe(true)
    expect(book.admit(E, START + 1_000, true)).toBe(true)
    expect(book.admit(E, START + 1_001, true)).toBe(false)
    expect(book.admit(E, START + 1_001)).toBe(true)
    book.alive(E)
    expect(book.admit(E, START + 1_002, true)).toBe(true)
    expect(book.admit(E, START + 1_002, true)).toBe(true)
  })

  test('is not taken for silent while tokens come, nor when its pace is not known', () => {
    const book = known()
    for (let i = 0; i < 50; i++) {
      book.sent(E, START + i * 100)
      if (i % 3 === 0) book.alive(E)
      expect(book.admit(E, START + i * 100, true)).toBe(true)
    }
    for (let i = 0; i < 50; i++) book.sent(F, START)
    expect(book.admit(F, START + 60_000, true)).toBe(true)
  })

  test('thrice its usual time is what a slow one has', () => {
    const book = new HealthBook(() => 0)
    for (let i = 0; i < 60; i++) book.record(E, null, outcome({ ttftMs: 3_000 }), START)
    for (let i = 0; i < 5; i++) book.sent(E, START)
    book.admit(E, START + 7_000, true)
    expect(book.admit(E, START + 7_000, true)).toBe(true)
    book.admit(E, START + 10_000, true)
    expect(book.admit(E, START + 10_000, true)).toBe(false)
  })
})

describe('rate limits of one key among several', () => {
  const keys = ['one', 'two']
  const limit = bad('rate_limit_exceeded')

  test('go on doubling for that key while the other one serves, and hold nobody else back', () => {
    const book = new HealthBook(() => 0)
    let now = START
    for (const wait of [1_000, 2_000, 4_000]) {
      book.record(E, 'two', ok, now)
      book.record(E, 'one', limit, now)
      expect(book.health(E, now, ['one']).coolingMs).toBe(wait)
      expect(book.health(E, now, keys).coolingMs).toBe(0)
      now += wait
    }
    for (let i = 0; i < 20; i++) {
      book.record(E, 'two', ok, now)
      expect(book.admit(E, now, true)).toBe(true)
      expect(book.pickCredential(keys, now - 1, () => 0, E)).toBe('two')
    }
  })

  test('of the only key let one request through at a time, then the load back little by little', () => {
    const book = new HealthBook(() => 0)
    book.record(E, 'one', limit, START)
    const later = START + 1_000
    expect(book.admit(E, later, true)).toBe(true)
    expect(book.admit(E, later, true)).toBe(false)
    expect(book.admit(E, later)).toBe(true)
    book.record(E, 'one', ok, later + 100)
    const admitted = Array.from({ length: 20 }, () => book.admit(E, later + 100, true)).filter(Boolean)
    expect(admitted.length).toBeLessThan(5)
    expect(book.admit(E, later + 6_000, true)).toBe(true)
  })
})

describe('an endpoint that is put last and gets no traffic any more', () => {
  /** Good for a while, then four failures in a row: an outage, though not enough for its breaker. */
  const demoted = (): HealthBook => {
    const book = new HealthBook(() => 0)
    for (let i = 0; i < 8; i++) book.record(E, null, ok, START)
    for (let i = 0; i < 4; i++) book.record(E, null, down, START)
    expect(book.health(E, START)).toMatchObject({ breaker: 'closed', outage: true })
    return book
  }

  test('is tried after ten seconds by one request, whose success brings it back', () => {
    const book = demoted()
    expect(book.health(E, START + 9_999).breaker).toBe('closed')
    const due = START + 10_000
    expect(book.health(E, due).breaker).toBe('half-open')
    expect(book.admit(E, due, true)).toBe(true)
    expect(book.admit(E, due, true)).toBe(false)
    book.record(E, null, ok, due + 300)
    expect(book.health(E, due + 300)).toMatchObject({ breaker: 'closed', outage: false })
  })

  test('stays last when that request fails too, until the next may try', () => {
    const book = demoted()
    book.health(E, START + 10_000)
    book.admit(E, START + 10_000, true)
    book.record(E, null, down, START + 10_000)
    expect(book.health(E, START + 10_000).breaker).not.toBe('closed')
  })
})
