import { describe, expect, test } from 'vitest'
import { type ChatEvent, type GatewayError, NO_USAGE } from '../../chat/index.ts'
import type { ReplyMeta, WireTarget } from '../dialect.ts'
import type { Json } from '../json.ts'
import { openaiResponses } from '../openai-responses/index.ts'
import { UPSTREAM_DIALECTS } from '../registry.ts'
import { openaiCompaction } from './index.ts'

const target: WireTarget = {
  upstreamId: 'some-model',
  maxOutput: 1000,
  quirks: {},
  supportedParameters: null,
}
const at = { path: '/responses/compact', query: '' }
const USER = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Build the page' }] }
const INPUT = [
  { type: 'message', role: 'developer', content: 'Be brief' },
  USER,
  { type: 'function_call', call_id: 'c1', name: 'write', arguments: '{}' },
  { type: 'function_call_output', call_id: 'c1', output: 'done' },
  { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Built.' }] },
]

const asked = (body: Json = { input: INPUT }) =>
  openaiCompaction.decodeRequest({ model: 'a/b', instructions: 'You write pages', ...body }, at)

const said = (text: string, reason: 'stop' | 'length' = 'stop'): ChatEvent[] => [
  { type: 'start', id: 'x', model: 'm' },
  { type: 'block-start', index: 0, block: { kind: 'text' } },
  { type: 'block-delta', index: 0, delta: { kind: 'text', text } },
  { type: 'block-stop', index: 0 },
  { type: 'finish', reason, native: reason },
  { type: 'usage', usage: { ...NO_USAGE, promptTokens: 100, completionTokens: 7 } },
]

const meta = (request = asked()): ReplyMeta => ({
  id: 'gen-1',
  created: 5,
  model: 'a/b',
  provider: 'P',
  hideReasoning: false,
  request,
})

describe('a conversation to be compacted', () => {
  test('is handed to the model with the wish for a handover at its end', () => {
    for (const dialect of UPSTREAM_DIALECTS.values()) {
      const body = JSON.stringify(dialect.encodeRequest(asked(), target).body)
      expect(body).toContain('You write pages')
      expect(body).toContain('Build the page')
      expect(body).toMatch(/handover/)
    }
    expect(asked()).toMatchObject({ models: ['a/b'], stream: false })
    expect(
      asked({ input: 'Only this' })
        .messages()
        .map(({ role }) => role),
    ).toEqual(['system', 'user', 'user'])
  })

  test('may name tools, which are not to be called', () => {
    const tools = [{ type: 'function', name: 'write', parameters: {} }, { type: 'web_search' }]
    const chat = asked({ input: INPUT, tools, tool_choice: 'required' })
    expect(chat.parameterValues().toolChoice).toEqual({ kind: 'none' })
    expect(chat.tools().map(({ name }) => name)).toEqual(['write'])
    expect(chat.parameterValues().native).toBe(undefined)
  })

  test('is told as text, in whatever shape the conversation asked for answers', () => {
    const text = { format: { type: 'json_schema', name: 'x', schema: {} } }
    expect(asked({ input: INPUT, text }).parameterValues().responseFormat).toBe(undefined)
  })

  test.each([
    [{ input: INPUT, previous_response_id: 'resp_1' }, 'previous_response_id'],
    [{ input: INPUT, stream: true }, 'stream'],
    [{ input: [] }, 'input'],
    [{}, 'input'],
  ])('is refused as %o', (body, param) => {
    expect(() => asked(body)).toThrow(expect.objectContaining({ metadata: { param } }) as GatewayError)
  })
})

describe('a compacted conversation', () => {
  const reply = (events = said('The page is built in a.html.'), request = asked()) =>
    openaiCompaction.encodeReply(events, meta(request)) as Json & { output: Json[] }

  test("is the user's messages and one sealed item, with usage", () => {
    const wire = reply()
    expect(wire).toMatchObject({ id: 'gen-1', object: 'response.compaction', created_at: 5 })
    expect(wire['usage']).toMatchObject({ input_tokens: 100, output_tokens: 7, total_tokens: 107 })
    expect(wire.output).toHaveLength(2)
    expect(wire.output[0]).toEqual(USER)
    expect(wire.output[1]).toMatchObject({ type: 'compaction', id: expect.any(String) })
    expect(JSON.stringify(wire.output)).not.toContain('handover')
  })

  test('is read by every model when it comes back, as the text that it holds', () => {
    const input = [...reply().output, { type: 'message', role: 'user', content: 'Go on' }]
    const next = openaiResponses.decodeRequest({ model: 'a/b', input }, at)
    for (const dialect of UPSTREAM_DIALECTS.values()) {
      const { body, dropped } = dialect.encodeRequest(next, target)
      expect(JSON.stringify(body)).toContain('The page is built in a.html.')
      expect(JSON.stringify(body)).not.toContain('encrypted_content')
      expect(dropped).toEqual([])
    }
  })

  test('is the conversation itself where the model wrote no whole handover', () => {
    expect(reply(said('The page is', 'length')).output).toEqual(INPUT)
    expect(reply(said('')).output).toEqual(INPUT)
    expect(reply(said(''), asked({ input: 'Hi' })).output).toEqual([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
    ])
  })
})
