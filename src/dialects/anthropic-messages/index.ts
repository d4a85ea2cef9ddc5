import type { Dialect } from '../dialect.ts'
import { continueAnswer } from './continue.ts'
import { counting } from './count.ts'
import { decodeReply, MessageStreamDecoder } from './decode-stream.ts'
import { decodeError, encodeError } from './errors.ts'
import { createPassthrough } from './passthrough.ts'
import { encodeReply } from './reply.ts'
import { decodeRequest, encodeRequest } from './request.ts'
import { MessageStreamEncoder } from './stream.ts'
import { DIALECT } from './wire.ts'

/** Anthropic's Messages API, with OpenRouter's additions for clients. */
export const anthropicMessages: Dialect = {
  id: DIALECT,
  framing: 'sse',
  decodeRequest,
  encodeRequest,
  continueAnswer,
  decodeReply,
  encodeReply,
  createStreamDecoder: () => new MessageStreamDecoder(),
  createStreamEncoder: (meta) => new MessageStreamEncoder(meta),
  decodeError,
  encodeError,
  createPassthrough,
  counting,
}
