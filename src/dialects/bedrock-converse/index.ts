import type { UpstreamDialect } from '../dialect.ts'
import { ConverseStreamDecoder, decodeReply } from './decoder.ts'
import { decodeError } from './errors.ts'
import { encodeRequest } from './request.ts'
import { DIALECT } from './wire.ts'

/** Amazon Bedrock's Converse API: one format for the models of all its makers. */
export const bedrockConverse: UpstreamDialect = {
  id: DIALECT,
  framing: 'aws-eventstream',
  encodeRequest,
  decodeReply,
  createStreamDecoder: (meta) => new ConverseStreamDecoder(meta),
  decodeError,
}
