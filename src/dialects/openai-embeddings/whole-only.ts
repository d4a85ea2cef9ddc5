import { GatewayError } from '../../chat/index.ts'

/** Embeddings are never streamed: a request for it is refused when it is read, so these stand for what cannot happen. */
export const wholeOnly = { createStreamDecoder: impossible, createStreamEncoder: impossible } as const

function impossible(): never {
  throw new GatewayError('server', 'Embeddings are not streamed.')
}
