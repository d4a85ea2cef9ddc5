import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readGatewayReply, readGatewayStream, sseData } from '../../../test/chat-client.ts'
import {
  hasFixtures,
  type RecordedCase,
  rechunk,
  recordedCases,
  responseBytes,
  WITHOUT_FIXTURES,
} from '../../../test/fixtures.ts'
import { type Loose, readMessageStream, readWholeMessage } from '../../../test/messages-client.ts'
import { through } from '../../../test/through.ts'
import { readAnthropic } from '../../../test/trial/anthropic.ts'
import type { Cost } from '../../chat/index.ts'
import { anthropicMessages } from '../anthropic-messages/index.ts'
import type { ReplyMeta, StreamPipe } from '../dialect.ts'
import { AwsEventStream } from '../framing/aws-eventstream.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { pipeFor, translatePipe } from '../pipe.ts'
import { chunkMessage, eventStreamMessage, exceptionMessage } from './event-stream.fixture.ts'
import { readChunk } from './frame.ts'
import { bedrockInvoke } from './index.ts'

const meta: ReplyMeta = { id: 'gen-1', created: 1, model: 'a/claude', provider: 'P', hideReasoning: false }
const cost: Cost = { totalNanos: 5n, upstreamPromptNanos: null, upstreamCompletionNanos: null, isByok: false }

const run = (pipe: StreamPipe, pieces: readonly Uint8Array[]) => through(pipe, pieces, cost).text

const inFolder = recordedCases().filter(({ folder }) => folder === 'bedrock-invoke')
const isMessage = ({ response }: RecordedCase) =>
  response.status === 200 && Array.isArray((response.body as Loose | undefined)?.['content'])
const replies = inFolder.filter(isMessage)
/** Streams recorded at Anthropic, which Bedrock carries event for event in frames of its own. */
const streams = recordedCases().filter(
  ({ folder, response }) => folder === 'anthropic' && response.kind === 'sse' && response.status === 200,
)
const framesOf = (recorded: RecordedCase): Buffer[] =>
  sseData(responseBytes(recorded).toString()).map(chunkMessage)
const named = (cases: readonly RecordedCase[]) => cases.map((recorded) => [recorded.id, recorded] as const)

describe.skipIf(!hasFixtures)(`recorded traffic of InvokeModel (skipped when ${WITHOUT_FIXTURES})`, () => {
  test('is all there: messages, one HTTP error, and two bodies of formats before this one', () => {
    expect(inFolder).toHaveLength(7)
    expect(replies).toHaveLength(4)
    expect(inFolder.filter(({ response }) => response.status >= 400)).toHaveLength(1)
    const others = inFolder.filter((it) => !isMessage(it) && it.response.status === 200)
    expect(others.map(({ model }) => model)).toEqual([
      expect.stringContaining('claude-v2'),
      expect.stringContaining('llama2'),
    ])
  })

  test.each(named(replies))('%s reaches clients of both formats whole', (_, recorded) => {
    const told = readAnthropic(recorded)
    const bytes = responseBytes(recorded)
    for (const pieces of [[bytes], rechunk(bytes, 4)]) {
      const got = readGatewayReply(
        JSON.parse(run(translatePipe(bedrockInvoke, openaiChat, meta, false), pieces)),
      )
      const [choice] = got.choices
      expect(choice!.text).toBe(told.text)
      expect(choice!.tools.map(({ name, args }) => [name, JSON.parse(args)])).toEqual(told.tools)
      expect(choice!.native).toBe(told.stop)
      expect(got.usage).toMatchObject({
        prompt_tokens: told.tokens![0],
        completion_tokens: told.tokens![1],
        prompt_tokens_details: { cached_tokens: told.tokens![2] },
      })
      const own = readWholeMessage(
        JSON.parse(run(pipeFor(bedrockInvoke, anthropicMessages, meta, false), pieces)),
      )
      expect(own.blocks).toEqual((recorded.response.body as Loose)['content'])
    }
  })

  test('the frames of a recorded stream are opened, whatever is written in them', () => {
    const recorded = inFolder.find(({ response }) => response.kind === 'eventstream')!
    const said: string[] = []
    const framer = new AwsEventStream(1 << 20, (frame) => {
      const chunk = frame.kind === 'aws-eventstream' ? readChunk(frame) : null
      if (chunk !== null && 'json' in chunk) said.push((JSON.parse(chunk.json) as Loose)['completion'])
    })
    for (const piece of rechunk(responseBytes(recorded), 9, 30)) framer.push(piece)
    expect(said.join('')).toMatch(/\w+ \w+/)
  })

  test('a recorded refusal of AWS is read', () => {
    const { status, headers } = inFolder.find(({ response }) => response.status >= 400)!.response
    const body = responseBytes(inFolder.find(({ response }) => response.status >= 400)!).toString()
    expect(bedrockInvoke.decodeError(status, (name) => headers[name], body, 0)).toMatchObject({
      code: 'provider_auth',
      providerCode: 'ExpiredTokenException',
    })
  })

  test.each(named(streams))('%s in frames of AWS says the same as without them', (_, recorded) => {
    const plain = [responseBytes(recorded)]
    const framed = Buffer.concat(framesOf(recorded))
    const stream = (
      upstream: typeof bedrockInvoke,
      client: typeof openaiChat,
      pieces: readonly Uint8Array[],
    ) => run(pipeFor(upstream, client, meta, true), pieces)
    const chat = readGatewayStream(stream(anthropicMessages, openaiChat, plain))
    const own = readMessageStream(stream(anthropicMessages, anthropicMessages, plain))
    for (const pieces of [[framed], rechunk(framed, 7), rechunk(framed, 8, 20)]) {
      const got = readGatewayStream(stream(bedrockInvoke, openaiChat, pieces))
      expect({ choices: got.choices, usage: got.usage }).toEqual({ choices: chat.choices, usage: chat.usage })
      expect(readMessageStream(stream(bedrockInvoke, anthropicMessages, pieces))).toEqual(own)
    }
  })

  test('cut at any frame yields one error and no finish, for clients of both formats', () => {
    for (const recorded of streams.slice(0, 6)) {
      const frames = framesOf(recorded)
      const last = frames.findLastIndex((frame) => bytesOf(frame).includes('"message_delta"'))
      fc.assert(
        fc.property(fc.integer({ min: 1, max: last }), fc.boolean(), (count, half) => {
          const rest = half ? frames[count]!.subarray(0, -3) : Buffer.alloc(0)
          const pieces = [...frames.slice(0, count), rest]
          const chat = readGatewayStream(run(translatePipe(bedrockInvoke, openaiChat, meta, true), pieces))
          expect([chat.error?.code, chat.choices[0]?.finish]).toEqual([502, 'error'])
          const own = readMessageStream(run(pipeFor(bedrockInvoke, anthropicMessages, meta, true), pieces))
          expect([own.error === null, own.done]).toEqual([false, false])
        }),
        { numRuns: 8 },
      )
    }
  })
})

/** What a frame carries, in plain text. */
function bytesOf(frame: Buffer): string {
  const { bytes } = JSON.parse(frame.toString('latin1').slice(frame.indexOf('{"bytes"'), -4)) as Loose
  return Buffer.from(bytes, 'base64').toString()
}

const START = chunkMessage(
  '{"type":"message_start","message":{"id":"m","usage":{"input_tokens":3,"output_tokens":1}}}',
)
const TEXT = [
  '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
  '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}',
].map(chunkMessage)
const END = [
  '{"type":"content_block_stop","index":0}',
  '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}',
].map(chunkMessage)

describe('a stream of InvokeModel', () => {
  test.each([
    ['throttlingException', 'rate_limit_exceeded'],
    ['modelStreamErrorException', 'provider_unavailable'],
    ['modelTimeoutException', 'provider_timeout'],
    ['validationException', 'context_length_exceeded'],
    ['serviceUnavailableException', 'provider_overloaded'],
  ])('that breaks off with %s ends as %s in both formats', (name, code) => {
    for (const client of [openaiChat, anthropicMessages]) {
      const pipe = pipeFor(bedrockInvoke, client, meta, true)
      for (const frame of [START, ...TEXT, exceptionMessage(name, 'Input is too long'), ...END])
        pipe.push(frame)
      pipe.end()
      expect(pipe.seen).toMatchObject({ content: true, finish: null, error: { code, status: 200 } })
    }
  })

  test('whose guardrail stepped in ends as filtered', () => {
    const last =
      '{"type":"message_stop","amazon-bedrock-guardrailAction":"INTERVENED","amazon-bedrock-invocationMetrics":{}}'
    const delta =
      '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2},"amazon-bedrock-guardrailAction":"INTERVENED"}'
    const pieces = [START, ...TEXT, END[0]!, chunkMessage(delta), chunkMessage(last)]
    const got = readGatewayStream(run(pipeFor(bedrockInvoke, openaiChat, meta, true), pieces))
    expect(got.choices[0]).toMatchObject({ finish: 'content_filter', native: 'guardrail_intervened' })
    const whole = {
      content: [{ type: 'text', text: 'No.' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 1, output_tokens: 1 },
      'amazon-bedrock-guardrailAction': 'INTERVENED',
    }
    expect(bedrockInvoke.decodeReply(whole).find(({ type }) => type === 'finish')).toMatchObject({
      reason: 'content_filter',
    })
  })

  test('passes over messages that it does not know, and refuses those that are damaged', () => {
    const pipe = pipeFor(bedrockInvoke, openaiChat, meta, true)
    pipe.push(eventStreamMessage({ ':event-type': 'later' }, '{}'))
    expect(() => pipe.push(eventStreamMessage({ ':event-type': 'chunk' }, '{"p":"x"}'))).toThrow(
      expect.objectContaining({ code: 'provider_protocol' }),
    )
  })
})
