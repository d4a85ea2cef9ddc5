import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  hasFixtures,
  rechunk,
  recordedCases,
  responseBytes,
  WITHOUT_FIXTURES,
} from '../../../test/fixtures.ts'
import { type ChatEvent, GatewayError, NO_USAGE } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { isObject, type Json, list, object } from '../json.ts'
import { decodeError } from '../openai-chat/errors.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { translatePipe } from '../pipe.ts'
import { openaiCompletions } from './index.ts'
import { textLogprobs } from './logprobs.ts'

const meta: ReplyMeta = {
  id: 'gen-1',
  created: 1,
  model: 'acme/one',
  provider: 'Acme',
  hideReasoning: false,
}
const cost = { totalNanos: 5n, upstreamPromptNanos: 2n, upstreamCompletionNanos: 3n, isByok: false }
const decode = (body: object) =>
  openaiCompletions.decodeRequest({ model: 'acme/one', prompt: 'Hi', ...body }, { path: '/', query: '' })

/** A body as a client gets it. */
const asRead = (body: unknown): Json => JSON.parse(JSON.stringify(body)) as Json

/** A plain reading of a stream: text and finish of each choice, and the last usage. */
function read(stream: string): { texts: string[]; finishes: string[]; usage: Json | null; done: boolean } {
  const texts: string[] = []
  const finishes: string[] = []
  let usage: Json | null = null
  for (const line of stream.split('\n')) {
    if (!line.startsWith('data: {')) continue
    const chunk = JSON.parse(line.slice(6)) as Json
    usage = object(chunk['usage']) ?? usage
    for (const choice of list(chunk['choices']).filter(isObject)) {
      const index = Number(choice['index'])
      texts[index] = (texts[index] ?? '') + String(choice['text'])
      if (typeof choice['finish_reason'] === 'string') finishes[index] = choice['finish_reason']
    }
  }
  return { texts, finishes, usage, done: stream.endsWith('data: [DONE]\n\n') }
}

describe('a request', () => {
  test('is a conversation of one message with the same parameters', () => {
    const chat = decode({ temperature: 0.5, stop: '.', n: 2, max_tokens: 9, logprobs: 3, top_k: 4, extra: 1 })
    const { body } = openaiChat.encodeRequest(chat, {
      upstreamId: 'one',
      maxOutput: null,
      quirks: {},
      supportedParameters: null,
    })
    expect(body).toEqual({
      model: 'one',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: false,
      temperature: 0.5,
      stop: '.',
      n: 2,
      max_tokens: 9,
      logprobs: true,
      top_logprobs: 3,
      top_k: 4,
      extra: 1,
    })
    expect(chat).toMatchObject({ choices: 2, maxOutputTokens: 9, models: ['acme/one'] })
  })

  test('with logprobs 0 asks for those of the tokens alone', () => {
    expect(decode({ logprobs: 0 }).wire).toMatchObject({ logprobs: true })
    expect(decode({ logprobs: 0 }).wire).not.toHaveProperty('top_logprobs')
  })

  test.each([null, 5, 'x', []])('that is no object (%j) is refused', (body) => {
    expect(() => openaiCompletions.decodeRequest(body, { path: '/', query: '' })).toThrow(GatewayError)
  })
})

const word = fc.string({ minLength: 1, maxLength: 8 })
/** An answer of some choices whose deltas come mixed. */
const answer = fc
  .array(fc.record({ choice: fc.nat({ max: 2 }), text: word }), { minLength: 1, maxLength: 20 })
  .map((deltas): ChatEvent[] => {
    const events: ChatEvent[] = [{ type: 'start', id: 'x', model: 'm' }]
    const choices = [...new Set(deltas.map(({ choice }) => choice))]
    for (const choice of choices)
      events.push({ type: 'block-start', index: 0, choice, block: { kind: 'text' } })
    for (const { choice, text } of deltas)
      events.push({ type: 'block-delta', index: 0, choice, delta: { kind: 'text', text } })
    for (const choice of choices) {
      events.push({ type: 'block-stop', index: 0, choice })
      events.push({ type: 'finish', choice, reason: 'stop', native: 'stop' })
    }
    return [...events, { type: 'usage', usage: { ...NO_USAGE, promptTokens: 1, completionTokens: 2 }, cost }]
  })

describe('an answer', () => {
  test('says the same streamed and whole, with and without echo', () => {
    fc.assert(
      fc.property(answer, fc.boolean(), (events, echo) => {
        const request = decode({ echo, n: 3 })
        const encoder = openaiCompletions.createStreamEncoder({ ...meta, request })
        const streamed = read(events.map((event) => encoder.push(event)).join('') + encoder.end())
        const whole = asRead(openaiCompletions.encodeReply(events, { ...meta, request }))
        expect(streamed.done).toBe(true)
        expect(streamed.usage).toEqual(whole['usage'])
        for (const choice of list(whole['choices']) as Json[]) {
          expect(streamed.texts[Number(choice['index'])]).toBe(choice['text'])
          expect(String(choice['text']).startsWith('Hi')).toBe(
            echo || String(choice['text']).startsWith('Hi'),
          )
          expect(streamed.finishes[Number(choice['index'])]).toBe(choice['finish_reason'])
        }
      }),
      { numRuns: 100 },
    )
  })

  test('without any text still repeats the prompt when asked to', () => {
    const encoder = openaiCompletions.createStreamEncoder({ ...meta, request: decode({ echo: true }) })
    const events: ChatEvent[] = [{ type: 'finish', reason: 'stop', native: null }]
    expect(read(events.map((event) => encoder.push(event)).join('') + encoder.end()).texts).toEqual(['Hi'])
  })

  test('says the words of sound as text, streamed and whole', () => {
    const say = (transcript: string): ChatEvent => ({
      type: 'block-delta',
      index: 0,
      delta: { kind: 'audio', transcript, data: 'AAAA' },
    })
    const events: ChatEvent[] = [
      { type: 'block-start', index: 0, block: { kind: 'audio' } },
      say('Hel'),
      say('lo'),
      { type: 'block-delta', index: 0, delta: { kind: 'audio', data: 'AAAA' } },
      { type: 'block-stop', index: 0 },
      { type: 'finish', reason: 'stop', native: null },
    ]
    const encoder = openaiCompletions.createStreamEncoder(meta)
    expect(read(events.map((event) => encoder.push(event)).join('') + encoder.end()).texts).toEqual(['Hello'])
    expect(openaiCompletions.encodeReply(events, meta)).toMatchObject({ choices: [{ text: 'Hello' }] })
  })

  test('shows reasoning beside the text, unless the client hides it', () => {
    const events: ChatEvent[] = [
      { type: 'block-start', index: 0, block: { kind: 'reasoning' } },
      { type: 'block-delta', index: 0, delta: { kind: 'reasoning', text: 'hm' } },
      { type: 'block-stop', index: 0 },
      { type: 'block-start', index: 1, block: { kind: 'text' } },
      { type: 'block-delta', index: 1, delta: { kind: 'text', text: 'yes' } },
      { type: 'finish', reason: 'stop', native: null },
    ]
    for (const hideReasoning of [false, true]) {
      const [choice] = list(
        (openaiCompletions.encodeReply(events, { ...meta, hideReasoning }) as Json)['choices'],
      )
      expect(choice).toMatchObject({ text: 'yes' })
      expect(object(choice)?.['reasoning']).toBe(hideReasoning ? undefined : 'hm')
      const encoder = openaiCompletions.createStreamEncoder({ ...meta, hideReasoning })
      expect(
        events
          .map((event) => encoder.push(event))
          .join('')
          .includes('hm'),
      ).toBe(!hideReasoning)
    }
  })

  test('that fails ends in one error, without [DONE]', () => {
    const encoder = openaiCompletions.createStreamEncoder(meta)
    const error = {
      code: 'provider_cut',
      status: 200,
      message: 'Cut.',
      providerCode: null,
      retryAfterMs: null,
    } as const
    const out =
      encoder.push({ type: 'error', error }) + encoder.push({ type: 'error', error }) + encoder.end()
    expect(out.match(/"error":\{/g)).toHaveLength(1)
    expect(out).toContain('"finish_reason":"error"')
    expect(out).not.toContain('[DONE]')
  })

  test('counts the places of its tokens on through a stream', () => {
    const piece = (token: string) => ({ content: [{ token, logprob: -1, top_logprobs: [] }] })
    const encoder = openaiCompletions.createStreamEncoder(meta)
    const delta = (text: string): ChatEvent => ({
      type: 'block-delta',
      index: 0,
      delta: { kind: 'text', text },
      logprobs: piece(text),
    })
    expect(encoder.push(delta('Hel'))).toContain('"text_offset":[0]')
    expect(encoder.push(delta('lo'))).toContain('"text_offset":[3]')
    expect(textLogprobs(null, 0)).toBeNull()
  })
})

describe.skipIf(!hasFixtures)(
  `recorded answers of chat providers, as completions (${WITHOUT_FIXTURES} otherwise)`,
  () => {
    const cases = recordedCases().filter(
      ({ category, response }) =>
        category === 'text' && response.kind === 'sse' && response.text?.includes('chat.completion.chunk'),
    )

    test('are all there', () => expect(cases).toHaveLength(7))

    test.each(cases.map((recorded) => [recorded.id, recorded] as const))('%s', (_, recorded) => {
      const bytes = responseBytes(recorded)
      const pipe = translatePipe(openaiChat, openaiCompletions, meta, true)
      let out = ''
      for (const piece of rechunk(bytes, 7)) out += Buffer.from(pipe.push(piece) ?? []).toString()
      pipe.end()
      out += Buffer.from(pipe.finish(pipe.seen.usage ?? NO_USAGE, cost)).toString()
      const said: string[] = []
      for (const line of bytes.toString('utf8').split('\n')) {
        if (!line.startsWith('data: {')) continue
        for (const choice of list((JSON.parse(line.slice(6)) as Json)['choices']).filter(isObject)) {
          const index = Number(choice['index'] ?? 0)
          said[index] = (said[index] ?? '') + String(object(choice['delta'])?.['content'] ?? '')
        }
      }
      expect(read(out).texts).toEqual(said)
      expect(read(out).done).toBe(true)
    })

    test('the refusal of a chat model at a provider of completions is told as it came', () => {
      const refusal = recordedCases().find(
        ({ folder, category }) => folder === 'openai-legacy' && category === 'error-http',
      )!
      const error = decodeError(404, () => undefined, responseBytes(refusal).toString(), 0)
      expect(error).toMatchObject({
        code: 'provider_not_found',
        message: expect.stringContaining('chat model'),
      })
    })
  },
)
