import type { ServerResponse } from 'node:http'
import { GatewayError } from '../chat/index.ts'
import { dialect } from '../dialects/index.ts'

const api = dialect('openai-chat')!

/** The error in the shape of the API, which is that of chat completions: OpenRouter's envelope. */
export function errorBody(error: GatewayError, id: string | null): Record<string, unknown> {
  return api.encodeError(error, id).body as Record<string, unknown>
}

/** Headers that go with an error: Retry-After in whole seconds, rounded up. */
export function errorHeaders(error: GatewayError): Record<string, string> {
  return error.retryAfterMs === null
    ? {}
    : { 'retry-after': String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))) }
}

/** Anything thrown, as the error a client may see: what is not ours becomes a bare 500 without its text. */
export function asGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown
  return new GatewayError('server', 'The gateway failed on this request. It was not charged.', {
    cause: thrown,
  })
}

/** Answers once with JSON and ends; does nothing when an answer has begun. `close`: nothing more of this connection is read. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
  close = false,
): void {
  if (response.headersSent || response.destroyed) return
  const bytes = Buffer.from(JSON.stringify(body))
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    ...(close ? { connection: 'close' } : {}),
    ...headers,
  })
  response.end(bytes)
}
