import { describe, expect, test } from 'vitest'
import { readGatewayReply, readGatewayStream, readProvider } from '../../../test/chat-client.ts'
import {
  everyByte,
  hasFixtures,
  type RecordedCase,
  rechunk,
  recordedCases,
  responseBytes,
  WITHOUT_FIXTURES,
} from '../../../test/fixtures.ts'
import {
  citationsOf,
  type Loose,
  type ReadMessage,
  readMessageStream,
  readWholeMessage,
  textOf,
  thinkingOf,
  toolsOf,
} from '../../../test/messages-client.ts'
import { through } from '../../../test/through.ts'
import type { Cost } from '../../chat/index.ts'
import type { ReplyMeta, StreamPipe } from '../dialect.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { pipeFor, translatePipe } from '../pipe.ts'
import { anthropicMessages } from './index.ts'

const meta: ReplyMeta = {
  id: 'gen-1763900000-AbCd',
  created: 1_763_900_000,
  model: 'anthropic/claude',
  provider: 'Anthropic',
  hideReasoning: false,
}
const cost: Cost = {
  totalNanos: 65_000n,
  upstreamPromptNanos: 35_000n,
  upstreamCompletionNanos: 30_000n,
  isByok: false,
}

const run = (pipe: StreamPipe, pieces: readonly Uint8Array[]) => through(pipe, pieces, cost)

const splitsOf = (bytes: Buffer): Uint8Array[][] => [
  [bytes],
  rechunk(bytes, 1),
  rechunk(bytes, 2, 40),
  ...(bytes.length < 4000 ? [everyByte(bytes)] : []),
]

const inFolder = recordedCases().filter(({ folder }) => folder === 'anthropic')
const answers = inFolder.filter(({ response }) => response.status === 200)
const named = (cases: readonly RecordedCase[]) => cases.map((recorded) => [recorded.id, recorded] as const)

const toldBy = (recorded: RecordedCase): ReadMessage =>
  recorded.response.kind === 'sse'
    ? readMessageStream(responseBytes(recorded).toString(), true)
    : readWholeMessage(recorded.response.body as Loose)

const FINISH: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  pause_turn: 'length',
  max_tokens: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}

const promptOf = (usage: Loose): number =>
  usage['input_tokens'] +
  (usage['cache_read_input_tokens'] ?? 0) +
  (usage['cache_creation_input_tokens'] ?? 0)

/** Of a block what the hub keeps: who called a tool is Anthropic's own business. */
const kept = ({ caller: _caller, ...block }: Loose): Loose => {
  if (block['type'] === 'text' && block['citations']?.length === 0) {
    const { citations: _none, ...rest } = block
    return rest
  }
  return block
}

describe.skipIf(!hasFixtures)(
  `recorded answers of Anthropic [${hasFixtures ? answers.length : WITHOUT_FIXTURES}]`,
  () => {
    test('every recording of the folder is replayed, or an HTTP error that errors.test.ts reads', () => {
      expect(inFolder).toHaveLength(recordedCases().filter(({ dialect }) => dialect === 'anthropic').length)
      expect({ all: inFolder.length, replayed: answers.length }).toEqual({ all: 29, replayed: 27 })
    })

    test.each(named(answers))('for a client of Chat Completions: %s', (_, recorded) => {
      const bytes = responseBytes(recorded)
      const stream = recorded.response.kind === 'sse'
      const told = toldBy(recorded)
      for (const pieces of splitsOf(bytes)) {
        const { text, early, pipe } = run(translatePipe(anthropicMessages, openaiChat, meta, stream), pieces)
        const got = stream ? readGatewayStream(text) : readGatewayReply(JSON.parse(text))
        const [choice] = got.choices
        expect(got.error).toBeNull()
        expect(choice!.text).toBe(textOf(told))
        expect(choice!.reasoning).toBe(thinkingOf(told))
        expect(choice!.tools.map(({ id, name, args }) => [id, name, JSON.parse(args)])).toEqual(toolsOf(told))
        expect(choice).toMatchObject({ finish: FINISH[told.stop!], native: told.stop })
        expect(got.usage).toMatchObject({
          prompt_tokens: promptOf(told.usage!),
          completion_tokens: told.usage!['output_tokens'],
          prompt_tokens_details: {
            cached_tokens: told.usage!['cache_read_input_tokens'] ?? 0,
            cache_write_tokens: told.usage!['cache_creation_input_tokens'] ?? 0,
          },
          cost: 0.000065,
        })
        for (const block of told.blocks) {
          const proof = block['signature'] || (block['type'] === 'redacted_thinking' && block['data'])
          if (proof) expect(text).toContain(JSON.stringify(proof).slice(1, -1))
        }
        const cited = stream
          ? got.chunks.flatMap((chunk) => chunk['choices'][0].delta.annotations ?? [])
          : (JSON.parse(text).choices[0].message.annotations ?? [])
        expect(cited.map((it: Loose) => it['url_citation'].content)).toEqual(
          citationsOf(told).map((it) => it['cited_text']),
        )
        for (const { url_citation: it } of cited) {
          expect(choice!.text.slice(it.start_index, it.end_index).length).toBeGreaterThan(0)
        }
        expect(early).not.toContain('"finish_reason":"')
        expect(pipe.seen.upstreamId).toBe(told.message['id'])
      }
    })

    test.each(named(answers))('for a client of its own: %s', (_, recorded) => {
      const bytes = responseBytes(recorded)
      const stream = recorded.response.kind === 'sse'
      const told = toldBy(recorded)
      const read = (text: string) => (stream ? readMessageStream(text) : readWholeMessage(JSON.parse(text)))
      for (const pieces of splitsOf(bytes)) {
        const straight = run(pipeFor(anthropicMessages, anthropicMessages, meta, stream), pieces)
        const got = read(straight.text)
        expect(got.blocks).toEqual(told.blocks)
        expect(got.message).toMatchObject({
          id: meta.id,
          model: meta.model,
          provider: 'Anthropic',
          role: 'assistant',
        })
        expect(got.message['stop_details'] ?? null).toEqual(told.message['stop_details'] ?? null)
        expect(got.message['context_management']).toEqual(told.message['context_management'])
        expect(got.usage).toMatchObject({ ...told.usage, cost: 0.000065, is_byok: false })
        expect({ stop: got.stop, done: got.done }).toEqual({ stop: told.stop, done: true })
        expect(straight.early).not.toMatch(/message_delta|message_stop/)

        const around = read(
          run(translatePipe(anthropicMessages, anthropicMessages, meta, stream), pieces).text,
        )
        expect(around.blocks.map(kept)).toEqual(told.blocks.map(kept))
        expect(around.stop).toBe(told.stop)
        expect(around.message['stop_details'] ?? null).toEqual(told.message['stop_details'] ?? null)
        // What Anthropic says of its usage beyond the figures goes the straight way only.
        const { input_tokens, output_tokens } = told.usage!
        expect(around.usage).toMatchObject({ input_tokens, output_tokens, cost: 0.000065 })
        expect(promptOf(around.usage!)).toBe(promptOf(told.usage!))
      }
    })
  },
)

/** Why a Chat Completions recording is not held against what a Messages client reads; null when it is. */
function leftOut({ folder, request, response }: RecordedCase): string | null {
  const path = request.url_path ?? ''
  if (response.status !== 200) return 'an HTTP error'
  if (!/chat\/completions$/.test(path)) return `speaks another format (${folder})`
  return null
}

const chats = recordedCases().filter((recorded) => leftOut(recorded) === null)

describe.skipIf(!hasFixtures)(
  `recorded answers of OpenAI-compatible providers for a Messages client [${hasFixtures ? chats.length : WITHOUT_FIXTURES}]`,
  () => {
    test('all are looked at', () => {
      expect(chats.length).toBeGreaterThan(90)
    })

    test.each(named(chats))('%s', (_, recorded) => {
      const bytes = responseBytes(recorded)
      const stream = recorded.response.kind === 'sse'
      const told = readProvider(stream ? 'sse' : 'json', bytes.toString())
      for (const pieces of [[bytes], rechunk(bytes, 3)]) {
        const { text } = run(translatePipe(openaiChat, anthropicMessages, meta, stream), pieces)
        const got = stream ? readMessageStream(text) : readWholeMessage(JSON.parse(text))
        const choice = told.choices[0]
        // This API speaks no audio: its transcript is told.
        const spoken = told.chunks[0]?.['choices']?.[0]?.message?.audio?.transcript ?? ''
        expect(textOf(got)).toBe((choice?.text ?? '') + (choice?.refusal ?? '') + spoken)
        expect(thinkingOf(got)).toBe(choice?.reasoning ?? '')
        if (told.error !== null) {
          expect(got.error?.['error']).toMatchObject({
            error_type: expect.any(String),
            message: expect.any(String),
          })
          continue
        }
        const calls = (choice?.tools ?? []).filter(({ name }) => name)
        expect(toolsOf(got).map(([, name, input]) => [name, input])).toEqual([
          ...calls.map(({ name, args }) => [name, JSON.parse(args || '{}')]),
          ...legacyCalls(told.chunks),
        ])
        expect(got.error).toBeNull()
        expect(got.stop).toMatch(
          /^(end_turn|max_tokens|tool_use|refusal|stop_sequence|model_context_window_exceeded)$/,
        )
        if (calls.length > 0 && choice!.finish === 'tool_calls') expect(got.stop).toBe('tool_use')
        if (told.usage !== null) {
          const cached = got.usage!['cache_read_input_tokens'] + got.usage!['cache_creation_input_tokens']
          expect(got.usage!['input_tokens'] + cached).toBe(told.usage['prompt_tokens'])
        }
        expect(got.usage).toMatchObject({ cost: 0.000065, is_byok: false })
      }
    })
  },
)

/** The old `function_call` of OpenAI, which the plain reading leaves alone. */
function legacyCalls(chunks: readonly Loose[]): unknown[] {
  const call = chunks[0]?.['choices']?.[0]?.message?.function_call
  return call?.name ? [[call.name, JSON.parse(call.arguments)]] : []
}
