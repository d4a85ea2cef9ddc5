import type { ServerResponse } from 'node:http'
import { INFERENCE_PATHS } from './path.ts'

/** What browsers on other sites may read and send; credentials never. */
const HEADERS: readonly (readonly [string, string])[] = [
  ['access-control-allow-methods', 'GET, POST, OPTIONS'],
  ['access-control-allow-headers', '*, authorization'],
  [
    'access-control-expose-headers',
    'x-generation-id, x-request-id, request-id, retry-after, x-waybill, x-waybill-simulated',
  ],
  ['access-control-max-age', '86400'],
]

/** The catalog and the exchange of keys; all below them too. */
const SHARED = ['/models', '/model', '/providers', '/auth']

/** True for API paths that pages of other sites may call: inference, catalog, key exchange. Nothing that administers. */
export function isShared(path: string): boolean {
  return INFERENCE_PATHS.has(path) || SHARED.some((root) => path === root || path.startsWith(`${root}/`))
}

/**
 * Puts the CORS headers on an answer that may be shared, as `cors.origins` says: `*` for everyone, else the asking origin
 * when it is listed. They stay whatever the answer becomes, errors included.
 */
export function share(
  response: ServerResponse,
  origin: string | undefined,
  origins: readonly string[],
): void {
  const everyone = origins.includes('*')
  if (!everyone) response.setHeader('vary', 'Origin')
  if (origin === undefined || !(everyone || origins.includes(origin))) return
  response.setHeader('access-control-allow-origin', everyone ? '*' : origin)
  for (const [name, value] of HEADERS) response.setHeader(name, value)
}
