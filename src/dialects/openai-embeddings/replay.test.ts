import { describe, expect, test } from 'vitest'
import {
  hasFixtures,
  type RecordedCase,
  rechunk,
  recordedCases,
  responseBytes,
  WITHOUT_FIXTURES,
} from '../../../test/fixtures.ts'
import { NO_USAGE } from '../../chat/index.ts'
import type { Quirks, ReplyMeta, UpstreamDialect } from '../dialect.ts'
import { gemini } from '../gemini/index.ts'
import { geminiEmbeddings } from '../gemini-embeddings/index.ts'
import { isObject, type Json, list } from '../json.ts'
import { pipeFor } from '../pipe.ts'
import { openaiEmbeddings } from './index.ts'

const cases = recordedCases().filter(({ dialect }) => dialect === 'embeddings')
const cost = { totalNanos: 5n, upstreamPromptNanos: 5n, upstreamCompletionNanos: 0n, isByok: false }
const find = (part: string): RecordedCase => cases.find(({ id }) => id.includes(part))!

interface Client {
  readonly encoding?: 'float' | 'base64'
  readonly input: unknown
  readonly quirks?: Quirks
}

/** What a client reads when the recorded answer comes in pieces. */
function through(upstream: UpstreamDialect, recorded: RecordedCase, { encoding, input, quirks }: Client) {
  const body = { model: 'acme/embed', input, ...(encoding && { encoding_format: encoding }) }
  const meta: ReplyMeta = {
    id: 'gen-1',
    created: 1,
    model: 'acme/embed',
    provider: 'Acme',
    hideReasoning: false,
    request: openaiEmbeddings.decodeRequest(body, { path: '/embeddings', query: '' }),
    ...(quirks && { quirks }),
  }
  const pipe = pipeFor(upstream, openaiEmbeddings, meta, false)
  for (const piece of rechunk(responseBytes(recorded), 11, 500)) expect(pipe.push(piece)).toBeNull()
  pipe.end()
  const usage = pipe.seen.usage
  const reply = JSON.parse(Buffer.from(pipe.finish(usage ?? NO_USAGE, cost)).toString()) as Json
  expect(pipe.seen).toMatchObject({ content: true, done: true, error: null, outputBytes: 0 })
  expect(pipe.seen.finish).toEqual({ reason: 'stop', native: null })
  expect(reply).toMatchObject({ id: 'gen-1', object: 'list', model: 'acme/embed', provider: 'Acme' })
  const items = list(reply['data']).filter(isObject)
  expect(items.map(({ index, object }) => [index, object])).toEqual(items.map((_, i) => [i, 'embedding']))
  return { vectors: items.map(({ embedding }) => embedding as unknown), usage, told: reply['usage'] as Json }
}

/** The recorded vectors as they came. */
const recordedVectors = ({ response }: RecordedCase): unknown[] => {
  const body = response.body as { data?: { embedding: unknown }[]; embeddings?: { values: unknown }[] }
  return body.data?.map(({ embedding }) => embedding) ?? body.embeddings!.map(({ values }) => values)
}

/** Independent of the code under test: one float after the other. */
function floatsOf(text: string): number[] {
  const bytes = Buffer.from(text, 'base64')
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
}

describe.skipIf(!hasFixtures)(hasFixtures ? 'recorded embeddings' : WITHOUT_FIXTURES, () => {
  test('are all replayed here', () => expect(cases).toHaveLength(7))

  test.each([
    ['azure-openai-embeddings-t0', 8],
    ['embedding-b64-text-embedding-3-small', 2],
  ])('%s: base64 passes as it is and can be read as numbers', (id, tokens) => {
    const recorded = find(id)
    const [vector] = recordedVectors(recorded) as [string]
    const passed = through(openaiEmbeddings, recorded, { input: 'x', encoding: 'base64' })
    expect(passed.vectors).toEqual([vector])
    expect(passed.usage).toEqual({ ...NO_USAGE, promptTokens: tokens })
    expect(passed.told).toMatchObject({
      prompt_tokens: tokens,
      total_tokens: tokens,
      cost: 5e-9,
      is_byok: false,
    })
    expect(through(openaiEmbeddings, recorded, { input: 'x' }).vectors).toEqual([floatsOf(vector)])
  })

  test('Perplexity: bytes become numbers, and floats in base64', () => {
    const recorded = find('pplx-embed')
    const input = (recorded.request.body as Json)['input']
    const quirks = { embeddings: { encodings: [], int8: true } }
    const bytes = (recordedVectors(recorded) as string[]).map((text) => [...Buffer.from(text, 'base64')])
    const numbers = bytes.map((vector) => vector.map((byte) => (byte > 127 ? byte - 256 : byte)))
    expect(numbers.map(({ length }) => length)).toEqual([256, 256, 256])
    const plain = through(openaiEmbeddings, recorded, { input, quirks })
    expect(plain.vectors).toEqual(numbers)
    expect(plain.usage?.promptTokens).toBe(3)
    const base64 = through(openaiEmbeddings, recorded, { input, quirks, encoding: 'base64' })
    expect((base64.vectors as string[]).map(floatsOf)).toEqual(numbers)
  })

  test.each([
    ['gemini-embedding-001-768', null],
    ['ngs-gemini-gemini-embedding-2', 261],
  ])('%s: numbers of Google, with the count where there is one', (id, tokens) => {
    const recorded = find(id)
    const vectors = recordedVectors(recorded)
    const { vectors: read, usage } = through(geminiEmbeddings, recorded, { input: 'x' })
    expect(read).toEqual(vectors)
    expect(usage?.promptTokens ?? null).toBe(tokens)
    const base64 = through(geminiEmbeddings, recorded, { input: 'x', encoding: 'base64' })
    const rounded = (vectors as number[][]).map((vector) => vector.map(Math.fround))
    expect((base64.vectors as string[]).map(floatsOf)).toEqual(rounded)
  })

  test('a text and its image become one request of the batch, as recorded', () => {
    const recorded = find('ngs-gemini-gemini-embedding-2')
    type Part = { text?: string; inline_data?: { mime_type: string; data: string } }
    const { requests } = recorded.request.body as { requests: { content: { parts: Part[] } }[] }
    const { parts } = requests[0]!.content
    const image = parts[1]!.inline_data!
    const content = [
      { type: 'text', text: parts[0]!.text },
      { type: 'image_url', image_url: { url: `data:${image.mime_type};base64,${image.data}` } },
    ]
    const body = { model: 'google/gemini-embedding-2', input: [{ content }], dimensions: 768 }
    const chat = openaiEmbeddings.decodeRequest(body, { path: '/embeddings', query: '' })
    expect(chat.inputModalities).toEqual(['text', 'image'])
    const sent = geminiEmbeddings.encodeRequest(chat, {
      upstreamId: 'gemini-embedding-2',
      maxOutput: null,
      quirks: {},
      supportedParameters: null,
    })
    expect(sent.path).toBe(recorded.request.url_path)
    const camel = parts.map(({ text, inline_data }) =>
      inline_data ? { inlineData: { mimeType: inline_data.mime_type, data: inline_data.data } } : { text },
    )
    expect(sent.body).toEqual({ requests: [{ ...requests[0], content: { parts: camel } }] })
  })

  test('an unknown model is told as it came', () => {
    const recorded = find('nonexistent')
    const { status } = recorded.response
    const error = openaiEmbeddings.decodeError(status, () => undefined, responseBytes(recorded).toString(), 0)
    expect(error).toMatchObject({
      code: 'provider_not_found',
      status: 404,
      providerCode: 'model_not_found',
      message: expect.stringContaining('`nonexistent` does not exist'),
    })
  })

  test('tokens of a model that embeds are counted by the format of conversations', () => {
    const { response } = find('count-tokens')
    expect(gemini.counting!.decodeCount(response.body)).toBe(5)
  })
})
