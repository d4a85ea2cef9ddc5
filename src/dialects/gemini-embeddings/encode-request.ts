import type { ChatMessage, ChatRequest, ContentPart, Dropped } from '../../chat/index.ts'
import type { EncodedRequest, InputTypes, WireTarget } from '../dialect.ts'
import { modelPath } from '../gemini/encode-request.ts'
import { encodeMedia } from '../gemini/media.ts'
import type { Json } from '../json.ts'
import { dropUnknown, encodeInputType } from '../openai-embeddings/encode-request.ts'
import { cannotEmbed, textOf } from '../openai-embeddings/input.ts'

/** Source: Google's reference of `TaskType` (2026-08). */
const TASKS: InputTypes = {
  query: 'RETRIEVAL_QUERY',
  document: 'RETRIEVAL_DOCUMENT',
  classification: 'CLASSIFICATION',
  clustering: 'CLUSTERING',
  similarity: 'SEMANTIC_SIMILARITY',
  question: 'QUESTION_ANSWERING',
  fact: 'FACT_VERIFICATION',
  code: 'CODE_RETRIEVAL_QUERY',
}

/**
 * Every input as a request of one batch; on Vertex, which has no batches, as an instance of a prediction. Throws
 * GatewayError `unprocessable` for inputs that Google cannot embed.
 */
export function encodeRequest(chat: ChatRequest, { upstreamId, quirks }: WireTarget): EncodedRequest<Json> {
  const dropped: Dropped[] = []
  dropUnknown(chat, dropped)
  const taskType = encodeInputType(chat, { inputTypes: TASKS }, dropped)
  const { dimensions } = chat.parameterValues().extra
  const size = dimensions === undefined ? {} : { outputDimensionality: dimensions }
  if (quirks.embeddings?.predict) {
    const task = taskType === undefined ? {} : { task_type: taskType }
    const instances = chat.messages().map((message) => ({ content: onlyText(message), ...task }))
    const body = { instances, parameters: size }
    return { path: modelPath(upstreamId, 'predict'), headers: [], body, dropped }
  }
  const settings = { ...(taskType !== undefined && { taskType }), ...size }
  const model = `models/${upstreamId.replace(/^models\//, '')}`
  const requests = chat
    .messages()
    .map(({ content }) => ({ model, content: { parts: content.map(encodePart) }, ...settings }))
  return { path: modelPath(upstreamId, 'batchEmbedContents'), headers: [], body: { requests }, dropped }
}

function encodePart(part: ContentPart): Json {
  switch (part.kind) {
    case 'text':
      return { text: part.text }
    case 'image':
    case 'file':
    case 'audio':
    case 'video':
      return encodeMedia(part)
    default:
      throw cannotEmbed(part, 'Google')
  }
}

function onlyText(message: ChatMessage): string {
  const text = textOf(message)
  if (text !== null) return text
  throw cannotEmbed(message.content.find(({ kind }) => kind !== 'text')!, 'Vertex')
}
