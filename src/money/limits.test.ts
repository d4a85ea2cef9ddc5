import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limitRefs, type Span, windowEnd, windowStart } from './limits.ts'

const at = (text: string) => Date.parse(text)
const spans: Span[] = ['daily', 'weekly', 'monthly']

describe('windows', () => {
  it('begin at midnight, on Monday and on the first, in UTC', () => {
    const now = at('2026-11-22T23:59:59.999Z')
    expect(windowStart('daily', now)).toBe(at('2026-11-22T00:00:00Z'))
    expect(windowStart('weekly', now)).toBe(at('2026-11-16T00:00:00Z'))
    expect(windowStart('monthly', now)).toBe(at('2026-11-01T00:00:00Z'))
    expect(windowStart('total', now)).toBe(0)
    expect(windowStart('weekly', now + 1)).toBe(at('2026-11-23T00:00:00Z'))
  })

  it('end where the next begins', () => {
    expect(windowEnd('daily', at('2026-12-31T12:00:00Z'))).toBe(at('2027-01-01T00:00:00Z'))
    expect(windowEnd('monthly', at('2026-12-31T12:00:00Z'))).toBe(at('2027-01-01T00:00:00Z'))
    expect(windowEnd('weekly', at('2024-02-29T12:00:00Z'))).toBe(at('2024-03-04T00:00:00Z'))
    expect(windowEnd('total', 5)).toBeNull()
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), fc.constantFrom(...spans), (now, span) => {
        const [start, end] = [windowStart(span, now), windowEnd(span, now)!]
        expect(start <= now && now < end).toBe(true)
        expect(windowStart(span, end)).toBe(end)
        expect(windowStart(span, end - 1)).toBe(start)
        if (span === 'weekly') expect(new Date(start).getUTCDay()).toBe(1)
      }),
    )
  })
})

describe('the limits of a key', () => {
  it('are its total, with the cap when it never resets', () => {
    expect(limitRefs({ hash: 'h', limit_nanos: 5n, limit_reset: null }, 7)).toEqual([
      { scope: 'key', scopeId: 'h', span: 'total', windowStart: 0, capNanos: 5n },
    ])
    expect(limitRefs({ hash: 'h', limit_nanos: null, limit_reset: null }, 7)[0]!.capNanos).toBeNull()
  })

  it('are its total without a cap and the window with one when it resets', () => {
    const now = at('2026-11-22T10:00:00Z')
    expect(limitRefs({ hash: 'h', limit_nanos: 5n, limit_reset: 'daily' }, now)).toEqual([
      { scope: 'key', scopeId: 'h', span: 'total', windowStart: 0, capNanos: null },
      { scope: 'key', scopeId: 'h', span: 'daily', windowStart: at('2026-11-22'), capNanos: 5n },
    ])
  })

  it('refuse an unknown word', () => {
    expect(() => limitRefs({ hash: 'h', limit_nanos: 5n, limit_reset: 'yearly' }, 7)).toThrow(/yearly/)
  })
})
