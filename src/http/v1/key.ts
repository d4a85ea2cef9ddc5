import { GatewayError } from '../../chat/index.ts'
import { type ApiKey, shownWorkspaceId } from '../../identity/index.ts'
import { limitRefs, windowStart } from '../../money/index.ts'
import { type KeyUsage, keyUsage, type LastUse } from '../../usage/index.ts'
import type { Gateway, RouteContext } from '../gateway.ts'
import { usdNumber, usdNumberOrNull } from '../money.ts'
import { policyObject } from './key-policy.ts'

const NOTHING: KeyUsage = { total: 0n, daily: 0n, weekly: 0n, monthly: 0n }

/** A key's cap as the money room wants it: counted over the whole rotation. */
export function capOf(key: ApiKey): Parameters<typeof limitRefs>[0] {
  return { hash: key.lineage, limit_nanos: key.limitNanos, limit_reset: key.limitReset }
}

/** What the cap still leaves, nano-USD, holds taken off; null without a cap. */
async function remaining(gateway: Gateway, key: ApiKey): Promise<bigint | null> {
  if (key.limitNanos === null) return null
  const capped = limitRefs(capOf(key), gateway.clock.now()).find((ref) => ref.capNanos !== null)!
  const state = await gateway.ledger.limit(capped)
  const left = key.limitNanos - state.spentNanos - state.heldNanos
  return left > 0n ? left : 0n
}

/** Spending of the organization's keys (or one) in the running UTC day, week and month. */
export function usageOf(
  gateway: Gateway,
  organizationId: string,
  hash?: string,
): Promise<Map<string, KeyUsage>> {
  const now = gateway.clock.now()
  const starts = {
    daily: windowStart('daily', now),
    weekly: windowStart('weekly', now),
    monthly: windowStart('monthly', now),
  }
  return keyUsage(gateway.store, organizationId, starts, hash)
}

/** The fields that a key shows everywhere, amounts as USD numbers. */
async function moneyFields(gateway: Gateway, key: ApiKey, usage: KeyUsage): Promise<Record<string, unknown>> {
  return {
    limit: usdNumberOrNull(key.limitNanos),
    limit_remaining: usdNumberOrNull(await remaining(gateway, key)),
    limit_reset: key.limitReset,
    include_byok_in_limit: key.includeByokInLimit,
    usage: usdNumber(usage.total),
    usage_daily: usdNumber(usage.daily),
    usage_weekly: usdNumber(usage.weekly),
    usage_monthly: usdNumber(usage.monthly),
    byok_usage: 0,
    byok_usage_daily: 0,
    byok_usage_weekly: 0,
    byok_usage_monthly: 0,
  }
}

/** `GET /key`: what a key may know of itself, in OpenRouter's shape. */
export async function ownKey(gateway: Gateway, c: RouteContext): Promise<Response> {
  const caller = c.get('caller')
  if (caller.kind !== 'key')
    throw new GatewayError('permission_denied', 'Ask with an API key: this tells a key about itself.')
  return c.json(await currentKey(gateway, caller.key))
}

async function currentKey(gateway: Gateway, key: ApiKey): Promise<Record<string, unknown>> {
  const usage = (await usageOf(gateway, key.organizationId, key.hash)).get(key.hash) ?? NOTHING
  return {
    data: {
      label: key.label,
      ...(await moneyFields(gateway, key, usage)),
      is_free_tier: false,
      is_management_key: key.kind === 'management',
      is_provisioning_key: key.kind === 'management',
      creator_user_id: key.creatorUserId,
      expires_at: key.expiresAt === null ? null : new Date(key.expiresAt).toISOString(),
      rate_limit: rateLimit(gateway, key),
      ...policyObject(key.policy),
      free_model_daily_requests: { limit: -1, remaining: -1, used: 0 },
      allowed_data_regions: ['global'],
      organization_id: key.organizationId,
      workspace_id: shownWorkspaceId(key.workspaceId),
    },
  }
}

/** In the shape that older clients read; -1 is no limit. */
function rateLimit(gateway: Gateway, key: ApiKey): Record<string, unknown> {
  const perMinute =
    key.rates.requestsPerMinute ?? gateway.snapshot.config.rateLimits.key.requestsPerMinute ?? null
  return perMinute === null
    ? { requests: -1, interval: '10s', note: 'Not limited; kept for older clients.' }
    : { requests: perMinute, interval: '1m', note: 'Requests that this key may make in a minute.' }
}

/** A row of `GET /keys`. */
export async function keyObject(
  gateway: Gateway,
  key: ApiKey,
  usage: KeyUsage = NOTHING,
  last?: LastUse,
): Promise<Record<string, unknown>> {
  return {
    hash: key.hash,
    label: key.label,
    name: key.name,
    disabled: key.disabled,
    ...(await moneyFields(gateway, key, usage)),
    created_at: new Date(key.createdAt).toISOString(),
    updated_at: new Date(key.updatedAt).toISOString(),
    expires_at: key.expiresAt === null ? null : new Date(key.expiresAt).toISOString(),
    creator_user_id: key.creatorUserId,
    workspace_id: shownWorkspaceId(key.workspaceId),
    external_user: null,
    last_used_at: last === undefined ? null : new Date(last.at).toISOString(),
    last_used_by: last?.app ?? null,
    is_management_key: key.kind === 'management',
    rate_limits: {
      requests_per_minute: key.rates.requestsPerMinute,
      tokens_per_minute: key.rates.tokensPerMinute,
      concurrency: key.rates.concurrency,
    },
    ...policyObject(key.policy),
  }
}
