import { isDeepStrictEqual } from 'node:util'
import { type RecordedCase, recordedCases } from '../fixtures.ts'
import type { Json } from './answer.ts'
import type { Difference } from './compare.ts'
import { failureOf } from './told/errors.ts'
import type { Unit, World } from './world.ts'

/** A recording of embeddings, or of a count of tokens, for one call of a client. */
export interface SmallPair extends Unit {
  /** Column of the table. */
  readonly call: string
  readonly path: string
  readonly body: Json
  /** What the client has to be told. */
  readonly told: unknown
  read(body: Json): unknown
}

const floats = (base64: string): number[] => {
  const bytes = Buffer.from(base64, 'base64')
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
}

/** Perplexity's numbers are signed bytes. */
const bytes = (base64: string): number[] => [...new Int8Array(Buffer.from(base64, 'base64'))]

/** What the provider said: vectors as numbers, and the tokens where it told them. */
function toldVectors({ response, model }: RecordedCase): unknown {
  const body = response.body as Json
  const decode = /pplx/.test(model) ? bytes : floats
  const vectors: unknown[] = (body['data'] ?? body['embeddings']).map((it: Json) => {
    const vector = it['embedding'] ?? it['values']
    return typeof vector === 'string' ? decode(vector) : vector
  })
  return {
    vectors,
    tokens: body['usage']?.prompt_tokens ?? body['usageMetadata']?.promptTokenCount ?? null,
  }
}

function gotVectors(tokensTold: boolean): (body: Json) => unknown {
  return ({ data, usage }) => ({
    vectors: data.map(({ embedding }: Json) =>
      typeof embedding === 'string' ? floats(embedding) : embedding,
    ),
    tokens: tokensTold ? usage.prompt_tokens : null,
  })
}

function providerOf({ request, response }: RecordedCase): string | null {
  const path = request.url_path ?? ''
  if (response.status >= 400) return null
  if (path.startsWith('/v1beta/')) return 'google-ai-studio'
  if (path.startsWith('/openai/')) return 'azure'
  return /pplx/.test(JSON.stringify(request.body)) ? 'perplexity' : 'openai'
}

/** Every recording of embeddings with the calls by which a client can get it. */
export function embeddingPairs(): SmallPair[] {
  const cases = recordedCases().filter(({ folder }) => folder === 'embeddings')
  return cases.flatMap((recorded, n): SmallPair[] => {
    const unit = { recorded, provider: providerOf(recorded), dialect: 'openai-chat' }
    const id = (client: number) => `embed/n${n}-${client}`
    if (recorded.request.url_path?.endsWith(':countTokens')) {
      const counting = { ...unit, capabilities: [], told: (recorded.response.body as Json)['totalTokens'] }
      return [
        {
          ...counting,
          id: id(0),
          call: 'countTokens',
          path: `/v1beta/models/${id(0)}:countTokens`,
          body: { contents: [{ role: 'user', parts: [{ text: 'x' }] }] },
          read: ({ totalTokens, estimated }: Json) => estimated ?? totalTokens,
        },
        {
          ...counting,
          id: id(1),
          call: 'count_tokens',
          path: '/v1/messages/count_tokens',
          body: { model: id(1), messages: [{ role: 'user', content: 'x' }] },
          read: ({ input_tokens: tokens, estimated }: Json) => estimated ?? tokens,
        },
      ]
    }
    const inputs = (recorded.request.body as Json)['input'] ?? 'x'
    const failed = recorded.response.status >= 400
    const told = failed ? failureOf(recorded) : toldVectors(recorded)
    const read = gotVectors((told as Json)['tokens'] !== null)
    return ['float', 'base64'].map((encoding_format, client) => ({
      ...unit,
      id: id(client),
      capabilities: ['embeddings'],
      call: `embeddings, ${encoding_format}`,
      path: '/v1/embeddings',
      body: { model: id(client), input: inputs, encoding_format },
      // Single precision is what four bytes hold.
      told: failed ? told : encoding_format === 'base64' ? single(told as Json) : told,
      read,
    }))
  })
}

const single = ({ vectors, ...rest }: Json): Json => ({
  ...rest,
  vectors: vectors.map((vector: number[]) => vector.map(Math.fround)),
})

/** Makes the call and compares. */
export async function replaySmall(world: World, pair: SmallPair, seed: number): Promise<Difference[]> {
  world.play(pair, seed)
  const { url, key } = world.gateway
  const response = await fetch(`${url}/api${pair.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(pair.body),
  })
  const body = (await response.json()) as Json
  const failure = { status: response.status, type: body['error']?.metadata?.error_type, retryAfter: null }
  const got = response.status === 200 ? pair.read(body) : failure
  return isDeepStrictEqual(got, pair.told) ? [] : [{ facet: 'text', told: pair.told, got }]
}
