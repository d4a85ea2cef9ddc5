import { describe, expect, test } from 'vitest'
import { anthropicMessages } from './anthropic-messages/index.ts'
import type { WireTarget } from './dialect.ts'
import type { Json } from './json.ts'
import { UPSTREAM_DIALECTS } from './registry.ts'
import { contentWithFailure, TOOL_FAILED } from './tool-error.ts'

const target: WireTarget = {
  upstreamId: 'some-model',
  maxOutput: 1000,
  quirks: {},
  supportedParameters: null,
}

const asked = (result: Json) =>
  anthropicMessages.decodeRequest(
    {
      model: 'a/b',
      max_tokens: 100,
      messages: [
        { role: 'user', content: 'Read it' },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'read', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', ...result }] },
      ],
      tools: [{ name: 'read', input_schema: { type: 'object' } }],
    },
    { path: '/messages', query: '' },
  )

/** How each format tells that a tool failed. */
const TOLD: Readonly<Record<string, RegExp>> = {
  'openai-chat': /"content":"\[The tool failed\.\]\\nno such file"/,
  'openai-responses': /"output":"\[The tool failed\.\]\\nno such file"/,
  'anthropic-messages': /"is_error":true/,
  'bedrock-invoke': /"is_error":true/,
  'vertex-messages': /"is_error":true/,
  gemini: /"response":\{"error":"no such file"\}/,
  'bedrock-converse': /"status":"error"/,
  cohere: /"content":"\[The tool failed\.\]\\nno such file"/,
}

describe('headers of a call', () => {
  test.each([...UPSTREAM_DIALECTS])("that every call has are the relay's to set, not of %s", (_, dialect) => {
    const { headers } = dialect.encodeRequest(asked({ content: 'x' }), target)
    const names = headers.map(([name]) => name.toLowerCase())
    expect(names).not.toContain('content-type')
    expect(names).not.toContain('accept')
  })
})

describe('a tool that failed', () => {
  test.each([...UPSTREAM_DIALECTS])('is told as failed to %s, and only then', (id, dialect) => {
    const told = TOLD[id]
    expect(told, `${id} is not in the table`).toBeDefined()
    const body = (result: Json) => JSON.stringify(dialect.encodeRequest(asked(result), target).body)
    expect(body({ content: 'no such file', is_error: true })).toMatch(told!)
    expect(body({ content: 'no such file' })).not.toMatch(told!)
  })

  test('has the line even when it said nothing, or gave only an image', () => {
    expect(contentWithFailure({ role: 'tool', content: [], isError: true })).toEqual([
      { kind: 'text', text: TOOL_FAILED },
    ])
    const image = { kind: 'image', url: 'https://example.com/x.png' } as const
    expect(contentWithFailure({ role: 'tool', content: [image], isError: true })).toEqual([
      { kind: 'text', text: TOOL_FAILED },
      image,
    ])
  })
})
