import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { GatewayError } from '../chat/index.ts'
import { type ApiKey, KEY_PREFIX, type KeyBook, keyHash } from '../identity/index.ts'
import type { Gateway } from './gateway.ts'
import { isLoopbackAddress } from './hosts.ts'

/** Who calls: an API or management key, or the operator of the installation. */
export type Caller =
  | { readonly kind: 'key'; readonly key: ApiKey }
  | { readonly kind: 'operator'; readonly organizationId: string; readonly workspaceId: string }

/** What a route asks of its caller. `member`: any key of an organization, or the operator. */
export type Access = 'inference' | 'management' | 'operator' | 'member'

export interface AuthenticateDeps {
  readonly keys: KeyBook
  /** SHA-256 (hex) of this start's operator key. */
  readonly operatorHash: string
  readonly now: number
}

/**
 * The credential in any of the headers that clients use; null when there is none. Where several come (an agent that is
 * signed in elsewhere sends that too), it is the one of ours.
 */
export function credentialOf(headers: IncomingHttpHeaders): string | null {
  const bearer = /^(?:bearer\s+)?((?!bearer\s*$)\S+)\s*$/i.exec(headers.authorization ?? '')?.[1]
  const given = [bearer, headers['x-api-key'], headers['x-goog-api-key']].filter(
    (value): value is string => typeof value === 'string' && value !== '',
  )
  return given.find((value) => value.startsWith(KEY_PREFIX)) ?? given[0] ?? null
}

/**
 * Who the caller is, if the route is for them. Answers at once for keys in memory. Throws GatewayError
 * `authentication` (401) or `permission_denied` (403), each with its fix.
 */
export async function authenticate(
  headers: IncomingHttpHeaders,
  remoteAddress: string | undefined,
  access: Access,
  deps: AuthenticateDeps,
): Promise<Caller> {
  const credential = credentialOf(headers)
  if (credential === null)
    throw new GatewayError(
      'authentication',
      'No API key came with the request. Send it as "Authorization: Bearer sk-wb-v1-…"; make one with: waybill keys create NAME',
    )
  const known = deps.keys.find(credential)
  if (known === undefined && isOperator(credential, deps.operatorHash))
    return operator(headers, remoteAddress, access)
  const key = known ?? (await deps.keys.lookUp(credential))
  if (key === undefined)
    throw new GatewayError(
      'authentication',
      credential.startsWith(KEY_PREFIX)
        ? 'This API key is unknown here: mistyped, or made by another installation. List yours with: waybill keys list'
        : 'This is not a key of this gateway (they start with sk-wb-v1-). Make one with: waybill keys create NAME',
    )
  checkUsable(key, deps.now)
  checkAccess(key, access)
  return { kind: 'key', key }
}

/** The API key of an inference request. Throws as `authenticate` does. */
export async function authenticateKey(request: IncomingMessage, gateway: Gateway): Promise<ApiKey> {
  const caller = await authenticate(request.headers, request.socket.remoteAddress, 'inference', {
    keys: gateway.keys,
    operatorHash: gateway.operatorHash,
    now: gateway.clock.now(),
  })
  if (caller.kind !== 'key') throw new GatewayError('permission_denied', 'Only an API key can call models.')
  return caller.key
}

/** Through a proxy everyone comes from loopback: what a proxy handed on is not taken for the operator. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-real-ip']

function operator(headers: IncomingHttpHeaders, remoteAddress: string | undefined, access: Access): Caller {
  if (!isLoopbackAddress(remoteAddress) || FORWARDED.some((name) => headers[name] !== undefined))
    throw new GatewayError(
      'permission_denied',
      'The operator key works only from the machine the gateway runs on, and not through a proxy.',
    )
  if (access === 'inference')
    throw new GatewayError(
      'permission_denied',
      'The operator key administers the installation and cannot call models. Use an API key: waybill keys create NAME',
    )
  return { kind: 'operator', organizationId: 'default', workspaceId: 'default' }
}

function checkUsable(key: ApiKey, now: number): void {
  if (key.deleted)
    throw new GatewayError(
      'authentication',
      'This API key was deleted. Make a new one with: waybill keys create NAME',
    )
  if (key.disabled)
    throw new GatewayError(
      'authentication',
      `The API key "${key.name}" is disabled. Enable it or use another one.`,
    )
  if (key.expiresAt !== null && key.expiresAt <= now)
    throw new GatewayError(
      'authentication',
      `The API key "${key.name}" expired on ${new Date(key.expiresAt).toISOString()}. Make a new one with: waybill keys create NAME`,
    )
}

function checkAccess(key: ApiKey, access: Access): void {
  if (access === 'member' || key.kind === access) return
  const message = {
    inference:
      'A management key administers its organization and cannot call models. Use an API key: waybill keys create NAME',
    management:
      'This needs a management key; an API key can only call models and read its own state (GET /api/v1/key). Make one with: waybill keys create NAME --management',
    operator:
      'Only the operator of this installation may do this, from the machine it runs on, with the waybill command.',
  }[access]
  throw new GatewayError('permission_denied', message)
}

function isOperator(credential: string, operatorHash: string): boolean {
  return timingSafeEqual(Buffer.from(keyHash(credential)), Buffer.from(operatorHash))
}
