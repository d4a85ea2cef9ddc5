import type { Gateway, RouteContext } from './gateway.ts'

/** `GET /health`: the process answers. */
export function health(gateway: Gateway, c: RouteContext): Response {
  return c.json({ status: 'ok', version: gateway.version })
}

/** `GET /ready`: new requests are welcome; 503 from the moment of draining, so that a balancer looks elsewhere. */
export function ready(gateway: Gateway, c: RouteContext): Response {
  return gateway.draining
    ? c.json({ status: 'draining' }, 503, { 'retry-after': '5' })
    : c.json({ status: 'ready', version: gateway.version })
}
