import { type ChatRequest, GatewayError } from '../chat/index.ts'
import { upstreamDialect } from '../dialects/index.ts'
import type { ApiKey } from '../identity/index.ts'
import { findProvider } from '../providers/index.ts'
import {
  type Plan,
  type PlanRequest,
  planWithStandIns,
  type RoutingPolicy,
  type RoutingSnapshot,
} from '../routing/index.ts'
import type { Gateway, Snapshot } from './gateway.ts'
import { contextTokens } from './tokens.ts'
import { creditsMode } from './v1/credits.ts'

/** Most attempts of one request, over all its models. */
export const MAX_ATTEMPTS = 8

/** Decides where a request goes; the plan may be a refusal. The key tells what its caller may use; null: the operator. */
export function decide(gateway: Gateway, snapshot: Snapshot, key: ApiKey | null, chat: ChatRequest): Plan {
  return planWithStandIns(
    planRequest(chat),
    policyOf(gateway, snapshot, key),
    snapshot.standIns,
    routingSnapshot(gateway, snapshot, chat.outputModalities),
    Math.random,
  )
}

/** Like `decide`, for what is to be sent: throws the refusal. */
export function plan(gateway: Gateway, snapshot: Snapshot, key: ApiKey, chat: ChatRequest): Plan {
  const made = decide(gateway, snapshot, key, chat)
  refuseNowhere(made)
  return made
}

/** Throws the plan's refusal (400, 404, …) when it can go nowhere. */
export function refuseNowhere({ refusal }: Plan): void {
  if (refusal === null) return
  const { code, message, metadata, retryAfterMs } = refusal
  throw new GatewayError(code, message, { metadata, retryAfterMs })
}

function planRequest(chat: ChatRequest): PlanRequest {
  return {
    models: chat.models,
    stream: chat.stream,
    parameters: chat.parameters,
    inputModalities: chat.inputModalities,
    outputModalities: chat.outputModalities,
    promptTokens: contextTokens(chat),
    maxOutputTokens: chat.maxOutputTokens,
    provider: chat.provider,
    serviceTier: typeof chat.wire['service_tier'] === 'string' ? chat.wire['service_tier'] : null,
  }
}

/** What a caller may use. Where money is counted, an endpoint without a price cannot serve. */
export function policyOf(gateway: Gateway, snapshot: Snapshot, key: ApiKey | null): RoutingPolicy {
  return {
    needsPrice:
      key !== null && (key.limitNanos !== null || creditsMode(gateway, key.organizationId) === 'prepaid'),
    retries: snapshot.config.retries,
    maxAttempts: MAX_ATTEMPTS,
  }
}

/** Catalog, credentials and health as one decision sees them, for a request that wants this output. */
export function routingSnapshot(
  gateway: Gateway,
  { catalog, targets }: Snapshot,
  outputModalities: readonly string[],
): RoutingSnapshot {
  const now = gateway.clock.tick()
  return {
    resolve: (name) => catalog.resolve(name),
    suggest: (name) => catalog.suggest(name, 3),
    hasCredential: (providerId) => targets.reaches(providerId),
    credentialHint: (providerId) => findProvider(providerId)?.env ?? [],
    hasDialect: (id) => upstreamDialect(id, { outputModalities }) !== null,
    health: (endpointId) => {
      const providerId = catalog.endpoint(endpointId)?.providerId ?? ''
      return gateway.health.health(endpointId, now, targets.credentialIds(providerId))
    },
  }
}
