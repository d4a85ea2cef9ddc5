import type { Dialect } from '../dialect.ts'
import { decodeError } from '../openai-chat/errors.ts'
import { decodeReply, ResponsesStreamDecoder } from './decoder.ts'
import { answerError, encodeReply, ResponsesStreamEncoder } from './encoder.ts'
import { encodeError } from './errors.ts'
import { createPassthrough } from './passthrough.ts'
import { decodeRequest, encodeRequest } from './request.ts'
import { DIALECT } from './wire.ts'

/** OpenAI Responses as OpenRouter extends it: the surface of Codex and of newer clients, and an upstream's format. */
export const openaiResponses: Dialect = {
  id: DIALECT,
  framing: 'sse',
  // The terminal event repeats the whole answer, instructions and tools.
  largestFrameBytes: 8 * 1024 * 1024,
  decodeRequest,
  encodeRequest,
  decodeReply,
  encodeReply,
  createStreamDecoder: (meta) => new ResponsesStreamDecoder(meta),
  createStreamEncoder: (meta) => new ResponsesStreamEncoder(meta),
  decodeError,
  encodeError,
  answerError,
  createPassthrough,
}
