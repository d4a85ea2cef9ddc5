import { type ChatMessage, type ChatRequest, type Dropped, GatewayError } from '../../chat/index.ts'
import { dataUrl } from '../anthropic-messages/media.ts'
import { encodeRequest as encodeCohere } from '../cohere-embeddings/encode-request.ts'
import type { EncodedRequest, WireTarget } from '../dialect.ts'
import type { Json } from '../json.ts'
import { dropUnknown, encodeInputType } from '../openai-embeddings/encode-request.ts'
import { cannotEmbed, textOf } from '../openai-embeddings/input.ts'

/** Inputs of one call of Cohere's models here. Source: Bedrock's user guide, "Cohere Embed". */
const MOST_TEXTS = 96

/** Cohere's fourth model calls the sides to cut left and right. */
const SIDES: Readonly<Record<string, string>> = { START: 'LEFT', END: 'RIGHT' }

const refuse = (sentence: string): GatewayError => new GatewayError('unprocessable', sentence)

/**
 * `POST /model/{id}/invoke` in the format of the model's maker: Amazon Titan (text and multimodal) and Cohere Embed.
 * Throws GatewayError `unprocessable` for inputs and models that Bedrock cannot embed so.
 */
export function encodeRequest(chat: ChatRequest, target: WireTarget): EncodedRequest<Json> {
  const dropped: Dropped[] = []
  const id = target.upstreamId.toLowerCase()
  const titan = id.includes('titan-embed')
  if (!titan && !id.includes('cohere.embed')) {
    throw refuse(
      'This embedding model of Amazon Bedrock has a format of its own that is not known here. Take a Titan or Cohere model.',
    )
  }
  const body = titan ? encodeTitan(chat, id, dropped) : encodeCohereBody(chat, target, id, dropped)
  return { path: `/model/${encodeURIComponent(target.upstreamId)}/invoke`, headers: [], body, dropped }
}

/** Source: Bedrock's user guide, "Amazon Titan Embeddings Text" and "Amazon Titan Multimodal Embeddings G1". */
function encodeTitan(chat: ChatRequest, id: string, dropped: Dropped[]): Json {
  dropUnknown(chat, dropped)
  encodeInputType(chat, {}, dropped)
  const [message, ...more] = chat.messages()
  if (more.length > 0) {
    throw refuse('Amazon Titan embeds one input in a call. Send them one by one, or take a Cohere model.')
  }
  const { dimensions } = chat.parameterValues().extra
  if (id.includes('titan-embed-image')) {
    const config = dimensions === undefined ? {} : { embeddingConfig: { outputEmbeddingLength: dimensions } }
    return { ...multimodal(message!), ...config }
  }
  const inputText = textOf(message!)
  if (inputText === null) {
    throw cannotEmbed(message!.content.find(({ kind }) => kind !== 'text')!, 'Amazon Titan')
  }
  if (!id.includes('-v1')) {
    const size = dimensions === undefined ? {} : { dimensions }
    return { inputText, ...size, embeddingTypes: ['float'] }
  }
  if (dimensions !== undefined)
    dropped.push({ parameter: 'dimensions', reason: 'the model has one size only' })
  return { inputText }
}

function multimodal({ content }: ChatMessage): Json {
  const texts: string[] = []
  const images: string[] = []
  for (const part of content) {
    if (part.kind === 'text') texts.push(part.text)
    else if (part.kind !== 'image') throw cannotEmbed(part, 'Amazon Titan')
    else {
      const data = dataUrl(part.url)
      if (data === null) {
        throw refuse('Amazon Bedrock does not fetch images from the web. Send them as data: URLs (base64).')
      }
      images.push(data.base64)
    }
  }
  if (images.length > 1) throw refuse('Amazon Titan embeds one image in a call.')
  return {
    ...(texts.length > 0 && { inputText: texts.join('\n') }),
    ...(images.length > 0 && { inputImage: images[0] }),
  }
}

/** The body of Cohere's own API without the model; its third generation takes texts only, of one size. */
function encodeCohereBody(chat: ChatRequest, target: WireTarget, id: string, dropped: Dropped[]): Json {
  const own = encodeCohere(chat, target)
  dropped.push(...own.dropped)
  const { model: _model, output_dimension: size, truncate, ...body } = own.body
  const fourth = id.includes('embed-v4')
  if (chat.messages().length > MOST_TEXTS) {
    throw refuse(`Cohere on Amazon Bedrock embeds at most ${MOST_TEXTS} inputs in a call.`)
  }
  if (!fourth && body['inputs'] !== undefined) {
    throw refuse('This model of Cohere embeds texts only. Send text, or take its fourth generation.')
  }
  if (!fourth && size !== undefined)
    dropped.push({ parameter: 'dimensions', reason: 'the model has one size only' })
  const cut = fourth ? (SIDES[String(truncate)] ?? truncate) : truncate
  return {
    ...body,
    ...(fourth && size !== undefined && { output_dimension: size }),
    ...(cut !== undefined && { truncate: cut }),
  }
}
