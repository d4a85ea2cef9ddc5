import type { Dialect } from '../dialect.ts'
import { decodeError, encodeError } from '../openai-chat/errors.ts'
import { decodeRequest } from './decode-request.ts'
import { encodeRequest } from './encode-request.ts'
import { EmbeddingsPassthrough } from './passthrough.ts'
import { decodeReply, encodeReply } from './reply.ts'
import { wholeOnly } from './whole-only.ts'
import { DIALECT } from './wire.ts'

/** OpenAI's `/embeddings` as OpenRouter extends it: the surface of clients, and what OpenAI-compatible providers speak. */
export const openaiEmbeddings: Dialect = {
  id: DIALECT,
  framing: 'sse',
  decodeRequest,
  encodeRequest,
  decodeReply,
  encodeReply,
  ...wholeOnly,
  decodeError,
  encodeError,
  createPassthrough: (meta) => new EmbeddingsPassthrough(meta),
}
