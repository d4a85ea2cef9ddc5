import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  hasFixtures,
  rechunk,
  recordedCases,
  responseBytes,
  WITHOUT_FIXTURES,
} from '../../../test/fixtures.ts'
import {
  type Loose,
  type ReadMessage,
  readMessageStream,
  textOf,
  toolsOf,
} from '../../../test/messages-client.ts'
import { type Block, type ChatEvent, type Cost, GatewayError, NO_USAGE } from '../../chat/index.ts'
import type { ReplyMeta, StreamPipe } from '../dialect.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { pipeFor, translatePipe } from '../pipe.ts'
import { anthropicMessages } from './index.ts'

const meta: ReplyMeta = { id: 'gen-17-Ab', created: 5, model: 'a/b', provider: 'Pröv', hideReasoning: false }
const cost: Cost = {
  totalNanos: 1_500_000_065n,
  upstreamPromptNanos: 7n,
  upstreamCompletionNanos: null,
  isByok: true,
}

function encode(events: readonly ChatEvent[], told: ReplyMeta = meta): ReadMessage {
  const encoder = anthropicMessages.createStreamEncoder(told)
  return readMessageStream(events.map((event) => encoder.push(event)).join('') + encoder.end())
}
const whole = (events: readonly ChatEvent[], told: ReplyMeta = meta): Loose =>
  JSON.parse(JSON.stringify(anthropicMessages.encodeReply(events, told))) as Loose

const begin = (index: number, block: Block): ChatEvent => ({ type: 'block-start', index, block })
const end = (index: number): ChatEvent => ({ type: 'block-stop', index })
const add = (index: number, delta: (ChatEvent & { type: 'block-delta' })['delta']): ChatEvent => ({
  type: 'block-delta',
  index,
  delta,
})
const say = (index: number, text: string): ChatEvent => add(index, { kind: 'text', text })
const args = (index: number, json: string): ChatEvent => add(index, { kind: 'args', json })
const usage: ChatEvent = {
  type: 'usage',
  usage: {
    ...NO_USAGE,
    promptTokens: 100,
    cacheReadTokens: 60,
    cacheWriteTokens: 10,
    cacheWrite1hTokens: 5,
    completionTokens: 9,
    reasoningTokens: 4,
  },
  cost,
}
const finish: ChatEvent = { type: 'finish', reason: 'stop', native: 'stop' }

describe('an answer for a Messages client', () => {
  test('says usage by kind, with cost, once and at the end', () => {
    const {
      usage: told,
      stop,
      message,
    } = encode([begin(0, { kind: 'text' }), say(0, 'Hi'), end(0), finish, usage])
    expect(told).toEqual({
      input_tokens: 25,
      cache_creation_input_tokens: 15,
      cache_read_input_tokens: 60,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 5 },
      output_tokens: 9,
      output_tokens_details: { thinking_tokens: 4 },
      cost: 1.500000065,
      is_byok: true,
      cost_details: {
        upstream_inference_cost: null,
        upstream_inference_prompt_cost: 0.000000007,
        upstream_inference_completions_cost: null,
      },
    })
    expect(stop).toBe('end_turn')
    expect(message).toMatchObject({ id: 'gen-17-Ab', model: 'a/b', provider: 'Pröv' })
  })

  test('keeps sources that are told before the text, or without one', () => {
    const source = { url: 'https://a.example', title: 'A', text: 'so', start: null, end: null, raw: {} }
    const cite: ChatEvent = { type: 'citation', citation: source }
    const early = encode([cite, begin(0, { kind: 'text' }), say(0, 'Hi'), end(0), finish, usage])
    expect(early.blocks).toMatchObject([{ type: 'text', text: 'Hi', citations: [{ url: source.url }] }])
    const call = [begin(0, { kind: 'tool', id: 'a', name: 'one' }), args(0, '{}'), end(0)]
    const alone = encode([...call, cite, finish, usage])
    expect(alone.blocks).toMatchObject([{ type: 'tool_use' }, { text: '', citations: [{ url: source.url }] }])
    expect(whole([...call, cite, finish, usage])['content']).toEqual(alone.blocks)
  })

  test('says the tier in the usage, in the spelling of the API', () => {
    const start: ChatEvent = { type: 'start', id: 'x', model: 'm', serviceTier: 'default' }
    expect(encode([start, finish, usage]).usage).toMatchObject({ service_tier: 'standard' })
    const events = anthropicMessages.decodeReply({
      id: 'm',
      content: [],
      stop_reason: 'end_turn',
      usage: { service_tier: 'standard' },
    })
    expect(events[0]).toMatchObject({ serviceTier: 'default' })
  })

  test('opens one block at a time though arguments of tools come mixed', () => {
    const got = encode([
      begin(0, { kind: 'tool', id: 'a', name: 'one' }),
      args(0, '{"x":'),
      begin(1, { kind: 'tool', id: '', name: 'two' }),
      args(1, '{"y":2}'),
      args(0, '1}'),
      begin(2, { kind: 'text' }),
      say(2, 'done'),
      end(2),
      end(0),
      end(1),
      { type: 'finish', reason: 'tool_calls', native: 'tool_calls' },
      usage,
    ])
    expect(toolsOf(got)).toEqual([
      ['a', 'one', { x: 1 }],
      ['toolu_17Ab_1', 'two', { y: 2 }],
    ])
    expect(textOf(got)).toBe('done')
    expect(got.stop).toBe('tool_use')
  })

  test('goes on with the next tool as soon as the arguments of the first are whole', () => {
    const encoder = anthropicMessages.createStreamEncoder(meta)
    encoder.push(begin(0, { kind: 'tool', id: 'a', name: 'one' }))
    encoder.push(args(0, '{"x":1}'))
    encoder.push(begin(1, { kind: 'tool', id: 'b', name: 'two' }))
    expect(encoder.push(args(1, '{"y"'))).toContain('"partial_json":"{\\"y\\""')
  })

  test('keeps citations that come after the end of their text', () => {
    const citation = { url: 'https://x.y', title: 'X', text: 'said', start: 0, end: 2, raw: null }
    const got = encode([
      begin(0, { kind: 'text' }),
      say(0, 'Hi'),
      end(0),
      { type: 'citation', citation },
      finish,
      usage,
    ])
    expect(got.blocks).toEqual([
      {
        type: 'text',
        text: 'Hi',
        citations: [
          {
            type: 'web_search_result_location',
            url: 'https://x.y',
            title: 'X',
            cited_text: 'said',
            encrypted_index: '',
          },
        ],
      },
    ])
  })

  test('hides the text of reasoning and keeps its proof', () => {
    const events = [
      begin(0, { kind: 'reasoning', format: 'anthropic-claude-v1' }),
      add(0, { kind: 'reasoning', text: 'secret' }),
      add(0, { kind: 'signature', signature: 'c2ln' }),
      end(0),
      begin(1, { kind: 'reasoning' }),
      add(1, { kind: 'reasoning', text: 'more' }),
      end(1),
      finish,
      usage,
    ]
    const hidden = encode(events, { ...meta, hideReasoning: true })
    expect(hidden.blocks).toEqual([
      { type: 'thinking', thinking: '', signature: 'c2ln' },
      // Nobody signed it: to come back to its model it has to travel unseen.
      { type: 'thinking', thinking: '', signature: `unknown:t::${btoa('more')}` },
    ])
    const shown = encode(events)
    expect(shown.blocks.map((block) => block['thinking'])).toEqual(['secret', 'more'])
    expect(shown.blocks[1]!['signature']).toBe('unknown:s::')
  })

  test('shows images, spoken words and refusals in blocks that the API has', () => {
    const got = encode([
      begin(0, { kind: 'image' }),
      add(0, { kind: 'image', url: 'data:image/png;base64,QQ==' }),
      end(0),
      begin(1, { kind: 'audio' }),
      add(1, { kind: 'audio', data: 'QQ==', transcript: 'Hello' }),
      end(1),
      begin(2, { kind: 'refusal' }),
      add(2, { kind: 'refusal', text: 'No.' }),
      end(2),
      { type: 'finish', reason: 'content_filter', native: 'content_filter' },
      usage,
    ])
    expect(got.blocks).toEqual([
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'QQ==' } },
      { type: 'text', text: 'Hello' },
      { type: 'text', text: 'No.' },
    ])
    expect(got.stop).toBe('refusal')
  })

  test('that fails ends in one error event and nothing after it', () => {
    const error = {
      code: 'provider_overloaded',
      status: 200,
      message: 'Busy.',
      providerCode: 'overloaded_error',
      retryAfterMs: null,
    } as const
    const got = encode([
      begin(0, { kind: 'text' }),
      say(0, 'Hi'),
      usage,
      { type: 'error', error },
      say(0, 'late'),
      finish,
    ])
    expect(got).toMatchObject({
      stop: null,
      done: false,
      error: {
        error: { type: 'overloaded_error', message: 'Busy.', error_type: 'provider_overloaded' },
        usage: { output_tokens: 9 },
      },
    })
    expect(whole([begin(0, { kind: 'text' }), say(0, 'Hi'), end(0), { type: 'error', error }])).toMatchObject(
      {
        type: 'message',
        content: [{ text: 'Hi' }],
        error: { type: 'overloaded_error' },
      },
    )
  })

  test('of nothing at all is still a message', () => {
    expect(whole([finish, usage])).toMatchObject({ type: 'message', content: [], stop_reason: 'end_turn' })
    expect(encode([finish, usage])).toMatchObject({ blocks: [], stop: 'end_turn', done: true })
  })
})

/** An answer as its blocks; streamed in random pieces it must add up to the same. */
const block = fc.oneof(
  fc.record({ kind: fc.constant('text' as const), said: fc.string({ minLength: 1 }) }),
  fc.record({
    kind: fc.constant('reasoning' as const),
    said: fc.string({ minLength: 1 }),
    signature: fc.constantFrom('', 'c2ln'),
  }),
  fc.record({
    kind: fc.constant('tool' as const),
    input: fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 1 })),
  }),
)

const cutAt = (said: string, size: number): string[] =>
  said.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? []

function eventsOf(blocks: readonly Loose[], size: number): ChatEvent[] {
  const events: ChatEvent[] = []
  for (const [index, it] of blocks.entries()) {
    if (it['kind'] === 'tool') {
      events.push(begin(index, { kind: 'tool', id: `id${index}`, name: 'f' }))
      events.push(...cutAt(JSON.stringify(it['input']), size).map((piece) => args(index, piece)))
    } else if (it['kind'] === 'text') {
      events.push(
        begin(index, { kind: 'text' }),
        ...cutAt(it['said'], size).map((piece) => say(index, piece)),
      )
    } else {
      events.push(begin(index, { kind: 'reasoning', format: 'anthropic-claude-v1' }))
      events.push(...cutAt(it['said'], size).map((text) => add(index, { kind: 'reasoning', text })))
      if (it['signature']) events.push(add(index, { kind: 'signature', signature: it['signature'] }))
    }
    events.push(end(index))
  }
  return [...events, finish, usage]
}

describe('any answer', () => {
  test('adds up from its stream to the whole reply, however it was cut', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 5 }), fc.integer({ min: 1, max: 9 }), (blocks, size) => {
        const streamed = encode(eventsOf(blocks, size))
        const reply = whole(eventsOf(blocks, 1000))
        expect(streamed.blocks).toEqual(reply['content'])
        expect(streamed.usage).toEqual(reply['usage'])
        expect(reply['content']).toHaveLength(blocks.length)
      }),
      { numRuns: 200 },
    )
  })

  test('comes back from the wire as it was', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 4 }), fc.integer({ min: 1, max: 9 }), (blocks, size) => {
        const message = whole(eventsOf(blocks, size))
        const again = whole([
          ...anthropicMessages.decodeReply(message).filter(({ type }) => type !== 'usage'),
          usage,
        ])
        expect(again).toEqual(message)
      }),
      { numRuns: 200 },
    )
  })
})

const ANSWER = [
  [
    'message_start',
    {
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'm',
        content: [],
        usage: { input_tokens: 3, output_tokens: 1 },
      },
    },
  ],
  ['content_block_start', { index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } }],
  ['ping', {}],
  ['content_block_delta', { index: 0, delta: { type: 'thinking_delta', thinking: 'Grüße 🙂' } }],
  ['content_block_delta', { index: 0, delta: { type: 'signature_delta', signature: 'c2ln' } }],
  ['content_block_stop', { index: 0 }],
  ['brand_new_event', { whatever: true }],
  [
    'content_block_start',
    { index: 1, content_block: { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} } },
  ],
  ['content_block_delta', { index: 1, delta: { type: 'input_json_delta', partial_json: '{"ü":' } }],
  ['content_block_delta', { index: 1, delta: { type: 'input_json_delta', partial_json: '1}' } }],
  ['content_block_stop', { index: 1 }],
  ['message_delta', { delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { output_tokens: 9 } }],
  ['message_stop', {}],
]
  .map(([type, rest]) => `event: ${type}\ndata: ${JSON.stringify({ type, ...(rest as Loose) })}   \n\n`)
  .join('')

const pipes: Readonly<Record<string, () => StreamPipe>> = {
  'straight through': () => pipeFor(anthropicMessages, anthropicMessages, meta, true),
  'to Messages by way of the hub': () => translatePipe(anthropicMessages, anthropicMessages, meta, true),
  'to Chat Completions': () => translatePipe(anthropicMessages, openaiChat, meta, true),
}

function drive(pipe: StreamPipe, pieces: readonly Uint8Array[]): string {
  const out: Uint8Array[] = []
  for (const piece of pieces) {
    const ready = pipe.push(piece)
    if (ready !== null) out.push(ready)
  }
  pipe.end()
  const { error, finish: ended, usage: told } = pipe.seen
  const bad = error !== null || ended === null
  out.push(
    bad
      ? pipe.fail(new GatewayError('provider_cut', 'Cut.'), told, cost)
      : pipe.finish(told ?? NO_USAGE, cost),
  )
  return Buffer.concat(out).toString()
}

describe.each(Object.entries(pipes))('a stream of Anthropic %s', (name, createPipe) => {
  const bytes = Buffer.from(ANSWER)

  test('cut at any byte ends in exactly one error or finish, and tells usage at most once', () => {
    for (let at = 0; at <= bytes.length; at++) {
      const text = drive(createPipe(), [bytes.subarray(0, at)])
      const errors = text.match(/"error":\{/g)?.length ?? 0
      const ends = text.match(/"stop_reason":"|"finish_reason":"tool_calls/g)?.length ?? 0
      const costs = text.match(/"cost":/g)?.length ?? 0
      expect([at, errors + ends]).toEqual([at, 1])
      expect(costs).toBeLessThanOrEqual(1)
      if (name !== 'to Chat Completions') readMessageStream(text)
    }
  })

  test('is the same however it is split', () => {
    const once = drive(createPipe(), [bytes])
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 60 }), (seed, most) => {
        expect(drive(createPipe(), rechunk(bytes, seed, most))).toBe(once)
      }),
      { numRuns: 60 },
    )
  })

  test('with an event that is too long, or events that are no JSON, is refused', () => {
    const long = `data: ${'x'.repeat(1024 * 1024 + 10)}`
    expect(() => createPipe().push(Buffer.from(long))).toThrow(GatewayError)
    const pipe = createPipe()
    expect(refusal(pipe, 'data: nope\n\ndata: nope\n\n')).toMatch(/not JSON/)
  })
})

/** A pipe that has something to send before says what is wrong in `seen`. */
function refusal(pipe: StreamPipe, text: string): string | undefined {
  try {
    pipe.push(Buffer.from(text))
    return pipe.seen.error?.message
  } catch (error) {
    return (error as Error).message
  }
}

test('straight through, what is not ours passes byte for byte', () => {
  const text = drive(pipes['straight through']!(), [Buffer.from(ANSWER)])
  const frames = ANSWER.split('\n\n').slice(1, -3)
  expect(text).toContain(`${frames.join('\n\n')}\n\n`)
})

test('straight through, a server of CRLF lines is understood', () => {
  const got = readMessageStream(
    drive(pipes['straight through']!(), [Buffer.from(ANSWER.replaceAll('\n', '\r\n'))]),
  )
  expect(got).toMatchObject({
    stop: 'tool_use',
    done: true,
    usage: { input_tokens: 3, output_tokens: 9, cost: 1.500000065 },
  })
  expect(toolsOf(got)).toEqual([['toolu_1', 'f', { ü: 1 }]])
})

test('summing up the conversation is paid for', () => {
  const iterations = [
    { type: 'compaction', input_tokens: 1000, output_tokens: 50 },
    { type: 'message', input_tokens: 10, output_tokens: 5 },
  ]
  const reply = {
    type: 'message',
    id: 'm',
    model: 'm',
    content: [{ type: 'compaction', content: 'sum' }],
    stop_reason: 'end_turn',
    usage: { input_tokens: 10, output_tokens: 5, iterations },
  }
  const told = anthropicMessages.decodeReply(reply).findLast((event) => event.type === 'usage')
  expect(told).toMatchObject({ usage: { promptTokens: 1010, completionTokens: 55 } })
})

describe.skipIf(!hasFixtures)(`recorded streams${hasFixtures ? '' : ` [${WITHOUT_FIXTURES}]`}`, () => {
  test('say the same whole or streamed to a Messages client, from every recorded provider of Chat Completions', () => {
    let looked = 0
    for (const recorded of recordedCases()) {
      const { response, request } = recorded
      if (
        response.status !== 200 ||
        response.kind !== 'sse' ||
        !/chat\/completions$/.test(request.url_path ?? '')
      )
        continue
      const decoder = openaiChat.createStreamDecoder()
      const events = responseBytes(recorded)
        .toString()
        .split(/\r?\n\r?\n/)
        .filter((frame) => frame.startsWith('data:'))
        .flatMap((frame) => decoder.push({ kind: 'sse', event: null, data: frame.slice(5).trim() }))
      if (events.some(({ type }) => type === 'error')) continue
      const ordered = [...events.filter(({ type }) => type !== 'usage'), usage]
      expect(encode(ordered).blocks).toEqual(whole(ordered)['content'])
      looked++
    }
    expect(looked).toBe(55)
  })
})
