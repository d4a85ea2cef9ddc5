import fc from 'fast-check'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { rechunk } from '../../../test/fixtures.ts'
import {
  type ChatEvent,
  type Cost,
  type ErrorCode,
  GatewayError,
  NO_USAGE,
  type Usage,
} from '../../chat/index.ts'
import type { ReplyMeta, StreamPipe } from '../dialect.ts'
import { fold } from '../fold.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { pipeFor, translatePipe } from '../pipe.ts'
import { openaiResponses } from './index.ts'
import { eventsOf, readGatewayStream, readResponse } from './reader.fixture.ts'

const usage: Usage = {
  ...NO_USAGE,
  promptTokens: 9,
  completionTokens: 4,
  reasoningTokens: 1,
  cacheReadTokens: 2,
}
const cost: Cost = {
  totalNanos: 65_000n,
  upstreamPromptNanos: 35_000n,
  upstreamCompletionNanos: 30_000n,
  isByok: true,
}

const decode = (body: object) =>
  openaiResponses.decodeRequest({ model: 'm', input: 'x', ...body }, { path: '/responses', query: '' })

const metaOf = (body: object = {}, more: Partial<ReplyMeta> = {}): ReplyMeta => ({
  id: 'gen-17-Ab',
  created: 17,
  model: 'a/m',
  provider: 'P',
  hideReasoning: false,
  request: decode(body),
  ...more,
})

const stop: ChatEvent = { type: 'finish', reason: 'stop', native: 'end' }
const paid: ChatEvent = { type: 'usage', usage, cost }

function block(
  index: number,
  kind: (ChatEvent & { type: 'block-start' })['block'],
  ...deltas: object[]
): ChatEvent[] {
  return [
    { type: 'block-start', index, block: kind },
    ...deltas.map((delta) => ({ type: 'block-delta', index, delta }) as ChatEvent),
    { type: 'block-stop', index },
  ]
}

const say = (index: number, text: string): ChatEvent[] =>
  block(index, { kind: 'text' }, { kind: 'text', text })

const failure = (code: ErrorCode): ChatEvent => ({
  type: 'error',
  error: { code, status: 200, message: 'It broke.', providerCode: null, retryAfterMs: null },
})

function encode(events: readonly ChatEvent[], meta = metaOf()): string {
  const encoder = openaiResponses.createStreamEncoder(meta)
  return events.map((event) => encoder.push(event)).join('') + encoder.end()
}

const last = (stream: string) => eventsOf(stream).at(-1)!['response']

/** Official client over a recorded body. */
const official = (body: string) =>
  new OpenAI({
    apiKey: 'none',
    baseURL: 'http://localhost/v1',
    maxRetries: 0,
    fetch: async () => new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
  })

describe('the response object', () => {
  const body = {
    instructions: 'Be brief.',
    tools: [{ type: 'function', name: 'f', parameters: {}, strict: true }],
    tool_choice: 'required',
    metadata: { a: 'b' },
    temperature: 0.5,
    max_output_tokens: 50,
  }
  const response = last(encode([...say(0, 'Hi'), stop, paid], metaOf(body)))

  test('has every key that official clients require, and repeats the request', () => {
    const keys =
      'id object created_at completed_at model status output error incomplete_details instructions metadata tools tool_choice parallel_tool_calls temperature top_p presence_penalty frequency_penalty'
    expect(Object.keys(response)).toEqual(expect.arrayContaining(keys.split(' ')))
    expect(response).toMatchObject({ ...body, id: 'gen-17-Ab', created_at: 17, model: 'a/m', store: false })
  })

  test('tells tokens and cost', () => {
    expect(response.usage).toEqual({
      input_tokens: 9,
      input_tokens_details: { cached_tokens: 2, cache_write_tokens: 0 },
      output_tokens: 4,
      output_tokens_details: { reasoning_tokens: 1 },
      total_tokens: 13,
      cost: 0.000065,
      is_byok: true,
      cost_details: {
        upstream_inference_cost: 0.000065,
        upstream_inference_input_cost: 0.000035,
        upstream_inference_output_cost: 0.00003,
      },
    })
  })

  test('is neutral where the request came in another format', () => {
    const { request: _none, ...meta } = metaOf()
    expect(last(encode([stop], meta))).toMatchObject({ instructions: null, tools: [], tool_choice: 'auto' })
  })
})

describe('ends', () => {
  test.each([
    ['stop', 'completed', null],
    ['tool_calls', 'completed', null],
    ['length', 'incomplete', { reason: 'max_output_tokens' }],
    ['content_filter', 'incomplete', { reason: 'content_filter' }],
  ] as const)('a finish by %s is %s', (reason, status, details) => {
    const stream = encode([...say(0, 'Hi'), { type: 'finish', reason, native: null }, paid])
    expect(readGatewayStream(stream)).toMatchObject({ status, text: 'Hi' })
    expect(last(stream)).toMatchObject({ status, incomplete_details: details, error: null })
    expect(last(stream).output[0].status).toBe(status)
  })

  test.each([
    ['rate_limit_exceeded', 'rate_limit_exceeded', 'rate_limit_exceeded'],
    ['provider_overloaded', 'server_error', 'provider_overloaded'],
    ['provider_cut', 'server_error', 'provider_unavailable'],
    ['invalid_request', 'invalid_prompt', 'invalid_request'],
    ['payment_required', 'invalid_prompt', 'payment_required'],
    ['content_policy_violation', 'image_content_policy_violation', 'content_policy_violation'],
  ] as const)('%s is a failed response with code %s', async (code, wireCode, type) => {
    const stream = encode([...say(0, 'Hi'), paid, failure(code)])
    expect(readGatewayStream(stream)).toMatchObject({
      status: 'failed',
      text: 'Hi',
      usage: { output_tokens: 4 },
    })
    expect(last(stream)).toMatchObject({ error: { code: wireCode, message: 'It broke.' }, error_type: type })
    const reading = official(stream).responses.stream({ model: 'm', input: 'x' }).finalResponse()
    await expect(reading).rejects.toThrow('It broke.')
  })

  test.each(['context_length_exceeded', 'max_tokens_exceeded'] as const)(
    '%s is an answer that ended for want of room',
    (code) => {
      const stream = encode([failure(code), paid])
      expect(readGatewayStream(stream)).toMatchObject({
        status: 'incomplete',
        reason: 'max_output_tokens',
        error: null,
      })
    },
  )

  test('a full context before the first byte is an incomplete response too, other errors are HTTP errors', () => {
    const full = new GatewayError('context_length_exceeded', 'Too long.')
    expect(readGatewayStream(openaiResponses.answerError!(full, metaOf(), true)!).status).toBe('incomplete')
    expect(JSON.parse(openaiResponses.answerError!(full, metaOf(), false)!)).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      error_type: 'context_length_exceeded',
      output: [],
    })
    expect(openaiResponses.answerError!(new GatewayError('server', 'x'), metaOf(), true)).toBeNull()
  })

  test('an HTTP error has the type beside the envelope', () => {
    const error = new GatewayError('payment_required', 'No credit.')
    expect(openaiResponses.encodeError(error, 'gen-1')).toMatchObject({
      status: 402,
      body: { error: { code: 402, message: 'No credit.' }, error_type: 'payment_required' },
    })
  })
})

describe('tools', () => {
  const tools = [
    { type: 'namespace', name: 'mcp__docs__', tools: [{ type: 'function', name: 'find' }] },
    { type: 'custom', name: 'apply_patch' },
  ]
  const call = (index: number, name: string, ...pieces: string[]) =>
    block(
      index,
      { kind: 'tool', id: `call_${index}`, name },
      ...pieces.map((json) => ({ kind: 'args', json })),
    )

  test('calls come back under the names and in the shapes of the request', () => {
    const events = [
      ...call(0, 'mcp__docs__find', '{"q"', ':1}'),
      ...call(1, 'apply_patch', '{"input":"*** ', 'Begin\\n"}'),
      ...call(2, 'shell'),
      stop,
    ]
    const stream = encode(events, metaOf({ tools }))
    readGatewayStream(stream)
    expect(last(stream).output).toMatchObject([
      {
        type: 'function_call',
        namespace: 'mcp__docs__',
        name: 'find',
        call_id: 'call_0',
        arguments: '{"q":1}',
      },
      { type: 'custom_tool_call', name: 'apply_patch', call_id: 'call_1', input: '*** Begin\n' },
      { type: 'function_call', name: 'shell', call_id: 'call_2', arguments: '{}' },
    ])
  })

  test('calls that are written side by side stay apart', () => {
    const [open0, a0, close0] = call(0, 'f', '{"a":1}')
    const [open1, a1, close1] = call(1, 'g', '{"b":2}')
    const stream = encode([open0!, open1!, a1!, a0!, close0!, close1!, stop])
    expect(readGatewayStream(stream).tools).toEqual([
      { id: 'call_0', name: 'f', args: '{"a":1}' },
      { id: 'call_1', name: 'g', args: '{"b":2}' },
    ])
  })

  test("a provider's own web search is an item of its own", () => {
    const search = { kind: 'server-tool', id: 'srv_1', name: 'web_search' } as const
    const events = [...block(0, search, { kind: 'args', json: '{"query":"cats"}' }), stop]
    expect(last(encode(events)).output).toEqual([
      {
        type: 'web_search_call',
        id: 'srv_1',
        status: 'completed',
        action: { type: 'search', query: 'cats', queries: ['cats'] },
      },
    ])
  })
})

describe('citations', () => {
  const citation = { url: 'https://x', title: 'X', text: null, start: 0, end: 2, raw: null }
  const annotation = { type: 'url_citation', url: 'https://x', title: 'X', start_index: 0, end_index: 2 }

  test.each([
    ['after the text', [...say(0, 'Hi'), { type: 'citation', citation } as ChatEvent, stop]],
    ['before any text', [{ type: 'citation', citation } as ChatEvent, ...say(0, 'Hi'), stop]],
    ['without any text', [{ type: 'citation', citation } as ChatEvent, stop]],
  ])('%s are annotations', (_, events) => {
    const stream = encode(events)
    expect(readGatewayStream(stream).citations).toBe(1)
    expect(last(stream).output[0].content[0].annotations).toEqual([annotation])
  })
})

describe('reasoning', () => {
  const thinking = { kind: 'reasoning', format: 'anthropic-claude-v1' } as const
  const signed = [
    ...block(0, thinking, { kind: 'reasoning', text: 'hm' }, { kind: 'signature', signature: 'sig' }),
    ...block(
      1,
      { kind: 'reasoning', format: 'anthropic-claude-v1' },
      { kind: 'encrypted', data: 'redacted' },
    ),
    ...say(2, 'Hi'),
    ...block(
      3,
      { kind: 'tool', id: 'c1', name: 'f' },
      { kind: 'args', json: '{}' },
      { kind: 'signature', signature: 'gsig' },
    ),
    stop,
  ]

  test.each([
    ['is text', {}, 'content'],
    ['is a summary for a client that asks for summaries', { reasoning: { summary: 'auto' } }, 'summary'],
  ])('%s', (_, body, where) => {
    const stream = encode(signed, metaOf(body))
    expect(readGatewayStream(stream).reasoning).toBe('hm')
    expect(last(stream).output[0][where][0].text).toBe('hm')
  })

  test.each([{}, { reasoning: { summary: 'auto' } }])(
    'comes back with its signatures from clients that keep only what they know (%j)',
    (body) => {
      const output = last(encode(signed, metaOf(body))).output.map((item: Record<string, unknown>) => {
        const { format: _format, signature: _signature, content, id: _id, ...kept } = item
        // Codex sends no plain reasoning back.
        return item['type'] === 'reasoning' ? kept : { ...kept, ...(content !== undefined && { content }) }
      })
      const chat = decode({ input: [{ role: 'user', content: 'x' }, ...output] })
      expect(chat.messages()[1]!.content).toEqual([
        { kind: 'reasoning', text: 'hm', signature: 'sig', format: 'anthropic-claude-v1' },
        { kind: 'reasoning', encrypted: 'redacted', format: 'anthropic-claude-v1' },
        { kind: 'text', text: 'Hi' },
        { kind: 'tool-call', id: 'c1', name: 'f', args: '{}', signature: 'gsig' },
      ])
    },
  )

  test('that a Responses provider sealed goes out as it is', () => {
    const own = { kind: 'reasoning', id: 'rs_1', format: 'openai-responses-v1' } as const
    const events = [
      ...block(0, own, { kind: 'reasoning', text: 'S', summary: true }, { kind: 'encrypted', data: 'gA' }),
      stop,
    ]
    expect(last(encode(events)).output[0]).toMatchObject({
      id: 'rs_1',
      summary: [{ type: 'summary_text', text: 'S' }],
      encrypted_content: 'gA',
    })
  })

  test('is not told to a client that excludes it', () => {
    const reading = readGatewayStream(encode(signed, metaOf({}, { hideReasoning: true })))
    expect(reading).toMatchObject({ reasoning: '', text: 'Hi' })
  })
})

/** An upstream's stream of the given events, numbered as OpenAI does. */
const upstream = (...events: object[]): string =>
  events
    .map((event, i) => ({ ...event, sequence_number: i }) as Record<string, unknown>)
    .map((event) => `event: ${event['type']}\ndata: ${JSON.stringify(event)}\n\n`)
    .join('')

const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  model: 'gpt',
  created_at: 1,
  status: 'in_progress',
  output: [],
}
const MESSAGE = { id: 'msg_1', type: 'message', role: 'assistant' }
const TOLD = {
  ...MESSAGE,
  status: 'completed',
  content: [{ type: 'output_text', text: 'Grüße 🦊', annotations: [] }],
}
const THOUGHT = {
  id: 'rs_1',
  type: 'reasoning',
  summary: [{ type: 'summary_text', text: 'hm' }],
  encrypted_content: 'gA',
}
const COUNTED = { input_tokens: 9, output_tokens: 4, total_tokens: 13 }
const GOOD = upstream(
  { type: 'response.created', response: RESPONSE },
  { type: 'response.in_progress', response: RESPONSE },
  {
    type: 'response.output_item.added',
    output_index: 0,
    item: { ...THOUGHT, summary: [], encrypted_content: null },
  },
  {
    type: 'response.reasoning_summary_text.delta',
    output_index: 0,
    item_id: 'rs_1',
    summary_index: 0,
    delta: 'hm',
  },
  { type: 'response.output_item.done', output_index: 0, item: THOUGHT },
  { type: 'response.output_item.added', output_index: 1, item: { ...MESSAGE, content: [] } },
  {
    type: 'response.output_text.delta',
    output_index: 1,
    item_id: 'msg_1',
    content_index: 0,
    delta: 'Grüße ',
  },
  { type: 'response.output_text.delta', output_index: 1, item_id: 'msg_1', content_index: 0, delta: '🦊' },
  { type: 'response.output_item.done', output_index: 1, item: TOLD },
  {
    type: 'response.completed',
    response: { ...RESPONSE, status: 'completed', output: [THOUGHT, TOLD], usage: COUNTED },
  },
)

function finishOf(pipe: StreamPipe, pieces: readonly Uint8Array[]): string {
  let out = ''
  for (const piece of pieces) out += Buffer.from(pipe.push(piece) ?? []).toString('utf8')
  pipe.end()
  const { error, finish } = pipe.seen
  if (error !== null || finish === null) {
    const code = error?.code ?? 'provider_cut'
    return (
      out +
      Buffer.from(pipe.fail(new GatewayError(code, error?.message ?? 'cut'), usage, cost)).toString('utf8')
    )
  }
  return out + Buffer.from(pipe.finish(usage, cost)).toString('utf8')
}

describe('what passes through', () => {
  test('is the same but for what is ours', () => {
    const text = finishOf(pipeFor(openaiResponses, openaiResponses, metaOf(), true), [Buffer.from(GOOD)])
    const events = eventsOf(text)
    expect(events.slice(2, -1)).toEqual(eventsOf(GOOD).slice(2, -1))
    expect(events.at(-1)).toMatchObject({
      type: 'response.completed',
      sequence_number: 9,
      response: {
        id: 'gen-17-Ab',
        model: 'a/m',
        provider: 'P',
        output: [THOUGHT, TOLD],
        usage: { cost: 0.000065 },
      },
    })
  })

  test('leaves reasoning out for a client that excludes it', () => {
    const pipe = pipeFor(openaiResponses, openaiResponses, metaOf({}, { hideReasoning: true }), true)
    const text = finishOf(pipe, [Buffer.from(GOOD)])
    expect(text).not.toContain('reasoning_summary')
    expect(last(text).output).toEqual([TOLD])
  })

  test('shows in a failed response what was complete', () => {
    const cut = GOOD.slice(0, GOOD.indexOf('event: response.completed'))
    const text = finishOf(pipeFor(openaiResponses, openaiResponses, metaOf(), true), [Buffer.from(cut)])
    expect(last(text)).toMatchObject({
      status: 'failed',
      output: [THOUGHT, TOLD],
      error: { code: 'server_error' },
    })
  })

  test('tells no names of ours that the client did not give', () => {
    const body = JSON.stringify({
      ...RESPONSE,
      status: 'completed',
      output: [TOLD],
      usage: COUNTED,
      user: 'hash',
    })
    const pipe = pipeFor(openaiResponses, openaiResponses, metaOf(), false)
    expect(JSON.parse(finishOf(pipe, [Buffer.from(body)]))).toMatchObject({ user: null, id: 'gen-17-Ab' })
  })
})

describe('errors inside a stream of the provider', () => {
  const begun = { type: 'response.created', response: RESPONSE }
  const failed = (code: string, message: string) => ({
    type: 'response.failed',
    response: { ...RESPONSE, status: 'failed', error: { code, message } },
  })
  test.each([
    ['rate_limit_exceeded', 'Slow down. Please try again in 7s.', 'rate_limit_exceeded', 7000],
    ['server_error', 'Oops', 'provider_unavailable', null],
    ['insufficient_quota', 'Pay', 'provider_payment', null],
    ['context_length_exceeded', 'Too long', 'context_length_exceeded', null],
    ['invalid_prompt', 'No', 'invalid_request', null],
    ['image_content_policy_violation', 'No', 'content_policy_violation', null],
  ])('%s means what it says', (code, message, expected, retryAfterMs) => {
    for (const events of [
      [begun, failed(code, message)],
      [begun, { type: 'error', code, message, param: null }, failed(code, message)],
      [begun, { type: 'error', error: { type: 'x', code, message } }],
    ]) {
      const pipe = translatePipe(openaiResponses, openaiChat, metaOf(), true)
      pipe.push(Buffer.from(upstream(...events)))
      pipe.end()
      expect(pipe.seen.error).toMatchObject({ code: expected, message, retryAfterMs })
      expect(pipe.seen.finish).toBeNull()
    }
  })
})

describe('whatever happens to the bytes', () => {
  const ways = {
    through: () => pipeFor(openaiResponses, openaiResponses, metaOf(), true),
    translated: () => translatePipe(openaiResponses, openaiResponses, metaOf(), true),
  }
  test.each(Object.entries(ways))('no split changes the answer (%s)', (_, createPipe) => {
    const bytes = Buffer.from(GOOD)
    const whole = finishOf(createPipe(), [bytes])
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 60 }), (seed, most) => {
        expect(finishOf(createPipe(), rechunk(bytes, seed, most))).toBe(whole)
      }),
      { numRuns: 40 },
    )
  })

  test.each(Object.entries(ways))('a cut at any byte is one end and one usage (%s)', (way, createPipe) => {
    const bytes = Buffer.from(GOOD)
    const end = Buffer.byteLength(GOOD.slice(0, GOOD.indexOf('event: response.completed')))
    for (let at = 0; at <= bytes.length; at += at > end ? 1 : 3) {
      const text = finishOf(createPipe(), [bytes.subarray(0, at)])
      if (way === 'translated') readGatewayStream(text)
      const terminal = eventsOf(text).filter(({ type }) =>
        /^response\.(completed|incomplete|failed)$/.test(type),
      )
      expect(terminal).toHaveLength(1)
      expect(terminal[0]!['response'].usage.output_tokens).toBe(4)
      expect(text.match(/event: error\n/g)?.length ?? 0).toBe(
        terminal[0]!['type'] === 'response.failed' ? 1 : 0,
      )
      if (at < end) expect(terminal[0]!['type']).toBe('response.failed')
    }
  })
})

describe('any answer', () => {
  const word = fc.string({ minLength: 1, maxLength: 8 })
  const body = fc.oneof(
    fc.array(word, { maxLength: 3 }).map((words) => ({
      block: { kind: 'text' as const },
      deltas: words.map((text) => ({ kind: 'text' as const, text })),
    })),
    fc.array(word, { maxLength: 2 }).map((words) => ({
      block: { kind: 'refusal' as const },
      deltas: words.map((text) => ({ kind: 'refusal' as const, text })),
    })),
    fc
      .record({ words: fc.array(word, { maxLength: 3 }), summary: fc.boolean(), sealed: fc.boolean() })
      .map((it) => ({
        block: { kind: 'reasoning' as const, format: 'openai-responses-v1', id: `rs_${it.words.join('')}` },
        deltas: [
          ...it.words.map((text) => ({
            kind: 'reasoning' as const,
            text,
            ...(it.summary && { summary: true }),
          })),
          ...(it.sealed ? [{ kind: 'encrypted' as const, data: 'gA' }] : []),
        ],
      })),
    fc.record({ id: fc.uuid(), name: word, value: fc.json() }).map((it) => ({
      block: { kind: 'tool' as const, id: it.id, name: it.name },
      deltas: [...it.value].map((json) => ({ kind: 'args' as const, json })),
    })),
  )
  const events = fc
    .array(body, { maxLength: 5 })
    .map((blocks): ChatEvent[] => [
      { type: 'start', id: 'up', model: 'm' },
      ...blocks.flatMap((it, i) => block(i, it.block, ...it.deltas)),
      stop,
      { type: 'usage', usage },
    ])

  test('streamed is the same as whole', () => {
    fc.assert(
      fc.property(events, (told) => {
        const stream = encode(told)
        readGatewayStream(stream)
        const whole = JSON.parse(JSON.stringify(openaiResponses.encodeReply(told, metaOf())))
        expect(last(stream)).toEqual(whole)
      }),
      { numRuns: 150 },
    )
  })

  test('is read back as what was written, streamed or whole', () => {
    const read = (stream: string): ChatEvent[] => {
      const decoder = openaiResponses.createStreamDecoder()
      const read = stream.split('\n\n').flatMap((frame) => {
        const [name, data] = frame.split('\n')
        return data === undefined
          ? []
          : decoder.push({ kind: 'sse', event: name!.slice(7), data: data.slice('data: '.length) })
      })
      return [...read, ...decoder.end()]
    }
    fc.assert(
      fc.property(events, (told) => {
        const stream = encode(told)
        const fromStream = fold(read(stream))
        const fromWhole = fold(openaiResponses.decodeReply(last(stream)))
        expect(fromStream).toEqual(fromWhole)
        const reading = readResponse(last(stream))
        const blocks = fold(told).choices.get(0)!.blocks
        const sum = (kind: string) =>
          blocks
            .filter((it) => it.block.kind === kind)
            .map((it) => it.text + it.summary)
            .join('')
        expect(reading.text).toBe(sum('text'))
        expect(reading.refusal).toBe(sum('refusal'))
        expect(reading.reasoning).toBe(sum('reasoning'))
        expect(reading.tools).toHaveLength(blocks.filter((it) => it.block.kind === 'tool').length)
      }),
      { numRuns: 100 },
    )
  })
})
