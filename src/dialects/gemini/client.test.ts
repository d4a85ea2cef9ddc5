import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readProvider } from '../../../test/chat-client.ts'
import {
  everyByte,
  hasFixtures,
  type RecordedCase,
  rechunk,
  recordedCases,
  responseBytes,
  WITHOUT_FIXTURES,
} from '../../../test/fixtures.ts'
import { type GeminiAnswer, readGeminiReply, readGeminiStream } from '../../../test/gemini-client.ts'
import { through } from '../../../test/through.ts'
import { readGemini } from '../../../test/trial/gemini.ts'
import type { Cost } from '../../chat/index.ts'
import { anthropicMessages } from '../anthropic-messages/index.ts'
import type { Dialect, ReplyMeta } from '../dialect.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { translatePipe } from '../pipe.ts'
import { gemini } from './index.ts'

const meta: ReplyMeta = {
  id: 'gen-1763900000-AbCd',
  created: 1_763_900_000,
  model: 'author/model',
  provider: 'Provider',
  hideReasoning: false,
}
const cost: Cost = {
  totalNanos: 65_000n,
  upstreamPromptNanos: 35_000n,
  upstreamCompletionNanos: 30_000n,
  isByok: false,
}

/** Through the gateway to a Gemini client, from an upstream's bytes in the given pieces. */
function run(
  upstream: Dialect,
  stream: boolean,
  pieces: readonly Uint8Array[],
  as = meta,
): GeminiAnswer & { early: string } {
  const pipe =
    upstream === gemini ? gemini.createPassthrough!(as, stream) : translatePipe(upstream, gemini, as, stream)
  const { text: said, early } = through(pipe, pieces, cost)
  return { ...(stream ? readGeminiStream(said) : readGeminiReply(JSON.parse(said))), early }
}

const splits = (bytes: Buffer): Uint8Array[][] => [
  [bytes],
  rechunk(bytes, 1, 40),
  rechunk(bytes, 2, 2000),
  ...(bytes.length < 6000 ? [everyByte(bytes)] : []),
]

const sum = ({ choices, usage, error }: GeminiAnswer) => ({
  choices: choices.map(({ parts: _parts, ...choice }) => choice),
  usage,
  error,
})

function expectOurs({ chunks, early }: GeminiAnswer & { early: string }): void {
  for (const chunk of chunks) expect(chunk).toMatchObject({ modelVersion: meta.model, responseId: meta.id })
  expect(early).not.toContain('finishReason')
  expect(early).not.toContain('usageMetadata')
}

/** Folders of recordings that are no Chat Completions. */
const OTHERS =
  /^(openai-responses|openai-legacy|anthropic|gemini|vertex|bedrock-(converse|invoke)|cohere|embeddings|models-list)$/
const CHAT = recordedCases().filter(
  ({ folder, request, response }) =>
    !OTHERS.test(folder) &&
    response.status < 400 &&
    !request.url_path?.endsWith('/responses') &&
    request.url_path !== '/api/chat',
)
/** The answer is sound: its transcript is what a client reads. */
const SPOKEN = 'openai-chat/image-or-audio-output-json-openai-chat-completions-post-797109e5-gpt-audio'
const GOOGLE = recordedCases().filter(
  ({ folder, response }) => (folder === 'gemini' || folder === 'vertex') && response.status < 400,
)
const CLAUDE = recordedCases().filter(
  ({ folder, response }) => folder === 'anthropic' && response.status < 400,
)

describe.skipIf(!hasFixtures)(
  `recorded answers, told to a Gemini client (skipped when ${WITHOUT_FIXTURES})`,
  () => {
    test('are all there', () => {
      expect([CHAT.length, GOOGLE.length, CLAUDE.length]).toEqual([105, 25, 27])
    })

    test.each(CHAT.map((recorded) => [recorded.id, recorded] as const))('%s', (_, recorded) => {
      const bytes = responseBytes(recorded)
      const stream = recorded.response.kind === 'sse'
      const told = readProvider(stream ? 'sse' : 'json', bytes.toString())
      let first: unknown
      for (const pieces of splits(bytes)) {
        const got = run(openaiChat, stream, pieces)
        first ??= sum(got)
        expect(sum(got)).toEqual(first)
        if (told.error !== null) {
          expect(got.error).not.toBeNull()
          continue
        }
        expectOurs(got)
        for (const [i, choice] of told.choices.entries()) {
          expect(got.choices[i]).toMatchObject({
            text: recorded.id === SPOKEN ? 'Hi there!' : choice.text + choice.refusal,
            thoughts: choice.reasoning,
          })
          const calls = got.choices[i]!.calls.map(({ id, name, args }) => [id, name, args])
          expect(calls.slice(0, choice.tools.length)).toEqual(
            choice.tools.map(({ id, name, args }) => [id, name, args === '' ? {} : JSON.parse(args)]),
          )
          expect(got.choices[i]!.finish).toMatch(/^(STOP|MAX_TOKENS|SAFETY)$/)
        }
        expect(got.usage).toMatchObject({
          promptTokenCount: told.usage?.['prompt_tokens'] ?? 0,
          cost: 0.000065,
        })
      }
    })

    test.each(GOOGLE.map((recorded) => [recorded.id, recorded] as const))(
      '%s passes through',
      (_, recorded) => {
        const bytes = responseBytes(recorded)
        const stream = recorded.response.kind === 'sse'
        const told = readGemini(recorded)
        let first: unknown
        for (const pieces of splits(bytes)) {
          const got = run(gemini, stream, pieces)
          first ??= sum(got)
          expect(sum(got)).toEqual(first)
          if (stream) expectOurs(got)
          const choice = got.choices[0]!
          expect(choice).toMatchObject({ text: told.text, thoughts: told.reasoning })
          expect(choice.signatures.join('')).toBe(told.signatures)
          expect(got.usage).toMatchObject({
            cost: 0.000065,
            totalTokenCount: told.tokens![0] + told.tokens![1],
          })
          if (told.stop === 'UNEXPECTED_TOOL_CALL') expect(got.error).toMatchObject({ code: 502 })
          else expect([choice.finish, got.error]).toEqual([told.stop, null])
        }
      },
    )

    test.each(CLAUDE.map((recorded) => [recorded.id, recorded] as const))(
      '%s: what Claude thought comes back to Claude',
      (_, recorded) => {
        const answer = run(anthropicMessages, recorded.response.kind === 'sse', [responseBytes(recorded)])
        const sent = blocksSentBack(answer)
        const proofs = [...claudeProofs(recorded)]
        expect(sent.filter(({ type }) => /thinking/.test(type)).map((it) => it.signature ?? it.data)).toEqual(
          proofs,
        )
        const firstTool = sent.findIndex(({ type }) => type === 'tool_use')
        const firstThought = sent.findIndex(({ type }) => /thinking/.test(type))
        if (firstTool >= 0 && firstThought >= 0) expect(firstThought).toBeLessThan(firstTool)
      },
    )

    test('cut anywhere, an answer ends in exactly one error or one finish', () => {
      for (const [upstream, cases] of [
        [gemini, GOOGLE],
        [openaiChat, CHAT.slice(0, 12)],
      ] as const) {
        for (const recorded of cases.filter(({ response }) => response.kind === 'sse')) {
          const bytes = responseBytes(recorded)
          fc.assert(
            fc.property(fc.integer({ min: 0, max: bytes.length }), (size) => {
              const got = run(upstream, true, rechunk(bytes.subarray(0, size), size))
              const finished = got.choices.filter((choice) => choice?.finish).length
              expect(got.error === null ? finished > 0 : finished === 0).toBe(true)
            }),
            { numRuns: 8 },
          )
        }
      }
    })
  },
)

// biome-ignore lint/suspicious/noExplicitAny: foreign JSON, read as loosely as a script would
type Block = any

/** What Claude would be sent when the client returns the answer as history. */
function blocksSentBack(answer: GeminiAnswer): Block[] {
  const contents = [
    { role: 'user', parts: [{ text: 'Hi' }] },
    { role: 'model', parts: answer.choices[0]!.parts },
    { role: 'user', parts: [{ text: 'Go on' }] },
  ]
  const chat = gemini.decodeRequest({ contents }, { path: '/v1beta/models/m:generateContent', query: '' })
  const target = { upstreamId: 'claude-sonnet-4-5', maxOutput: null, quirks: {}, supportedParameters: null }
  const { body } = anthropicMessages.encodeRequest(chat, target)
  return (body as Block).messages
    .filter((it: Block) => it.role === 'assistant')
    .flatMap((it: Block) => it.content)
}

function claudeProofs(recorded: RecordedCase): string[] {
  const text = responseBytes(recorded).toString()
  const streamed = recorded.response.kind === 'sse'
  const pattern = streamed
    ? /"type":"signature_delta","signature":"([^"]+)"|"type":"redacted_thinking","data":"([^"]+)"/g
    : /"signature":"([^"]+)"|"type":"redacted_thinking","data":"([^"]+)"|"data":"([^"]+)","type":"redacted_thinking"/g
  return [...text.replaceAll('": "', '":"').replaceAll('", "', '","').matchAll(pattern)].map(
    ([, signature, data, other]) => signature ?? data ?? other ?? '',
  )
}
