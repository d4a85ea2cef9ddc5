import type { UpstreamDialect } from '../dialect.ts'
import { CohereStreamDecoder, decodeReply } from './decoder.ts'
import { decodeError } from './errors.ts'
import { encodeRequest } from './request.ts'
import { DIALECT } from './wire.ts'

/** Cohere's Chat v2. */
export const cohere: UpstreamDialect = {
  id: DIALECT,
  framing: 'sse',
  encodeRequest,
  decodeReply,
  createStreamDecoder: () => new CohereStreamDecoder(),
  decodeError,
}
