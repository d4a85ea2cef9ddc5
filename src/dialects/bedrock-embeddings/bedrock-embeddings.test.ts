import { describe, expect, test } from 'vitest'
import type { EncodedRequest, ReplyMeta } from '../dialect.ts'
import type { Json } from '../json.ts'
import { openaiEmbeddings } from '../openai-embeddings/index.ts'
import { translatePipe } from '../pipe.ts'
import { upstreamDialect } from '../registry.ts'
import { bedrockEmbeddings } from './index.ts'

const TITAN = 'amazon.titan-embed-text-v2:0'
const COHERE = 'cohere.embed-multilingual-v3'
const COHERE_4 = 'us.cohere.embed-v4:0'

const decode = (body: object) =>
  openaiEmbeddings.decodeRequest({ model: 'acme/embed', input: 'x', ...body }, { path: '/', query: '' })
const sent = (upstreamId: string, body: object = {}) =>
  bedrockEmbeddings.encodeRequest(decode(body), {
    upstreamId,
    maxOutput: null,
    quirks: {},
    supportedParameters: null,
  }) as EncodedRequest<Json>
const image = (url: string) => ({ content: [{ type: 'image_url', image_url: { url } }] })
const metaOf = (body: object): ReplyMeta => ({
  id: 'gen-1',
  created: 1,
  model: 'acme/embed',
  provider: 'Acme',
  hideReasoning: false,
  request: decode(body),
})
const dropped = (request: EncodedRequest) => request.dropped.map(({ parameter }) => parameter)

test('Bedrock is asked for embeddings by the makers’ formats, though it converses by Converse', () => {
  expect(upstreamDialect('bedrock-converse', { outputModalities: ['embeddings'] })).toBe(bedrockEmbeddings)
  expect(upstreamDialect('bedrock-invoke', { outputModalities: ['embeddings'] })).toBeNull()
})

describe('a request to Titan', () => {
  test('has one text, and the size that is asked for', () => {
    const request = sent(TITAN, { input: ['Hello'], dimensions: 256, user: 'u' })
    expect(request.path).toBe('/model/amazon.titan-embed-text-v2%3A0/invoke')
    expect(request.body).toEqual({ inputText: 'Hello', dimensions: 256, embeddingTypes: ['float'] })
    expect(request.dropped).toEqual([])
  })

  test('of the first generation has the text alone, and names what that generation lacks', () => {
    const request = sent('amazon.titan-embed-text-v1', { dimensions: 256, input_type: 'query' })
    expect(request.body).toEqual({ inputText: 'x' })
    expect(dropped(request).sort()).toEqual(['dimensions', 'input_type'])
  })

  test('takes an image beside text where the model is multimodal', () => {
    const part = image('data:image/png;base64,aGk=').content[0]
    const input = [{ content: [{ type: 'text', text: 'a' }, part] }]
    expect(sent('amazon.titan-embed-image-v1', { input, dimensions: 384 }).body).toEqual({
      inputText: 'a',
      inputImage: 'aGk=',
      embeddingConfig: { outputEmbeddingLength: 384 },
    })
  })
})

describe('a request to Cohere', () => {
  test('has a list of texts and says what for', () => {
    const { body, path } = sent(COHERE, { input: ['a', 'b'], input_type: 'query', truncate: 'END' })
    expect(path).toBe('/model/cohere.embed-multilingual-v3/invoke')
    expect(body).toEqual({
      input_type: 'search_query',
      texts: ['a', 'b'],
      embedding_types: ['float'],
      truncate: 'END',
    })
  })

  test('names a size that the third generation does not have; the fourth has it, and images', () => {
    const third = sent(COHERE, { dimensions: 512 })
    expect([third.body['output_dimension'], dropped(third)]).toEqual([undefined, ['dimensions']])
    const input = [image('data:image/png;base64,aGk=')]
    expect(sent(COHERE_4, { input, dimensions: 512, truncate: 'END' }).body).toEqual({
      input_type: 'search_document',
      inputs: [{ content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } }] }],
      embedding_types: ['float'],
      output_dimension: 512,
      truncate: 'RIGHT',
    })
  })
})

test.each([
  [TITAN, { input: ['a', 'b'] }, 'one input in a call'],
  [TITAN, { input: [[1, 2]] }, 'tokens by number'],
  [TITAN, { input: [image('https://x/y.png')] }, 'does not embed image'],
  ['amazon.titan-embed-image-v1', { input: [image('https://x/y.png')] }, 'data: URLs'],
  [COHERE, { input: [image('data:image/png;base64,aGk=')] }, 'texts only'],
  [COHERE, { input: Array.from({ length: 97 }, () => 'a') }, 'at most 96'],
  ['amazon.nova-2-multimodal-embeddings-v1:0', {}, 'format of its own'],
])('%s cannot embed %j, and the sentence says why', (upstreamId, body, words) => {
  expect(() => sent(upstreamId, body)).toThrow(
    expect.objectContaining({ code: 'unprocessable', message: expect.stringContaining(words) }),
  )
})

describe('a reply', () => {
  function answer(reply: object, body: object) {
    const pipe = translatePipe(bedrockEmbeddings, openaiEmbeddings, metaOf(body), false)
    pipe.push(Buffer.from(JSON.stringify(reply)))
    pipe.end()
    const cost = { totalNanos: 5n, upstreamPromptNanos: null, upstreamCompletionNanos: null, isByok: false }
    const { usage } = pipe.seen
    return { usage, said: usage && (JSON.parse(Buffer.from(pipe.finish(usage, cost)).toString()) as Json) }
  }

  test('of Titan reaches the client with its count of tokens', () => {
    const reply = {
      embedding: [0.5, -1],
      embeddingsByType: { float: [0.5, -1] },
      inputTextTokenCount: 3,
    }
    expect(answer(reply, { input: 'Hello' }).said).toMatchObject({
      data: [{ object: 'embedding', index: 0, embedding: [0.5, -1] }],
      usage: { prompt_tokens: 3, total_tokens: 3 },
    })
    const typed = { embeddingsByType: { float: [1, 2] }, inputTextTokenCount: 1 }
    expect(answer(typed, {}).said).toMatchObject({ data: [{ embedding: [1, 2] }] })
  })

  test.each([
    [{ id: 'e', embeddings: { float: [[1], [2]] }, response_type: 'embeddings_by_type' }],
    [{ id: 'e', embeddings: [[1], [2]], response_type: 'embeddings_floats' }],
  ])('of Cohere is read by type or plain, and counts no tokens', (reply) => {
    expect(answer(reply, { input: ['a', 'b'] }).usage).toBeNull()
    const events = bedrockEmbeddings.decodeReply(reply, metaOf({ input: ['a', 'b'] }))
    expect(events.filter(({ type }) => type === 'block-delta')).toMatchObject([
      { delta: { data: [1] } },
      { delta: { data: [2] } },
    ])
  })

  test.each([{}, { message: 'no' }, { embeddings: [['a']] }, { embedding: [] }, { embeddings: [[1]] }])(
    'that is none, or holds too few: %j is refused',
    (reply) => {
      expect(() => bedrockEmbeddings.decodeReply(reply, metaOf({ input: ['a', 'b'] }))).toThrow(
        expect.objectContaining({ code: 'provider_protocol' }),
      )
    },
  )
})
