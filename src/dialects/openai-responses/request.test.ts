import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ChatMessage, type ContentPart, GatewayError } from '../../chat/index.ts'
import type { Quirks, WireTarget } from '../dialect.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { openaiResponses } from './index.ts'
import { encodeInput } from './input.ts'
import { decodeInput } from './items.ts'
import { seal } from './seal.ts'

const TARGET = { path: '/responses', query: '' }
const decode = (body: unknown) => openaiResponses.decodeRequest(body, TARGET)
const fromChat = (body: unknown) => openaiChat.decodeRequest(body, { path: '/chat/completions', query: '' })

const target = (quirks: Quirks = {}, more: Partial<WireTarget> = {}): WireTarget => ({
  upstreamId: 'gpt-5.6',
  maxOutput: null,
  quirks,
  supportedParameters: null,
  ...more,
})

const names = (dropped: readonly { parameter: string }[]) => dropped.map(({ parameter }) => parameter)

/** What Codex sends, cut to the members that matter. */
const CODEX = {
  model: 'some/model',
  instructions: 'You are a coding agent.',
  input: [
    { type: 'message', role: 'developer', content: [{ type: 'input_text', text: '<permissions>' }] },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'List the files.' }] },
    {
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: 'Look around.' }],
      encrypted_content: 'gAAA',
    },
    { type: 'function_call', name: 'shell', arguments: '{"command":["ls"]}', call_id: 'call_1' },
    {
      type: 'custom_tool_call',
      name: 'apply_patch',
      input: '*** Begin',
      call_id: 'call_2',
      status: 'completed',
    },
    { type: 'function_call', namespace: 'mcp__docs', name: 'find', arguments: '{}', call_id: 'call_3' },
    { type: 'function_call_output', call_id: 'call_1', output: 'a.txt' },
    { type: 'custom_tool_call_output', call_id: 'call_2', output: 'Done' },
    { type: 'function_call_output', call_id: 'call_3', output: [{ type: 'input_text', text: 'nothing' }] },
  ],
  tools: [
    { type: 'function', name: 'shell', description: 'Runs', strict: false, parameters: { type: 'object' } },
    {
      type: 'custom',
      name: 'apply_patch',
      description: 'Edits',
      format: { type: 'grammar', syntax: 'lark', definition: 'start: x' },
    },
    {
      type: 'namespace',
      name: 'mcp__docs',
      tools: [{ type: 'function', name: 'find', parameters: { type: 'object' } }],
    },
    { type: 'web_search', external_web_access: false },
  ],
  tool_choice: 'auto',
  parallel_tool_calls: true,
  reasoning: { effort: 'medium', summary: 'auto' },
  store: false,
  stream: true,
  include: ['reasoning.encrypted_content'],
  prompt_cache_key: 'thread-1',
  text: { verbosity: 'low' },
  client_metadata: { 'x-codex-installation-id': 'abc' },
}

describe('a request of Codex', () => {
  test('is read without a complaint', () => {
    const chat = decode(CODEX)
    expect(chat).toMatchObject({
      models: ['some/model'],
      stream: true,
      sessionId: 'thread-1',
      reasoning: { effort: 'medium', summary: 'auto' },
      extras: [],
      parameters: ['verbosity', 'reasoning', 'tools', 'tool_choice', 'parallel_tool_calls'],
    })
    expect(chat.tools().map(({ name }) => name)).toEqual(['shell', 'apply_patch', 'mcp__docs__find'])
    expect(chat.messages().map(({ role }) => role)).toEqual([
      'system',
      'developer',
      'user',
      'assistant',
      'tool',
      'tool',
      'tool',
    ])
    expect(chat.messages()[3]!.content).toEqual([
      { kind: 'reasoning', summary: 'Look around.', encrypted: 'gAAA', format: 'unknown' },
      { kind: 'tool-call', id: 'call_1', name: 'shell', args: '{"command":["ls"]}' },
      { kind: 'tool-call', id: 'call_2', name: 'apply_patch', args: '{"input":"*** Begin"}' },
      { kind: 'tool-call', id: 'call_3', name: 'mcp__docs__find', args: '{}' },
    ])
  })

  test('reaches a chat provider with its functions; what that cannot run is named', () => {
    const { body, dropped } = openaiChat.encodeRequest(decode(CODEX), target())
    const wire = body as {
      messages: { role: string }[]
      tools: { function: { name: string; description?: string } }[]
    }
    expect(names(dropped)).toContain('tools.web_search')
    expect(wire.tools).toHaveLength(3)
    expect(wire.tools[1]!.function.description).toContain('start: x')
    expect(wire).toMatchObject({ verbosity: 'low', prompt_cache_key: 'thread-1', reasoning_effort: 'medium' })
    expect(JSON.stringify(wire)).not.toContain('installation')
  })

  test('reaches a Responses provider as it came, but for what is ours', () => {
    const { body, dropped, path } = openaiResponses.encodeRequest(decode(CODEX), target())
    const { client_metadata: _ours, ...rest } = CODEX
    expect(path).toBe('/responses')
    expect(body).toEqual({ ...rest, model: 'gpt-5.6' })
    expect(dropped).toEqual([])
  })
})

describe('the surface keeps nothing', () => {
  const body = { model: 'm', input: 'hi' }
  test.each([
    [{ store: true }, 'store'],
    [{ previous_response_id: 'resp_1' }, 'previous_response_id'],
    [{ conversation: 'conv_1' }, 'conversation'],
    [{ prompt: { id: 'pmpt_1' } }, 'prompt'],
    [{ background: true }, 'background'],
  ])('%j is refused with a sentence', (more, param) => {
    expect(() => decode({ ...body, ...more })).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        metadata: { param },
        message: expect.stringMatching(/stored here/),
      }),
    )
  })

  test.each([{ store: false }, { store: null }, { previous_response_id: null }, { background: false }])(
    '%j passes',
    (more) => {
      expect(decode({ ...body, ...more }).models).toEqual(['m'])
    },
  )

  test('nothing is stored at the provider either, whatever surface a request came in', () => {
    const messages = [{ role: 'user', content: 'hi' }]
    expect(openaiResponses.encodeRequest(decode(body), target()).body).toMatchObject({ store: false })
    const chat = fromChat({ model: 'm', messages, store: true })
    expect(openaiResponses.encodeRequest(chat, target()).body).toMatchObject({ store: false })
  })

  test('references to stored items are left out and named', () => {
    const reference = { type: 'item_reference', id: 'rs_1' }
    const chat = decode({ model: 'm', input: [reference, { role: 'user', content: 'hi' }] })
    const own = openaiResponses.encodeRequest(chat, target())
    expect(own.body).toMatchObject({ input: [{ role: 'user', content: 'hi' }] })
    expect(names(own.dropped)).toEqual(['input.item_reference'])
    expect(names(openaiChat.encodeRequest(chat, target()).dropped)).toEqual(['input.item_reference'])
    expect(() => decode({ model: 'm', input: [reference] })).toThrow(/only references/)
  })
})

test.each([
  ['a list', []],
  ['no input', { model: 'm' }],
  ['an empty input', { model: 'm', input: [] }],
  ['an item that is no object', { model: 'm', input: ['hi'] }],
  ['an unknown role', { model: 'm', input: [{ role: 'tool', content: 'x' }] }],
  ['content that is a number', { model: 'm', input: [{ role: 'user', content: 1 }] }],
  ['a part without a type', { model: 'm', input: [{ role: 'user', content: [{ text: 'x' }] }] }],
  [
    'a call without a name',
    { model: 'm', input: [{ type: 'function_call', call_id: 'c', arguments: '{}' }] },
  ],
  ['an output without a call', { model: 'm', input: [{ type: 'function_call_output', output: 'x' }] }],
  ['a tool without a type', { model: 'm', input: 'x', tools: [{ name: 'f' }] }],
  ['a function without a name', { model: 'm', input: 'x', tools: [{ type: 'function' }] }],
  ['no model', { input: 'x' }],
  ['a limit of zero', { model: 'm', input: 'x', max_output_tokens: 0 }],
  ['sound asked for', { model: 'm', input: 'x', modalities: ['audio'] }],
])('%s is refused as invalid', (_, body) => {
  expect(() => decode(body)).toThrow(GatewayError)
  try {
    decode(body)
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_request' })
  }
})

test('what the prompt weighs counts text, not media', () => {
  const url = `data:image/png;base64,${'A'.repeat(5000)}`
  const parts = [
    { type: 'input_text', text: 'what is this?' },
    { type: 'input_image', image_url: url },
    { type: 'input_file', file_data: url, filename: 'a.pdf' },
  ]
  const chat = decode({
    model: 'm',
    instructions: 'x'.repeat(100),
    input: [{ role: 'user', content: parts }],
  })
  expect(chat.mediaParts).toBe(2)
  expect(chat.inputModalities).toEqual(['text', 'image', 'file'])
  expect(chat.promptBytes).toBeGreaterThan(113)
  expect(chat.promptBytes).toBeLessThan(400)
})

test('an image in the spelling of Chat Completions is an image, as LangChain sends it', () => {
  const url = `data:image/png;base64,${'A'.repeat(5000)}`
  const part = { type: 'image_url', image_url: { url, detail: 'low' } }
  const chat = decode({ model: 'm', input: [{ role: 'user', content: [part] }] })
  expect(chat.messages()).toMatchObject([{ role: 'user', content: [{ kind: 'image', url, detail: 'low' }] }])
  expect(chat.inputModalities).toEqual(['text', 'image'])
  expect(chat.promptBytes).toBeLessThan(100)
})

describe('a chat request to a Responses provider', () => {
  const full = fromChat({
    model: 'm',
    messages: [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See', cache_control: { type: 'ephemeral' } },
          { type: 'image_url', image_url: { url: 'https://x/y.png', detail: 'low' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'https://x/a.pdf' } },
        ],
      },
      {
        role: 'assistant',
        content: 'I look.',
        reasoning_details: [
          { type: 'reasoning.summary', summary: 'One', id: 'rs_1', format: 'openai-responses-v1', index: 0 },
          { type: 'reasoning.summary', summary: ' two', id: 'rs_1', format: 'openai-responses-v1', index: 0 },
          { type: 'reasoning.encrypted', data: 'gAAA', id: 'rs_1', format: 'openai-responses-v1', index: 0 },
          { type: 'reasoning.text', text: 'hm', signature: 'sig', format: 'anthropic-claude-v1', index: 1 },
        ],
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'ok' },
    ],
    tools: [{ type: 'function', function: { name: 'f', description: 'F' } }],
    tool_choice: { type: 'function', function: { name: 'f' } },
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'a', strict: true, schema: { type: 'object' } },
    },
    verbosity: 'high',
    max_tokens: 99,
    temperature: 0,
    reasoning: { effort: 'max', summary: 'auto' },
    stop: ['END'],
    seed: 1,
    logprobs: true,
    top_logprobs: 2,
  })

  test('is written in its shape', () => {
    const { body } = openaiResponses.encodeRequest(full, target())
    expect(body).toEqual({
      model: 'gpt-5.6',
      stream: false,
      store: false,
      tools: [
        {
          type: 'function',
          name: 'f',
          description: 'F',
          parameters: { type: 'object', properties: {} },
          strict: false,
        },
      ],
      tool_choice: { type: 'function', name: 'f' },
      max_output_tokens: 99,
      temperature: 0,
      top_logprobs: 2,
      include: ['message.output_text.logprobs', 'reasoning.encrypted_content'],
      text: {
        format: { type: 'json_schema', name: 'a', schema: { type: 'object' }, strict: true },
        verbosity: 'high',
      },
      reasoning: { effort: 'xhigh', summary: 'auto' },
      input: [
        { type: 'message', role: 'system', content: 'Be brief.' },
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'See' },
            { type: 'input_image', image_url: 'https://x/y.png', detail: 'low' },
            { type: 'input_file', file_url: 'https://x/a.pdf' },
          ],
        },
        {
          type: 'reasoning',
          id: 'rs_1',
          summary: [{ type: 'summary_text', text: 'One two' }],
          encrypted_content: 'gAAA',
        },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] },
        { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c1', output: 'ok' },
      ],
    })
  })

  test('names everything that it loses', () => {
    const { dropped } = openaiResponses.encodeRequest(full, target())
    expect(names(dropped).toSorted()).toEqual(['cache_control', 'reasoning_details', 'seed', 'stop'])
  })

  test('loses what the endpoint does not take', () => {
    const supportedParameters = ['tools', 'max_tokens', 'stop', 'seed', 'response_format']
    const { body, dropped } = openaiResponses.encodeRequest(full, target({}, { supportedParameters }))
    expect(body).not.toHaveProperty('temperature')
    expect(body).not.toHaveProperty('reasoning')
    expect(body).toMatchObject({ include: ['message.output_text.logprobs'], max_output_tokens: 99 })
    expect(names(dropped)).toEqual(
      expect.arrayContaining(['temperature', 'reasoning', 'tool_choice', 'verbosity']),
    )
  })

  test('gives sealed reasoning back only to the family that made it', () => {
    const sealed = (upstreamId: string, quirks: Quirks) => {
      const { body } = openaiResponses.encodeRequest(full, target(quirks, { upstreamId }))
      return JSON.stringify(body).includes('gAAA')
    }
    expect(sealed('gpt-5.6', {})).toBe(true)
    expect(sealed('grok-4.3', {})).toBe(false)
    expect(sealed('gpt-5.6', { reasoningFormat: 'azure-openai-responses-v1' })).toBe(false)
  })

  test('shows plain reasoning where the provider wants it back', () => {
    const { body } = openaiResponses.encodeRequest(
      full,
      target({ replayReasoning: 'content' }, { upstreamId: 'x' }),
    )
    expect(JSON.stringify(body)).toContain('{"type":"reasoning_text","text":"hm"}')
  })
})

test('reasoning of other families never reaches a Responses provider, and is named', () => {
  const foreign = {
    type: 'reasoning',
    summary: [],
    encrypted_content: seal({ of: 'tool', id: 'c', signature: 's' }),
  }
  const own = {
    type: 'reasoning',
    id: 'rs_1',
    summary: [],
    encrypted_content: 'gAAA',
    format: 'openai-responses-v1',
  }
  const chat = decode({ model: 'm', input: [{ role: 'user', content: 'x' }, own, foreign] })
  const { body, dropped } = openaiResponses.encodeRequest(chat, target())
  const { format: _ours, ...plain } = own
  expect(body).toMatchObject({ input: [{ role: 'user', content: 'x' }, plain] })
  expect((body as { input: unknown[] }).input).toHaveLength(2)
  expect(names(dropped)).toEqual(['input.reasoning'])
})

describe('a growing conversation keeps what a provider has cached', () => {
  const turn = (i: number) => [
    { role: 'user', content: `question ${i}` },
    {
      role: 'assistant',
      content: `answer ${i}`,
      reasoning_details: [
        {
          type: 'reasoning.encrypted',
          data: `sealed ${i}`,
          id: `rs_${i}`,
          format: 'openai-responses-v1',
          index: 0,
        },
      ],
      tool_calls: [{ id: `c${i}`, type: 'function', function: { name: 'f', arguments: `{"i":${i}}` } }],
    },
    { role: 'tool', tool_call_id: `c${i}`, content: `result ${i}` },
  ]
  const items = (i: number) => [
    { role: 'user', content: `question ${i}` },
    { type: 'reasoning', summary: [], encrypted_content: `sealed ${i}` },
    { type: 'function_call', call_id: `c${i}`, name: 'f', arguments: `{"i":${i}}` },
    { type: 'function_call_output', call_id: `c${i}`, output: `result ${i}` },
  ]
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
  const turns = (n: number) => Array.from({ length: n }, (_, i) => i)
  const ways = {
    'from Chat Completions': (n: number) => fromChat({ model: 'm', tools, messages: turns(n).flatMap(turn) }),
    'from Responses': (n: number) =>
      decode({ input: turns(n).flatMap(items), model: 'm', tools: [{ type: 'function', name: 'f' }] }),
  }
  test.each(Object.entries(ways))('%s', (_, request) => {
    let before = ''
    for (let n = 1; n <= 30; n++) {
      const bytes = JSON.stringify(openaiResponses.encodeRequest(request(n), target()).body)
      // All but the end of the list and of the body.
      expect(bytes.startsWith(before.slice(0, -2))).toBe(true)
      before = bytes
    }
  })

  test('from Responses to Chat Completions', () => {
    let before = ''
    for (let n = 1; n <= 30; n++) {
      const { messages } = openaiChat.encodeRequest(ways['from Responses'](n), target()).body as {
        messages: unknown
      }
      const bytes = JSON.stringify(messages)
      expect(bytes.startsWith(before.slice(0, -1))).toBe(true)
      before = bytes
    }
  })
})

describe('messages on the wire and back', () => {
  const word = fc.string({ minLength: 1, maxLength: 12 })
  const userPart: fc.Arbitrary<ContentPart> = fc.oneof(
    word.map((text) => ({ kind: 'text' as const, text })),
    word.map((path) => ({ kind: 'image' as const, url: `https://x/${path}` })),
    word.map((data) => ({ kind: 'audio' as const, data, format: 'wav' })),
    fc.record({ kind: fc.constant('file' as const), filename: word, data: word }),
  )
  const call = fc.record({ kind: fc.constant('tool-call' as const), id: word, name: word, args: fc.json() })
  const reasoning = fc.record({
    kind: fc.constant('reasoning' as const),
    summary: word,
    encrypted: word.map((data) => `gA${data}`),
    id: fc.uuid(),
    format: fc.constant('unknown'),
  })
  const said = fc.oneof(
    word.map((text) => ({ kind: 'text' as const, text })),
    word.map((text) => ({ kind: 'refusal' as const, text })),
  )
  const message: fc.Arbitrary<ChatMessage> = fc.oneof(
    fc.record({
      role: fc.constantFrom('user' as const, 'system' as const, 'developer' as const),
      content: fc.array(userPart, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
      role: fc.constant('tool' as const),
      toolCallId: word,
      content: fc.array(userPart, { minLength: 1, maxLength: 2 }),
    }),
    fc.record({
      role: fc.constant('assistant' as const),
      content: fc.array(fc.oneof(call, reasoning, said), { minLength: 1, maxLength: 4 }),
    }),
  )

  /** Two turns of the assistant in a row are one on this wire. */
  const joined = (messages: readonly ChatMessage[]): ChatMessage[] => {
    const out: ChatMessage[] = []
    for (const next of messages) {
      const last = out.at(-1)
      if (last?.role === 'assistant' && next.role === 'assistant') {
        out[out.length - 1] = { ...last, content: [...last.content, ...next.content] }
      } else out.push(next)
    }
    return out
  }

  test('are the same messages', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), (messages) => {
        const input = encodeInput(messages, target(), [])
        expect(decodeInput(null, JSON.parse(JSON.stringify(input)))).toEqual(joined(messages))
      }),
      { numRuns: 200 },
    )
  })

  test('a request of this dialect is the same request at the provider', () => {
    const fields = fc.record(
      {
        temperature: fc.double({ min: 0, max: 2, noNaN: true }),
        top_p: fc.double({ min: 0, max: 1, noNaN: true }),
        max_output_tokens: fc.integer({ min: 16, max: 9999 }),
        truncation: fc.constantFrom('auto', 'disabled'),
        parallel_tool_calls: fc.boolean(),
        metadata: fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), word, { maxKeys: 3 }),
        text: fc.record({ verbosity: fc.constantFrom('low', 'high') }),
        unknown_field: word,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fields, fc.array(message, { minLength: 1, maxLength: 4 }), (body, messages) => {
        const wire = { ...body, input: encodeInput(messages, target(), []), model: 'm', store: false }
        const { body: sent, dropped } = openaiResponses.encodeRequest(decode(wire), target())
        expect(dropped).toEqual([])
        expect(sent).toEqual({ ...wire, model: 'gpt-5.6', stream: false })
      }),
      { numRuns: 100 },
    )
  })
})
