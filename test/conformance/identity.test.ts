import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { ChatRequest } from '../../src/chat/index.ts'
import type { Dialect, WireTarget } from '../../src/dialects/index.ts'
import { DIALECTS } from '../../src/dialects/registry.ts'
import { hasFixtures, WITHOUT_FIXTURES } from '../fixtures.ts'
import type { Json } from './answer.ts'
import { type Case, conversationCases } from './cases.ts'

/** Members that the gateway itself writes, or that are addressed to it, by format. */
const OURS: Readonly<Record<string, readonly string[]>> = {
  'openai-chat': ['stream', 'stream_options', 'user', 'usage'],
  // Nothing is stored, so that sealed reasoning has to be asked for.
  'openai-responses': ['stream', 'store', 'include', 'user', 'previous_response_id'],
  'anthropic-messages': ['stream', 'metadata'],
  gemini: ['model'],
}

/** Real requests of a format's clients. */
const requestsOf = (dialect: string): Case[] =>
  conversationCases().filter(
    ({ format, recorded }) =>
      format === dialect && recorded.request.body !== null && !recorded.id.startsWith('constructed/'),
  )

const pathOf = (dialect: string) =>
  dialect === 'gemini' ? '/v1beta/models/a/b:generateContent' : '/v1/anything'

const decode = (dialect: Dialect, body: Json): ChatRequest =>
  dialect.decodeRequest({ ...body, model: 'a/b' }, { path: pathOf(dialect.id), query: '' })

const targetOf = ({ recorded }: Case): WireTarget => ({
  upstreamId: recorded.model || 'some-model',
  maxOutput: null,
  // A provider that is asked to reason as the recorded one was.
  quirks: (recorded.request.body as Json)['reasoning']
    ? { reasoning: 'object' }
    : { replayReasoning: 'details', cacheControl: true },
  supportedParameters: null,
})

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null))

/** What a request says, in the hub's words; what defaults say is taken as said. */
function saidBy(chat: ChatRequest): Json {
  const { extra, native, ...values } = chat.parameterValues()
  // Whether reasoning is shown is the gateway's business.
  const { exclude: _exclude, ...reasoning } = chat.reasoning ?? {}
  return {
    ...values,
    ...extra,
    ...native,
    messages: chat.messages().map((message) => ({
      ...message,
      content: message.content.map((part) =>
        part.kind === 'reasoning' ? { format: 'unknown', ...part } : part,
      ),
    })),
    tools: chat.tools().map((tool) => ({ strict: false, ...tool })),
    reasoning,
    maxOutputTokens: chat.maxOutputTokens,
    choices: chat.choices,
  }
}

/** Names in `dropped` for members of the hub. */
const NAMES: Readonly<Record<string, string>> = { serviceTier: 'service_tier', toolChoice: 'tool_choice' }

describe.skipIf(!hasFixtures)(hasFixtures ? 'a recorded request' : WITHOUT_FIXTURES, () => {
  describe.each([...DIALECTS])('of %s', (id, dialect) => {
    const cases = requestsOf(id)
    const named = cases.map((at) => [at.recorded.id, at] as const)

    test('is there', () => expect(cases.length).toBeGreaterThan(15))

    test.each(named)('reaches a provider of its format as it came: %s', (_, at) => {
      const was = at.recorded.request.body as Json
      const { body, dropped } = dialect.encodeRequest(decode(dialect, was), targetOf(at))
      const lost = dropped.map(({ parameter }) => parameter)
      const rest = (source: Json) =>
        Object.entries(source).filter(([key]) => ![...OURS[id]!, ...lost, 'model'].includes(key))
      expect(plain(Object.fromEntries(rest(body as Json)))).toEqual(plain(Object.fromEntries(rest(was))))
      if (id !== 'gemini') expect((body as Json)['model']).toBe(at.recorded.model || 'some-model')
    })

    test.each(named)(
      'by way of the hub is the same request, but for what is named as dropped: %s',
      (_, at) => {
        const chat = decode(dialect, at.recorded.request.body as Json)
        // As if it had come in another format: nothing may be copied.
        const { body, dropped } = dialect.encodeRequest({ ...chat, dialect: 'another' }, targetOf(at))
        const [before, after] = [saidBy(chat), saidBy(decode(dialect, plain(body) as Json))]
        const lost = dropped.map(({ parameter }) => parameter)
        const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
          (key) => !isDeepStrictEqual(plain(before[key]), plain(after[key])),
        )
        const withoutTools = lost.some((name) => name.startsWith('tools.')) && chat.tools().length === 0
        for (const key of changed) {
          if (key === 'toolChoice' && withoutTools) continue
          expect([...lost, 'nothing more']).toContain(NAMES[key] ?? key)
        }
      },
    )
  })
})
