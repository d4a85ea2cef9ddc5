import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import { GatewayError } from '../chat/index.ts'
import { type Access, authenticate, type Caller, credentialOf } from './authenticate.ts'
import type { Gateway, RouteEnv } from './gateway.ts'

/** The Node request behind a Hono context. */
export function incomingOf(c: Context): HttpBindings['incoming'] {
  return (c.env as HttpBindings).incoming
}

/**
 * Lets a request through when its caller may use the route, and keeps the caller in `c.var.caller`. A public route
 * serves everyone; a good key only adds to what it shows.
 */
export function guard(gateway: Gateway, access: Access | 'public'): MiddlewareHandler<RouteEnv> {
  return async (c, next) => {
    // Neither database keeps U+0000 in text, so nothing is found by it.
    if (c.req.url.includes('%00'))
      throw new GatewayError('invalid_request', 'The URL must not hold the character U+0000.')
    const { headers, socket } = incomingOf(c)
    const check = (wanted: Access) =>
      authenticate(headers, socket.remoteAddress, wanted, {
        keys: gateway.keys,
        operatorHash: gateway.operatorHash,
        now: gateway.clock.now(),
      })
    if (access !== 'public') c.set('caller', await check(access))
    else if (credentialOf(headers) !== null) {
      const caller = await check('member').catch((): Caller | null => null)
      if (caller !== null) c.set('caller', caller)
    }
    await next()
  }
}
