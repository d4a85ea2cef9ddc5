import type { Dialect } from '../dialect.ts'
import { counting } from './count.ts'
import { encodeReply } from './encode-reply.ts'
import { decodeError, encodeError } from './errors.ts'
import { createPassthrough } from './passthrough.ts'
import { decodeReply, GeminiStreamDecoder } from './reply.ts'
import { decodeRequest, encodeRequest } from './request.ts'
import { GeminiStreamEncoder } from './stream.ts'
import { DIALECT } from './wire.ts'

export { ArrayFraming, inArray } from './array.ts'
export { encodeCount } from './count.ts'
export { parsePath } from './decode-request.ts'

/** Google's generateContent: the API of AI Studio and Vertex, and of the clients made for them. */
export const gemini: Dialect = {
  id: DIALECT,
  framing: 'sse',
  decodeRequest,
  encodeRequest,
  decodeReply,
  encodeReply,
  createStreamDecoder: (meta) => new GeminiStreamDecoder(meta),
  createStreamEncoder: (meta) => new GeminiStreamEncoder(meta),
  decodeError,
  encodeError,
  createPassthrough,
  counting,
}
