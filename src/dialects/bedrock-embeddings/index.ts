import { decodeError } from '../bedrock-converse/errors.ts'
import type { UpstreamDialect } from '../dialect.ts'
import { wholeOnly } from '../openai-embeddings/whole-only.ts'
import { encodeRequest } from './encode-request.ts'
import { decodeReply } from './reply.ts'

/** Embedding models on Amazon Bedrock, each by its maker's format. */
export const bedrockEmbeddings: UpstreamDialect = {
  id: 'bedrock-embeddings',
  framing: 'sse',
  encodeRequest,
  decodeReply,
  createStreamDecoder: wholeOnly.createStreamDecoder,
  decodeError,
}
