import { describe, expect, test } from 'vitest'
import { nestTools } from './flat-tools.ts'
import { openaiChat } from './index.ts'

const body = { model: 'a/b', messages: [{ role: 'user', content: 'Hi' }] }
const parameters = { type: 'object', properties: {} }
const nested = { type: 'function', function: { name: 'look', description: 'd', parameters } }
const decode = (wire: object) => openaiChat.decodeRequest(wire, { path: '/chat/completions', query: '' })

describe('functions that a client writes flat', () => {
  const flat = { type: 'function', name: 'look', description: 'd', parameters, strict: null }
  const choice = { type: 'function', name: 'look' }

  test('are read and sent as this format has them, and so is the choice of one', () => {
    const chat = decode({ ...body, tools: [flat, nested], tool_choice: choice })
    expect(chat.tools().map(({ name }) => name)).toEqual(['look', 'look'])
    expect(chat.parameterValues().toolChoice).toEqual({ kind: 'tool', name: 'look' })
    expect(chat.wire['tools']).toEqual([nested, nested])
    expect(chat.wire['tool_choice']).toEqual({ type: 'function', function: { name: 'look' } })
  })

  test('leave a body without them as it is', () => {
    const usual = { ...body, tools: [nested, { type: 'custom', custom: { name: 'x' } }], tool_choice: 'auto' }
    expect(nestTools(usual)).toBe(usual)
    expect(decode(usual).wire).toBe(usual)
  })

  test('are refused without a name, as ever', () => {
    expect(() => decode({ ...body, tools: [{ type: 'function', parameters }] })).toThrow(/function\.name/)
  })
})

test('a body of the Responses API is sent to where it is read', () => {
  expect(() => decode({ model: 'a/b', input: 'Hi' })).toThrow('POST /api/v1/responses')
})
