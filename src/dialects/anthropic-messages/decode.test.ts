import { describe, expect, test } from 'vitest'
import type { Loose } from '../../../test/messages-client.ts'
import { GatewayError } from '../../chat/index.ts'
import type { WireTarget } from '../dialect.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { anthropicMessages } from './index.ts'

const at = { path: '/messages', query: 'beta=true' }
const hi = [{ role: 'user', content: 'Hi' }]
const decode = (body: Loose, headers: Record<string, string> = {}) =>
  anthropicMessages.decodeRequest(
    { model: 'anthropic/claude-sonnet-5', max_tokens: 100, messages: hi, ...body },
    { ...at, headers: (name) => headers[name] },
  )
const target = (upstreamId: string, more: Partial<WireTarget> = {}): WireTarget => ({
  upstreamId,
  maxOutput: 64_000,
  quirks: {},
  supportedParameters: null,
  ...more,
})

/** Where a refused request is wrong. */
function refusal(body: Loose): unknown {
  try {
    decode(body)
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'invalid_request') return thrown.metadata['param']
    throw thrown
  }
  return null
}

describe('a Messages request', () => {
  test('is refused with the place of what is wrong', () => {
    expect(refusal({ model: undefined })).toBe('model')
    expect(refusal({ messages: null })).toBe('messages')
    expect(refusal({ messages: [{ role: 'robot', content: 'x' }] })).toBe('messages[0].role')
    expect(refusal({ messages: [{ role: 'user', content: 7 }] })).toBe('messages[0].content')
    expect(refusal({ messages: [{ role: 'user', content: [{ text: 'x' }] }] })).toBe('messages[0].content[0]')
    expect(refusal({ system: 5 })).toBe('system')
    expect(refusal({ tools: [{ input_schema: {} }] })).toBe('tools[0].name')
    expect(refusal({ thinking: { type: 'deep' } })).toBe('thinking.type')
    expect(refusal({ output_config: { effort: 'huge' } })).toBe('output_config.effort')
    expect(refusal({ max_tokens: 0 })).toBe('max_tokens')
    expect(refusal({ fallbacks: [{ model: 'a' }], models: ['b'] })).toBe('fallbacks')
    expect(refusal({ fallbacks: [{ model: 'a', max_tokens: 1 }] })).toBe('fallbacks[0]')
    expect(refusal({ fallbacks: [1, 2, 3, 4].map((n) => ({ model: `m${n}` })) })).toBe('fallbacks')
    expect(refusal({})).toBeNull()
  })

  test('names its models in order, by fallbacks or by models', () => {
    expect(decode({ fallbacks: [{ model: 'a/b' }, { model: 'c/d' }] }).models).toEqual([
      'anthropic/claude-sonnet-5',
      'a/b',
      'c/d',
    ])
    expect(decode({ models: ['a/b', 'anthropic/claude-sonnet-5'] }).models).toEqual([
      'anthropic/claude-sonnet-5',
      'a/b',
    ])
  })

  test('takes betas and the session of an agent from the headers', () => {
    const request = decode(
      {},
      { 'anthropic-beta': 'a-2025-01-01, b-2,a-2025-01-01,bad beta', 'x-claude-code-session-id': 's1' },
    )
    expect(request.betas).toEqual(['a-2025-01-01', 'b-2'])
    expect(request.sessionId).toBe('s1')
    const { headers } = anthropicMessages.encodeRequest(request, target('claude-sonnet-5'))
    expect(headers).toContainEqual(['anthropic-beta', 'a-2025-01-01,b-2'])
    expect(decode({ session_id: 'mine' }, { 'x-session-id': 'other' }).sessionId).toBe('mine')
  })

  test('tells what it uses in the names of OpenRouter', () => {
    const request = decode({
      temperature: 1,
      stop_sequences: ['x'],
      thinking: { type: 'adaptive' },
      output_config: { effort: 'high', format: { type: 'json_schema', schema: {} } },
      tools: [{ name: 't', input_schema: {} }],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
    })
    expect(request.parameters).toEqual([
      'temperature',
      'stop',
      'max_tokens',
      'reasoning',
      'tools',
      'tool_choice',
      'parallel_tool_calls',
      'response_format',
      'structured_outputs',
    ])
    expect(request.reasoning).toEqual({ effort: 'high' })
    expect(request.parameterValues()).toMatchObject({
      toolChoice: { kind: 'required' },
      parallelToolCalls: false,
      responseFormat: { kind: 'schema', schema: {} },
    })
    expect(decode({ output_config: { effort: 'low' } }).parameterValues().verbosity).toBe('low')
    expect(
      decode({ thinking: { type: 'enabled', budget_tokens: 2000, display: 'omitted' } }).reasoning,
    ).toEqual({ maxTokens: 2000, exclude: true })
    expect(decode({ thinking: { type: 'disabled' } }).reasoning).toEqual({ enabled: false })
  })

  test('is measured by its text, media apart', () => {
    const image = {
      type: 'image',
      source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(100_000) },
    }
    const document = {
      type: 'document',
      source: { type: 'text', media_type: 'text/plain', data: 'B'.repeat(5000) },
    }
    const result = {
      type: 'tool_result',
      tool_use_id: 'x',
      content: [image, { type: 'text', text: 'C'.repeat(3000) }],
    }
    const request = decode({ messages: [{ role: 'user', content: [image, document, result] }] })
    expect(request.mediaParts).toBe(2)
    expect(request.inputModalities).toEqual(['text', 'image'])
    expect(request.promptBytes).toBeGreaterThanOrEqual(8000)
    expect(request.promptBytes).toBeLessThan(9000)
  })

  test('keeps reasoning of every family apart through a round trip', () => {
    const details = [
      { type: 'reasoning.text', text: 'a', signature: 'c2ln', format: 'anthropic-claude-v1' },
      { type: 'reasoning.encrypted', data: 'ZW5j', format: 'openai-responses-v1', id: 'rs_1:x' },
      { type: 'reasoning.text', text: 'b', signature: 'Z29v', format: 'google-gemini-v1' },
    ]
    const meta = { id: 'gen-1', created: 1, model: 'a/b', provider: 'P', hideReasoning: false }
    const events = openaiChat.decodeReply({
      id: 'x',
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          message: { role: 'assistant', content: 'c', reasoning_details: details },
        },
      ],
    })
    const message = JSON.parse(JSON.stringify(anthropicMessages.encodeReply(events, meta))) as Loose
    const back = decode({ messages: [...hi, { role: 'assistant', content: message['content'] }] })
    expect(back.messages()[1]!.content).toEqual([
      { kind: 'reasoning', text: 'a', signature: 'c2ln', format: 'anthropic-claude-v1' },
      { kind: 'reasoning', encrypted: 'ZW5j', format: 'openai-responses-v1', id: 'rs_1:x' },
      { kind: 'reasoning', text: 'b', signature: 'Z29v', format: 'google-gemini-v1' },
      { kind: 'text', text: 'c' },
    ])
    const { body, dropped } = anthropicMessages.encodeRequest(back, target('claude-opus-5'))
    const kept = ((body as Loose)['messages'] as Loose[])[1]!['content']
    expect(kept.map(({ type }: Loose) => type)).toEqual(['thinking', 'text'])
    expect(dropped.map(({ parameter }) => parameter)).toEqual(['reasoning_details'])
  })
})

test('documents of text and search results are text to others, and the wish to cite is named', () => {
  const content = [
    {
      type: 'document',
      title: 'Facts',
      source: { type: 'text', media_type: 'text/plain', data: 'A b.' },
      citations: { enabled: true },
    },
    { type: 'search_result', title: 'S', source: 'https://x.y', content: [{ type: 'text', text: 'found' }] },
    { type: 'document', source: { type: 'url', url: 'https://x.y/a.pdf' } },
  ]
  const request = decode({ messages: [{ role: 'user', content }] })
  expect(request.messages()[0]!.content).toEqual([
    { kind: 'text', text: '<document title="Facts">\nA b.\n</document>' },
    { kind: 'text', text: '<search_result title="S">\nfound\n</search_result>' },
    { kind: 'file', data: 'https://x.y/a.pdf' },
  ])
  const { dropped } = openaiChat.encodeRequest(request, target('gpt-5'))
  expect(dropped.map(({ parameter }) => parameter)).toEqual(['citations'])
})

describe('a Messages request for Anthropic', () => {
  const own = (body: Loose, upstreamId: string, more: Partial<WireTarget> = {}) => {
    const { body: wire, dropped } = anthropicMessages.encodeRequest(decode(body), target(upstreamId, more))
    return {
      body: JSON.parse(JSON.stringify(wire)) as Loose,
      dropped: dropped.map(({ parameter }) => parameter),
    }
  }

  test('passes what is unknown to us, without what is addressed to us', () => {
    const ours = {
      provider: { order: ['x'] },
      session_id: 's',
      trace: {},
      user: 'u',
      metadata: { user_id: 'raw' },
      plugins: [],
    }
    const { body, dropped } = own(
      { ...ours, mcp_servers: [{ url: 'x' }], brand_new: 1, fallbacks: 'default' },
      'claude-sonnet-5',
    )
    expect(body).toEqual({
      model: 'claude-sonnet-5',
      max_tokens: 100,
      messages: hi,
      mcp_servers: [{ url: 'x' }],
      brand_new: 1,
      fallbacks: 'default',
    })
    expect(dropped).toEqual([])
  })

  test('asks older and newer models in their own way to think', () => {
    const adaptive = {
      max_tokens: 10_000,
      thinking: { type: 'adaptive' },
      output_config: { effort: 'low', task_budget: { total: 1 } },
    }
    expect(own(adaptive, 'claude-haiku-4-5').body).toMatchObject({
      thinking: { type: 'enabled', budget_tokens: 2000 },
      output_config: { task_budget: { total: 1 } },
    })
    const budget = {
      max_tokens: 10_000,
      thinking: { type: 'enabled', budget_tokens: 8000, display: 'omitted' },
    }
    expect(own(budget, 'claude-opus-5').body).toMatchObject({
      thinking: { type: 'adaptive', display: 'omitted' },
      output_config: { effort: 'high' },
    })
    expect(own(budget, 'claude-sonnet-4-6').body['thinking']).toEqual(budget.thinking)
    expect(own(adaptive, 'our-deployment').body).toMatchObject(adaptive)
    expect(own({ thinking: { type: 'disabled' } }, 'claude-opus-5-5')).toMatchObject({
      body: { output_config: { effort: 'low' } },
      dropped: ['reasoning'],
    })
    expect(own({ temperature: 0.5 }, 'claude-opus-5').dropped).toEqual(['temperature'])
  })

  test('loses thinking that another model wrote', () => {
    const messages = [
      ...hi,
      { role: 'assistant', content: [{ type: 'thinking', thinking: 'x', signature: '' }] },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'x', signature: 'unknown:s::' },
          { type: 'text', text: 'y' },
        ],
      },
    ]
    const { body, dropped } = own({ messages }, 'claude-opus-5')
    expect(body['messages']).toEqual([...hi, { role: 'assistant', content: [{ type: 'text', text: 'y' }] }])
    expect(dropped).toEqual(['reasoning_details'])
  })
})

test('what Claude Code sends reaches a model of Chat Completions, and each thing lost is named', () => {
  const tools = Array.from({ length: 25 }, (_, i) => ({
    name: `Tool${i}`,
    description: 'd',
    input_schema: { type: 'object', properties: {} },
  }))
  const request = decode(
    {
      model: 'openai/gpt-5',
      system: [{ type: 'text', text: 'You are an agent.', cache_control: { type: 'ephemeral' } }],
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Fix it', cache_control: { type: 'ephemeral' } }] },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
            { type: 'text', text: 'Reading.' },
            { type: 'tool_use', id: 'toolu_1', name: 'Tool1', input: { path: 'a' } },
            { type: 'tool_use', id: 'toolu_2', name: 'Tool2', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'toolu_1',
              content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }],
            },
            { type: 'tool_result', tool_use_id: 'toolu_2', content: 'no such file', is_error: true },
            { type: 'text', text: 'Well?' },
          ],
        },
      ],
      tools: [...tools, { type: 'web_search_20250305', name: 'web_search' }],
      metadata: { user_id: 'user_1_session_2' },
      max_tokens: 32_000,
      thinking: { type: 'adaptive' },
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
      output_config: { effort: 'medium', task_budget: { total: 5 } },
      stream: true,
    },
    { 'anthropic-beta': 'claude-code-20250219' },
  )
  const { body, dropped } = openaiChat.encodeRequest(
    request,
    target('gpt-5', { quirks: { cacheControl: false } }),
  )
  const wire = JSON.parse(JSON.stringify(body)) as Loose
  expect(wire).toMatchObject({ model: 'gpt-5', max_tokens: 32_000, reasoning_effort: 'medium', stream: true })
  expect(wire['tools']).toHaveLength(25)
  expect(wire['tools'][0]).toEqual({
    type: 'function',
    function: { name: 'Tool0', description: 'd', parameters: { type: 'object', properties: {} } },
  })
  expect(wire['messages']).toEqual([
    { role: 'system', content: [{ type: 'text', text: 'You are an agent.' }] },
    { role: 'user', content: [{ type: 'text', text: 'Fix it' }] },
    {
      role: 'assistant',
      content: 'Reading.',
      tool_calls: [
        { id: 'toolu_1', type: 'function', function: { name: 'Tool1', arguments: '{"path":"a"}' } },
        { id: 'toolu_2', type: 'function', function: { name: 'Tool2', arguments: '{}' } },
      ],
    },
    { role: 'tool', tool_call_id: 'toolu_1', content: '(The result follows in the next message.)' },
    { role: 'tool', tool_call_id: 'toolu_2', content: '[The tool failed.]\nno such file' },
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] },
    { role: 'user', content: 'Well?' },
  ])
  expect(JSON.stringify(wire)).not.toMatch(/context_management|task_budget|web_search|user_1_session_2/)
  expect([...new Set(dropped.map(({ parameter }) => parameter))].toSorted()).toEqual([
    'cache_control',
    'context_management',
    'output_config.task_budget',
    'reasoning_details',
    'tools.web_search_20250305',
  ])
})

test('unseen reasoning that nobody signed comes back to the provider that asks for it', () => {
  const meta = { id: 'gen-1', created: 1, model: 'a/b', provider: 'P', hideReasoning: true }
  const { content } = anthropicMessages.encodeReply(
    [
      { type: 'block-start', index: 0, block: { kind: 'reasoning' } },
      { type: 'block-delta', index: 0, delta: { kind: 'reasoning', text: 'Erst lesen – dann schreiben.' } },
      { type: 'block-stop', index: 0 },
      { type: 'block-start', index: 1, block: { kind: 'tool', id: 'call_1', name: 'read' } },
      { type: 'block-delta', index: 1, delta: { kind: 'args', json: '{}' } },
      { type: 'block-stop', index: 1 },
    ],
    meta,
  ) as unknown as { content: Loose[] }
  expect(content[0]).toMatchObject({ type: 'thinking', thinking: '' })
  const result = { type: 'tool_result', tool_use_id: 'call_1', content: 'x' }
  const messages = [...hi, { role: 'assistant', content }, { role: 'user', content: [result] }]
  const { body } = openaiChat.encodeRequest(
    decode({ messages }),
    target('deepseek-v4-pro', { quirks: { reasoning: 'thinking-type' } }),
  )
  expect((body as Loose)['messages'][1]).toMatchObject({ reasoning_content: 'Erst lesen – dann schreiben.' })
  const claude = anthropicMessages.encodeRequest(decode({ messages }), target('claude-opus-5'))
  expect(JSON.stringify(claude.body)).not.toContain('unknown:')
})
