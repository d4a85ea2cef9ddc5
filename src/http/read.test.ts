import { describe, expect, it } from 'vitest'
import { clientDialect } from '../dialects/index.ts'
import { readRequest } from './read.ts'

const messages = clientDialect('anthropic-messages')!
const target = { path: '/messages', query: '' }
const body = { model: 'a/b', max_tokens: 10, messages: [{ role: 'user', content: 'Hi' }] }
const web = { type: 'web_search_20250305', name: 'web_search' }
const look = { name: 'look', input_schema: { type: 'object' } }
const search = { ...body, tools: [look, web] }

describe('a request of a key whose money is counted', () => {
  it('is read without tools billed by the call, which are named', () => {
    const chat = readRequest(messages, search, target, true)
    expect(chat.wire['tools']).toEqual([look])
    expect(chat.withheld?.map(({ parameter }) => parameter)).toEqual(['tools.web_search_20250305'])
  })

  it('is refused when it requires them', () => {
    const strict = { ...search, provider: { require_parameters: true } }
    expect(() => readRequest(messages, strict, target, true)).toThrow(/tools\.web_search_20250305/)
  })

  it('is refused when nothing else is asked for, or nothing else may be called', () => {
    expect(() => readRequest(messages, { ...body, tools: [web] }, target, true)).toThrow(
      /is about tools\.web_search/,
    )
    const forced = { ...search, tool_choice: { type: 'tool', name: 'web_search' } }
    expect(() => readRequest(messages, forced, target, true)).toThrow(/is about tools\.web_search/)
  })

  it('is refused when it wants what is billed above the list price', () => {
    expect(() => readRequest(messages, { ...body, inference_geo: 'us' }, target, true)).toThrow(
      /inference_geo/,
    )
  })

  it('is read as it came when there is nothing of the kind', () => {
    const chat = readRequest(messages, body, target, true)
    expect(chat.wire).toBe(body)
    expect(chat.withheld).toBe(undefined)
  })
})

describe('a request of a key whose money is not counted', () => {
  it('is read as it came', () => {
    const all = { ...search, inference_geo: 'us' }
    expect(readRequest(messages, all, target, false).wire).toBe(all)
  })
})
