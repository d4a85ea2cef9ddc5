import { continueAnswer } from '../anthropic-messages/continue.ts'
import { counting } from '../anthropic-messages/count.ts'
import { decodeReply, MessageStreamDecoder } from '../anthropic-messages/decode-stream.ts'
import { createPassthrough } from '../anthropic-messages/passthrough.ts'
import { DIALECT as MESSAGES } from '../anthropic-messages/wire.ts'
import type { UpstreamDialect } from '../dialect.ts'
import { decodeError } from './errors.ts'
import { encodeCount, encodeRequest } from './request.ts'
import { DIALECT } from './wire.ts'

/** Claude on Google Vertex: the Messages format at Vertex' addresses. */
export const vertexMessages: UpstreamDialect = {
  id: DIALECT,
  framing: 'sse',
  encodeRequest,
  decodeReply,
  createStreamDecoder: () => new MessageStreamDecoder(),
  decodeError,
  createPassthrough,
  passesTo: MESSAGES,
  continueAnswer,
  counting: { encodeCount, decodeCount: counting.decodeCount },
}
