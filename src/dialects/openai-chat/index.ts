import type { Dialect } from '../dialect.ts'
import { continueAnswer } from './continue.ts'
import { decodeError, encodeError } from './errors.ts'
import { StreamPassthrough } from './passthrough.ts'
import { decodeReply, encodeReply } from './reply.ts'
import { decodeRequest, encodeRequest } from './request.ts'
import { ChatStreamDecoder, ChatStreamEncoder } from './stream.ts'
import { WholePassthrough } from './whole.ts'
import { DIALECT } from './wire.ts'

/** OpenAI Chat Completions as OpenRouter extends it: the surface of clients, and what most providers speak. */
export const openaiChat: Dialect = {
  id: DIALECT,
  framing: 'sse',
  decodeRequest,
  encodeRequest,
  continueAnswer,
  decodeReply,
  encodeReply,
  createStreamDecoder: () => new ChatStreamDecoder(),
  createStreamEncoder: (meta) => new ChatStreamEncoder(meta),
  decodeError,
  encodeError,
  createPassthrough: (meta, stream) => (stream ? new StreamPassthrough(meta) : new WholePassthrough(meta)),
}
