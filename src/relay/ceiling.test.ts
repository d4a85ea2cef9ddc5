import { expect, test } from 'vitest'
import { clientDialect } from '../dialects/index.ts'
import { withinLimit } from './ceiling.ts'

const asked = (format: string, path: string) =>
  clientDialect(format)!.decodeRequest(
    { model: 'a/b', max_tokens: 32_000, messages: [{ role: 'user', content: 'Hi' }] },
    { path, query: '' },
  )
const messages = asked('anthropic-messages', '/messages')

test('a limit that the format makes clients give is lowered to what the endpoint gives, and named', () => {
  const { chat, lowered } = withinLimit(messages, 8192)
  expect(chat.maxOutputTokens).toBe(8192)
  expect(lowered.map(({ parameter }) => parameter)).toEqual(['max_tokens'])
  expect(messages.maxOutputTokens).toBe(32_000)
})

test.each([32_000, 64_000, null])('one that the endpoint has room for (%s) stays', (maxOutput) => {
  expect(withinLimit(messages, maxOutput)).toEqual({ chat: messages, lowered: [] })
})

test('a limit that nobody had to give is a wish and stays', () => {
  const chat = asked('openai-chat', '/chat/completions')
  expect(withinLimit(chat, 8192).chat).toBe(chat)
})
