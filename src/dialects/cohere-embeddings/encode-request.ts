import type { ChatRequest, ContentPart, Dropped } from '../../chat/index.ts'
import type { EncodedRequest, InputTypes, WireTarget } from '../dialect.ts'
import type { Json } from '../json.ts'
import { dropUnknown, encodeInputType } from '../openai-embeddings/encode-request.ts'
import { cannotEmbed, textOf } from '../openai-embeddings/input.ts'

/** Source: Cohere's reference of Embed v2 (2026-08). */
const WORDS: InputTypes = {
  query: 'search_query',
  document: 'search_document',
  classification: 'classification',
  clustering: 'clustering',
}
/** Cohere wants to know what for; most texts that are embedded are to be found later. */
const USUAL = 'search_document'

/** A body of Embed v2, which has texts alone or inputs of text and images. Throws GatewayError `unprocessable` for others. */
export function encodeRequest(chat: ChatRequest, { upstreamId }: WireTarget): EncodedRequest<Json> {
  const dropped: Dropped[] = []
  dropUnknown(chat, dropped, ['truncate'])
  const { dimensions } = chat.parameterValues().extra
  const texts = chat.messages().map(textOf)
  const body: Json = {
    model: upstreamId,
    input_type: encodeInputType(chat, { inputTypes: WORDS, usualInputType: USUAL }, dropped),
    ...(texts.includes(null)
      ? { inputs: chat.messages().map(({ content }) => ({ content: content.map(encodePart) })) }
      : { texts }),
    embedding_types: ['float'],
    ...(dimensions !== undefined && { output_dimension: dimensions }),
    ...(chat.wire['truncate'] !== undefined && { truncate: chat.wire['truncate'] }),
  }
  return { path: '/v2/embed', headers: [], body, dropped }
}

function encodePart(part: ContentPart): Json {
  if (part.kind === 'text') return { type: 'text', text: part.text }
  if (part.kind === 'image') return { type: 'image_url', image_url: { url: part.url } }
  throw cannotEmbed(part, 'Cohere')
}
