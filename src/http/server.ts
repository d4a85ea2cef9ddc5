import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { GatewayError } from '../chat/index.ts'
import { HOP_HEADER } from '../providers/index.ts'
import { formatOf, keepPath } from './client-format.ts'
import { isShared, share } from './cors.ts'
import { fail } from './fail.ts'
import type { Gateway } from './gateway.ts'
import { hostAllowed } from './hosts.ts'
import { apiPath, bareApiPath } from './path.ts'
import { inferenceRoute } from './v1/inference.ts'

/** Time for a client to send all request headers, ms. */
const HEADERS_MS = 10_000
/** Longer than the idle timeout of common balancers (60 s), so that they close first and never reuse a dying connection. */
const KEEP_ALIVE_MS = 75_000
const MAX_HEADER_BYTES = 16 * 1024
const MAX_CONNECTIONS = 20_000

type Listener = ReturnType<typeof getRequestListener>

/** The routes that go through a framework. */
export interface Routes {
  fetch(request: Request, env: object): Response | Promise<Response>
}

/**
 * The HTTP server around a gateway; the caller listens.
 * @param current asked per request, so that a restore can put another gateway in its place
 * @param createApp makes the routes that are not hot
 */
export function createServer(current: () => Gateway, createApp: (gateway: Gateway) => Routes): Server {
  const apps = new WeakMap<Gateway, Listener>()
  const server = createHttpServer(
    {
      headersTimeout: HEADERS_MS,
      connectionsCheckingInterval: HEADERS_MS / 2,
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      noDelay: true,
    },
    (request, response) => {
      const gateway = current()
      try {
        serve(gateway, request, response, () => appOf(apps, gateway, createApp)(request, response))
      } catch (thrown) {
        const pathname = (request.url ?? '/').split('?', 1)[0]!
        fail(gateway, response, thrown, { id: null, dialect: formatOf(pathname, request.headers) })
      }
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  server.on('clientError', refuseBroken)
  return server
}

/** Answers what is not even HTTP; the connection is of no more use. */
function refuseBroken({ code }: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, message] =
    code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', `The headers are larger than ${MAX_HEADER_BYTES / 1024} KiB.`]
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', `The headers did not come within ${HEADERS_MS / 1000} s.`]
        : ['400 Bad Request', 'This is not a well-formed HTTP/1.1 request.']
  const body = JSON.stringify({ error: { code: Number(status.slice(0, 3)), message } })
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\n`
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

function serve(gateway: Gateway, request: IncomingMessage, response: ServerResponse, rest: () => void): void {
  const { method = 'GET', url = '/', headers } = request
  const { server, cors } = gateway.snapshot.config
  if (!hostAllowed(headers.host, server)) throw foreignHost(headers.host)
  if (headers[HOP_HEADER] !== undefined) throw loop()
  if (!url.startsWith('/'))
    throw new GatewayError('invalid_request', 'The request line must hold a path, not a whole URL.')
  const query = url.indexOf('?')
  const pathname = query === -1 ? url : url.slice(0, query)
  const path = apiPath(pathname) ?? bareApiPath(method, pathname)
  if (path !== null && isShared(path)) {
    share(response, headers.origin, cors.origins)
    if (method === 'OPTIONS') {
      response.writeHead(204).end()
      return
    }
  }
  if (gateway.draining && path !== null) throw shuttingDown()
  // Inference is served without a framework.
  const inference = path !== null && method === 'POST' ? inferenceRoute(path) : undefined
  if (inference !== undefined) {
    void inference(gateway, request, response, path!, query === -1 ? '' : url.slice(query + 1))
    return
  }
  keepPath(request, pathname)
  if (path !== null) request.url = `/api/v1${path}${query === -1 ? '' : url.slice(query)}`
  rest()
}

function appOf(
  apps: WeakMap<Gateway, Listener>,
  gateway: Gateway,
  createApp: (gateway: Gateway) => Routes,
): Listener {
  let listener = apps.get(gateway)
  if (listener === undefined) {
    listener = getRequestListener(createApp(gateway).fetch, { overrideGlobalObjects: false })
    apps.set(gateway, listener)
  }
  return listener
}

function foreignHost(host: string | undefined): GatewayError {
  return new GatewayError(
    'permission_denied',
    `This server answers only to names of its own machine, not to "${(host ?? '').slice(0, 100)}". Use http://127.0.0.1, or name it in server.allowed_hosts.`,
  )
}

function loop(): GatewayError {
  return new GatewayError(
    'loop_detected',
    "This request came from a waybill gateway: a provider's base_url points back at a gateway. Point it at the provider.",
  )
}

function shuttingDown(): GatewayError {
  return new GatewayError(
    'unavailable',
    'This gateway is shutting down. Send the request again to the next one.',
    {
      retryAfterMs: 2_000,
    },
  )
}
