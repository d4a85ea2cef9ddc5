import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { recordedCases } from '../../../test/fixtures.ts'
import { type ChatRequest, GatewayError } from '../../chat/index.ts'
import type { Quirks, WireTarget } from '../dialect.ts'
import type { Json } from '../json.ts'
import { decodeRequest, encodeRequest } from './request.ts'

const decode = (fields: Json): ChatRequest =>
  decodeRequest(
    { model: 'a/b', messages: [{ role: 'user', content: 'hi' }], ...fields },
    { path: '', query: '' },
  )

const target = (quirks: Quirks = {}, supportedParameters: string[] | null = null): WireTarget => ({
  upstreamId: 'up-model',
  maxOutput: null,
  quirks,
  supportedParameters,
})
const encode = (fields: Json, quirks: Quirks = {}, supported: string[] | null = null) =>
  encodeRequest(decode(fields), target(quirks, supported))
const bodyOf = (...args: Parameters<typeof encode>): Json => encode(...args).body as Json

function refusal(fields: Json): { message: string; param: unknown } {
  try {
    decode(fields)
  } catch (error) {
    if (error instanceof GatewayError) return { message: error.message, param: error.metadata['param'] }
    throw error
  }
  throw new Error('was not refused')
}

describe('a request is refused with the place and a sentence when', () => {
  test.each<[string, Json, string]>([
    ['there are no messages', { messages: [] }, 'messages'],
    ['messages are no list', { messages: 'hi' }, 'messages'],
    ['a role is unknown', { messages: [{ role: 'function', content: 'x' }] }, 'messages[0].role'],
    ['content is missing', { messages: [{ role: 'user' }] }, 'messages[0].content'],
    [
      'a part has no type',
      { messages: [{ role: 'user', content: [{ text: 'x' }] }] },
      'messages[0].content[0]',
    ],
    [
      'a tool message answers nothing',
      { messages: [{ role: 'tool', content: 'x' }] },
      'messages[0].tool_call_id',
    ],
    ['no model is named', { model: null }, 'model'],
    ['stream is no boolean', { stream: 'yes' }, 'stream'],
    ['temperature is no number', { temperature: '1' }, 'temperature'],
    ['max_tokens is zero', { max_tokens: 0 }, 'max_tokens'],
    ['two limits differ', { max_tokens: 1, max_completion_tokens: 2 }, 'max_tokens'],
    ['n is too large', { n: 129 }, 'n'],
    ['a session id is too long', { session_id: 'x'.repeat(257) }, 'session_id'],
    ['metadata has a long value', { metadata: { a: 'x'.repeat(513) } }, 'metadata.a'],
    [
      'metadata has many pairs',
      { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [i, ''])) },
      'metadata',
    ],
    ['a tool has no name', { tools: [{ type: 'function', function: {} }] }, 'tools[0].function.name'],
    ['a plugin has no id', { plugins: [{}] }, 'plugins[0].id'],
    ['effort and budget are both given', { reasoning: { effort: 'low', max_tokens: 5 } }, 'reasoning'],
    [
      'the shorthand contradicts',
      { reasoning: { effort: 'low' }, reasoning_effort: 'high' },
      'reasoning_effort',
    ],
    [
      'including contradicts excluding',
      { reasoning: { exclude: true }, include_reasoning: true },
      'include_reasoning',
    ],
    ['an effort is unknown', { reasoning_effort: 'huge' }, 'reasoning_effort'],
    ['a sort is unknown', { provider: { sort: 'best' } }, 'provider.sort'],
    ['a price is none', { provider: { max_price: { prompt: 'cheap' } } }, 'provider.max_price.prompt'],
    ['a price is negative', { provider: { max_price: { prompt: -1 } } }, 'provider.max_price.prompt'],
    ['a quantization is unknown', { provider: { quantizations: ['int3'] } }, 'provider.quantizations'],
    [
      'a percentile is zero',
      { provider: { preferred_max_latency: { p50: 0 } } },
      'provider.preferred_max_latency.p50',
    ],
  ])('%s', (_, fields, param) => {
    const { message, param: named } = refusal(fields)
    expect(named).toBe(param)
    expect(message).toMatch(/^[^\n]{10,}\.$|\)\.$/)
  })

  test('the body is no object', () => {
    for (const body of [null, [], 'x', 1])
      expect(() => decodeRequest(body, { path: '', query: '' })).toThrow(GatewayError)
  })
})

describe('a decoded request', () => {
  test('names models in order, once', () => {
    expect(decode({ models: ['c/d', 'a/b', 'e/f'] }).models).toEqual(['a/b', 'c/d', 'e/f'])
    expect(decode({ model: undefined, models: ['c/d'] }).models).toEqual(['c/d'])
  })

  test('reads prices as exact pico-USD', () => {
    const { provider } = decode({
      provider: { max_price: { prompt: 1, completion: '0.0000035', request: '0.01', image: 1e-7 } },
    })
    expect(provider.maxPrice).toEqual({
      prompt: 1_000_000n,
      completion: 3n,
      request: 10_000_000_000n,
      image: 100_000n,
    })
  })

  test('reads prices like decimal arithmetic on any amount', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 12n }), (pico) => {
        const usd = `${pico / 1_000_000n}.${(pico % 1_000_000n).toString().padStart(6, '0')}`
        expect(decode({ provider: { max_price: { prompt: usd } } }).provider.maxPrice?.prompt).toBe(pico)
      }),
      { numRuns: 100 },
    )
  })

  test('reads provider preferences', () => {
    expect(
      decode({
        provider: {
          order: ['x'],
          allow_fallbacks: false,
          sort: { by: 'latency', partition: 'none' },
          zdr: true,
          data_collection: 'deny',
          preferred_min_throughput: 50,
          ignore: null,
        },
      }).provider,
    ).toEqual({
      order: ['x'],
      allowFallbacks: false,
      sort: { by: 'latency', partition: 'none' },
      zdr: true,
      dataCollection: 'deny',
      preferredMinThroughput: { p50: 50 },
    })
    expect(decode({ provider: { sort: 'price' } }).provider.sort).toEqual({ by: 'price', partition: 'model' })
  })

  test('names the parameters it really uses', () => {
    expect(
      decode({
        temperature: 0,
        top_p: null,
        tools: [],
        response_format: { type: 'text' },
        logprobs: false,
        stop: 'x',
        max_completion_tokens: 5,
      }).parameters,
    ).toEqual(['temperature', 'stop', 'max_tokens'])
    expect(
      decode({ response_format: { type: 'json_schema', json_schema: {} }, reasoning_effort: 'low' })
        .parameters,
    ).toEqual(['reasoning', 'response_format', 'structured_outputs'])
  })

  test('weighs the text of prompt and tools in UTF-8 and counts media without their data', () => {
    const plain = decode({ messages: [{ role: 'user', content: 'é'.repeat(1000) }] })
    expect(plain.promptBytes).toBeGreaterThanOrEqual(2000)
    expect(plain.promptBytes).toBeLessThan(2100)
    const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(100_000)}` } }
    const audio = { type: 'input_audio', input_audio: { data: 'A'.repeat(100_000), format: 'wav' } }
    const rich = decode({
      messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }, image, audio] }],
    })
    expect(rich).toMatchObject({ mediaParts: 2, inputModalities: ['text', 'image', 'audio'] })
    expect(rich.promptBytes).toBeLessThan(200)
    // What says it is data but stands in a text part is text.
    expect(
      decode({
        messages: [
          { role: 'user', content: [{ type: 'text', text: `data:image/png;base64,${'A'.repeat(5000)}` }] },
        ],
      }).promptBytes,
    ).toBeGreaterThan(5000)
    expect(
      decode({ tools: [{ type: 'function', function: { name: 'f', description: 'x'.repeat(3000) } }] })
        .promptBytes,
    ).toBeGreaterThan(3000)
  })

  test('names gateway extras for the edge, switched-off plugins not', () => {
    expect(
      decode({
        plugins: [{ id: 'web' }, { id: 'file-parser', enabled: false }],
        tools: [{ type: 'openrouter:web_search' }],
        preset: 'p',
        transforms: ['middle-out'],
      }).extras,
    ).toEqual(['plugin:web', 'server-tool:openrouter:web_search', 'preset', 'transforms'])
  })

  test('takes the session from prompt_cache_key when it has none', () => {
    expect(decode({ prompt_cache_key: 'k' }).sessionId).toBe('k')
    expect(decode({ prompt_cache_key: 'k', session_id: 's' }).sessionId).toBe('s')
  })
})

describe('a body for a provider of the same dialect', () => {
  test('loses what is ours and keeps what is unknown', () => {
    const wire = {
      models: ['x'],
      provider: {},
      plugins: [],
      route: 'fallback',
      transforms: [],
      session_id: 's',
      trace: {},
      debug: {},
      usage: { include: true },
      user: 'Jane Roe',
      metadata: { a: 'b' },
      safe_prompt: true,
      temperature: 0.5,
    }
    const { path, body } = encode(wire)
    expect(path).toBe('/chat/completions')
    expect(body).toEqual({
      model: 'up-model',
      messages: [{ role: 'user', content: 'hi' }],
      stream: false,
      safe_prompt: true,
      temperature: 0.5,
    })
  })

  test('asks for usage when streaming unless the provider refuses the option', () => {
    expect(
      bodyOf({ stream: true, stream_options: { include_obfuscation: false } })['stream_options'],
    ).toEqual({ include_usage: true, include_obfuscation: false })
    expect(bodyOf({ stream: true }, { noStreamOptions: true })).not.toHaveProperty('stream_options')
    expect(bodyOf({ stream_options: { include_usage: true } })).not.toHaveProperty('stream_options')
  })

  test('tells the end user as a hash only', () => {
    const chat = { ...decode({ user: 'Jane' }), endUserHash: 'h4sh' }
    expect(encodeRequest(chat, target()).body).toMatchObject({ user: 'h4sh' })
  })

  test.each<[Quirks, Json, Json]>([
    [{}, { reasoning: { effort: 'max' } }, { reasoning_effort: 'xhigh' }],
    [{}, { reasoning: { enabled: true } }, { reasoning_effort: 'medium' }],
    [
      {},
      { reasoning: { max_tokens: 900 }, max_tokens: 1000 },
      { reasoning_effort: 'xhigh', max_tokens: 1000 },
    ],
    [{ efforts: ['low', 'high'] }, { reasoning_effort: 'minimal' }, { reasoning_effort: 'low' }],
    [{}, { include_reasoning: true }, {}],
    [
      { reasoning: 'object' },
      { reasoning: { max_tokens: 5, context: 'auto' } },
      { reasoning: { max_tokens: 5, context: 'auto' } },
    ],
    [
      { reasoning: 'enable-thinking' },
      { reasoning: { max_tokens: 5 } },
      { enable_thinking: true, thinking_budget: 5 },
    ],
    [{ reasoning: 'enable-thinking' }, { reasoning: { effort: 'none' } }, { enable_thinking: false }],
    [{ reasoning: 'thinking-type' }, { reasoning_effort: 'low' }, { thinking: { type: 'enabled' } }],
    [
      { reasoning: 'thinking-effort' },
      { reasoning_effort: 'high' },
      { thinking: { type: 'enabled' }, reasoning_effort: 'high' },
    ],
    [{ reasoning: 'thinking-effort' }, { reasoning: { enabled: true } }, { thinking: { type: 'enabled' } }],
    [{ reasoning: 'thinking-effort' }, { reasoning_effort: 'none' }, { thinking: { type: 'disabled' } }],
  ])('asks for reasoning as %o wants: %o', (quirks, fields, expected) => {
    const { model, messages, stream, ...rest } = bodyOf(fields, quirks)
    expect(rest).toEqual(expected)
  })

  test.each<[Quirks['reasoning'], Json, string[]]>([
    ['thinking-type', { effort: 'low' }, ['reasoning.effort']],
    ['thinking-type', { max_tokens: 5 }, ['reasoning.max_tokens']],
    ['thinking-type', { effort: 'none' }, []],
    ['enable-thinking', { effort: 'high' }, ['reasoning.effort']],
    ['enable-thinking', { max_tokens: 5 }, []],
    ['thinking-effort', { effort: 'low' }, []],
  ])('names what a provider that is asked by %s does not hear of %o', (reasoning, wish, names) => {
    const { dropped } = encode({ reasoning: wish }, { reasoning: reasoning! })
    expect(dropped.map(({ parameter }) => parameter)).toEqual(names)
  })

  test('names every parameter that cannot be sent', () => {
    const wire = { temperature: 1, top_k: 5, logit_bias: {}, reasoning: { effort: 'low' }, max_tokens: 9 }
    const { body, dropped } = encode(wire, { unsupported: ['logit_bias'], reasoning: 'none' }, [
      'temperature',
      'logit_bias',
      'reasoning',
    ])
    expect(dropped.map(({ parameter }) => parameter).toSorted()).toEqual(['logit_bias', 'reasoning', 'top_k'])
    expect(body).toMatchObject({ temperature: 1, max_tokens: 9 })
    expect(body).not.toHaveProperty('top_k')
  })

  test('asks for plain JSON where schemas are not taken', () => {
    const { body, dropped } = encode({ response_format: { type: 'json_schema', json_schema: {} } }, {}, [
      'response_format',
    ])
    expect(body).toMatchObject({ response_format: { type: 'json_object' } })
    expect(dropped).toMatchObject([{ parameter: 'structured_outputs' }])
  })

  test('renames fields, turns developer into system, adds fields of the provider', () => {
    const body = bodyOf(
      { max_completion_tokens: 7, messages: [{ role: 'developer', content: 'be brief' }] },
      { rename: { max_completion_tokens: 'max_tokens' }, noDeveloperRole: true, extraBody: { x: 1 } },
    )
    expect(body).toEqual({
      model: 'up-model',
      messages: [{ role: 'system', content: 'be brief' }],
      stream: false,
      max_tokens: 7,
      x: 1,
    })
  })

  test.each<[Quirks, Json]>([
    [{}, {}],
    [{ reasoning: 'thinking-type' }, { reasoning_content: 'hm' }],
    [{ replayReasoning: 'reasoning' }, { reasoning: 'hm' }],
    [
      { reasoning: 'object' },
      { reasoning: 'hm', reasoning_details: [{ type: 'reasoning.text', text: 'hm' }] },
    ],
  ])('sends earlier reasoning back as %o wants', (quirks, expected) => {
    const said = { role: 'assistant', content: 'x' }
    const message = { ...said, reasoning: 'hm', reasoning_details: [{ type: 'reasoning.text', text: 'hm' }] }
    const { body, dropped } = encode({ messages: [message] }, quirks)
    expect((body as Json)['messages']).toEqual([{ ...said, ...expected }])
    expect(dropped).toHaveLength(Object.keys(expected).length === 0 ? 1 : 0)
  })

  test('keeps an empty `reasoning_content` where the field has to stand in every turn', () => {
    const message = { role: 'assistant', content: null, reasoning_content: '', tool_calls: [] }
    const sent = (quirks: Quirks) => bodyOf({ messages: [message] }, quirks)['messages']
    expect(sent({ reasoning: 'thinking-type' })).toEqual([message])
    expect(sent({})).toEqual([{ role: 'assistant', content: null, tool_calls: [] }])
  })

  test('keeps cache markers only for providers that take them', () => {
    const part = { type: 'text', text: 'x', cache_control: { type: 'ephemeral' } }
    const wire = { messages: [{ role: 'user', content: [part] }] }
    expect(encode(wire)).toMatchObject({
      body: { messages: [{ content: [{ type: 'text', text: 'x' }] }] },
      dropped: [{ parameter: 'cache_control' }],
    })
    expect(bodyOf(wire)['messages']).not.toHaveProperty('0.content.0.cache_control')
    expect(bodyOf(wire, { cacheControl: true })['messages']).toEqual(wire.messages)
  })

  test('never changes what came in', () => {
    const wire = {
      model: 'a/b',
      messages: [
        { role: 'developer', content: 'x' },
        { role: 'assistant', content: 'y', reasoning: 'z' },
      ],
      temperature: 1,
      reasoning: { effort: 'low' },
      tools: [{ type: 'function', function: { name: 'f' }, cache_control: {} }],
    }
    const before = structuredClone(wire)
    encode(wire, { noDeveloperRole: true, unsupported: ['temperature'], rename: { tools: 't' } }, [])
    expect(wire).toEqual(before)
  })
})

test('a conversation survives the hub: decoded, then encoded for the wire', () => {
  const messages = [
    { role: 'system', content: 'be brief' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'look', cache_control: { type: 'ephemeral', ttl: '1h' } },
        { type: 'image_url', image_url: { url: 'https://x/y.png', detail: 'low' } },
        { type: 'file', file: { filename: 'a.pdf', file_data: 'data:x' } },
        { type: 'input_audio', input_audio: { data: 'QQ==', format: 'mp3' } },
        { type: 'video_url', video_url: { url: 'https://x/v.mp4' } },
      ],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
      reasoning_details: [
        { type: 'reasoning.text', text: 'hm', format: 'anthropic-claude-v1', index: 0, signature: 's' },
        { type: 'reasoning.encrypted', data: 'e', format: 'unknown', index: 1, id: 'r1' },
      ],
      reasoning: 'hm',
    },
    { role: 'tool', content: '42', tool_call_id: 'c1' },
    { role: 'user', content: 'and?', name: 'jane' },
  ]
  const tools = [
    {
      type: 'function',
      function: { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true },
    },
  ]
  const chat = { ...decode({ messages, tools, temperature: 0.3, max_tokens: 50, n: 2 }), dialect: 'another' }
  const { body, dropped } = encodeRequest(chat, target({ reasoning: 'object' }))
  expect(body).toEqual({
    model: 'up-model',
    messages,
    tools,
    temperature: 0.3,
    max_tokens: 50,
    n: 2,
    stream: false,
  })
  expect(dropped).toEqual([])
})

test('every recorded request to an OpenAI-compatible provider is understood and keeps its messages', () => {
  const requests = recordedCases().filter(
    ({ request }) => /chat\/completions$/.test(request.url_path ?? '') && request.body !== null,
  )
  for (const { id, request } of requests) {
    const body = { model: 'm', ...(request.body as Json) }
    const chat = decodeRequest(body, { path: '', query: '' })
    const hub = { ...chat, dialect: 'another' }
    const passed = encodeRequest(chat, target({ reasoning: 'object', cacheControl: true })).body as Json
    expect(passed['messages'], id).toEqual(body['messages' as keyof typeof body])
    const translated = encodeRequest(hub, target({ reasoning: 'object', cacheControl: true })).body as Json
    expect(leaves(translated['messages']), id).toEqual(expect.arrayContaining(leaves(passed['messages'])))
    expect(chat.promptBytes, id).toBeGreaterThan(0)
  }
})

/** Every text in a conversation but the names of kinds and roles. */
function leaves(value: unknown, key = ''): string[] {
  if (typeof value === 'string') return value === '' || ['type', 'role'].includes(key) ? [] : [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) => leaves(member, name))
}
