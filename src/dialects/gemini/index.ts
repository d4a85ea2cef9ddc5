import type { UpstreamDialect } from '../dialect.ts'
import { counting } from './count.ts'
import { encodeRequest } from './encode-request.ts'
import { decodeError } from './errors.ts'
import { decodeReply, GeminiStreamDecoder } from './reply.ts'
import { DIALECT } from './wire.ts'

/** Google's generateContent, on AI Studio and on Vertex. */
export const gemini: UpstreamDialect = {
  id: DIALECT,
  framing: 'sse',
  encodeRequest,
  decodeReply,
  createStreamDecoder: (meta) => new GeminiStreamDecoder(meta),
  decodeError,
  counting,
}
