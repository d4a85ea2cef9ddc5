import { describe, expect, test } from 'vitest'
import {
  type ReadAnswer,
  readGatewayReply,
  readGatewayStream,
  readProvider,
  sseData,
} from '../../../test/chat-client.ts'
import {
  everyByte,
  hasFixtures,
  type RecordedCase,
  rechunk,
  recordedCases,
  responseBytes,
  WITHOUT_FIXTURES,
} from '../../../test/fixtures.ts'
import { through } from '../../../test/through.ts'
import type { Cost } from '../../chat/index.ts'
import type { Dialect, ReplyMeta, StreamPipe } from '../dialect.ts'
import { translatePipe } from '../pipe.ts'
import { finishReason } from './finish.ts'
import { openaiChat } from './index.ts'

const FOLDERS = [
  'openai-chat',
  'azure-openai',
  'mistral',
  'groq',
  'deepseek',
  'xai',
  'together',
  'openrouter',
  'perplexity',
  'cerebras',
  'huggingface',
  'zai',
  'alibaba',
  'moonshot',
  'ollama',
  'vercel-gateway',
  'databricks',
  'snowflake',
  'writer',
  'crusoe',
  'openai-compatible',
  'bedrock-mantle',
]

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

const ways: Readonly<Record<string, (stream: boolean) => StreamPipe>> = {
  passthrough: (stream) => openaiChat.createPassthrough!(meta, stream),
  'decode and encode': (stream) => translatePipe(openaiChat as Dialect, openaiChat, meta, stream),
}

/** Why a recording of these folders is not replayed here; null when it is. */
function leftOut({ request, response }: RecordedCase): string | null {
  const path = request.url_path ?? ''
  if (path.endsWith('/responses')) return 'speaks the Responses format'
  if (path === '/api/chat') return "speaks Ollama's own format"
  if (response.status >= 400) return 'an HTTP error: errors.test.ts reads it'
  return null
}

const inFolders = recordedCases().filter(({ folder }) => FOLDERS.includes(folder))
const replayed = inFolders.filter((recorded) => leftOut(recorded) === null)

const run = (pipe: StreamPipe, pieces: readonly Uint8Array[]) => through(pipe, pieces, cost)

function expectUnharmed(got: ReadAnswer, told: ReadAnswer): void {
  expect(got.choices.map(({ text }) => text)).toEqual(told.choices.map(({ text }) => text))
  expect(got.choices.map(({ reasoning }) => reasoning)).toEqual(
    told.choices.map(({ reasoning }) => reasoning),
  )
  expect(got.choices.map(({ refusal }) => refusal)).toEqual(told.choices.map(({ refusal }) => refusal))
  expect(got.choices.map(({ tools }) => tools)).toEqual(told.choices.map(({ tools }) => tools))
  if (told.error !== null) {
    expect(got.error).not.toBeNull()
    expect(got.usage?.['completion_tokens'] ?? null).toBe(told.usage?.['completion_tokens'] ?? null)
    return
  }
  for (const [i, choice] of told.choices.entries()) {
    // Snowflake leaves the reason of a whole reply blank: it is told from what the reply holds.
    const native = choice.native
    const reason =
      choice.finish === null ? (choice.tools.length > 0 ? 'tool_calls' : 'stop') : finishReason(choice.finish)
    expect(got.choices[i]).toMatchObject({ finish: reason, native })
  }
  expectUsage(got.usage, told.usage)
}

/** The hub knows the old `function_call` as a tool call, whose missing id is made from ours; the plain pipe passes it as it is. */
function asToolCalls(told: ReadAnswer): void {
  for (const [i, choice] of (told.chunks[0]?.['choices'] ?? []).entries()) {
    const { name, arguments: args } = choice.message?.function_call ?? {}
    if (name) told.choices[i]!.tools.push({ id: 'call_1763900000AbCd_0', name, args })
  }
}

function expectUsage(got: ReadAnswer['usage'], told: ReadAnswer['usage']): void {
  if (told === null) return
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details: details } = told
  const reasoning = told['completion_tokens_details']?.reasoning_tokens ?? 0
  const cached =
    details?.cached_tokens ??
    told['cached_tokens'] ??
    told['prompt_cache_hit_tokens'] ??
    told['cache_read_input_tokens'] ??
    told['num_cached_tokens'] ??
    0
  // xAI and Vercel's Google count reasoning beside the completion: it is output all the same.
  const beside =
    reasoning > completion_tokens ||
    (reasoning > 0 && total_tokens === prompt_tokens + completion_tokens + reasoning)
  const output = beside ? completion_tokens + reasoning : completion_tokens
  expect(got).toMatchObject({
    prompt_tokens,
    completion_tokens: output,
    total_tokens: prompt_tokens + output,
    completion_tokens_details: { reasoning_tokens: reasoning },
    prompt_tokens_details: { cached_tokens: Math.min(cached, prompt_tokens) },
    cost: 0.000065,
    is_byok: false,
  })
}

describe.skipIf(!hasFixtures)(
  `recorded answers of OpenAI-compatible providers [${hasFixtures ? replayed.length : WITHOUT_FIXTURES}]`,
  () => {
    test('every recording of these folders is replayed, or left out for a reason', () => {
      const reasons = Object.groupBy(
        inFolders.filter((it) => leftOut(it) !== null),
        (it) => leftOut(it)!,
      )
      const counts = Object.entries(reasons).map(([reason, cases]) => `${cases!.length} ${reason}`)
      console.log(
        `replayed ${replayed.length} of ${inFolders.length} recordings; left out: ${counts.join('; ')}`,
      )
      // As the index of the recordings says: 24 + 11 + 10 + 10 + … cases in these folders.
      expect(inFolders).toHaveLength(
        recordedCases().filter(({ dialect }) => FOLDERS.includes(dialect)).length,
      )
      expect({ all: inFolders.length, replayed: replayed.length }).toEqual({ all: 136, replayed: 105 })
    })

    describe.each(Object.entries(ways))('by %s', (way, createPipe) => {
      test.each(replayed.map((recorded) => [recorded.id, recorded] as const))('%s', (_, recorded) => {
        const bytes = responseBytes(recorded)
        const stream = recorded.response.kind === 'sse'
        const told = readProvider(stream ? 'sse' : 'json', bytes.toString('utf8'))
        if (way === 'decode and encode') asToolCalls(told)
        const splits = [[bytes], rechunk(bytes, 1), rechunk(bytes, 2, 40), rechunk(bytes, 3, 2000)]
        if (bytes.length < 6000) splits.push(everyByte(bytes))
        let first: ReadAnswer | undefined
        for (const pieces of splits) {
          const { text, early, pipe } = run(createPipe(stream), pieces)
          const got = stream ? readGatewayStream(text) : readGatewayReply(JSON.parse(text))
          expectUnharmed(got, told)
          for (const data of sseData(early)) {
            expect(JSON.parse(data)).toMatchObject({ choices: [{ finish_reason: null }] })
            expect(JSON.parse(data)).not.toHaveProperty('usage')
          }
          for (const chunk of got.chunks) {
            expect(chunk).toMatchObject({
              id: meta.id,
              model: meta.model,
              provider: meta.provider,
              created: meta.created,
            })
          }
          expect(got.done).toBe(told.error === null || !stream)
          expect(pipe.seen.content).toBe(
            got.choices.some((it) => it.text + it.reasoning + it.refusal !== '' || it.tools.length > 0) ||
              /function_call|"audio"/.test(text),
          )
          // The same answer whatever the cut: decoded events may be cut otherwise, their sum may not.
          const sum = { ...got, chunks: [] }
          first ??= sum
          expect(sum).toEqual(first)
        }
      })
    })
  },
)
