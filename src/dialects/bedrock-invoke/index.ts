import { continueAnswer } from '../anthropic-messages/continue.ts'
import { DIALECT as MESSAGES } from '../anthropic-messages/wire.ts'
import { decodeError } from '../bedrock-converse/errors.ts'
import type { UpstreamDialect } from '../dialect.ts'
import { counting } from './count.ts'
import { decodeReply, InvokeStreamDecoder } from './decoder.ts'
import { createPassthrough } from './passthrough.ts'
import { encodeRequest } from './request.ts'
import { DIALECT } from './wire.ts'

/**
 * Claude on Amazon Bedrock by its native format. Converse has no place for citations of documents, beta features, context
 * management, search results and much of a server tool: here nothing is translated.
 */
export const bedrockInvoke: UpstreamDialect = {
  id: DIALECT,
  framing: 'aws-eventstream',
  encodeRequest,
  decodeReply,
  createStreamDecoder: () => new InvokeStreamDecoder(),
  decodeError,
  createPassthrough,
  passesTo: MESSAGES,
  continueAnswer,
  counting,
}
