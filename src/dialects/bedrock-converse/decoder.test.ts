import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hasFixtures, recordedCases, seeded } from '../../../test/fixtures.ts'
import type { ChatEvent } from '../../chat/index.ts'
import type { Frame } from '../dialect.ts'
import { fold } from '../fold.ts'
import type { Json } from '../json.ts'
import { ConverseStreamDecoder, decodeReply } from './decoder.ts'

const frame = (type: string, payload: Json, header = ':event-type'): Frame => ({
  kind: 'aws-eventstream',
  headers: { [header]: type },
  payload: Buffer.from(JSON.stringify({ ...payload, p: 'abc' })),
})
const delta = (contentBlockIndex: number, said: Json) =>
  frame('contentBlockDelta', { contentBlockIndex, delta: said })
const start = (contentBlockIndex: number, block: Json) =>
  frame('contentBlockStart', { contentBlockIndex, start: block })
const stop = (contentBlockIndex: number) => frame('contentBlockStop', { contentBlockIndex })
const end = (stopReason: string, rest: Json = {}): Frame[] => [
  frame('messageStop', { stopReason, ...rest }),
  frame('metadata', { usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 } }),
]

function run(frames: readonly Frame[], model = 'anthropic/claude'): ChatEvent[] {
  const meta = { id: 'gen-1', created: 1, model, provider: 'P', hideReasoning: false }
  const decoder = new ConverseStreamDecoder(meta)
  return [...frames.flatMap((it) => decoder.push(it)), ...decoder.end()]
}
const answer = (frames: readonly Frame[], model?: string) => fold(run(frames, model))
const choice = (frames: readonly Frame[], model?: string) => answer(frames, model).choices.get(0)!

describe('a stream', () => {
  test('whose tool call has no arguments is that of the empty object', () => {
    const frames = [
      start(0, { toolUse: { toolUseId: 'a', name: 'now' } }),
      delta(0, { toolUse: { input: '' } }),
      stop(0),
    ]
    expect(choice([...frames, ...end('tool_use')]).blocks).toMatchObject([
      { block: { kind: 'tool', name: 'now' }, args: '{}' },
    ])
  })

  test('that answers through our own tool gives text and stops', () => {
    const frames = [
      start(0, { toolUse: { toolUseId: 'a', name: 'waybill_json_answer' } }),
      delta(0, { toolUse: { input: '{"n":1}' } }),
    ]
    expect(choice([...frames, stop(0), ...end('tool_use')])).toMatchObject({
      blocks: [{ block: { kind: 'text' }, text: '{"n":1}' }],
      finish: { reason: 'stop', native: 'tool_use' },
    })
  })

  test("holds thoughts that only Claude seals: they are Claude's, whatever the model is called", () => {
    const sealed = delta(0, { reasoningContent: { redactedContent: 'RXE=' } })
    const plain = delta(0, { reasoningContent: { text: 'hm' } })
    const formatOf = (said: Frame) => choice([said, stop(0), ...end('end_turn')], 'my/own').blocks[0]?.block
    expect(formatOf(sealed)).toMatchObject({ format: 'anthropic-claude-v1' })
    expect(formatOf(plain)).not.toHaveProperty('format')
  })

  test('tells which sequence stopped it, and what a malformed call is', () => {
    const fields = { additionalModelResponseFields: { stop_sequence: 'END' } }
    expect(choice([delta(0, { text: 'x' }), ...end('stop_sequence', fields)]).finish).toMatchObject({
      stopSequence: 'END',
    })
    const failed = answer([delta(0, { text: 'x' }), ...end('malformed_tool_use')])
    expect(failed.error).toMatchObject({ code: 'provider_unavailable', providerCode: 'malformed_tool_use' })
    expect(failed.choices.get(0)!.finish).toBeNull()
  })

  test('cites the text of its own block', () => {
    const web = { location: { web: { url: 'https://a.b/', domain: 'a.b' } } }
    const { citations } = choice([
      delta(0, { text: 'Before. ' }),
      stop(0),
      delta(1, { text: 'Cited' }),
      delta(1, { citation: { title: 'facts', sourceContent: [{ text: 'quote' }] } }),
      delta(1, { text: ' text.' }),
      stop(1),
      delta(2, { citation: web }),
      stop(2),
      ...end('end_turn'),
    ])
    expect(citations).toEqual([
      { url: null, title: 'facts', text: 'quote', start: 8, end: 19, raw: expect.anything() },
      { url: 'https://a.b/', title: 'a.b', text: null, start: null, end: null, raw: web },
    ])
  })

  test('puts an image together and keeps what nobody knows', () => {
    const image = [
      start(0, { image: { format: 'webp' } }),
      delta(0, { image: { source: { bytes: 'aGk' } } }),
      delta(0, { image: { source: { bytes: '=' } } }),
      stop(0),
    ]
    const orphan = [
      start(1, { toolResult: { toolUseId: 'x' } }),
      delta(1, { toolResult: [{ text: 'r' }] }),
      stop(1),
    ]
    expect(choice([...image, ...orphan, ...end('end_turn')]).blocks).toMatchObject([
      { block: { kind: 'image' }, urls: ['data:image/webp;base64,aGk='] },
      { block: { kind: 'opaque', dialect: 'bedrock-converse' }, results: [[{ text: 'r' }]] },
    ])
  })

  test('names the family of reasoning only where it is known to be Claude', () => {
    const frames = [delta(0, { reasoningContent: { text: 'hm' } }), stop(0), ...end('end_turn')]
    expect(choice(frames).blocks[0]!.block).toEqual({ kind: 'reasoning', format: 'anthropic-claude-v1' })
    expect(choice(frames, 'moonshotai/kimi-k2').blocks[0]!.block).toEqual({ kind: 'reasoning' })
  })

  test('that fails, or is cut, says so once', () => {
    const throttled = frame('throttlingException', { message: 'Too many requests' }, ':exception-type')
    expect(
      run([delta(0, { text: 'x' }), throttled, ...end('end_turn')]).filter(({ type }) => type === 'error'),
    ).toMatchObject([{ error: { code: 'rate_limit_exceeded' } }])
    const unmodelled: Frame = {
      kind: 'aws-eventstream',
      headers: { ':error-code': 'InternalFailure', ':error-message': 'Oops' },
      payload: Buffer.alloc(0),
    }
    expect(answer([unmodelled]).error).toMatchObject({ code: 'provider_unavailable', message: 'Oops' })
    expect(answer([delta(0, { text: 'x' })]).error).toMatchObject({ code: 'provider_cut' })
    expect(answer([delta(0, { text: 'x' }), end('end_turn')[0]!])).toMatchObject({ error: null, usage: null })
  })
})

test('usage counts cached tokens into the prompt, writes of an hour apart', () => {
  const usage = {
    inputTokens: 3,
    outputTokens: 2,
    cacheReadInputTokens: 10,
    cacheWriteInputTokens: 7,
    cacheDetails: [
      { inputTokens: 5, ttl: '1h' },
      { inputTokens: 2, ttl: '5m' },
    ],
  }
  expect(
    fold(decodeReply({ output: { message: { content: [] } }, stopReason: 'end_turn', usage })).usage,
  ).toMatchObject({
    promptTokens: 20,
    completionTokens: 2,
    cacheReadTokens: 10,
    cacheWriteTokens: 2,
    cacheWrite1hTokens: 5,
  })
})

test('what is no Converse reply is refused', () => {
  for (const reply of [null, [], {}, { output: {} }, { message: 'x' }]) {
    expect(() => decodeReply(reply)).toThrow(expect.objectContaining({ code: 'provider_protocol' }))
  }
})

/** A whole reply as the stream that says the same, text and arguments in pieces of random length. */
function streamed(reply: Json, random: () => number): Frame[] {
  const pieces = (text: string) => {
    const cut: string[] = []
    for (let at = 0; at < text.length; ) {
      const size = 1 + Math.floor(random() * 40)
      cut.push(text.slice(at, at + size))
      at += size
    }
    return cut
  }
  const { message } = reply['output'] as { message: { content: Record<string, Json>[] } }
  const blocks = message.content.flatMap((block, i): Frame[] => {
    const { toolUse, toolResult, reasoningContent: reasoning, citationsContent: cited } = block
    const said =
      typeof block['text'] === 'string' ? pieces(block['text']).map((text) => delta(i, { text })) : []
    if (toolUse) {
      const { input, ...begin } = toolUse
      said.push(
        start(i, { toolUse: begin }),
        ...pieces(JSON.stringify(input)).map((input) => delta(i, { toolUse: { input } })),
      )
    }
    if (toolResult) {
      const { content, ...begin } = toolResult
      said.push(start(i, { toolResult: begin }), delta(i, { toolResult: content }))
    }
    if (reasoning) {
      const { text = '', signature } = (reasoning['reasoningText'] ?? {}) as {
        text?: string
        signature?: string
      }
      for (const text_ of pieces(text)) said.push(delta(i, { reasoningContent: { text: text_ } }))
      if (signature) said.push(delta(i, { reasoningContent: { signature } }))
      if (reasoning['redactedContent'])
        said.push(delta(i, { reasoningContent: { redactedContent: reasoning['redactedContent'] } }))
    }
    for (const citation of (cited?.['citations'] ?? []) as Json[]) said.push(delta(i, { citation }))
    return [...said, stop(i)]
  })
  const { stopReason, usage } = reply
  return [
    frame('messageStart', { role: 'assistant' }),
    ...blocks,
    frame('messageStop', { stopReason }),
    frame('metadata', { usage }),
  ]
}

test.skipIf(!hasFixtures)('a stream adds up to what the whole reply says, however it is cut', () => {
  const whole = recordedCases().filter(
    ({ folder, response }) =>
      folder === 'bedrock-converse' && response.kind === 'json' && response.status === 200,
  )
  for (const { response, id } of whole) {
    const reply = response.body as Json
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        expect(answer(streamed(reply, seeded(seed))), id).toEqual(fold(decodeReply(reply)))
      }),
      { numRuns: 15 },
    )
  }
})
