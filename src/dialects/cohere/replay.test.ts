import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ReadAnswer, readGatewayReply, readGatewayStream, sseData } from '../../../test/chat-client.ts'
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
import type { ReplyMeta } from '../dialect.ts'
import { fold } from '../fold.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { translatePipe } from '../pipe.ts'
import { CohereStreamDecoder, decodeReply } from './decoder.ts'
import { decodeError } from './errors.ts'
import { cohere } from './index.ts'

/** Recordings in the folder, and those of them that are HTTP errors. */
const CASES = 10
const HTTP_ERRORS = 2

const meta: ReplyMeta = {
  id: 'gen-1',
  created: 1,
  model: 'cohere/a',
  provider: 'Cohere',
  hideReasoning: false,
}
const cost: Cost = { totalNanos: 5n, upstreamPromptNanos: null, upstreamCompletionNanos: null, isByok: false }
const all = recordedCases().filter(({ folder }) => folder === 'cohere')
const answers = all.filter(({ response }) => response.status < 400)

// biome-ignore lint/suspicious/noExplicitAny: foreign JSON, read as loosely as a script would
type Json = Record<string, any>

interface Told {
  text: string
  reasoning: string
  tools: { id: string; name: string; args: string }[]
  citations: Json[]
  finish: string
  usage: Json
}

/** A plain reading of a recording, without the gateway's code. */
function tell({ response }: RecordedCase): Told {
  const told: Told = { text: '', reasoning: '', tools: [], citations: [], finish: '', usage: {} }
  const content = ({ text, thinking }: Json) => {
    told.text += text ?? ''
    told.reasoning += thinking ?? ''
  }
  const call = ({ id, function: fn }: Json) => told.tools.push({ id, name: fn.name, args: fn.arguments })
  if (response.kind === 'json') {
    const { message, finish_reason: finish, usage } = response.body as Json
    told.reasoning += message.tool_plan ?? ''
    for (const block of message.content ?? []) content(block)
    for (const each of message.tool_calls ?? []) call(each)
    return { ...told, citations: message.citations ?? [], finish, usage }
  }
  for (const data of sseData(response.text!)) {
    if (data === '[DONE]') continue
    const { type, delta } = JSON.parse(data) as Json
    const message = delta?.message
    if (type === 'tool-plan-delta') told.reasoning += message.tool_plan
    if (type === 'content-start' || type === 'content-delta') content(message.content)
    if (type === 'tool-call-start') call(message.tool_calls)
    if (type === 'tool-call-delta') told.tools.at(-1)!.args += message.tool_calls.function.arguments
    if (type === 'citation-start') told.citations.push(message.citations)
    if (type === 'message-end') Object.assign(told, { finish: delta.finish_reason, usage: delta.usage })
  }
  return told
}

const argsOf = (args: string): unknown => (args === '' ? {} : (JSON.parse(args) ?? {}))

function throughPipe(recorded: RecordedCase, pieces: readonly Uint8Array[]): ReadAnswer {
  const pipe = translatePipe(cohere, openaiChat, meta, recorded.stream)
  const { text: said } = through(pipe, pieces, cost)
  return recorded.stream ? readGatewayStream(said) : readGatewayReply(JSON.parse(said))
}

describe.skipIf(!hasFixtures)(`recorded traffic of Cohere (skipped when ${WITHOUT_FIXTURES})`, () => {
  test('is all there, and all of it is replayed', () => {
    expect(all).toHaveLength(CASES)
    expect(answers).toHaveLength(CASES - HTTP_ERRORS)
  })

  test.each(answers.map((recorded) => [recorded.id, recorded] as const))(
    '%s reaches a Chat Completions client whole, however it is cut',
    (_, recorded) => {
      const told = tell(recorded)
      const bytes = responseBytes(recorded)
      const cuts = [[bytes], rechunk(bytes, 21), rechunk(bytes, 22, 3), everyByte(bytes)]
      const [whole, ...split] = cuts.map((pieces) => throughPipe(recorded, pieces))
      for (const other of split) expect(other.choices).toEqual(whole!.choices)
      const choice = whole!.choices[0]!
      expect(choice).toMatchObject({
        text: told.text,
        reasoning: told.reasoning,
        finish: told.finish === 'TOOL_CALL' ? 'tool_calls' : 'stop',
        native: told.finish,
      })
      expect(choice.tools.map(({ args, ...rest }) => ({ ...rest, args: JSON.parse(args) }))).toEqual(
        told.tools.map(({ args, ...rest }) => ({ ...rest, args: argsOf(args) })),
      )
      expect(whole!.usage).toMatchObject({
        // What Cohere bills, which is less than what the model read.
        prompt_tokens: told.usage['billed_units'].input_tokens,
        completion_tokens: told.usage['billed_units'].output_tokens,
        prompt_tokens_details: {
          cached_tokens: Math.min(told.usage['cached_tokens'] ?? 0, told.usage['billed_units'].input_tokens),
        },
        completion_tokens_details: { reasoning_tokens: told.usage['tokens'].reasoning_tokens ?? 0 },
        cost: 5e-9,
      })
    },
  )

  test('keeps every citation, at its place in the text', () => {
    let found = 0
    for (const recorded of answers) {
      const told = tell(recorded)
      const decoder = new CohereStreamDecoder()
      const events =
        recorded.response.kind === 'json'
          ? decodeReply(recorded.response.body)
          : sseData(recorded.response.text!).flatMap((data) =>
              decoder.push({ kind: 'sse', event: null, data }),
            )
      const { citations } = fold(events).choices.get(0)!
      expect(citations.map(({ raw }) => raw)).toEqual(told.citations)
      for (const { start, end, raw } of citations) {
        expect(told.text.slice(start!, end!)).toBe((raw as Json)['text'])
        found++
      }
    }
    expect(found).toBeGreaterThan(5)
  })

  test('cut anywhere yields one error and no finish', () => {
    for (const recorded of answers.filter(({ stream }) => stream)) {
      const bytes = responseBytes(recorded)
      const end = bytes.indexOf('"type":"message-end"')
      fc.assert(
        fc.property(fc.integer({ min: 0, max: end }), (at) => {
          const answer = throughPipe(recorded, [bytes.subarray(0, at)])
          expect(answer.error).toMatchObject({ code: 502 })
          expect(answer.choices[0]?.finish).toBe('error')
        }),
        { numRuns: 15 },
      )
    }
  })
})

test('recorded and constructed errors are read', () => {
  const cases = [...all, ...constructedCases().filter(({ dialect }) => dialect === 'cohere')].filter(
    ({ response }) => response.status >= 400,
  )
  const codes: Record<number, string> = {
    400: 'context_length_exceeded',
    401: 'provider_auth',
    429: 'rate_limit_exceeded',
  }
  for (const { response, id } of cases) {
    const error = decodeError(
      response.status,
      (name) => response.headers[name],
      JSON.stringify(response.body),
      0,
    )
    expect(error, id).toMatchObject({
      code: codes[response.status],
      message: (response.body as Json)['message'],
    })
  }
})

test.each([
  [400, 'too many tokens: max tokens must be less than or equal to 4096', 'max_tokens_exceeded'],
  [400, 'invalid request: message must not be empty', 'invalid_request'],
  [498, 'blocked output: please adjust your prompt', 'content_policy_violation'],
  [499, 'request cancelled', 'provider_timeout'],
  [404, "model 'x' not found", 'provider_not_found'],
  [500, 'internal server error', 'provider_unavailable'],
] as const)('status %i "%s" means %s', (status, message, code) => {
  expect(decodeError(status, () => undefined, JSON.stringify({ message }), 0)).toMatchObject({
    code,
    message,
  })
})
