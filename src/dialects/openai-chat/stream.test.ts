import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readGatewayStream, sseData } from '../../../test/chat-client.ts'
import { recordedCases, responseBytes } from '../../../test/fixtures.ts'
import { type ChatEvent, type Cost, NO_USAGE } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { fold } from '../fold.ts'
import type { Json } from '../json.ts'
import { openaiChat } from './index.ts'

const meta: ReplyMeta = { id: 'gen-1-Ab', created: 5, model: 'a/b', provider: 'P', hideReasoning: false }
const cost: Cost = { totalNanos: null, upstreamPromptNanos: 1n, upstreamCompletionNanos: 2n, isByok: true }

function decode(chunks: readonly (Json | '[DONE]')[]): ChatEvent[] {
  const decoder = openaiChat.createStreamDecoder()
  const data = chunks.map((chunk) => (chunk === '[DONE]' ? chunk : JSON.stringify(chunk)))
  return [...data.flatMap((it) => decoder.push({ kind: 'sse', event: null, data: it })), ...decoder.end()]
}

function encode(events: readonly ChatEvent[], reply = meta): string {
  const encoder = openaiChat.createStreamEncoder(reply)
  return events.map((event) => encoder.push(event)).join('') + encoder.end()
}

const delta = (fields: Json, finish: string | null = null): Json => ({
  id: 'up',
  model: 'm',
  choices: [{ index: 0, delta: fields, finish_reason: finish }],
})
/** The fold of an answer without what only a stream has. */
const sum = (events: readonly ChatEvent[]) => {
  const { choices, usage, error } = fold(events)
  return { choices: [...choices].map(([at, { logprobs, ...choice }]) => [at, choice]), usage, error }
}

/** An answer as events, of all kinds of blocks, as an encoder may get it from any dialect. */
const rich: ChatEvent[] = [
  { type: 'start', id: 'up', model: 'm', serviceTier: 'default', systemFingerprint: 'fp' },
  { type: 'block-start', index: 0, block: { kind: 'reasoning', format: 'anthropic-claude-v1', id: 'r1' } },
  { type: 'block-delta', index: 0, delta: { kind: 'reasoning', text: 'hm' } },
  { type: 'block-delta', index: 0, delta: { kind: 'signature', signature: 'sig' } },
  { type: 'block-stop', index: 0 },
  { type: 'block-start', index: 1, block: { kind: 'reasoning', format: 'openai-responses-v1' } },
  { type: 'block-delta', index: 1, delta: { kind: 'reasoning', text: 'in short', summary: true } },
  { type: 'block-delta', index: 1, delta: { kind: 'encrypted', data: 'enc' } },
  { type: 'block-stop', index: 1 },
  { type: 'block-start', index: 2, block: { kind: 'server-tool', id: 's1', name: 'web_search' } },
  { type: 'block-delta', index: 2, delta: { kind: 'args', json: '{"q":1}' } },
  { type: 'block-delta', index: 2, delta: { kind: 'result', data: { hits: 2 } } },
  { type: 'block-stop', index: 2 },
  { type: 'block-start', index: 3, block: { kind: 'text' } },
  { type: 'block-delta', index: 3, delta: { kind: 'text', text: 'Hel' } },
  {
    type: 'block-delta',
    index: 3,
    delta: { kind: 'text', text: 'lo' },
    logprobs: { content: [{ token: 'lo' }] },
  },
  { type: 'block-stop', index: 3 },
  {
    type: 'citation',
    citation: { url: 'https://x', title: 'X', text: 'x', start: 0, end: 5, raw: { odd: true } },
  },
  { type: 'block-start', index: 4, block: { kind: 'tool', id: '', name: 'f' } },
  { type: 'block-start', index: 5, block: { kind: 'tool', id: 't2', name: 'g' } },
  { type: 'block-delta', index: 5, delta: { kind: 'args', json: '[2]' } },
  { type: 'block-delta', index: 4, delta: { kind: 'args', json: '{"a":' } },
  { type: 'block-delta', index: 4, delta: { kind: 'args', json: '1}' } },
  { type: 'block-stop', index: 4 },
  { type: 'block-stop', index: 5 },
  { type: 'block-start', index: 6, block: { kind: 'image' } },
  { type: 'block-delta', index: 6, delta: { kind: 'image', url: 'data:image/png;base64,QQ==' } },
  { type: 'block-stop', index: 6 },
  { type: 'block-start', index: 7, block: { kind: 'audio', id: 'au' } },
  { type: 'block-delta', index: 7, delta: { kind: 'audio', data: 'QQ==', transcript: 'hey', expiresAt: 9 } },
  { type: 'block-stop', index: 7 },
  { type: 'block-start', index: 8, block: { kind: 'refusal' } },
  { type: 'block-delta', index: 8, delta: { kind: 'refusal', text: 'no' } },
  { type: 'block-stop', index: 8 },
  { type: 'finish', reason: 'tool_calls', native: 'tool_use' },
  { type: 'usage', usage: { ...NO_USAGE, promptTokens: 5, completionTokens: 6 }, cost },
]

describe('the encoder of streams', () => {
  test('says every kind of block in a way that decodes to the same answer', () => {
    const text = encode(rich)
    const answer = readGatewayStream(text)
    expect(answer).toMatchObject({
      done: true,
      usage: { cost: null, is_byok: true, cost_details: { upstream_inference_cost: 3e-9 } },
    })
    expect(answer.choices[0]).toMatchObject({
      text: 'Hello',
      reasoning: 'hmin short',
      refusal: 'no',
      finish: 'tool_calls',
      native: 'tool_use',
      tools: [
        { id: 'call_1Ab_0', name: 'f', args: '{"a":1}' },
        { id: 't2', name: 'g', args: '[2]' },
      ],
    })
    const details = answer.chunks.flatMap((chunk) => chunk['choices'][0].delta.reasoning_details ?? [])
    expect(details).toEqual([
      { type: 'reasoning.text', text: 'hm', format: 'anthropic-claude-v1', index: 0, id: 'r1' },
      { type: 'reasoning.text', signature: 'sig', format: 'anthropic-claude-v1', index: 0, id: 'r1' },
      { type: 'reasoning.summary', summary: 'in short', format: 'openai-responses-v1', index: 1 },
      { type: 'reasoning.encrypted', data: 'enc', format: 'openai-responses-v1', index: 1 },
      {
        type: 'reasoning.server_tool_call',
        tool_call_id: 's1',
        tool_name: 'web_search',
        arguments: '{"q":1}',
        result: '{"hits":2}',
        format: 'unknown',
        index: 2,
      },
    ])
    for (const chunk of answer.chunks)
      expect(chunk).toMatchObject({ service_tier: 'default', system_fingerprint: 'fp' })
  })

  test('hides reasoning when asked', () => {
    expect(encode(rich, { ...meta, hideReasoning: true })).not.toMatch(
      /reasoning_details|"reasoning"|"hm"|"enc"|web_search/,
    )
  })

  test('ends in an error chunk without end mark, and says nothing after it', () => {
    const error = {
      code: 'provider_overloaded',
      status: 200,
      message: 'busy',
      providerCode: 'x',
      retryAfterMs: null,
    } as const
    const text = encode([...rich.slice(0, -2), { type: 'error', error }, ...rich.slice(-2)])
    expect(readGatewayStream(text)).toMatchObject({
      done: false,
      error: {
        code: 503,
        message: 'busy',
        metadata: { error_type: 'provider_overloaded', provider_code: 'x' },
      },
      choices: [{ finish: 'error' }],
    })
    expect(JSON.parse(sseData(text).at(-1)!).choices).toEqual([
      { index: 0, delta: { content: '' }, finish_reason: 'error', native_finish_reason: null },
    ])
  })
})

describe('a whole reply', () => {
  test('equals the sum of the stream of the same events', () => {
    const reply = openaiChat.encodeReply(rich, meta) as Json
    const again = openaiChat.decodeReply(JSON.parse(JSON.stringify(reply)))
    const streamed = decode(
      sseData(encode(rich)).map((data) => (data === '[DONE]' ? data : JSON.parse(data))),
    )
    const texts = (events: readonly ChatEvent[]) =>
      fold(events)
        .choices.get(0)!
        .blocks.map(({ block, text, summary, signature, encrypted, args, urls, audio }) => ({
          kind: block.kind,
          text,
          summary,
          signature,
          encrypted,
          args,
          urls,
          audio,
        }))
    const byKind = (events: readonly ChatEvent[], kind: string) =>
      texts(events).filter((block) => block.kind === kind)
    for (const kind of ['text', 'tool', 'refusal', 'image', 'audio'])
      expect(byKind(again, kind)).toEqual(byKind(streamed, kind))
    const joined = (events: readonly ChatEvent[]) =>
      byKind(events, 'reasoning')
        .map(({ text, summary, signature, encrypted }) => text + summary + signature + encrypted)
        .join('')
    expect(joined(again)).toBe(joined(streamed))
    expect(reply).toMatchObject({
      system_fingerprint: 'fp',
      service_tier: 'default',
      provider: 'P',
      object: 'chat.completion',
    })
  })

  test('that is none of the dialect is refused; one with an error tells it', () => {
    for (const reply of [null, 'x', [], {}, { choices: 'x' }])
      expect(() => openaiChat.decodeReply(reply)).toThrow(/not a chat completion/)
    expect(openaiChat.decodeReply({ error: { message: 'm', code: 429 } })).toMatchObject([
      { type: 'error', error: { code: 'rate_limit_exceeded' } },
    ])
  })

  test('that failed half way holds the error beside what was produced', () => {
    const error = {
      code: 'provider_cut',
      status: 200,
      message: 'cut',
      providerCode: null,
      retryAfterMs: null,
    } as const
    expect(openaiChat.encodeReply([...rich.slice(0, -2), { type: 'error', error }], meta)).toMatchObject({
      choices: [
        { finish_reason: 'error', error: { code: 502, message: 'cut' }, message: { content: 'Hello' } },
      ],
    })
  })

  test('equals the recorded one in its choices after decode and encode, field by field', () => {
    for (const recorded of recordedCases().filter(
      ({ folder, response }) =>
        folder === 'openrouter' && response.kind === 'json' && response.status === 200,
    )) {
      const told = JSON.parse(responseBytes(recorded).toString())
      const { choices } = openaiChat.encodeReply(openaiChat.decodeReply(told), meta) as { choices: Json[] }
      for (const [i, choice] of told.choices.entries()) {
        const strip = (message: Json) =>
          JSON.parse(
            JSON.stringify({
              ...message,
              tool_calls: (message['tool_calls'] as Json[] | undefined)?.map(({ index, ...call }) => call),
              reasoning_details: (message['reasoning_details'] as Json[] | undefined)?.map(
                ({ index, ...detail }) => detail,
              ),
            }),
          )
        expect(strip(choices[i]!['message'] as Json), recorded.id).toEqual(strip(choice.message))
      }
    }
  })
})

describe('the decoder of streams', () => {
  test('opens and closes every block once, around its deltas', () => {
    for (const recorded of recordedCases().filter(
      ({ request, response }) => response.kind === 'sse' && /chat\/completions$/.test(request.url_path ?? ''),
    )) {
      const events = decode(
        sseData(responseBytes(recorded).toString()).map((data) =>
          data === '[DONE]' ? data : JSON.parse(data),
        ),
      )
      expectWellFormed(events)
    }
  })

  test('says a cut once', () => {
    expect(decode([delta({ content: 'a' })]).filter(({ type }) => type === 'error')).toMatchObject([
      { error: { code: 'provider_cut' } },
    ])
    expect(decode([])).toMatchObject([{ type: 'error' }])
    expect(decode([delta({ content: 'a' }, 'stop')]).some(({ type }) => type === 'error')).toBe(false)
  })

  test('tells sources beside the choices once each', () => {
    const chunk = {
      ...delta({ content: 'a' }),
      citations: ['https://a', 'https://b'],
      search_results: [{ title: 'A', url: 'https://a', snippet: 's' }],
    }
    const events = decode([chunk, { ...chunk, citations: ['https://a'] }, delta({}, 'stop')])
    expect(events.filter(({ type }) => type === 'citation')).toMatchObject([
      { citation: { url: 'https://a', title: 'A', text: 's' } },
    ])
  })

  const block = fc.oneof(
    fc.record({ content: fc.string({ minLength: 1, maxLength: 5 }) }),
    fc.record({ reasoning: fc.string({ minLength: 1, maxLength: 5 }) }),
    fc.record({ refusal: fc.string({ minLength: 1, maxLength: 5 }) }),
    fc.record({
      tool_calls: fc.tuple(
        fc.record({ index: fc.nat(2), function: fc.record({ arguments: fc.string({ maxLength: 4 }) }) }),
      ),
    }),
  )

  test('after the encoder gives the same sum again, for any deltas and any cut', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 12 }), fc.nat(13), (deltas, cut) => {
        const events = decode([...deltas.map((it) => delta(it)), delta({}, 'stop')].slice(0, cut))
        expectWellFormed(events)
        expect(events.filter(({ type }) => type === 'error' || type === 'finish')).toHaveLength(1)
        if (events.some(({ type }) => type === 'error')) return
        const again = decode(
          sseData(encode(events)).map((data) => (data === '[DONE]' ? data : JSON.parse(data))),
        )
        const text = (of: readonly ChatEvent[]) =>
          sum(of).choices.map(([, choice]) =>
            (
              choice as ReturnType<typeof fold>['choices'] extends Map<number, infer C> ? C : never
            ).blocks.map(({ block: { kind }, text: said, args }) => [kind, said, args]),
          )
        expect(text(again)).toEqual(text(events))
      }),
      { numRuns: 150 },
    )
  })
})

function expectWellFormed(events: readonly ChatEvent[]): void {
  const open = new Set<string>()
  for (const event of events) {
    if (event.type !== 'block-start' && event.type !== 'block-delta' && event.type !== 'block-stop') continue
    const key = `${event.choice}/${event.index}`
    expect(open.has(key)).toBe(event.type !== 'block-start')
    if (event.type === 'block-start') open.add(key)
    if (event.type === 'block-stop') open.delete(key)
  }
  if (events.some(({ type }) => type === 'finish') && !events.some(({ type }) => type === 'error'))
    expect(open.size).toBe(0)
}
