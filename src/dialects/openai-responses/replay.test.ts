import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import {
  readGatewayStream as readChatStream,
  readGatewayReply,
  readProvider,
} from '../../../test/chat-client.ts'
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
import type { Cost } from '../../chat/index.ts'
import type { ReplyMeta, StreamPipe } from '../dialect.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { pipeFor, translatePipe } from '../pipe.ts'
import { openaiResponses } from './index.ts'
import { type Reading, readGatewayStream, readProviderStream, readResponse } from './reader.fixture.ts'

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

const all = recordedCases().filter(({ request }) => request.url_path?.endsWith('/responses'))
const answers = all.filter(({ response }) => response.status < 400)
const isStream = ({ response }: RecordedCase): boolean => response.kind === 'sse'

/** What the provider said, read without the gateway's code. */
function truth(recorded: RecordedCase): Reading {
  const body = responseBytes(recorded).toString('utf8')
  return isStream(recorded) ? readProviderStream(body) : readResponse(JSON.parse(body))
}

/** What a client gets of a body; the end is held back until it is known. */
function run(pipe: StreamPipe, pieces: readonly Uint8Array[]): string {
  const { early, text } = through(pipe, pieces, cost)
  expect(early).not.toMatch(/event: (response\.(completed|incomplete|failed)|error)\n/)
  return text
}

function splits(recorded: RecordedCase): Uint8Array[][] {
  const bytes = responseBytes(recorded)
  const ways = [[bytes], rechunk(bytes, 1), rechunk(bytes, 2, 40), rechunk(bytes, 3, 2000)]
  if (bytes.length < 6000) ways.push(everyByte(bytes))
  return ways
}

const parsed = (tools: readonly { id: string; name: string; args: string }[]) =>
  tools.map(({ id, name, args }) => ({ id, name, args: JSON.parse(args === '' ? '{}' : args) }))

const tokens = (usage: Reading['usage']) => ({
  input: usage?.['input_tokens'] ?? null,
  output: usage?.['output_tokens'] ?? null,
  cached: usage?.['input_tokens_details']?.cached_tokens ?? 0,
  reasoning: usage?.['output_tokens_details']?.reasoning_tokens ?? 0,
})

/** A response client must see all of it. */
function expectSame(got: Reading, told: Reading): void {
  expect({ ...got, usage: null, tools: parsed(got.tools), status: got.status }).toEqual({
    ...told,
    usage: null,
    tools: parsed(told.tools),
  })
  expect(tokens(got.usage)).toEqual(tokens(told.usage))
  expect(got.usage).toMatchObject({ cost: 0.000065, is_byok: false })
}

describe.skipIf(!hasFixtures)(
  `recorded responses [${hasFixtures ? answers.length : WITHOUT_FIXTURES}]`,
  () => {
    test('every recording of the format is replayed here or read as an error', () => {
      // 24 of OpenAI; 4 of Azure, 3 of Bedrock, 2 of DeepSeek, 1 of LM Studio, 1 of OpenRouter, 7 of xAI stand in their folders.
      expect(all).toHaveLength(42)
      expect(all.filter(({ dialect }) => dialect === 'openai-responses')).toHaveLength(24)
      expect(answers).toHaveLength(38)
    })

    test.each(answers.map((it) => [it.id, it] as const))('%s to a Chat Completions client', (_, recorded) => {
      const told = truth(recorded)
      for (const pieces of splits(recorded)) {
        const text = run(translatePipe(openaiResponses, openaiChat, meta, isStream(recorded)), pieces)
        const got = isStream(recorded) ? readChatStream(text) : readGatewayReply(JSON.parse(text))
        const choice = got.choices[0]!
        expect(choice.text + choice.refusal).toBe(told.text + told.refusal)
        expect(choice.reasoning).toBe(told.reasoning)
        expect(parsed(choice.tools)).toEqual(parsed(told.tools))
        expect(choice.finish).toBe(told.tools.length > 0 ? 'tool_calls' : 'stop')
        expect(choice.native).toBe('completed')
        expect(got.usage).toMatchObject({
          prompt_tokens: told.usage!['input_tokens'],
          completion_tokens: told.usage!['output_tokens'],
          prompt_tokens_details: { cached_tokens: tokens(told.usage).cached },
          completion_tokens_details: { reasoning_tokens: tokens(told.usage).reasoning },
          cost: 0.000065,
        })
        for (const sealed of told.encrypted) expect(text).toContain(JSON.stringify(sealed).slice(1, -1))
        expect(text.split('"type":"url_citation"').length - 1).toBe(told.citations)
        expect(text.split('reasoning.server_tool_call').length - 1).toBe(told.hosted.length)
      }
    })

    test.each(answers.map((it) => [it.id, it] as const))('%s to a Responses client', (_, recorded) => {
      const told = truth(recorded)
      const ways = {
        through: () => pipeFor(openaiResponses, openaiResponses, meta, isStream(recorded)),
        translated: () => translatePipe(openaiResponses, openaiResponses, meta, isStream(recorded)),
      }
      for (const [way, createPipe] of Object.entries(ways)) {
        for (const pieces of splits(recorded)) {
          const text = run(createPipe(), pieces)
          if (!isStream(recorded)) {
            expectSame(readResponse(JSON.parse(text)), told)
            expect(JSON.parse(text)).toMatchObject({ id: meta.id, model: meta.model, store: false })
            continue
          }
          // Copilot changes the ids of items with every event; what passes through keeps them.
          const changing = way === 'through' && recorded.id.includes('copilot')
          const got = way === 'translated' ? readGatewayStream(text) : readProviderStream(text)
          expectSame(changing ? { ...got, encrypted: told.encrypted } : got, told)
          expect(text).not.toMatch(/"id":"resp_/)
        }
      }
    })

    test.each(all.filter((it) => it.response.status >= 400).map((it) => [it.id, it] as const))(
      '%s is an error with a meaning',
      (_, recorded) => {
        const { status, headers } = recorded.response
        const error = openaiResponses.decodeError(
          status,
          (name) => headers[name],
          responseBytes(recorded).toString('utf8'),
          0,
        )
        const body = JSON.parse(responseBytes(recorded).toString('utf8'))
        expect(error.message).toBe(body.error?.message ?? body.error)
        expect(error.code).toBe(/API key/.test(error.message) ? 'provider_auth' : 'invalid_request')
      },
    )
  },
)

const CHAT_PATH = /\/chat\/completions/
const chats = recordedCases().filter(
  ({ request, response, dialect, folder }) =>
    response.status < 400 &&
    ['sse', 'json'].includes(response.kind) &&
    (CHAT_PATH.test(request.url_path ?? '') || dialect === 'openai-chat') &&
    folder !== 'ollama',
)

/** Reads a stream or a reply with OpenAI's own client. */
function officialClient(body: string, stream: boolean): OpenAI {
  const headers = { 'content-type': stream ? 'text/event-stream' : 'application/json' }
  return new OpenAI({
    apiKey: 'none',
    baseURL: 'http://localhost/v1',
    maxRetries: 0,
    fetch: async () => new Response(body, { status: 200, headers }),
  })
}

describe.skipIf(!hasFixtures)(
  `recorded chat completions to a Responses client [${hasFixtures ? chats.length : WITHOUT_FIXTURES}]`,
  () => {
    test.each(chats.map((it) => [it.id, it] as const))('%s', async (_, recorded) => {
      const bytes = responseBytes(recorded)
      const body = bytes.toString('utf8')
      const stream = isStream(recorded)
      const told = readProvider(stream ? 'sse' : 'json', body)
      const choice = told.choices[0]
      const first = run(translatePipe(openaiChat, openaiResponses, meta, stream), [bytes])
      for (const pieces of splits(recorded).slice(1)) {
        const again = run(translatePipe(openaiChat, openaiResponses, meta, stream), pieces)
        expect(again).toBe(first)
      }
      if (choice === undefined) {
        // Azure answers 200 with a bare error when a filter strikes.
        expect(JSON.parse(first)).toMatchObject({
          error: { code: 400, message: told.error!['message'] },
          error_type: 'content_policy_violation',
        })
        return
      }
      const got = stream ? readGatewayStream(first) : readResponse(JSON.parse(first))
      // The format holds no sound: the words of an audio answer are its text.
      const audio = body.includes('"transcript"') ? JSON.parse(body).choices[0].message.audio.transcript : ''
      // A legacy function call is a tool call here.
      const legacy = /"function_call":\s*\{"(name|arguments)":\s*"\w/.test(body)
      expect(got.text).toBe(choice.text + audio)
      expect(got.refusal).toBe(choice.refusal)
      expect(got.reasoning).toBe(choice.reasoning)
      if (told.error === null && !legacy) {
        expect(parsed(got.tools)).toEqual(parsed(choice.tools))
      }
      expect(got.status).toBe(
        told.error !== null
          ? 'failed'
          : /length|content_filter|max_tokens/.test(choice.finish ?? '')
            ? 'incomplete'
            : 'completed',
      )
      if (told.error === null && stream) {
        const final = await officialClient(first, true)
          .responses.stream({ model: 'm', input: 'x' })
          .finalResponse()
        expect(final.output_text).toBe(choice.text)
        expect(final.id).toBe(meta.id)
      } else if (told.error !== null && stream) {
        const reading = officialClient(first, true)
          .responses.stream({ model: 'm', input: 'x' })
          .finalResponse()
        await expect(reading).rejects.toThrow()
      }
    })
  },
)

describe.skipIf(constructedCases().length === 0)('constructed failures of OpenAI', () => {
  const cases = constructedCases().filter(({ id }) => /openai-chat-(429|5)/.test(id))
  test.each(cases.map((it) => [it.id, it] as const))('%s keeps its meaning and its wait', (_, recorded) => {
    const { status, headers } = recorded.response
    const args = [
      status,
      (name: string) => headers[name],
      responseBytes(recorded).toString('utf8'),
      0,
    ] as const
    expect(openaiResponses.decodeError(...args)).toEqual(openaiChat.decodeError(...args))
  })
})
