import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ReadAnswer, readGatewayReply, readGatewayStream } from '../../../test/chat-client.ts'
import {
  constructedCases,
  everyByte,
  hasFixtures,
  type RecordedCase,
  rechunk,
  recordedCases,
  responseBytes,
  WITHOUT_FIXTURES,
} from '../../../test/fixtures.ts'
import { through } from '../../../test/through.ts'
import { readGemini } from '../../../test/trial/gemini.ts'
import type { Reading } from '../../../test/trial/writer.ts'
import type { ChatEvent, Cost } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { type FoldedBlock, fold } from '../fold.ts'
import { framerFor } from '../framing/framer.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { translatePipe } from '../pipe.ts'
import { finishReason } from './finish.ts'
import { gemini } from './index.ts'

/** Recordings of AI Studio and Vertex, and those of them that are HTTP errors (errors.test.ts reads them). */
const CASES = 21 + 8
const HTTP_ERRORS = 4
/** Arguments that came in fragments, put together by hand. */
const FRAGMENTS =
  'gemini/parallel-tools-stream-google-stream-tool-call-arguments-chunks-gemini-3.1-pro-preview'
/** The model called a tool that nobody declared: the one answer here that ends in an error. */
const UNEXPECTED = 'vertex/refusal-or-filter-json'

const meta: ReplyMeta = {
  id: 'gen-1',
  created: 1,
  model: 'google/gemini',
  provider: 'P',
  hideReasoning: false,
}
const cost: Cost = { totalNanos: 5n, upstreamPromptNanos: null, upstreamCompletionNanos: null, isByok: false }
const all = recordedCases().filter(({ folder }) => folder === 'gemini' || folder === 'vertex')
const answers = all.filter(({ response }) => response.status < 400)

function eventsOf(recorded: RecordedCase): ChatEvent[] {
  if (recorded.response.kind === 'json') return gemini.decodeReply(recorded.response.body, meta)
  const decoder = gemini.createStreamDecoder(meta)
  const events: ChatEvent[] = []
  const framer = framerFor('sse', 1 << 20, (frame) => events.push(...decoder.push(frame)))
  for (const piece of rechunk(responseBytes(recorded), 5)) framer.push(piece)
  framer.end()
  return [...events, ...decoder.end()]
}

const join = (blocks: readonly FoldedBlock[], kind: string) =>
  blocks
    .filter(({ block }) => block.kind === kind)
    .map(({ text }) => text)
    .join('')

function told(recorded: RecordedCase): Reading {
  const reading = readGemini(recorded)
  if (recorded.id !== FRAGMENTS) return reading
  const cities = ['Boston', 'San Francisco']
  return { ...reading, tools: cities.map((location) => ['getWeather', { location }]) }
}

const signatures = (recorded: RecordedCase): string[] =>
  [
    ...responseBytes(recorded)
      .toString()
      .matchAll(/"thoughtSignature": ?"([^"]+)"/g),
  ].map(([, value]) => JSON.parse(`"${value}"`))

/** Through the pipe to a Chat Completions client, in the given pieces. */
function throughPipe(recorded: RecordedCase, pieces: readonly Uint8Array[]): ReadAnswer {
  const stream = recorded.response.kind === 'sse'
  const pipe = translatePipe(gemini, openaiChat, meta, stream)
  const { text: said } = through(pipe, pieces, cost)
  return stream ? readGatewayStream(said) : readGatewayReply(JSON.parse(said))
}

describe.skipIf(!hasFixtures)(`recorded traffic of Gemini (skipped when ${WITHOUT_FIXTURES})`, () => {
  test('is all there, and all of it is replayed', () => {
    expect(all).toHaveLength(CASES)
    expect(answers).toHaveLength(CASES - HTTP_ERRORS)
  })

  test.each(answers.map((recorded) => [recorded.id, recorded] as const))(
    '%s is decoded unharmed',
    (id, recorded) => {
      const reading = told(recorded)
      const { choices, usage, error } = fold(eventsOf(recorded))
      const { blocks, citations, finish } = choices.get(0)!
      expect(join(blocks, 'text')).toBe(reading.text)
      expect(join(blocks, 'reasoning')).toBe(reading.reasoning)
      expect(blocks.map(({ signature }) => signature).filter((it) => it !== '')).toEqual(signatures(recorded))
      const tools = blocks.filter(({ block }) => block.kind === 'tool')
      expect(tools.map(({ block, args }) => [block.kind === 'tool' && block.name, JSON.parse(args)])).toEqual(
        reading.tools,
      )
      const code = blocks.filter(({ block }) => block.kind === 'server-tool')
      expect(code.length * 2).toBe(reading.others)
      for (const { args, results } of code) {
        expect(JSON.parse(args)).toMatchObject({ language: 'PYTHON' })
        expect(results).toHaveLength(1)
      }
      expect(new Set(citations.map(({ url }) => url)).size).toBe(reading.citations)
      for (const { start, end, text } of citations) {
        if (start !== null && text !== null) expect(reading.text.slice(start, end!)).toBe(text)
      }
      expect([usage!.promptTokens, usage!.completionTokens, usage!.cacheReadTokens]).toEqual(reading.tokens)
      if (id.startsWith(UNEXPECTED)) {
        expect(error).toMatchObject({ code: 'provider_unavailable', providerCode: 'UNEXPECTED_TOOL_CALL' })
        expect(finish).toBeNull()
        return
      }
      expect(error).toBeNull()
      expect(finish).toMatchObject({
        native: reading.stop,
        reason: finishReason(reading.stop!, reading.tools.length > 0),
      })
    },
  )

  test.each(answers.map((recorded) => [recorded.id, recorded] as const))(
    '%s reaches a Chat Completions client whole, however it is cut',
    (id, recorded) => {
      const reading = told(recorded)
      const bytes = responseBytes(recorded)
      const cuts = [[bytes], rechunk(bytes, 11), rechunk(bytes, 12, 3), everyByte(bytes)]
      const [whole, ...split] = cuts.map((pieces) => throughPipe(recorded, pieces))
      for (const other of split) expect(other.choices).toEqual(whole!.choices)
      const choice = whole!.choices[0]!
      const failed = id.startsWith(UNEXPECTED)
      const reason = failed ? 'error' : finishReason(reading.stop!, reading.tools.length > 0)
      expect(choice).toMatchObject({ text: reading.text, reasoning: reading.reasoning, finish: reason })
      expect(choice.tools.map(({ name, args }) => [name, JSON.parse(args)])).toEqual(reading.tools)
      expect(new Set(choice.tools.map(({ id }) => id)).size).toBe(reading.tools.length)
      expect(whole!.usage).toMatchObject({
        prompt_tokens: reading.tokens![0],
        completion_tokens: reading.tokens![1],
        prompt_tokens_details: { cached_tokens: reading.tokens![2] },
        cost: 5e-9,
      })
      const text = JSON.stringify(whole!.chunks.length > 0 ? whole!.chunks : throughPipe(recorded, [bytes]))
      if (recorded.response.kind === 'sse') for (const it of signatures(recorded)) expect(text).toContain(it)
    },
  )

  test('cut at any byte yields exactly one error, or the whole answer', () => {
    for (const recorded of answers.filter(({ response }) => response.kind === 'sse')) {
      const bytes = responseBytes(recorded)
      const finishAt = bytes.lastIndexOf('"finishReason"')
      fc.assert(
        fc.property(fc.integer({ min: 0, max: bytes.length }), (size) => {
          const answer = throughPipe(recorded, rechunk(bytes.subarray(0, size), size))
          const last = answer.choices[0]?.finish
          if (size <= finishAt) {
            expect(answer.error).toMatchObject({ code: 502 })
            expect(last).toBe('error')
          } else if (answer.error === null) expect(last).not.toBe('error')
        }),
        { numRuns: 15 },
      )
    }
  })
})

describe('a prompt that Google refuses', () => {
  const refused = constructedCases().find(({ id }) => id.includes('gemini-prompt-blocked'))
  const body = {
    promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
    usageMetadata: { promptTokenCount: 9, totalTokenCount: 9 },
  }

  test.each([
    ['as constructed', refused?.response.body ?? body],
    ['by hand', body],
  ])('is a violation of content policy with its tokens, %s', (_, reply) => {
    const { error, usage, choices } = fold(gemini.decodeReply(reply, meta))
    expect(error).toMatchObject({ code: 'content_policy_violation', providerCode: 'PROHIBITED_CONTENT' })
    expect(usage).toMatchObject({ promptTokens: 9, completionTokens: 0 })
    expect(choices.size).toBe(0)
  })
})
