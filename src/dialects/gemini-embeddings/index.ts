import type { UpstreamDialect } from '../dialect.ts'
import { decodeError } from '../gemini/errors.ts'
import { wholeOnly } from '../openai-embeddings/whole-only.ts'
import { encodeRequest } from './encode-request.ts'
import { decodeReply } from './reply.ts'

/** Google's embeddings: `batchEmbedContents` on AI Studio, `predict` on Vertex. */
export const geminiEmbeddings: UpstreamDialect = {
  id: 'gemini-embeddings',
  framing: 'sse',
  encodeRequest,
  decodeReply,
  createStreamDecoder: wholeOnly.createStreamDecoder,
  decodeError,
}
