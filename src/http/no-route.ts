import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { GatewayError } from '../chat/index.ts'
import { faultFields } from '../telemetry/index.ts'
import { formatOfRequest } from './client-format.ts'
import type { Gateway, RouteContext } from './gateway.ts'
import { incomingOf } from './guard.ts'
import { notKept } from './not-kept.ts'
import { apiPath, INFERENCE_PATHS, nearestPath } from './path.ts'
import { asGatewayError, errorHeaders } from './reply.ts'
import { notServed } from './v1/not-yet.ts'

/**
 * Answers a path that no route has: 501 for what is known and not served, 405 for the wrong method, else 404 with the
 * right URL. `methods`: what the path is served with.
 */
export function noRoute(gateway: Gateway, c: RouteContext, methods: readonly string[]): Response {
  const { method, path } = c.req
  const below = apiPath(path)
  const base = `${new URL(c.req.url).origin}/api/v1`
  const unserved = below === null ? undefined : notServed(method, below)
  if (unserved !== undefined) return failed(gateway, c, unserved)
  const allowed = below !== null && INFERENCE_PATHS.has(below) ? ['POST'] : methods
  if (allowed.length > 0) {
    c.header('allow', allowed.join(', '))
    const url = below === null ? path : `${base}${below}`
    const message = `${method} ${path} is not served: use ${allowed.join(' or ')} ${url}`
    return failed(gateway, c, new GatewayError('method_not_allowed', message))
  }
  const part = below === null ? undefined : notKept(below)
  if (part !== undefined) return failed(gateway, c, part)
  const near = nearestPath(method, path)
  const guess =
    near === null ? '' : `You probably meant ${method === 'GET' ? 'GET' : 'POST'} ${base}${near}. `
  const meant =
    below === null
      ? `The API lives below ${base}, e.g. ${base}/chat/completions`
      : `Chat is at POST ${base}/chat/completions, models at GET ${base}/models`
  return failed(
    gateway,
    c,
    new GatewayError('not_found', `There is nothing at ${method} ${path}. ${guess}${meant}`),
  )
}

/**
 * Renders whatever a route threw, in the client's format; what is not a GatewayError is logged without its text and
 * answered as a bare 500.
 */
export function failed(gateway: Gateway, c: RouteContext, thrown: unknown): Response {
  const error = asGatewayError(thrown)
  if (error !== thrown) gateway.log.error('a route failed', faultFields(thrown))
  const { status, body } = formatOfRequest(incomingOf(c)).encodeError(error, null)
  return c.json(body as object, status as ContentfulStatusCode, errorHeaders(error))
}
