import { describe, expect, test } from 'vitest'
import type { ChatRequest } from '../chat/index.ts'
import { clientDialect } from '../dialects/index.ts'
import type { RelayResult } from '../relay/index.ts'
import { conversationOf, keepWarm, StickyBook, sessionOf } from './sticky.ts'

const target = { path: '/chat/completions', query: '' }
const chat = (body: object): ChatRequest =>
  clientDialect('openai-chat')!.decodeRequest({ model: 'acme/one', ...body }, target)
const turns = (...texts: string[]) => ({
  messages: texts.map((content, i) => ({ role: i === 0 ? 'system' : i % 2 ? 'user' : 'assistant', content })),
})

describe('the book', () => {
  test('remembers an endpoint until the conversation has been quiet for ten minutes', () => {
    const book = new StickyBook()
    book.remember('c', 'e1', 0)
    expect(book.find('c', 599_999)).toBe('e1')
    book.remember('c', 'e2', 599_999)
    expect(book.find('c', 1_199_998)).toBe('e2')
    expect(book.find('c', 1_200_000)).toBeNull()
    expect(book.size).toBe(0)
  })

  test('holds so many at most and forgets the quietest', () => {
    const book = new StickyBook()
    for (let i = 0; i < 50_000; i++) book.remember(`c${i}`, 'e', i)
    book.remember('c0', 'e', 50_000)
    book.remember('new', 'e', 50_001)
    expect(book.size).toBe(50_000)
    expect(book.find('c0', 50_001)).toBe('e')
    expect(book.find('c1', 50_001)).toBeNull()
  })
})

describe('a conversation', () => {
  const name = (body: object, organization = 'o', session: string | null = null) =>
    conversationOf(chat(body), organization, session)

  test('is the same however far it has gone', () => {
    expect(name(turns('be kind', 'hello'))).toBe(name(turns('be kind', 'hello', 'hi', 'how are you?')))
  })

  test('differs by its beginning, model, organization and session', () => {
    const base = turns('be kind', 'hello')
    const others = [
      name(turns('be rude', 'hello')),
      name(turns('be kind', 'bye')),
      name({ ...base, model: 'acme/two' }),
      name(base, 'p'),
      name(base, 'o', 's1'),
      name(base, 'o', 's2'),
    ]
    expect(new Set([name(base), ...others]).size).toBe(7)
  })

  test('by session does not look at the words', () => {
    expect(name(turns('a', 'b'), 'o', 's')).toBe(name(turns('c', 'd'), 'o', 's'))
  })

  test('is found in every client format', () => {
    const bodies: [string, object, object][] = [
      [
        'anthropic-messages',
        { system: 'be kind', max_tokens: 9, messages: [{ role: 'user', content: 'hello' }] },
        { system: 'be kind', max_tokens: 9, messages: [{ role: 'user', content: 'bye' }] },
      ],
      [
        'openai-responses',
        { instructions: 'be kind', input: 'hello' },
        { instructions: 'be kind', input: 'bye' },
      ],
    ]
    for (const [dialect, one, other] of bodies) {
      const names = [one, other].map((body) =>
        conversationOf(
          clientDialect(dialect)!.decodeRequest({ model: 'acme/one', ...body }, target),
          'o',
          null,
        ),
      )
      expect(names[0], dialect).not.toBe(names[1])
    }
  })

  test('takes the session of the body before that of the header', () => {
    expect(sessionOf(chat({ ...turns('a', 'b'), session_id: 'body' }), 'header')).toBe('body')
    expect(sessionOf(chat(turns('a', 'b')), 'header')).toBe('header')
    expect(sessionOf(chat(turns('a', 'b')), null)).toBeNull()
  })
})

describe('an answer', () => {
  const usage = { cacheReadTokens: 0, cacheWriteTokens: 0, cacheWrite1hTokens: 0 }
  function remembered(more: object, session: string | null): string | null {
    const book = new StickyBook()
    const answer = { result: 'complete', endpoint: { id: 'e', simulated: false }, usage, ...more }
    const call = { chat: chat(turns('a', 'b')), session, organizationId: 'o' }
    keepWarm(book, call, answer as unknown as RelayResult, 0)
    return book.find(conversationOf(call.chat, 'o', session), 1)
  }

  test('keeps its endpoint when a cache was read or written, or when the client keeps a session', () => {
    expect(remembered({}, null)).toBeNull()
    expect(remembered({}, 's')).toBe('e')
    expect(remembered({ usage: { ...usage, cacheReadTokens: 5 } }, null)).toBe('e')
    expect(remembered({ usage: { ...usage, cacheWrite1hTokens: 5 } }, null)).toBe('e')
  })

  test('that failed, was cut short or is simulated keeps nothing', () => {
    expect(remembered({ result: 'failed' }, 's')).toBeNull()
    expect(remembered({ result: 'client_gone' }, 's')).toBeNull()
    expect(remembered({ endpoint: null }, 's')).toBeNull()
    expect(remembered({ endpoint: { id: 'e', simulated: true } }, 's')).toBeNull()
  })
})
