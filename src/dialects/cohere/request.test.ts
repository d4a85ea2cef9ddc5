import { describe, expect, test } from 'vitest'
import type { ChatRequest } from '../../chat/index.ts'
import type { WireTarget } from '../dialect.ts'
import type { Json } from '../json.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { encodeRequest } from './request.ts'

const decode = (fields: Json): ChatRequest =>
  openaiChat.decodeRequest(
    { model: 'a/b', messages: [{ role: 'user', content: 'hi' }], ...fields },
    { path: '', query: '' },
  )
const targetOf = (upstreamId: string, supportedParameters: string[] | null): WireTarget => ({
  upstreamId,
  maxOutput: 8000,
  quirks: {},
  supportedParameters,
})
const encode = (fields: Json, model = 'command-a-03-2025', supported: string[] | null = null) =>
  encodeRequest(decode(fields), targetOf(model, supported))
const bodyOf = (...args: Parameters<typeof encode>): Json => encode(...args).body as Json
const droppedOf = (...args: Parameters<typeof encode>): string[] =>
  encode(...args).dropped.map(({ parameter }) => parameter)

const tool = (name: string, strict?: boolean) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: {} }, ...(strict !== undefined && { strict }) },
})
const CALL = { id: 'c', type: 'function', function: { name: 'now', arguments: '{}' } }

test('a plain request goes to /v2/chat', () => {
  expect(encode({ stream: true, max_tokens: 5 })).toEqual({
    path: '/v2/chat',
    headers: [],
    body: {
      model: 'command-a-03-2025',
      stream: true,
      max_tokens: 5,
      messages: [{ role: 'user', content: 'hi' }],
    },
    dropped: [],
  })
})

describe('a conversation', () => {
  test('keeps its roles; plans, calls and results go back as they came', () => {
    const plan = [{ type: 'reasoning.text', text: 'I will look.', id: 'tool_plan', format: 'unknown' }]
    const messages = [
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', name: 'Ann', content: 'Time?' },
      { role: 'assistant', content: null, reasoning_details: plan, tool_calls: [CALL] },
      { role: 'tool', tool_call_id: 'c', content: 'noon' },
    ]
    expect(bodyOf({ messages })['messages']).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Ann: Time?' },
      { role: 'assistant', tool_plan: 'I will look.', tool_calls: [CALL] },
      { role: 'tool', tool_call_id: 'c', content: 'noon' },
    ])
  })

  test('takes thoughts back where the model reasons', () => {
    const messages = [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: 'y', reasoning: 'hm' },
    ]
    expect(
      (bodyOf({ messages }, 'command-a-reasoning-08-2025')['messages'] as Json[])[1]!['content'],
    ).toEqual([
      { type: 'thinking', thinking: 'hm' },
      { type: 'text', text: 'y' },
    ])
    expect(droppedOf({ messages })).toEqual(['reasoning_details'])
  })

  test('carries images, and text files as documents to cite; other media are refused so that another endpoint may serve', () => {
    const image = { type: 'image_url', image_url: { url: 'https://a.b/c.png' } }
    const file = { type: 'file', file: { filename: 'a.txt', file_data: 'data:text/plain;base64,aGVsbG8=' } }
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'x' }, image, file] }]
    expect(bodyOf({ messages, documents: ['own'] })).toMatchObject({
      messages: [{ content: [{ type: 'text', text: 'x' }, image] }],
      documents: ['own', { id: 'document-0', data: { title: 'a.txt', text: 'hello' } }],
    })
    const pdf = { type: 'file', file: { file_data: 'data:application/pdf;base64,JVBERi0=' } }
    expect(() => bodyOf({ messages: [{ role: 'user', content: [pdf] }] })).toThrow(
      expect.objectContaining({ code: 'unprocessable' }),
    )
  })
})

describe('parameters', () => {
  test('have the names and bounds of Cohere', () => {
    const fields = {
      top_p: 1,
      top_k: 5,
      seed: 3,
      stop: ['a', 'b', 'c', 'd', 'e', 'f'],
      presence_penalty: -1,
      temperature: 0.1,
    }
    expect(bodyOf(fields)).toMatchObject({
      p: 0.99,
      k: 5,
      seed: 3,
      stop_sequences: ['a', 'b', 'c', 'd', 'e'],
      presence_penalty: 0,
      temperature: 0.1,
    })
    expect(droppedOf(fields).toSorted()).toEqual(['presence_penalty', 'stop', 'top_p'])
    expect(droppedOf({ min_p: 0.1, n: 2, logprobs: true, top_k: 4 }, 'x', ['min_p']).toSorted()).toEqual([
      'logprobs',
      'min_p',
      'n',
      'top_k',
    ])
    expect(bodyOf({ safety_mode: 'OFF', citation_options: { mode: 'FAST' } })).toMatchObject({
      safety_mode: 'OFF',
      citation_options: { mode: 'FAST' },
    })
  })

  test('of reasoning are a switch and a budget', () => {
    const thinking = (reasoning: Json, rest: Json = {}) => bodyOf({ reasoning, ...rest })['thinking']
    expect(thinking({ max_tokens: 500 })).toEqual({ type: 'enabled', token_budget: 500 })
    expect(thinking({ effort: 'high' }, { max_tokens: 1000 })).toEqual({ type: 'enabled', token_budget: 800 })
    expect(thinking({ effort: 'high' })).toEqual({ type: 'enabled' })
    expect(thinking({ enabled: false })).toEqual({ type: 'disabled' })
    expect(thinking({ exclude: true })).toBeUndefined()
    expect(droppedOf({ reasoning: { effort: 'low' } }, 'x', ['tools'])).toEqual(['reasoning'])
  })

  test('of tools: one by name is the only one shown', () => {
    const tools = [tool('a'), tool('b', true)]
    const named = { tools, tool_choice: { type: 'function', function: { name: 'b' } } }
    expect(bodyOf(named)).toMatchObject({
      tools: [{ function: { name: 'b' } }],
      tool_choice: 'REQUIRED',
      strict_tools: true,
    })
    expect(bodyOf({ tools, tool_choice: 'none' })).toMatchObject({ tool_choice: 'NONE' })
    expect(droppedOf({ tools, parallel_tool_calls: false })).toEqual(['tools', 'parallel_tool_calls'])
  })

  test('of the format: a schema, but not beside tools', () => {
    const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] }
    const format = { response_format: { type: 'json_schema', json_schema: { name: 'N', schema } } }
    expect(bodyOf(format)['response_format']).toEqual({ type: 'json_object', json_schema: schema })
    expect(bodyOf({ response_format: { type: 'json_object' } })['response_format']).toEqual({
      type: 'json_object',
    })
    expect(droppedOf({ ...format, tools: [tool('a')] })).toEqual(['structured_outputs'])
  })
})

test('a conversation of 30 turns only ever adds bytes at the end', () => {
  const messages: Json[] = [{ role: 'system', content: 'You are a gardener.' }]
  let before = ''
  for (let turn = 0; turn < 30; turn++) {
    messages.push({ role: 'user', content: `q${turn}` })
    const sent = JSON.stringify(bodyOf({ messages, tools: [tool('now')], stream: true, max_tokens: 100 }))
    expect(sent.startsWith(before)).toBe(true)
    before = sent.slice(0, -2)
    messages.push({ role: 'assistant', content: `a${turn}`, tool_calls: [{ ...CALL, id: `c${turn}` }] })
    messages.push({ role: 'tool', tool_call_id: `c${turn}`, content: `r${turn}` })
  }
})
