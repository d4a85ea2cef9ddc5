import type { ServerResponse } from 'node:http'
import type { ClientDialect } from '../dialects/index.ts'
import { faultFields } from '../telemetry/index.ts'
import { ID_HEADERS } from './call.ts'
import type { Gateway } from './gateway.ts'
import { asGatewayError, errorHeaders, sendJson } from './reply.ts'

/** Keys, money and permission: no second try changes these, and some agents would try for minutes without a word. */
const FINAL: ReadonlySet<number> = new Set([401, 402, 403])

/**
 * Answers a request that failed before its answer began, in the client's format. What is not a GatewayError is logged
 * without its text.
 */
export function fail(
  gateway: Gateway,
  response: ServerResponse,
  thrown: unknown,
  call: { readonly id: string | null; readonly dialect: ClientDialect },
): void {
  const { id } = call
  const error = asGatewayError(thrown)
  if (error !== thrown)
    gateway.log.error('a request failed', { ...(id !== null && { id }), ...faultFields(thrown) })
  const headers = {
    ...errorHeaders(error),
    // A word of the clients that OpenAI and Anthropic publish; Claude Code heeds it too.
    ...(FINAL.has(error.status) && { 'x-should-retry': 'false' }),
    ...(id !== null && Object.fromEntries(ID_HEADERS.map((name) => [name, id]))),
  }
  const { status, body } = call.dialect.encodeError(error, id)
  // What was refused while its body was still coming in is not read on.
  sendJson(response, status, body, headers, !response.req.complete)
}
