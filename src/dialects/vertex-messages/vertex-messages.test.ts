import { describe, expect, test } from 'vitest'
import {
  hasFixtures,
  rechunk,
  recordedCases,
  responseBytes,
  WITHOUT_FIXTURES,
} from '../../../test/fixtures.ts'
import { type Loose, readMessageStream } from '../../../test/messages-client.ts'
import { type Cost, NO_USAGE } from '../../chat/index.ts'
import { chat, target } from '../anthropic-messages/encode.fixture.ts'
import { anthropicMessages } from '../anthropic-messages/index.ts'
import type { EncodedRequest, ReplyMeta } from '../dialect.ts'
import { pipeFor } from '../pipe.ts'
import { vertexMessages } from './index.ts'

const CLAUDE = 'claude-haiku-4-5@20251001'
const read = (encoded: EncodedRequest) => ({
  ...encoded,
  body: JSON.parse(JSON.stringify(encoded.body)) as Loose,
})
const sent = (request: ReturnType<typeof chat>, upstreamId = CLAUDE) =>
  read(vertexMessages.encodeRequest(request, target(upstreamId)))
const own = (body: Loose, betas?: string) =>
  anthropicMessages.decodeRequest(
    { model: 'a/b', max_tokens: 100, messages: [{ role: 'user', content: 'Hi' }], ...body },
    { path: '/messages', query: '', headers: (name) => (name === 'anthropic-beta' ? betas : undefined) },
  )

describe('a request for Claude on Vertex', () => {
  test('has the version inside and the model in the path', () => {
    expect(sent(chat({ max_tokens: 9 }))).toEqual({
      path: '/v1/publishers/anthropic/models/claude-haiku-4-5@20251001:rawPredict',
      headers: [],
      body: {
        anthropic_version: 'vertex-2023-10-16',
        max_tokens: 9,
        messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
      },
      dropped: [],
    })
  })

  test('that is streamed says so in path and body', () => {
    const { path, body } = sent(chat({ stream: true }), 'claude-sonnet-4-6')
    expect(path).toMatch(/claude-sonnet-4-6:streamRawPredict$/)
    expect(body['stream']).toBe(true)
  })

  test('takes its beta features along as a header, and keeps the search of the web', () => {
    const web = { type: 'web_search_20250305', name: 'web_search' }
    const fetching = { type: 'web_fetch_20250910', name: 'web_fetch' }
    const request = own({ tools: [web, fetching] }, 'web-search-2025-03-05,files-api-2025-04-14')
    const { headers, body, dropped } = sent(request)
    expect(headers).toEqual([['anthropic-beta', 'web-search-2025-03-05']])
    expect(body['tools']).toEqual([web])
    expect(dropped.map(({ parameter }) => parameter)).toEqual(['tools', 'anthropic-beta'])
  })

  test('is refused with documents by URL', () => {
    const content = [{ type: 'document', source: { type: 'url', url: 'https://x/y.pdf' } }]
    expect(() => sent(own({ messages: [{ role: 'user', content }] }))).toThrow(
      expect.objectContaining({ code: 'unprocessable' }),
    )
  })

  test('is counted with the model in its body', () => {
    const { path, body } = read(
      vertexMessages.counting!.encodeCount(own({ system: 'Be.', stream: true }), target(CLAUDE)),
    )
    expect(path).toBe('/v1/publishers/anthropic/models/count-tokens:rawPredict')
    expect(body).toEqual({ model: CLAUDE, messages: [{ role: 'user', content: 'Hi' }], system: 'Be.' })
    expect(vertexMessages.counting!.decodeCount({ input_tokens: 7 })).toBe(7)
  })
})

describe('an error of Claude on Vertex', () => {
  const decode = (status: number, body: unknown) =>
    vertexMessages.decodeError(status, () => undefined, JSON.stringify(body), 0)

  test('is read in the envelope of Anthropic', () => {
    const error = { type: 'overloaded_error', message: 'Overloaded' }
    expect(decode(529, { type: 'error', error })).toMatchObject({ code: 'provider_overloaded' })
  })

  test('is read in the envelope of Google', () => {
    const error = { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'Quota exceeded for …' }
    expect(decode(429, { error })).toMatchObject({ code: 'rate_limit_exceeded' })
    expect(decode(429, [{ error }])).toMatchObject({ code: 'rate_limit_exceeded' })
    const denied = { code: 403, status: 'PERMISSION_DENIED', message: 'Permission denied.' }
    expect(decode(403, { error: denied })).toMatchObject({ code: 'provider_auth' })
  })
})

const meta: ReplyMeta = { id: 'gen-1', created: 1, model: 'a/claude', provider: 'P', hideReasoning: false }
const cost: Cost = { totalNanos: 5n, upstreamPromptNanos: null, upstreamCompletionNanos: null, isByok: false }

test.skipIf(!hasFixtures)(
  `an answer passes straight to a client of the Messages API (skipped when ${WITHOUT_FIXTURES})`,
  () => {
    const streams = recordedCases().filter(
      ({ folder, response }) => folder === 'anthropic' && response.kind === 'sse' && response.status === 200,
    )
    expect(streams.length).toBeGreaterThan(10)
    for (const recorded of streams) {
      const [there, here] = [vertexMessages, anthropicMessages].map((upstream) => {
        const pipe = pipeFor(upstream, anthropicMessages, meta, true)
        const out = rechunk(responseBytes(recorded), 3).map((piece) => pipe.push(piece))
        pipe.end()
        out.push(pipe.finish(pipe.seen.usage ?? NO_USAGE, cost))
        return readMessageStream(Buffer.concat(out.filter((bytes) => bytes !== null)).toString())
      })
      expect(there).toEqual(here)
    }
  },
)
