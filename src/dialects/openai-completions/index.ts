import type { ClientDialect } from '../dialect.ts'
import { encodeError } from '../openai-chat/errors.ts'
import { decodeRequest } from './decode-request.ts'
import { encodeReply } from './reply.ts'
import { CompletionStreamEncoder } from './stream.ts'
import { DIALECT } from './wire.ts'

/** OpenAI's legacy text completions as OpenRouter extends them, over the hub: for clients only. */
export const openaiCompletions: ClientDialect = {
  id: DIALECT,
  framing: 'sse',
  decodeRequest,
  encodeReply,
  createStreamEncoder: (meta) => new CompletionStreamEncoder(meta),
  encodeError,
}
