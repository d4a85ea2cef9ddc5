import { decodeError } from '../cohere/errors.ts'
import type { UpstreamDialect } from '../dialect.ts'
import { wholeOnly } from '../openai-embeddings/whole-only.ts'
import { encodeRequest } from './encode-request.ts'
import { decodeReply } from './reply.ts'

/** Cohere's Embed v2. */
export const cohereEmbeddings: UpstreamDialect = {
  id: 'cohere-embeddings',
  framing: 'sse',
  encodeRequest,
  decodeReply,
  createStreamDecoder: wholeOnly.createStreamDecoder,
  decodeError,
}
