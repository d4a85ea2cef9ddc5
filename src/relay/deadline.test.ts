import { expect, test } from 'vitest'
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
