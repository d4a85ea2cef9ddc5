import type { ServerResponse } from 'node:http'
import { faultFields } from '../telemetry/index.ts'
import type { Gateway } from './gateway.ts'
import { CORS_HEADERS } from './hosts.ts'
import { asGatewayError, errorBody, errorHeaders, sendJson } from './reply.ts'

/** Answers a request that failed before its answer began. What is not a GatewayError is logged without its text. */
export function fail(
  gateway: Gateway,
  response: ServerResponse,
  thrown: unknown,
  id: string | null = null,
): void {
  const error = asGatewayError(thrown)
  if (error !== thrown)
    gateway.log.error('a request failed', { ...(id !== null && { id }), ...faultFields(thrown) })
  const headers = {
    ...errorHeaders(error),
    ...(id !== null && { 'x-generation-id': id }),
    ...(response.req.headers.origin !== undefined && CORS_HEADERS),
  }
  // What was refused while its body was still coming in is not read on.
  sendJson(response, error.status, errorBody(error, id), headers, !response.req.complete)
}
