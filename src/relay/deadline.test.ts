import { describe, expect, test } from 'vitest'
import { clientDialect, dialect } from '../dialects/index.ts'
import { endpoint } from '../routing/sample.fixture.ts'
import { firstTokenMs } from './deadline.ts'

const timeouts = { connectMs: 1, firstTokenMs: 'auto', idleMs: 1, totalMs: 1 } as const
const where = { path: '', query: '' }
const ask = (more: object) =>
  dialect('openai-chat')!.decodeRequest(
    { model: 'a/b', messages: [{ role: 'user', content: 'x' }], ...more },
    where,
  )
const embed = (input: unknown) =>
  clientDialect('openai-embeddings')!.decodeRequest({ model: 'a/b', input }, where)

test('a whole answer has the time to be generated, a stream has not', () => {
  const at = endpoint('a')
  expect(firstTokenMs(timeouts, at, ask({ stream: true, max_tokens: 1000 }))).toBe(10_000)
  expect(firstTokenMs(timeouts, at, ask({ max_tokens: 1000 }))).toBe(50_000)
})

test('embeddings have the time to be read: a batch of a megabyte is not given up after ten seconds', () => {
  const at = endpoint('a')
  expect(firstTokenMs(timeouts, at, embed('x'))).toBeLessThan(10_100)
  expect(firstTokenMs(timeouts, at, embed(Array(1000).fill('x'.repeat(1000))))).toBeGreaterThan(500_000)
  expect(firstTokenMs({ ...timeouts, firstTokenMs: 7 }, at, embed('x'))).toBe(7)
})

describe('the first token of a stream', () => {
  const at = endpoint('a')
  const thinking = endpoint('a', { reasoning: true })
  const plain = ask({ stream: true })
  const pace = (slowMs: number | null, others = true) => ({ slowMs, others })

  test('has ten seconds at an unknown endpoint, two minutes where it thinks or draws first', () => {
    expect(firstTokenMs(timeouts, at, plain, pace(null))).toBe(10_000)
    expect(firstTokenMs(timeouts, thinking, plain, pace(null))).toBe(120_000)
    const drawing = ask({ stream: true, modalities: ['image', 'text'] })
    expect(firstTokenMs(timeouts, at, drawing, pace(null))).toBe(120_000)
  })

  test('has twice what 99 % of the endpoint’s streams took, from 5 to 30 s, thinking from 20 to 120 s', () => {
    const ms = (slow: number) => firstTokenMs(timeouts, at, plain, pace(slow))
    expect([400, 4_000, 9_000, 60_000].map(ms)).toEqual([5_000, 8_000, 18_000, 30_000])
    const slow = (p99: number) => firstTokenMs(timeouts, thinking, plain, pace(p99))
    expect([400, 20_000, 90_000].map(slow)).toEqual([20_000, 40_000, 120_000])
  })

  test('is cut short only where another endpoint could answer', () => {
    expect(firstTokenMs(timeouts, at, plain, pace(400, false))).toBe(10_000)
    expect(firstTokenMs(timeouts, at, plain, pace(9_000, false))).toBe(18_000)
    expect(firstTokenMs(timeouts, thinking, plain, pace(400, false))).toBe(120_000)
  })

  test('waits for a long prompt to be read, at most two minutes', () => {
    const long = (bytes: number) =>
      ask({ stream: true, messages: [{ role: 'user', content: 'x'.repeat(bytes) }] })
    expect(firstTokenMs(timeouts, at, long(30_000), pace(null))).toBe(10_000)
    expect(firstTokenMs(timeouts, at, long(120_000), pace(400))).toBeCloseTo(25_000, -3)
    expect(firstTokenMs(timeouts, at, long(2_000_000), pace(null))).toBe(120_000)
  })

  test('is what the configuration says where it says something', () => {
    expect(firstTokenMs({ ...timeouts, firstTokenMs: 700 }, thinking, plain, pace(9_000))).toBe(700)
  })
})
