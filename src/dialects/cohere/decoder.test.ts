import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hasFixtures, recordedCases, seeded } from '../../../test/fixtures.ts'
import type { ChatEvent } from '../../chat/index.ts'
import type { Frame } from '../dialect.ts'
import { fold } from '../fold.ts'
import type { Json } from '../json.ts'
import { CohereStreamDecoder, decodeReply } from './decoder.ts'

const frame = (type: string, message: Json, index?: number): Frame => ({
  kind: 'sse',
  event: type,
  data: JSON.stringify({ type, ...(index !== undefined && { index }), delta: { message } }),
})
const end = (finish_reason: string, rest: Json = {}): Frame => ({
  kind: 'sse',
  event: null,
  data: JSON.stringify({ type: 'message-end', delta: { finish_reason, ...rest } }),
})
const call = (args: string) =>
  frame('tool-call-start', { tool_calls: { id: 'a', function: { name: 'now', arguments: args } } }, 0)
const moreArgs = (args: string) =>
  frame('tool-call-delta', { tool_calls: { function: { arguments: args } } }, 0)

function run(frames: readonly Frame[]): ChatEvent[] {
  const decoder = new CohereStreamDecoder()
  return [...frames.flatMap((it) => decoder.push(it)), ...decoder.end()]
}
const choice = (frames: readonly Frame[]) => fold(run(frames)).choices.get(0)!

describe('a stream', () => {
  test.each([
    [['', '{"a"', ':1}'], '{"a":1}'],
    [['nu', 'll'], '{}'],
    [['null'], '{}'],
    [[''], '{}'],
    [['', 'n', 'ot json'], 'not json'],
  ])('whose arguments come as %j calls with %s', ([first, ...more], args) => {
    const frames = [call(first!), ...more.map(moreArgs), end('TOOL_CALL')]
    expect(choice(frames).blocks).toMatchObject([{ block: { kind: 'tool', id: 'a', name: 'now' }, args }])
  })

  test('that fails says so and does not finish', () => {
    for (const [reason, code] of [
      ['ERROR', 'provider_unavailable'],
      ['TIMEOUT', 'provider_timeout'],
    ] as const) {
      const answer = fold(
        run([frame('content-delta', { content: { text: 'x' } }, 0), end(reason, { error: 'Oops' })]),
      )
      expect(answer.error).toMatchObject({ code, message: 'Oops', providerCode: reason })
      expect(answer.choices.get(0)!.finish).toBeNull()
    }
    const broken: Frame = {
      kind: 'sse',
      event: 'error',
      data: '{"message":"rate limit exceeded","status_code":429}',
    }
    expect(fold(run([broken])).error).toMatchObject({ code: 'rate_limit_exceeded' })
  })

  test('marks its plan, so that it goes back as one', () => {
    const frames = [
      frame('tool-plan-delta', { tool_plan: 'I ' }),
      frame('tool-plan-delta', { tool_plan: 'will.' }),
      call('{}'),
      end('TOOL_CALL'),
    ]
    expect(choice(frames).blocks[0]).toMatchObject({
      block: { kind: 'reasoning', id: 'tool_plan' },
      text: 'I will.',
    })
  })
})

test('what is no Cohere reply is refused', () => {
  for (const reply of [null, [], {}, { message: 'x' }]) {
    expect(() => decodeReply(reply)).toThrow(expect.objectContaining({ code: 'provider_protocol' }))
  }
})

/** A whole reply as the stream that says the same. */
function streamed(reply: Json, random: () => number): Frame[] {
  const pieces = (text: string) => text.match(new RegExp(`.{1,${1 + Math.floor(random() * 30)}}`, 'gs')) ?? []
  const message = reply['message'] as Record<string, Json[] | string | undefined>
  const frames = [
    { kind: 'sse', event: null, data: JSON.stringify({ type: 'message-start', id: reply['id'] }) } as Frame,
  ]
  for (const tool_plan of pieces(String(message['tool_plan'] ?? '')))
    frames.push(frame('tool-plan-delta', { tool_plan }))
  for (const [i, { type, text, thinking }] of ((message['content'] ?? []) as Json[]).entries()) {
    const key = type === 'thinking' ? 'thinking' : 'text'
    frames.push(frame('content-start', { content: { type, [key]: '' } }, i))
    for (const piece of pieces(String(text ?? thinking)))
      frames.push(frame('content-delta', { content: { [key]: piece } }, i))
    frames.push({ kind: 'sse', event: null, data: JSON.stringify({ type: 'content-end', index: i }) })
  }
  for (const { id, function: fn } of (message['tool_calls'] ?? []) as Json[]) {
    const { name, arguments: args } = fn as { name: string; arguments: string }
    frames.push(
      frame(
        'tool-call-start',
        { tool_calls: { id, type: 'function', function: { name, arguments: '' } } },
        0,
      ),
    )
    frames.push(...pieces(args).map(moreArgs))
  }
  for (const citations of (message['citations'] ?? []) as Json[])
    frames.push(frame('citation-start', { citations }, 0))
  return [...frames, end(String(reply['finish_reason']), { usage: reply['usage'] })]
}

test.skipIf(!hasFixtures)('a stream adds up to what the whole reply says, however it is cut', () => {
  const whole = recordedCases().filter(
    ({ folder, response }) => folder === 'cohere' && response.kind === 'json' && response.status === 200,
  )
  for (const { response, id } of whole) {
    const reply = response.body as Json
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        expect(fold(run(streamed(reply, seeded(seed)))), id).toEqual(fold(decodeReply(reply)))
      }),
      { numRuns: 15 },
    )
  }
})
