import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readGeminiReply, readGeminiStream } from '../../../test/gemini-client.ts'
import { type ChatEvent, GatewayError, NO_USAGE } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { fold } from '../fold.ts'
import type { Json } from '../json.ts'
import { gemini } from './index.ts'
import { unseal } from './seal.ts'

const meta: ReplyMeta = { id: 'gen-1-a', created: 1, model: 'a/m', provider: 'P', hideReasoning: false }
const cost = { totalNanos: 1500n, upstreamPromptNanos: 500n, upstreamCompletionNanos: 1000n, isByok: true }
const usage = { ...NO_USAGE, promptTokens: 10, completionTokens: 7, reasoningTokens: 3, cacheReadTokens: 4 }

type Delta = (ChatEvent & { type: 'block-delta' })['delta']
type Block = (ChatEvent & { type: 'block-start' })['block']
const block = (index: number, kind: Block, ...deltas: Delta[]): ChatEvent[] => [
  { type: 'block-start', index, block: kind },
  ...deltas.map((delta): ChatEvent => ({ type: 'block-delta', index, delta })),
  { type: 'block-stop', index },
]
const finish: ChatEvent[] = [
  { type: 'finish', reason: 'tool_calls', native: 'tool_use' },
  { type: 'usage', usage, cost },
]
const stream = (events: readonly ChatEvent[], as = meta): string => {
  const encoder = gemini.createStreamEncoder(as)
  return events.map((event) => encoder.push(event)).join('') + encoder.end()
}
const tell = (events: readonly ChatEvent[], as = meta) => readGeminiStream(stream(events, as))
const frames = (chunks: readonly object[]) => {
  const decoder = gemini.createStreamDecoder(meta)
  const events = chunks.flatMap((chunk) =>
    decoder.push({ kind: 'sse', event: null, data: JSON.stringify(chunk) }),
  )
  return fold([...events, ...decoder.end()])
}
const candidate = (parts: object[], more: object = {}) => ({
  candidates: [{ content: { parts, role: 'model' }, ...more }],
})

describe('what a provider streams', () => {
  test('arguments in fragments become whole, whatever they hold', () => {
    const call = (functionCall: object) => candidate([{ functionCall }])
    const { choices } = frames([
      call({ name: 'f', id: 'x', willContinue: true }),
      call({
        partialArgs: [{ jsonPath: '$.s', stringValue: 'ab', willContinue: true }],
        willContinue: true,
      }),
      call({
        partialArgs: [
          { jsonPath: '$.s', stringValue: 'c' },
          { jsonPath: '$.list[1].n', numberValue: 2 },
          { jsonPath: '$.list[0]', boolValue: true },
          { jsonPath: "$['a b']", nullValue: null },
          { jsonPath: '$.__proto__.polluted', stringValue: 'no' },
          { jsonPath: '$.list[99999999]', numberValue: 1 },
        ],
        willContinue: true,
      }),
      call({}),
      candidate([{ functionCall: { name: 'g', args: { a: 1 } } }], { finishReason: 'STOP' }),
    ])
    const tools = choices.get(0)!.blocks.map(({ block: it, args }) => [it, JSON.parse(args)])
    expect(tools).toEqual([
      [
        { kind: 'tool', id: 'x', name: 'f' },
        JSON.parse('{"s":"abc","list":[true,{"n":2}],"a b":null,"__proto__":{"polluted":"no"}}'),
      ],
      [{ kind: 'tool', id: 'call_1a_1', name: 'g' }, { a: 1 }],
    ])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(choices.get(0)!.finish).toMatchObject({ reason: 'tool_calls', native: 'STOP' })
  })

  test.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['SPII', 'content_filter'],
    ['SOMETHING_NEW', 'stop'],
  ])('%s finishes as %s', (native, reason) => {
    const { choices, error } = frames([candidate([{ text: 'x' }], { finishReason: native })])
    expect(choices.get(0)!.finish).toMatchObject({ native, reason })
    expect(error).toBeNull()
  })

  test.each(['MALFORMED_FUNCTION_CALL', 'OTHER', 'MISSING_THOUGHT_SIGNATURE'])('%s is an error', (native) => {
    const {
      choices,
      error,
      usage: told,
    } = frames([
      {
        ...candidate([], { finishReason: native, finishMessage: 'why' }),
        usageMetadata: { promptTokenCount: 1, totalTokenCount: 1 },
      },
    ])
    expect(error).toMatchObject({ code: 'provider_unavailable', providerCode: native, message: 'why' })
    expect(choices.get(0)?.finish ?? null).toBeNull()
    expect(told).toMatchObject({ promptTokens: 1 })
  })

  test('several candidates, images, sound, code, odds and sources keep their places', () => {
    const { choices, usage: told } = frames([
      {
        candidates: [
          {
            index: 0,
            content: {
              parts: [
                { text: 'äö see', thoughtSignature: 'S' },
                { inlineData: { mimeType: 'image/png', data: 'AA' }, thoughtSignature: 'I' },
                { executableCode: { language: 'PYTHON', code: '1', id: 'c' } },
                { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '1', id: 'c' } },
              ],
            },
            groundingMetadata: {
              groundingChunks: [
                { web: { uri: 'https://a', title: 'A' } },
                { maps: { uri: 'https://m', title: 'M' } },
              ],
              groundingSupports: [
                { segment: { startIndex: 5, endIndex: 8, text: 'see' }, groundingChunkIndices: [0] },
              ],
            },
            logprobsResult: {
              chosenCandidates: [{ token: 'a', logProbability: -0.5 }],
              topCandidates: [{ candidates: [{ token: 'b', logProbability: -1 }] }],
            },
            finishReason: 'STOP',
          },
          {
            index: 1,
            content: { parts: [{ inlineData: { mimeType: 'audio/L16;rate=24000', data: 'BB' } }] },
            finishReason: 'MAX_TOKENS',
          },
        ],
        usageMetadata: {
          promptTokenCount: 5,
          toolUsePromptTokenCount: 2,
          cachedContentTokenCount: 3,
          candidatesTokenCount: 4,
          thoughtsTokenCount: 6,
          totalTokenCount: 17,
          promptTokensDetails: [{ modality: 'AUDIO', tokenCount: 1 }],
          candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: 2 }],
        },
      },
    ])
    const [first, second] = [choices.get(0)!, choices.get(1)!]
    expect(
      first.blocks.map(({ block: it, text, signature, urls, args, results }) => [
        it.kind,
        text,
        signature,
        urls,
        args,
        results,
      ]),
    ).toEqual([
      ['text', 'äö see', 'S', [], '', []],
      ['image', '', 'I', ['data:image/png;base64,AA'], '', []],
      [
        'server-tool',
        '',
        '',
        [],
        '{"language":"PYTHON","code":"1"}',
        [{ outcome: 'OUTCOME_OK', output: '1' }],
      ],
    ])
    expect(first.citations).toMatchObject([
      { url: 'https://a', title: 'A', text: 'see', start: 3, end: 6 },
      { url: 'https://m', title: 'M', text: null, start: null, end: null },
    ])
    expect(first.logprobs).toEqual([
      {
        content: [
          {
            token: 'a',
            logprob: -0.5,
            bytes: [97],
            top_logprobs: [{ token: 'b', logprob: -1, bytes: [98] }],
          },
        ],
        refusal: null,
      },
    ])
    expect(second.blocks[0]!.audio.data).toBe('BB')
    expect(second.finish).toMatchObject({ reason: 'length' })
    expect(told).toEqual({
      ...NO_USAGE,
      promptTokens: 7,
      completionTokens: 10,
      cacheReadTokens: 3,
      reasoningTokens: 6,
      audioPromptTokens: 1,
      imageCompletionTokens: 2,
    })
  })

  test('without any candidate is a failure, with its tokens', () => {
    const told = fold(
      gemini.decodeReply({ usageMetadata: { promptTokenCount: 3, totalTokenCount: 3 } }, meta),
    )
    expect(told.error).toMatchObject({
      code: 'provider_cut',
      message: 'The provider answered without a candidate.',
    })
    expect(told.usage).toMatchObject({ promptTokens: 3 })
  })

  test('that is no JSON twice is refused; a whole reply that is something else too', () => {
    const decoder = gemini.createStreamDecoder()
    const bad = { kind: 'sse', event: null, data: '<html>' } as const
    expect(decoder.push(bad)).toEqual([])
    expect(() => decoder.push(bad)).toThrow(GatewayError)
    for (const reply of [{}, [], 'x', null, { choices: [] }])
      expect(() => gemini.decodeReply(reply)).toThrow(GatewayError)
  })
})

describe('what a client is told', () => {
  const events = [
    ...block(
      0,
      { kind: 'reasoning', format: 'anthropic-claude-v1' },
      { kind: 'reasoning', text: 'Hm.' },
      { kind: 'signature', signature: 'P' },
    ),
    ...block(1, { kind: 'text' }, { kind: 'text', text: 'Look' }, { kind: 'text', text: 'ing' }),
    { type: 'block-start', index: 2, block: { kind: 'tool', id: '', name: 'f' } },
    { type: 'block-start', index: 3, block: { kind: 'tool', id: 'b', name: 'g' } },
    { type: 'block-delta', index: 3, delta: { kind: 'args', json: '{"b"' } },
    { type: 'block-delta', index: 2, delta: { kind: 'args', json: '{"a":1}' } },
    { type: 'block-delta', index: 3, delta: { kind: 'args', json: ':2}' } },
    { type: 'block-stop', index: 2 },
    { type: 'block-stop', index: 3 },
    { type: 'citation', citation: { url: 'https://a', title: 'A', text: null, start: 0, end: 4, raw: null } },
    ...finish,
  ] as ChatEvent[]

  test('what was written to a cache is told under a name of ours', () => {
    const written = { ...usage, cacheWriteTokens: 2, cacheWrite1hTokens: 1 }
    const told = (of: typeof usage) =>
      (gemini.encodeReply([...finish.slice(0, 1), { type: 'usage', usage: of }], meta) as Json)[
        'usageMetadata'
      ]
    expect(told(written)).toMatchObject({ cachedContentTokenCount: 4, cacheWriteTokenCount: 3 })
    expect(told(usage)).not.toHaveProperty('cacheWriteTokenCount')
  })

  test('calls come whole, with ids; foreign reasoning is sealed into the first', () => {
    const { choices, usage: told, chunks } = tell(events)
    const [choice] = choices
    expect(choice).toMatchObject({
      text: 'Looking',
      thoughts: 'Hm.',
      finish: 'STOP',
      calls: [
        { id: 'call_1a_0', name: 'f', args: { a: 1 } },
        { id: 'b', name: 'g', args: { b: 2 } },
      ],
      grounding: {
        groundingChunks: [{ web: { uri: 'https://a', title: 'A' } }],
        groundingSupports: [
          { segment: { startIndex: 0, endIndex: 4, text: 'Look' }, groundingChunkIndices: [0] },
        ],
      },
    })
    expect(choice!.signatures.map(unseal)).toEqual([
      { reasoning: [{ format: 'anthropic-claude-v1', text: 'Hm.', signature: 'P' }], own: '' },
    ])
    expect(told).toEqual({
      promptTokenCount: 10,
      candidatesTokenCount: 4,
      thoughtsTokenCount: 3,
      cachedContentTokenCount: 4,
      totalTokenCount: 17,
      cost: 0.0000015,
      is_byok: true,
      cost_details: {
        upstream_inference_cost: 0.0000015,
        upstream_inference_prompt_cost: 5e-7,
        upstream_inference_completions_cost: 0.000001,
      },
    })
    expect(chunks.at(-1)).toMatchObject({ responseId: meta.id, modelVersion: 'a/m' })
    // Google's SDKs leave a turn out of their history when a chunk of it has no part.
    for (const chunk of chunks) expect(chunk['candidates'][0].content.parts.length).toBeGreaterThan(0)
  })

  test('a whole reply says the same as a stream', () => {
    const whole = readGeminiReply(JSON.parse(JSON.stringify(gemini.encodeReply(events, meta))))
    const streamed = tell(events)
    const plain = ({ choices, usage: told }: typeof whole) => [
      choices.map(({ parts: _parts, ...choice }) => choice),
      told,
    ]
    expect(plain(whole)).toEqual(plain(streamed))
    expect(whole.choices[0]!.parts.map((part) => Object.keys(part)[0])).toEqual([
      'text',
      'text',
      'functionCall',
      'functionCall',
    ])
  })

  test('thoughts are hidden on demand, their proofs are not', () => {
    const { choices } = tell(events, { ...meta, hideReasoning: true })
    expect(choices[0]).toMatchObject({ thoughts: '', text: 'Looking' })
    expect(choices[0]!.signatures).toHaveLength(1)
  })

  test('an error ends the stream in one frame, with what was paid', () => {
    const failed: ChatEvent[] = [
      ...block(0, { kind: 'text' }, { kind: 'text', text: 'Half' }),
      { type: 'usage', usage, cost },
      {
        type: 'error',
        error: { code: 'provider_cut', status: 502, message: 'Cut.', providerCode: null, retryAfterMs: null },
      },
    ]
    const { error, usage: told, choices } = tell(failed)
    expect(error).toMatchObject({ code: 502, status: 'UNAVAILABLE', message: 'Cut.' })
    expect(told).toMatchObject({ totalTokenCount: 17 })
    expect(choices[0]).toMatchObject({ text: 'Half', finish: null })
    const whole = gemini.encodeReply(failed, meta)
    expect(whole).toMatchObject({ candidates: [{ finishReason: 'OTHER' }], error: { code: 502 } })
  })

  test('read again as a provider’s, events and answer are the same', () => {
    const text = fc.string({ minLength: 1, maxLength: 6 })
    const piece = fc.oneof(
      fc.record({ kind: fc.constant('text' as const), text }),
      fc.record({
        kind: fc.constant('tool' as const),
        args: fc.dictionary(text, fc.integer(), { maxKeys: 2 }),
      }),
      fc.record({ kind: fc.constant('reasoning' as const), text, signature: text }),
    )
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
        const told = pieces.flatMap((it, i) => {
          if (it.kind === 'tool')
            return block(
              i,
              { kind: 'tool', id: `t${i}`, name: 'f' },
              { kind: 'args', json: JSON.stringify(it.args) },
            )
          if (it.kind === 'text')
            return block(
              i,
              { kind: 'text' },
              { kind: 'text', text: it.text },
              { kind: 'signature', signature: 's' },
            )
          const format = 'google-gemini-v1'
          return block(
            i,
            { kind: 'reasoning', format },
            { kind: 'reasoning', text: it.text },
            { kind: 'signature', signature: it.signature },
          )
        })
        const all: ChatEvent[] = [
          ...told,
          { type: 'finish', reason: 'length', native: 'MAX_TOKENS' },
          { type: 'usage', usage, cost },
        ]
        const chunks = readGeminiStream(stream(all)).chunks
        const again = frames(chunks)
        const plain = (answer: ReturnType<typeof fold>) =>
          answer.choices
            .get(0)!
            .blocks.map(({ block: it, text: said, signature, args }) => [it, said, signature, args])
        expect(plain(again)).toEqual(plain(fold(all)))
        expect(plain(fold(gemini.decodeReply(gemini.encodeReply(all, meta), meta)))).toEqual(plain(fold(all)))
        expect(again.usage).toEqual(usage)
      }),
      { numRuns: 60 },
    )
  })
})

describe('the passthrough', () => {
  const run = (chunks: readonly object[], as = meta) => {
    const pipe = gemini.createPassthrough!(as, true)
    const early = chunks.map((chunk) => pipe.push(Buffer.from(`data: ${JSON.stringify(chunk)}\r\n\r\n`)))
    pipe.end()
    return { pipe, early: early.map((bytes) => bytes?.toString() ?? null) }
  }

  test('holds the last frame and adds the cost to the provider’s own usage', () => {
    const { pipe, early } = run([
      {
        ...candidate([{ text: 'a' }]),
        responseId: 'theirs',
        modelVersion: 'm',
        unheard: 1,
        usageMetadata: { trafficType: 'X' },
      },
      {
        ...candidate([{ text: 'b' }], { finishReason: 'STOP', safetyRatings: [] }),
        usageMetadata: {
          promptTokenCount: 2,
          toolUsePromptTokenCount: 1,
          totalTokenCount: 9,
          trafficType: 'X',
        },
      },
    ])
    expect(early).toEqual([expect.stringContaining('"unheard":1'), null])
    expect(pipe.seen).toMatchObject({
      content: true,
      done: true,
      finish: { reason: 'stop' },
      upstreamId: 'theirs',
    })
    const { usage: told, choices } = readGeminiStream(pipe.finish(pipe.seen.usage!, cost).toString())
    expect(choices[0]).toMatchObject({ text: 'b', finish: 'STOP' })
    expect(told).toMatchObject({
      promptTokenCount: 2,
      toolUsePromptTokenCount: 1,
      totalTokenCount: 9,
      trafficType: 'X',
      cost: 0.0000015,
    })
  })

  test('writes usage anew when another one is billed', () => {
    const { pipe } = run([candidate([{ text: 'b' }], { finishReason: 'STOP' })])
    expect(readGeminiStream(pipe.finish(usage, cost).toString()).usage).toMatchObject({ totalTokenCount: 17 })
  })

  test('hides thoughts that the client does not want, not their signatures', () => {
    const hidden = { ...meta, hideReasoning: true }
    const { pipe, early } = run(
      [
        candidate([{ text: 'first', thought: true }]),
        candidate([
          { text: 'hm', thought: true },
          { text: '', thought: true, thoughtSignature: 'S' },
        ]),
      ],
      hidden,
    )
    expect(early[0]).toBeNull()
    const { choices } = readGeminiStream(early.join(''))
    expect(choices[0]).toMatchObject({ thoughts: '', signatures: ['S'] })
    expect(pipe.seen.content).toBe(false)
  })

  test('ends what breaks in one error', () => {
    const { pipe, early } = run([candidate([{ text: 'a' }])])
    expect(pipe.seen.error).toMatchObject({ code: 'provider_cut' })
    const said = early.join('') + pipe.fail(new GatewayError('provider_cut', 'Cut.'), usage, cost).toString()
    expect(readGeminiStream(said)).toMatchObject({
      error: { code: 502, message: 'Cut.' },
      usage: { cost: 0.0000015 },
    })
  })
})
