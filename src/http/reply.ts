import type { ServerResponse } from 'node:http'
import { GatewayError } from '../chat/index.ts'
import { LedgerError } from '../money/index.ts'
import { StoreError } from '../store/index.ts'

/** Headers that go with an error: Retry-After in whole seconds, rounded up; X-RateLimit where a rate of ours refused. */
export function errorHeaders({ retryAfterMs, metadata }: GatewayError): Record<string, string> {
  return {
    ...(retryAfterMs !== null && { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }),
    ...(metadata['headers'] as Record<string, string> | undefined),
  }
}

/** Anything thrown, as the error a client may see: a store that is away is a 503, what is not ours a bare 500 without its text. */
export function asGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown
  if (isAway(thrown)) {
    const message = 'The database does not answer at the moment. Try again shortly.'
    return new GatewayError('unavailable', message, { cause: thrown, retryAfterMs: 1_000 })
  }
  return new GatewayError('server', 'The gateway failed on this request. It was not charged.', {
    cause: thrown,
  })
}

function isAway(thrown: unknown): boolean {
  if (thrown instanceof LedgerError) return thrown.fault === 'unavailable'
  return thrown instanceof StoreError && thrown.kind === 'unavailable'
}

/** A refused upload is swallowed until it has paused for one such time, or for eight of them, ms. */
const LINGER_MS = 250
const LINGERS = 8

/**
 * Answers once with JSON and ends; does nothing when an answer has begun. `close`: the request's body is still coming
 * in and of no use; the connection is closed behind the answer.
 */
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
  if (close) linger(response, bytes)
  else response.end(bytes)
}

/**
 * Closing on a client that is still sending resets the connection, and the reset can overtake the answer. So what comes
 * in is dropped until the client has read the answer and stops, or its time is over.
 */
function linger(response: ServerResponse, bytes: Buffer): void {
  const request = response.req
  let left = LINGERS
  let came = true
  const end = () => {
    clearInterval(timer)
    response.end()
  }
  const timer = setInterval(() => {
    if (!came || --left === 0) end()
    came = false
  }, LINGER_MS)
  response.write(bytes)
  request
    .on('data', () => {
      came = true
    })
    .once('end', end)
    .once('close', end)
    .resume()
}
