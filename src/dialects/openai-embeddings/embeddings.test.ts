import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../chat/index.ts'
import { cohereEmbeddings } from '../cohere-embeddings/index.ts'
import type { EncodedRequest, Quirks, ReplyMeta, UpstreamDialect } from '../dialect.ts'
import { geminiEmbeddings } from '../gemini-embeddings/index.ts'
import type { Json } from '../json.ts'
import { translatePipe } from '../pipe.ts'
import { openaiEmbeddings } from './index.ts'
import { membersOf } from './members.ts'
import { encoded, floats } from './vector.ts'

const decode = (body: object) =>
  openaiEmbeddings.decodeRequest({ model: 'acme/embed', input: 'x', ...body }, { path: '/', query: '' })
const target = (quirks: Quirks = {}) => ({
  upstreamId: 'embed',
  maxOutput: null,
  quirks,
  supportedParameters: null,
})
const sent = (dialect: UpstreamDialect, body: object, quirks: Quirks = {}) =>
  dialect.encodeRequest(decode(body), target(quirks)) as EncodedRequest<Json>
const metaOf = (body: object): ReplyMeta => ({
  id: 'gen-1',
  created: 1,
  model: 'acme/embed',
  provider: 'Acme',
  hideReasoning: false,
  request: decode(body),
})

describe('a request for embeddings', () => {
  test('generates nothing, and is weighed whole and by its longest input', () => {
    const chat = decode({ input: ['a'.repeat(100), 'b'.repeat(1000), 'c'] })
    expect(chat).toMatchObject({ outputModalities: ['embeddings'], maxOutputTokens: 0, stream: false })
    expect(chat.longestInputBytes).toBe(1000)
    expect(chat.promptBytes).toBeGreaterThanOrEqual(1101)
    expect(chat.messages().map(({ content }) => content)).toHaveLength(3)
  })

  test.each([
    [{ input: 5 }, 'input'],
    [{ input: ['a', ''] }, 'input[1]'],
    [{ input: ['a', 1] }, 'input[1]'],
    [{ input: [1, 'a'] }, 'input'],
    [{ input: [[1], [-1]] }, 'input[1]'],
    [{ input: [{ content: [] }] }, 'input[0].content'],
    [{ input: [{ content: ['x'] }] }, 'input[0].content'],
    [{ dimensions: 0 }, 'dimensions'],
    [{ encoding_format: 'hex' }, 'encoding_format'],
    [{ input_type: 3 }, 'input_type'],
    [{ stream: true }, 'stream'],
  ])('%j is refused at %s', (body, param) => {
    try {
      decode(body)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(GatewayError)
      expect((error as GatewayError).metadata['param']).toBe(param)
    }
  })

  test('keeps objects with media, and makes texts of objects without', () => {
    const text = {
      content: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
    }
    const image = { content: [{ type: 'image_url', image_url: { url: 'https://x.test/a.png' } }] }
    expect(sent(openaiEmbeddings, { input: [text, image] }).body['input']).toEqual(['a\nb', image])
  })
})

describe('input_type', () => {
  const voyage: Quirks = { embeddings: { inputTypes: { query: 'query', document: 'document' } } }

  test.each([
    ['search_query', 'query'],
    ['query', 'query'],
    ['RETRIEVAL_DOCUMENT', 'document'],
    ['passage', 'document'],
    ['something-new', 'something-new'],
  ])('%s is %s at Voyage', (asked, word) => {
    expect(sent(openaiEmbeddings, { input_type: asked }, voyage).body['input_type']).toBe(word)
  })

  test('that a provider has no word for is named, not sent', () => {
    for (const quirks of [voyage, {}]) {
      const { body, dropped } = sent(openaiEmbeddings, { input_type: 'clustering' }, quirks)
      expect(body).not.toHaveProperty('input_type')
      expect(dropped).toEqual([{ parameter: 'input_type', reason: expect.any(String) }])
    }
  })

  test('is supplied where a provider insists on one', () => {
    const quirks: Quirks = { embeddings: { inputTypes: { query: 'query' }, usualInputType: 'passage' } }
    expect(sent(openaiEmbeddings, {}, quirks).body['input_type']).toBe('passage')
    expect(sent(cohereEmbeddings, {}).body['input_type']).toBe('search_document')
    expect(sent(cohereEmbeddings, { input_type: 'query' }).body['input_type']).toBe('search_query')
    expect(sent(geminiEmbeddings, {}).body['requests']).toEqual([
      { model: 'models/embed', content: { parts: [{ text: 'x' }] } },
    ])
  })
})

describe('other formats', () => {
  const media = [
    {
      content: [
        { type: 'text', text: 'a' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
      ],
    },
  ]

  test('name what they cannot take', () => {
    const body = { truncate: 'END', task: 'x', input_type: 'similarity' }
    expect(sent(geminiEmbeddings, body).dropped.map(({ parameter }) => parameter)).toEqual([
      'truncate',
      'task',
    ])
    const cohere = sent(cohereEmbeddings, body)
    expect(cohere.dropped.map(({ parameter }) => parameter)).toEqual(['task', 'input_type'])
    expect(cohere.body).toMatchObject({ truncate: 'END', input_type: 'search_document' })
  })

  test('Cohere takes images among its inputs', () => {
    expect(sent(cohereEmbeddings, { input: media, dimensions: 256 }).body).toMatchObject({
      inputs: media,
      output_dimension: 256,
    })
  })

  test('Vertex predicts, one instance an input', () => {
    const quirks = { embeddings: { predict: true } }
    const { path, body } = sent(
      geminiEmbeddings,
      { input: ['a', 'b'], input_type: 'query', dimensions: 8 },
      quirks,
    )
    expect(path).toBe('/v1beta/models/embed:predict')
    expect(body).toEqual({
      instances: [
        { content: 'a', task_type: 'RETRIEVAL_QUERY' },
        { content: 'b', task_type: 'RETRIEVAL_QUERY' },
      ],
      parameters: { outputDimensionality: 8 },
    })
    const prediction = (values: number[], token_count: number) => ({
      embeddings: { values, statistics: { token_count } },
    })
    const reply = { predictions: [prediction([1, 2], 3), prediction([3, 4], 4)] }
    const events = geminiEmbeddings.decodeReply(reply, metaOf({ input: ['a', 'b'] }))
    expect(openaiEmbeddings.encodeReply(events, metaOf({}))).toMatchObject({
      data: [{ embedding: [1, 2] }, { embedding: [3, 4] }],
      usage: { prompt_tokens: 7, total_tokens: 7 },
    })
  })

  test('refuse tokens by number, and media where there is only text, so that another endpoint may answer', () => {
    const unprocessable = (make: () => unknown) =>
      expect(make).toThrow(expect.objectContaining({ code: 'unprocessable' }))
    unprocessable(() => sent(geminiEmbeddings, { input: [1, 2] }))
    unprocessable(() => sent(cohereEmbeddings, { input: [[1, 2]] }))
    unprocessable(() => sent(geminiEmbeddings, { input: media }, { embeddings: { predict: true } }))
  })

  test.each([
    ['openai', openaiEmbeddings, { data: [] }],
    [
      'openai',
      openaiEmbeddings,
      {
        data: [
          { embedding: 'x', index: 0 },
          { embedding: 'y', index: 1 },
        ],
      },
    ],
    ['openai', openaiEmbeddings, { data: [{ embedding: null }] }],
    ['openai', openaiEmbeddings, { object: 'list' }],
    ['gemini', geminiEmbeddings, { embeddings: [] }],
    ['gemini', geminiEmbeddings, { candidates: [] }],
    ['cohere', cohereEmbeddings, { embeddings: { int8: [[1]] } }],
    ['cohere', cohereEmbeddings, { embeddings: { float: [[1], [2]] } }],
  ] as const)(
    '%s: what is not one vector an input is no answer (%#)',
    (_, dialect: UpstreamDialect, reply) => {
      expect(() => dialect.decodeReply(reply, metaOf({}))).toThrow(
        expect.objectContaining({ code: 'provider_protocol' }),
      )
    },
  )

  test('an error in a good answer is an error', () => {
    const reply = { error: { code: 429, message: 'slow down', status: 'RESOURCE_EXHAUSTED' } }
    for (const dialect of [openaiEmbeddings, geminiEmbeddings])
      expect(dialect.decodeReply(reply, metaOf({}))).toEqual([
        { type: 'error', error: expect.objectContaining({ code: 'rate_limit_exceeded' }) },
      ])
  })
})

const vector = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 20 })

describe('the way through', () => {
  test('vectors are the same in base64 and as numbers', () => {
    fc.assert(
      fc.property(vector, (numbers) => {
        const base64 = encoded(numbers, 'base64') as string
        expect(floats(base64)).toEqual(numbers)
        expect(encoded(base64, 'float')).toEqual(numbers)
        expect(encoded(base64, 'base64')).toBe(base64)
      }),
      { numRuns: 200 },
    )
  })

  test('passing, converting and translating tell a client the same, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(vector, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('float', 'base64'),
        fc.constantFrom('float', 'base64'),
        fc.constantFrom(undefined, 1),
        fc.array(fc.nat(400), { maxLength: 4 }),
        (vectors, spoken, asked, indent, cuts) => {
          const meta = metaOf({ input: vectors.map(String), encoding_format: asked })
          const data = vectors.map((numbers, index) => ({
            object: 'embedding',
            index,
            embedding: encoded(numbers, spoken as 'float'),
          }))
          const reply = { id: 'up "1"', object: 'list', data, model: 'm', usage: { total_tokens: 7 } }
          const bytes = Buffer.from(JSON.stringify(reply, null, indent))
          const read = [
            openaiEmbeddings.createPassthrough!(meta, false),
            translatePipe(openaiEmbeddings, openaiEmbeddings, meta, false),
          ].map((pipe) => {
            const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort(
              (a, b) => a - b,
            )
            let from = 0
            for (const to of ends) {
              pipe.push(bytes.subarray(from, to))
              from = to
            }
            pipe.end()
            expect(pipe.seen).toMatchObject({ content: true, done: true, upstreamId: 'up "1"' })
            const cost = {
              totalNanos: 1n,
              upstreamPromptNanos: 1n,
              upstreamCompletionNanos: 0n,
              isByok: false,
            }
            return JSON.parse(Buffer.from(pipe.finish(pipe.seen.usage!, cost)).toString()) as Json
          })
          expect(read[0]).toEqual(read[1])
          expect(read[0]!['usage']).toMatchObject({ prompt_tokens: 7, total_tokens: 7 })
        },
      ),
      { numRuns: 150 },
    )
  })

  test('a body that is cut anywhere has no finish', () => {
    const bytes = Buffer.from('{"data":[{"index":0,"embedding":[0.5,1e-3]}],"usage":{"prompt_tokens":1}}')
    for (let length = 0; length < bytes.length; length++) {
      const pipe = openaiEmbeddings.createPassthrough!(metaOf({}), false)
      pipe.push(bytes.subarray(0, length))
      pipe.end()
      expect(pipe.seen.finish).toBeNull()
    }
  })

  test('an error after the settle is told in the envelope', () => {
    const pipe = openaiEmbeddings.createPassthrough!(metaOf({}), false)
    const body = JSON.parse(
      Buffer.from(pipe.fail(new GatewayError('provider_cut', 'Cut.'), null, null)).toString(),
    )
    expect(body).toMatchObject({ error: { code: 502, message: 'Cut.' } })
  })
})

describe('membersOf()', () => {
  test('finds what JSON.parse finds, at the places where it stands', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ unit: fc.constantFrom('a', 'b', ' ', ':', '{', '[', ',') }),
          fc.jsonValue(),
        ),
        fc.constantFrom(undefined, 2),
        (body, indent) => {
          const source = Buffer.from(JSON.stringify(body, null, indent))
          const members = membersOf(source.toString('latin1'))!
          const read = [...members].map(([name, { from, to }]) => [
            name,
            JSON.parse(source.toString('utf8', from, to)),
          ])
          expect(Object.fromEntries(read)).toEqual(JSON.parse(source.toString()))
          for (const [name, { objects }] of members) {
            const value = (body as Json)[name]
            if (Array.isArray(value))
              expect(objects).toBe(
                value.filter((item) => typeof item === 'object' && item && !Array.isArray(item)).length,
              )
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test.each(['', '[]', '{', '{"a"', '{"a":', '{"a":1', '{"a":"\\"}', '{"a":[1,2}', '{"a":1,}', 'null'])(
    '%s is no whole object',
    (source) => expect(membersOf(source)).toBeNull(),
  )
})
