import { describe, expect, test } from 'vitest'
import { hasFixtures, recordedCases, WITHOUT_FIXTURES } from '../../../test/fixtures.ts'
import type { ChatRequest } from '../../chat/index.ts'
import type { WireTarget } from '../dialect.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { anthropicMessages } from './index.ts'
import type { Loose } from './reader.fixture.ts'

const target = (upstreamId = 'claude-sonnet-4-6', more: Partial<WireTarget> = {}): WireTarget => ({
  upstreamId,
  maxOutput: 64_000,
  quirks: {},
  supportedParameters: null,
  ...more,
})

const chat = (body: Loose): ChatRequest =>
  openaiChat.decodeRequest({ model: 'a/b', messages: [{ role: 'user', content: 'Hi' }], ...body }, at)
const at = { path: '/chat/completions', query: '' }

function encode(request: ChatRequest, to: WireTarget = target()) {
  const { body, dropped, headers, path } = anthropicMessages.encodeRequest(request, to)
  return { body: JSON.parse(JSON.stringify(body)) as Loose, dropped, headers, path }
}
const sent = (body: Loose, to?: WireTarget) => encode(chat(body), to)
const droppedBy = (body: Loose, to?: WireTarget) => sent(body, to).dropped.map(({ parameter }) => parameter)

describe('a chat request for Anthropic', () => {
  test('goes to /v1/messages with the version of the API and the limit that the API demands', () => {
    const { path, headers, body } = sent({})
    expect(path).toBe('/v1/messages')
    expect(headers).toEqual([['anthropic-version', '2023-06-01']])
    expect(body).toEqual({
      model: 'claude-sonnet-4-6',
      max_tokens: 64_000,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
    })
    expect(sent({ max_tokens: 7 }).body['max_tokens']).toBe(7)
    expect(sent({}, target('claude-3-haiku', { maxOutput: null })).body['max_tokens']).toBe(4096)
  })

  test('tells leading system messages as the system prompt and later ones in the turn of the user', () => {
    const { body } = sent({
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'developer',
          content: [{ type: 'text', text: 'Be kind.', cache_control: { type: 'ephemeral', ttl: '1h' } }],
        },
        { role: 'user', content: 'Hi', name: 'Ann' },
        { role: 'system', content: 'Now in French.' },
      ],
    })
    expect(body['system']).toEqual([
      { type: 'text', text: 'Be brief.' },
      { type: 'text', text: 'Be kind.', cache_control: { type: 'ephemeral', ttl: '1h' } },
    ])
    expect(body['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Ann: Hi' },
          { type: 'text', text: '<system>\nNow in French.\n</system>' },
        ],
      },
    ])
  })

  test('puts results of tools first in one turn, with images, errors apart from text, ids made fit', () => {
    const { body } = sent({
      messages: [
        { role: 'user', content: 'Look' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 'call.1', type: 'function', function: { name: 'a', arguments: '{"x":1}' } },
            { id: 'call_2', type: 'function', function: { name: 'b', arguments: '' } },
            { id: 'call_3', type: 'function', function: { name: 'c', arguments: 'not json' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call.1', content: 'one' },
        { role: 'user', content: 'And?' },
        {
          role: 'tool',
          tool_call_id: 'call_2',
          content: [
            { type: 'text', text: 'two' },
            {
              type: 'image_url',
              image_url: { url: 'data:image/png;base64,AAAA' },
              cache_control: { type: 'ephemeral' },
            },
          ],
        },
      ],
    })
    expect(body['messages'][1].content).toEqual([
      { type: 'tool_use', id: 'call_1', name: 'a', input: { x: 1 } },
      { type: 'tool_use', id: 'call_2', name: 'b', input: {} },
      { type: 'tool_use', id: 'call_3', name: 'c', input: { arguments: 'not json' } },
    ])
    expect(body['messages'][2].content).toEqual([
      { type: 'tool_result', tool_use_id: 'call_1', content: 'one' },
      {
        type: 'tool_result',
        tool_use_id: 'call_2',
        content: [
          { type: 'text', text: 'two' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
        ],
        cache_control: { type: 'ephemeral' },
      },
      { type: 'text', text: 'And?' },
    ])
  })

  test('takes images and files by URL and as data, and names what it cannot take', () => {
    const { body, dropped } = sent({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: 'https://x.y/z.png' } },
            { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,QQ==' } },
            { type: 'file', file: { filename: 'b.pdf', file_data: 'https://x.y/b.pdf' } },
            { type: 'file', file: { filename: 'c.txt', file_data: 'data:text/plain;base64,SGnDpA==' } },
            { type: 'file', file: { file_data: 'data:application/msword;base64,QQ==' } },
            { type: 'input_audio', input_audio: { data: 'QQ==', format: 'wav' } },
            { type: 'video_url', video_url: { url: 'https://x.y/v.mp4' } },
            { type: 'text', text: '  ' },
          ],
        },
      ],
    })
    expect(body['messages'][0].content).toEqual([
      { type: 'image', source: { type: 'url', url: 'https://x.y/z.png' } },
      {
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: 'QQ==' },
        title: 'a.pdf',
      },
      { type: 'document', source: { type: 'url', url: 'https://x.y/b.pdf' }, title: 'b.pdf' },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Hiä' }, title: 'c.txt' },
    ])
    expect(dropped.map(({ parameter }) => parameter)).toEqual(['file', 'input_audio', 'video_url'])
  })

  test('continues a trailing turn of the assistant, without white space at its end', () => {
    const { body } = sent({
      messages: [
        { role: 'user', content: 'Count' },
        { role: 'assistant', content: 'One, two, ' },
      ],
    })
    expect(body['messages'].at(-1)).toEqual({
      role: 'assistant',
      content: [{ type: 'text', text: 'One, two,' }],
    })
  })

  test('always begins with the user', () => {
    const only = sent({ messages: [{ role: 'system', content: 'Say hi.' }] }).body
    expect(only).toMatchObject({ messages: [{ role: 'user', content: [{ text: 'Say hi.' }] }] })
    expect(only).not.toHaveProperty('system')
    const begun = sent({
      messages: [
        { role: 'assistant', content: 'Hello' },
        { role: 'user', content: 'Hi' },
      ],
    }).body
    expect(begun['messages'].map(({ role }: Loose) => role)).toEqual(['user', 'assistant', 'user'])
  })

  test('names every parameter that the API has no words for', () => {
    const body = {
      seed: 1,
      n: 2,
      frequency_penalty: 1,
      presence_penalty: 1,
      repetition_penalty: 1,
      min_p: 0.1,
      top_a: 0.1,
      logit_bias: { 1: 1 },
      logprobs: true,
      top_logprobs: 2,
      prediction: { type: 'content', content: 'x' },
      web_search_options: {},
      modalities: ['text', 'image'],
      response_format: { type: 'json_object' },
      service_tier: 'flex',
    }
    expect(droppedBy(body).toSorted()).toEqual(Object.keys(body).toSorted())
    expect(Object.keys(sent(body).body).toSorted()).toEqual(['max_tokens', 'messages', 'model'])
  })

  test('keeps stops, tier, user hash, streaming and the automatic cache breakpoint', () => {
    const request = chat({
      stop: ['END', ' '],
      service_tier: 'default',
      stream: true,
      cache_control: { type: 'ephemeral', ttl: '1h' },
    })
    const { body, dropped } = encode({ ...request, endUserHash: 'h4sh' })
    expect(body).toMatchObject({
      stop_sequences: ['END'],
      service_tier: 'standard_only',
      stream: true,
      metadata: { user_id: 'h4sh' },
      cache_control: { type: 'ephemeral', ttl: '1h' },
    })
    expect(dropped).toEqual([{ parameter: 'stop', reason: expect.any(String) }])
  })

  test('keeps the last four cache breakpoints', () => {
    const marked = (text: string) => ({ type: 'text', text, cache_control: { type: 'ephemeral' } })
    const { body, dropped } = sent({
      cache_control: { type: 'ephemeral' },
      tools: [{ type: 'function', function: { name: 't' }, cache_control: { type: 'ephemeral' } }],
      messages: [
        { role: 'system', content: [marked('s')] },
        { role: 'user', content: [marked('a'), marked('b'), marked('c')] },
      ],
    })
    const text = JSON.stringify(body)
    expect(text.match(/cache_control/g)).toHaveLength(4)
    expect(JSON.stringify(body['tools']) + JSON.stringify(body['system'])).not.toContain('cache_control')
    expect(dropped.map(({ parameter }) => parameter)).toEqual(['cache_control'])
  })
})

describe('reasoning for Anthropic', () => {
  const ask = (reasoning: Loose, model: string, more: Loose = {}) => {
    const { body, dropped } = sent({ reasoning, max_tokens: 10_000, ...more }, target(model))
    return {
      thinking: body['thinking'],
      effort: body['output_config']?.effort,
      dropped: dropped.map(({ parameter }) => parameter),
    }
  }

  test.each([
    ['minimal', 1024],
    ['low', 2000],
    ['medium', 5000],
    ['high', 8000],
    ['xhigh', 9500],
    ['max', 9500],
  ])('as effort %s becomes a budget of %i of 10000 tokens for an older model', (effort, budget_tokens) => {
    expect(ask({ effort }, 'claude-sonnet-4-5')).toEqual({
      thinking: { type: 'enabled', budget_tokens },
      effort: undefined,
      dropped: [],
    })
  })

  test('as a budget is kept between 1024 tokens and the output limit, which must exceed it', () => {
    expect(ask({ max_tokens: 3000 }, 'claude-sonnet-4-5').thinking).toEqual({
      type: 'enabled',
      budget_tokens: 3000,
    })
    expect(ask({ max_tokens: 9 }, 'claude-sonnet-4-5').thinking).toEqual({
      type: 'enabled',
      budget_tokens: 1024,
    })
    expect(ask({ max_tokens: 50_000 }, 'claude-sonnet-4-5').thinking).toEqual({
      type: 'enabled',
      budget_tokens: 9999,
    })
    expect(ask({ effort: 'low' }, 'claude-sonnet-4-5', { max_tokens: 1024 })).toMatchObject({
      thinking: undefined,
      dropped: ['reasoning'],
    })
    const huge = sent({ reasoning: { effort: 'max' } }, target('claude-sonnet-4-5', { maxOutput: 500_000 }))
    expect(huge.body['thinking'].budget_tokens).toBe(128_000)
    const free = sent({ reasoning: { max_tokens: 8000 } }, target('claude-sonnet-4-5', { maxOutput: null }))
    expect(free.body).toMatchObject({ max_tokens: 12_096, thinking: { budget_tokens: 8000 } })
  })

  test('becomes effort for a model that budgets by itself, and its text is asked for', () => {
    expect(ask({ effort: 'xhigh' }, 'claude-sonnet-4-6')).toMatchObject({
      thinking: { type: 'adaptive' },
      effort: 'high',
    })
    expect(ask({ max_tokens: 3000 }, 'claude-sonnet-4-6').thinking).toEqual({
      type: 'enabled',
      budget_tokens: 3000,
    })
    expect(ask({ max_tokens: 8000 }, 'claude-opus-4-8')).toMatchObject({
      thinking: { type: 'adaptive', display: 'summarized' },
      effort: 'high',
    })
    expect(ask({ enabled: true, exclude: true }, 'claude-opus-5')).toMatchObject({
      thinking: { type: 'adaptive', display: 'omitted' },
      effort: 'medium',
    })
  })

  test('is turned off in the way of the model, or named when it cannot be', () => {
    const off = { effort: 'none' }
    expect(ask(off, 'claude-sonnet-4-5')).toEqual({ thinking: undefined, effort: undefined, dropped: [] })
    expect(ask(off, 'claude-opus-5').thinking).toEqual({ type: 'disabled' })
    expect(ask(off, 'claude-sonnet-5-5').thinking).toEqual({ type: 'between_tools' })
    expect(ask(off, 'claude-opus-5-5')).toEqual({
      thinking: undefined,
      effort: 'low',
      dropped: ['reasoning'],
    })
    expect(ask(off, 'claude-opus-5', { verbosity: 'max' })).toMatchObject({ effort: 'high' })
    expect(ask({ effort: 'high' }, 'claude-3-5-haiku-latest').dropped).toEqual(['reasoning'])
  })

  test('goes neither with a forced tool nor with a loop of tools begun without it', () => {
    const tools = [{ type: 'function', function: { name: 't' } }]
    expect(ask({ effort: 'low' }, 'claude-sonnet-4-5', { tools, tool_choice: 'required' })).toMatchObject({
      thinking: undefined,
      dropped: ['reasoning'],
    })
    const messages = [
      { role: 'user', content: 'x' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 't', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: 'y' },
    ]
    expect(ask({ effort: 'low' }, 'claude-sonnet-4-5', { tools, messages }).dropped).toEqual(['reasoning'])
    const signed = {
      ...messages[1],
      reasoning_details: [
        { type: 'reasoning.text', text: 'hm', signature: 'c2ln', format: 'anthropic-claude-v1' },
      ],
    }
    const { body, dropped } = sent(
      { tools, messages: [messages[0], signed, messages[2]], reasoning: { effort: 'low' } },
      target('claude-sonnet-4-5'),
    )
    expect(dropped).toEqual([])
    expect(body['messages'][1].content[0]).toEqual({ type: 'thinking', thinking: 'hm', signature: 'c2ln' })
  })

  test('of earlier turns is sent back when Claude signed it, else named', () => {
    const details = [
      { type: 'reasoning.text', text: 'hm', signature: 'c2ln', format: 'anthropic-claude-v1', index: 0 },
      { type: 'reasoning.encrypted', data: 'ZW5j', format: 'anthropic-claude-v1', index: 1 },
      { type: 'reasoning.text', text: 'plain', format: 'unknown', index: 2 },
      { type: 'reasoning.encrypted', data: 'b2Fp', format: 'openai-responses-v1', index: 3 },
    ]
    const { body, dropped } = sent({
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', content: 'y', reasoning: 'hm', reasoning_details: details },
        { role: 'user', content: 'z' },
      ],
    })
    expect(body['messages'][1].content).toEqual([
      { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
      { type: 'redacted_thinking', data: 'ZW5j' },
      { type: 'text', text: 'y' },
    ])
    expect(dropped.map(({ parameter }) => parameter)).toEqual(['reasoning_details'])
  })
})

describe('tools and sampling for Anthropic', () => {
  const fn = {
    name: 'get',
    description: 'Gets.',
    parameters: { type: 'object', properties: { q: { type: 'string', minLength: 2 } } },
  }
  const tools = [{ type: 'function', function: fn, cache_control: { type: 'ephemeral', ttl: '5m' } }]

  test('carry schema, cache marker, choice and the switch for parallel calls', () => {
    const { body } = sent({
      tools,
      tool_choice: { type: 'function', function: { name: 'get' } },
      parallel_tool_calls: false,
    })
    expect(body['tools']).toEqual([
      {
        name: 'get',
        description: 'Gets.',
        input_schema: fn.parameters,
        cache_control: { type: 'ephemeral', ttl: '5m' },
      },
    ])
    expect(body['tool_choice']).toEqual({ type: 'tool', name: 'get', disable_parallel_tool_use: true })
    expect(sent({ tools, parallel_tool_calls: false }).body['tool_choice']).toEqual({
      type: 'auto',
      disable_parallel_tool_use: true,
    })
    expect(sent({ tools, tool_choice: 'required' }).body['tool_choice']).toEqual({ type: 'any' })
    expect(sent({ tools, tool_choice: 'none', parallel_tool_calls: false }).body['tool_choice']).toEqual({
      type: 'none',
    })
    expect(sent({ tool_choice: 'auto' }).body).not.toHaveProperty('tool_choice')
  })

  test('are not forced on a model that refuses it', () => {
    const { body, dropped } = sent({ tools, tool_choice: 'required' }, target('claude-opus-5-5'))
    expect(body['tool_choice']).toEqual({ type: 'auto' })
    expect(dropped.map(({ parameter }) => parameter)).toEqual(['tool_choice'])
  })

  test('are strict where the model can be, with limits told in words', () => {
    const strict = [{ type: 'function', function: { ...fn, strict: true } }]
    expect(sent({ tools: strict }).body['tools'][0]).toMatchObject({
      strict: true,
      input_schema: {
        additionalProperties: false,
        properties: { q: { type: 'string', description: '(minLength: 2)' } },
      },
    })
    expect(droppedBy({ tools: strict }, target('claude-sonnet-4-0'))).toEqual(['tools'])
  })

  test('a schema of the answer becomes output_config.format, or is named for older models', () => {
    const response_format = {
      type: 'json_schema',
      json_schema: {
        name: 'r',
        strict: true,
        schema: {
          type: 'object',
          properties: { a: { oneOf: [{ type: 'integer', minimum: 1 }] } },
          required: ['a'],
        },
      },
    }
    const { body } = sent({ response_format })
    expect(body['output_config'].format).toEqual({
      type: 'json_schema',
      schema: {
        type: 'object',
        properties: { a: { anyOf: [{ type: 'integer', description: '(minimum: 1)' }] } },
        required: ['a'],
        additionalProperties: false,
      },
    })
    expect(droppedBy({ response_format }, target('claude-sonnet-4-0'))).toEqual(['structured_outputs'])
    const listed = target('my-claude', { supportedParameters: ['structured_outputs', 'response_format'] })
    expect(sent({ response_format }, listed).body).toHaveProperty('output_config.format')
  })

  test('sampling is limited to what model and reasoning take', () => {
    const all = { temperature: 1.7, top_p: 0.5, top_k: 3 }
    const old = sent(all, target('claude-sonnet-4-0'))
    expect(old.body).toMatchObject({ temperature: 1, top_p: 0.5, top_k: 3 })
    expect(old.dropped.map(({ parameter }) => parameter)).toEqual(['temperature'])
    expect(droppedBy({ temperature: 0.2, top_p: 0.5 }, target('claude-sonnet-4-5'))).toEqual(['top_p'])
    expect(droppedBy(all, target('claude-opus-4-7')).toSorted()).toEqual([
      'temperature',
      'temperature',
      'top_k',
      'top_p',
    ])
    expect(
      droppedBy(
        { temperature: 0.2, top_k: 3, reasoning: { effort: 'low' } },
        target('claude-sonnet-4-0'),
      ).toSorted(),
    ).toEqual(['temperature', 'top_k'])
    expect(droppedBy({ temperature: 0.2 }, target('claude-sonnet-4-0', { supportedParameters: [] }))).toEqual(
      ['temperature'],
    )
  })

  test('verbosity becomes effort, or is named', () => {
    expect(sent({ verbosity: 'max' }, target('claude-opus-4-5')).body['output_config']).toEqual({
      effort: 'high',
    })
    expect(droppedBy({ verbosity: 'low' }, target('claude-haiku-4-5'))).toEqual(['verbosity'])
  })
})

/** A client's body with the time between two cache breakpoints moved on, as agents do it. */
function conversation(turns: number): Loose[] {
  const messages: Loose[] = [{ role: 'system', content: 'You are an agent.' }]
  for (let i = 0; i < turns; i++) {
    messages.push({ role: 'user', content: `Question ${i}` })
    messages.push({
      role: 'assistant',
      content: i % 3 === 0 ? 'Let me look.' : null,
      reasoning_details: [
        { type: 'reasoning.text', text: `t${i}`, signature: `c2ln${i}`, format: 'anthropic-claude-v1' },
      ],
      tool_calls: [
        { id: `call_${i}a`, type: 'function', function: { name: 'read', arguments: `{"b":${i},"a":1}` } },
        { id: `call_${i}b`, type: 'function', function: { name: 'list', arguments: '{}' } },
      ],
    })
    messages.push({ role: 'tool', tool_call_id: `call_${i}a`, content: `result ${i}` })
    messages.push({ role: 'tool', tool_call_id: `call_${i}b`, content: [{ type: 'text', text: 'more' }] })
    messages.push({ role: 'assistant', content: `Answer ${i}` })
  }
  return messages
}

test('the bytes of a growing conversation of 30 turns extend each other', () => {
  const tools = ['read', 'list'].map((name) => ({
    type: 'function',
    function: { name, parameters: { type: 'object', properties: {} } },
  }))
  const prompt = (body: Loose) => {
    const { messages, ...head } = sent(
      { ...body, reasoning: { effort: 'high' }, max_tokens: 9000 },
      target('claude-sonnet-4-5'),
    ).body
    return JSON.stringify(head) + JSON.stringify(messages)
  }
  let before = ''
  for (let turns = 1; turns <= 30; turns++) {
    const messages = [...conversation(turns), { role: 'user', content: `Question ${turns}` }]
    const bytes = prompt({ tools, messages })
    // Without the brackets that close the last turn.
    expect(bytes.startsWith(before.slice(0, -4))).toBe(true)
    before = bytes
  }
})

const messagesRequests = recordedCases().filter(
  ({ folder, request, response }) =>
    folder === 'anthropic' && request.body !== null && response.status === 200,
)

describe.skipIf(!hasFixtures)(
  `recorded requests to Anthropic${hasFixtures ? '' : ` [${WITHOUT_FIXTURES}]`}`,
  () => {
    test('are all looked at', () => {
      console.log(`${messagesRequests.length} recorded requests decoded and encoded`)
      expect(messagesRequests).toHaveLength(24)
    })

    test.each(messagesRequests.map((it) => [it.id, it.request.body as Loose] as const))(
      'pass unchanged: %s',
      (_, body) => {
        const request = anthropicMessages.decodeRequest(body, at)
        const { body: got, dropped } = encode(request, target(body['model']))
        const { metadata: _told, ...expected } = body
        expect(got).toEqual(expected)
        expect(dropped).toEqual([])
      },
    )

    test.each(messagesRequests.map((it) => [it.id, it.request.body as Loose] as const))(
      'say the same by way of the hub: %s',
      (_, body) => {
        const request = anthropicMessages.decodeRequest(body, at)
        const around = encode({ ...request, dialect: 'elsewhere' }, target(body['model']))
        const again = anthropicMessages.decodeRequest(around.body, at)
        const plain = (it: ChatRequest) => it.messages().filter(({ content }) => content.length > 0)
        expect(plain(again)).toEqual(plain(request))
        expect(again.tools()).toEqual(request.tools())
        const lost = new Set(around.dropped.map(({ parameter }) => parameter))
        const { native, toolChoice, ...values } = request.parameterValues()
        for (const key of Object.keys(native ?? {})) expect(lost).toContain(key)
        const { native: _native, ...got } = again.parameterValues()
        // A choice among no tools is none.
        if (request.tools().length > 0) expect(got.toolChoice).toEqual(toolChoice)
        if (values.verbosity === undefined) expect({ ...got, verbosity: undefined }).toMatchObject(values)
        expect(again.maxOutputTokens).toBe(request.maxOutputTokens)
        expect(again.stream).toBe(request.stream)
      },
    )
  },
)
