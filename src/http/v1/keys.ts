import { z } from 'zod'
import { GatewayError } from '../../chat/index.ts'
import {
  type ApiKey,
  beyondMaker,
  type KeyChange,
  type KeyPowers,
  type KeyRates,
  type NewKey,
  NO_RATES,
} from '../../identity/index.ts'
import { lastUses } from '../../usage/index.ts'
import type { Caller } from '../authenticate.ts'
import { type Gateway, organizationOf, type RouteContext, workspaceOf } from '../gateway.ts'
import { readUsd } from '../money.ts'
import { readBody } from '../validate.ts'
import { keyObject, usageOf } from './key.ts'
import { policyFields, policyOfBody, saysPolicy } from './key-policy.ts'
import { readNumber } from './page.ts'
import { workspaceAt } from './workspaces.ts'

const MAX_PAGE = 100

const usd = z.union([z.number(), z.string()]).nullable()
const name = z.string().min(1).max(200)
const reset = z.enum(['daily', 'weekly', 'monthly']).nullable()

const rate = z.number().int().min(1).max(2_000_000_000).nullable().optional()
/** Ours: what the key may take at once; null: as the configuration says. */
const rateLimits = z.strictObject({
  requests_per_minute: rate,
  tokens_per_minute: rate,
  concurrency: rate,
})

const Create = z.strictObject({
  name,
  limit: usd.optional(),
  limit_reset: reset.optional(),
  include_byok_in_limit: z.boolean().optional(),
  expires_at: z.iso.datetime({ offset: true }).nullable().optional(),
  creator_user_id: z.string().max(128).nullable().optional(),
  workspace_id: z.string().max(128).optional(),
  /** Ours: a key for administration instead of inference. */
  management: z.boolean().optional(),
  rate_limits: rateLimits.optional(),
  ...policyFields,
})

const Change = z.strictObject({
  name: name.optional(),
  disabled: z.boolean().optional(),
  limit: usd.optional(),
  limit_reset: reset.optional(),
  include_byok_in_limit: z.boolean().optional(),
  /** Ours. */
  expires_at: z.iso.datetime({ offset: true }).nullable().optional(),
  rate_limits: rateLimits.optional(),
  ...policyFields,
})

const Rotate = z.strictObject({
  overlap_seconds: z
    .number()
    .int()
    .min(0)
    .max(30 * 86_400)
    .optional(),
})

/** In place of a workspace's id: all of them. */
const EVERY = '*'

/** `GET /keys`: keys of the caller's workspace, of `?workspace_id=`, or with `*` of all, newest first, with their spending. */
export async function listKeys(gateway: Gateway, c: RouteContext): Promise<Response> {
  const organization = organizationOf(c.get('caller'))
  const offset = readNumber(c.req.query('offset'), 'offset', 0, 1_000_000)
  const withDisabled = c.req.query('include_disabled') === 'true'
  const wanted = c.req.query('workspace_id')
  const workspace =
    wanted === EVERY
      ? null
      : wanted === undefined
        ? workspaceOf(c.get('caller'))
        : (await workspaceAt(gateway, c, wanted)).id
  const all = gateway.keys
    .list(organization)
    .filter((key) => (withDisabled || !key.disabled) && (workspace === null || key.workspaceId === workspace))
  const data = await shown(gateway, organization, all.slice(offset, offset + MAX_PAGE))
  return c.json({ data, total_count: all.length })
}

/** Keys of an organization with what they have spent and when they were last used. */
async function shown(
  gateway: Gateway,
  organizationId: string,
  keys: readonly ApiKey[],
): Promise<Record<string, unknown>[]> {
  const hashes = keys.map(({ hash }) => hash)
  const [usage, last] = await Promise.all([
    usageOf(gateway, organizationId, hashes.length === 1 ? hashes[0] : undefined),
    lastUses(gateway.store, hashes),
  ])
  return Promise.all(keys.map((key) => keyObject(gateway, key, usage.get(key.hash), last.get(key.hash))))
}

/** `POST /keys`: a new key; its secret is in this answer only. */
export async function createKey(gateway: Gateway, c: RouteContext): Promise<Response> {
  const body = await readBody(gateway, c, Create)
  const caller = c.get('caller')
  const wanted: NewKey = {
    name: body.name,
    kind: body.management === true ? 'management' : 'inference',
    organizationId: organizationOf(caller),
    workspaceId:
      body.workspace_id === undefined
        ? workspaceOf(caller)
        : (await workspaceAt(gateway, c, body.workspace_id)).id,
    creatorUserId: body.creator_user_id ?? null,
    limitNanos: body.limit == null ? null : positive(readUsd(body.limit, 'limit')),
    limitReset: body.limit_reset ?? null,
    includeByokInLimit: body.include_byok_in_limit ?? false,
    expiresAt: body.expires_at == null ? null : Date.parse(body.expires_at),
    rates: ratesOf(body.rate_limits),
    policy: policyOfBody(body, gateway.snapshot, body.management === true),
  }
  refuseBeyond(caller, wanted)
  const { secret, key } = await gateway.keys.create(wanted)
  return c.json({ data: await keyObject(gateway, key), key: secret }, 201)
}

/** `GET /keys/{hash}` */
export async function getKey(gateway: Gateway, c: RouteContext): Promise<Response> {
  const key = ownKey(gateway, c)
  return c.json({ data: (await shown(gateway, key.organizationId, [key]))[0] })
}

/** `PATCH /keys/{hash}`: a changed cap holds from the next request on. */
export async function changeKey(gateway: Gateway, c: RouteContext): Promise<Response> {
  const key = ownKey(gateway, c)
  const body = await readBody(gateway, c, Change)
  const change: KeyChange = {
    ...(body.name !== undefined && { name: body.name }),
    ...(body.disabled !== undefined && { disabled: body.disabled }),
    ...(body.limit !== undefined && {
      limitNanos: body.limit === null ? null : positive(readUsd(body.limit, 'limit')),
    }),
    ...(body.limit_reset !== undefined && { limitReset: body.limit_reset }),
    ...(body.include_byok_in_limit !== undefined && { includeByokInLimit: body.include_byok_in_limit }),
    ...(body.expires_at !== undefined && {
      expiresAt: body.expires_at === null ? null : Date.parse(body.expires_at),
    }),
    ...(body.rate_limits !== undefined && { rates: ratesOf(body.rate_limits, key.rates) }),
    ...(saysPolicy(body) && {
      policy: policyOfBody(body, gateway.snapshot, key.kind === 'management', key.policy),
    }),
  }
  const powers = [change.limitNanos, change.limitReset, change.expiresAt]
  if (powers.some((power) => power !== undefined)) refuseBeyond(c.get('caller'), { ...key, ...change })
  const changed = (await gateway.keys.change(key.hash, change)) ?? key
  return c.json({ data: (await shown(gateway, key.organizationId, [changed]))[0] })
}

/** `DELETE /keys/{hash}`: for good; what it has spent stays in the books. */
export async function deleteKey(gateway: Gateway, c: RouteContext): Promise<Response> {
  await gateway.keys.remove(ownKey(gateway, c).hash)
  return c.json({ deleted: true })
}

/** `POST /keys/{hash}/rotate`: a successor with the same settings and the same cap; the old key ends after the overlap (default 24 h). */
export async function rotateKey(gateway: Gateway, c: RouteContext): Promise<Response> {
  const key = ownKey(gateway, c)
  const body = await readBody(gateway, c, Rotate)
  // The successor's secret goes to the caller.
  refuseBeyond(c.get('caller'), key)
  const made = await gateway.keys.rotate(key.hash, (body.overlap_seconds ?? 86_400) * 1000)
  return c.json({ data: await keyObject(gateway, made!.key), key: made!.secret }, 201)
}

function ratesOf(given: z.infer<typeof rateLimits> = {}, before: KeyRates = NO_RATES): KeyRates {
  const { requests_per_minute, tokens_per_minute, concurrency } = given
  return {
    requestsPerMinute: requests_per_minute === undefined ? before.requestsPerMinute : requests_per_minute,
    tokensPerMinute: tokens_per_minute === undefined ? before.tokensPerMinute : tokens_per_minute,
    concurrency: concurrency === undefined ? before.concurrency : concurrency,
  }
}

function ownKey(gateway: Gateway, c: RouteContext): ApiKey {
  const key = gateway.keys.byHash(c.req.param('hash') ?? '')
  if (key === undefined || key.organizationId !== organizationOf(c.get('caller')))
    throw new GatewayError('not_found', 'No key with this hash. List the keys with GET /api/v1/keys.')
  return key
}

/** A key hands on no more than it holds; the operator holds everything. */
function refuseBeyond(caller: Caller, wanted: KeyPowers): void {
  const reason = caller.kind === 'key' ? beyondMaker(caller.key, wanted) : null
  if (reason !== null) throw new GatewayError('permission_denied', reason)
}

function positive(nanos: bigint): bigint {
  if (nanos < 0n) throw new GatewayError('invalid_request', '"limit" must not be negative.')
  return nanos
}
