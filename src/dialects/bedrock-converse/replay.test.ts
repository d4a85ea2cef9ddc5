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
import { readBedrock } from '../../../test/trial/bedrock.ts'
import type { Reading } from '../../../test/trial/writer.ts'
import type { ChatEvent, Cost } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { type FoldedBlock, fold } from '../fold.ts'
import { AwsEventStream } from '../framing/aws-eventstream.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { translatePipe } from '../pipe.ts'
import { decodeReply } from './decoder.ts'
import { finishReason } from './finish.ts'
import { bedrockConverse } from './index.ts'

/** Recordings in the folder, and those of them that are HTTP errors (errors.test.ts reads them). */
const CASES = 22
const HTTP_ERRORS = 3

const meta: ReplyMeta = {
  id: 'gen-1',
  created: 1,
  model: 'anthropic/claude',
  provider: 'P',
  hideReasoning: false,
}
const cost: Cost = { totalNanos: 5n, upstreamPromptNanos: null, upstreamCompletionNanos: null, isByok: false }
const all = recordedCases().filter(({ folder }) => folder === 'bedrock-converse')
const answers = all.filter(({ response }) => response.status < 400)
const midstream = constructedCases().filter(
  ({ dialect, response }) => dialect === 'bedrock-converse' && response.status < 400,
)

function eventsOf(recorded: RecordedCase): ChatEvent[] {
  if (recorded.response.kind === 'json') return decodeReply(recorded.response.body, meta)
  const decoder = bedrockConverse.createStreamDecoder(meta)
  const events: ChatEvent[] = []
  const framer = new AwsEventStream(1 << 20, (frame) => events.push(...decoder.push(frame)))
  for (const piece of rechunk(responseBytes(recorded), 5)) framer.push(piece)
  return [...events, ...decoder.end()]
}

const jsonOf = (args: string): unknown => (args === '' ? {} : JSON.parse(args))
const join = (blocks: readonly FoldedBlock[], kind: string, key: 'text' | 'signature' | 'encrypted') =>
  blocks
    .filter(({ block }) => block.kind === kind)
    .map((block) => block[key])
    .join('')

/** Through the pipe to a Chat Completions client, in the given pieces. */
function throughPipe(recorded: RecordedCase, pieces: readonly Uint8Array[]): ReadAnswer {
  const pipe = translatePipe(bedrockConverse, openaiChat, meta, recorded.stream)
  const { text: said } = through(pipe, pieces, cost)
  return recorded.stream ? readGatewayStream(said) : readGatewayReply(JSON.parse(said))
}

/** Tools that the client has to call itself: those of the server come with their results. */
function ownTools(told: Reading): Reading['tools'] {
  return told.others === 0 ? told.tools : told.tools.filter(([name]) => !name.startsWith('nova_'))
}

describe.skipIf(!hasFixtures)(`recorded traffic of Converse (skipped when ${WITHOUT_FIXTURES})`, () => {
  test('is all there, and all of it is replayed', () => {
    expect(all).toHaveLength(CASES)
    expect(answers).toHaveLength(CASES - HTTP_ERRORS)
  })

  test.each(answers.map((recorded) => [recorded.id, recorded] as const))(
    '%s is decoded unharmed',
    (_, recorded) => {
      const told = readBedrock(recorded)
      const { choices, usage, error } = fold(eventsOf(recorded))
      const { blocks, citations, finish } = choices.get(0)!
      expect(error).toBeNull()
      expect(join(blocks, 'text', 'text')).toBe(told.text)
      expect(join(blocks, 'reasoning', 'text')).toBe(told.reasoning)
      expect(join(blocks, 'reasoning', 'signature')).toBe(told.signatures)
      expect(join(blocks, 'reasoning', 'encrypted')).toBe(Buffer.from(told.encrypted, 'base64').toString())
      const calls = blocks.flatMap(({ block, args }) =>
        block.kind === 'tool' || block.kind === 'server-tool' ? [[block.name, jsonOf(args)]] : [],
      )
      expect(calls).toEqual(told.tools)
      const results = blocks.filter(
        ({ block, results }) => block.kind === 'server-tool' && results.length > 0,
      )
      expect(results).toHaveLength(told.others)
      expect(citations).toHaveLength(told.citations)
      expect(finish).toMatchObject({ native: told.stop, reason: finishReason(told.stop!) })
      expect([usage!.promptTokens, usage!.completionTokens, usage!.cacheReadTokens]).toEqual(told.tokens)
    },
  )

  test.each(answers.map((recorded) => [recorded.id, recorded] as const))(
    '%s reaches a Chat Completions client whole, however it is cut',
    (_, recorded) => {
      const told = readBedrock(recorded)
      const bytes = responseBytes(recorded)
      const cuts = [[bytes], rechunk(bytes, 11), rechunk(bytes, 12, 3), everyByte(bytes)]
      const [whole, ...split] = cuts.map((pieces) => throughPipe(recorded, pieces))
      for (const other of split) expect(other.choices).toEqual(whole!.choices)
      const choice = whole!.choices[0]!
      expect(choice).toMatchObject({
        text: told.text,
        reasoning: told.reasoning,
        finish: finishReason(told.stop!),
        native: told.stop,
      })
      expect(choice.tools.map(({ name, args }) => [name, JSON.parse(args)])).toEqual(ownTools(told))
      expect(whole!.usage).toMatchObject({
        prompt_tokens: told.tokens![0],
        completion_tokens: told.tokens![1],
        prompt_tokens_details: { cached_tokens: told.tokens![2] },
        cost: 5e-9,
      })
    },
  )

  test('cut at any frame yields one error and no finish', () => {
    for (const recorded of answers.filter(({ stream }) => stream)) {
      const frames = recorded.response.chunks_base64!.map((chunk) => Buffer.from(chunk, 'base64'))
      fc.assert(
        fc.property(fc.integer({ min: 0, max: frames.length - 3 }), fc.boolean(), (count, half) => {
          const rest = half ? frames[count]!.subarray(0, -3) : Buffer.alloc(0)
          const cut = { ...recorded, response: { ...recorded.response } }
          const bytes = Buffer.concat([...frames.slice(0, count), rest])
          const answer = throughPipe(cut, [bytes])
          expect(answer.error).toMatchObject({ code: 502 })
          expect(answer.choices[0]?.finish).toBe('error')
        }),
        { numRuns: 10 },
      )
    }
  })
})

describe.skipIf(midstream.length === 0)('an exception inside a stream', () => {
  test.each(midstream.map((recorded) => [recorded.id, recorded] as const))(
    '%s ends the answer',
    (_, recorded) => {
      const told = readBedrock(recorded)
      const answer = throughPipe(recorded, rechunk(responseBytes(recorded), 3, 40))
      expect(answer.choices[0]!.text).toBe(told.text)
      expect(answer.error).toMatchObject({ code: recorded.id.endsWith('throttling') ? 429 : 502 })
    },
  )
})
