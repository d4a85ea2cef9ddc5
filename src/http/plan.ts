import { type ChatRequest, GatewayError } from '../chat/index.ts'
import { upstreamDialect } from '../dialects/index.ts'
import type { ApiKey } from '../identity/index.ts'
import { findProvider } from '../providers/index.ts'
import {
  featuresOf,
  type Plan,
  type PlanRequest,
  planWithStandIns,
  type RoutingPolicy,
  type RoutingSnapshot,
} from '../routing/index.ts'
import { policyAt } from './data-policy.ts'
import type { Gateway, Snapshot } from './gateway.ts'
import { accessOf } from './policy.ts'
import { AUTO_ROUTER, routerWishes } from './router-wishes.ts'
import { conversationOf } from './sticky.ts'
import { contextTokens } from './tokens.ts'
import { countsMoney } from './v1/credits.ts'

/** By how much a prompt may have more tokens than estimated: texts that are not English have about a third more. */
const ESTIMATE_MARGIN = 4 / 3

/** Most attempts of one request, over all its models. */
const MAX_ATTEMPTS = 8

/**
 * Decides where a request goes; the plan may be a refusal. The key tells what its caller may use; null: the operator.
 * `session` is the one that the client named, in the body or a header (`sessionOf`).
 */
export function decide(
  gateway: Gateway,
  snapshot: Snapshot,
  key: ApiKey | null,
  chat: ChatRequest,
  session: string | null = chat.sessionId,
): Plan {
  return planWithStandIns(
    planRequest(chat, key === null ? null : stickyEndpoint(gateway, key, chat, session)),
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

/** The endpoint whose prompt cache the conversation has warmed; the text is looked at only when any is known. */
function stickyEndpoint(
  gateway: Gateway,
  key: ApiKey,
  chat: ChatRequest,
  session: string | null,
): string | null {
  if (gateway.sticky.size === 0) return null
  return gateway.sticky.find(conversationOf(chat, key.organizationId, session), gateway.clock.tick())
}

function planRequest(chat: ChatRequest, sticky: string | null): PlanRequest {
  return {
    models: chat.models,
    stream: chat.stream,
    parameters: chat.parameters,
    inputModalities: chat.inputModalities,
    outputModalities: chat.outputModalities,
    promptTokens: contextTokens(chat),
    maxOutputTokens: chat.maxOutputTokens,
    limitIsCeiling: chat.limitIsCeiling ?? false,
    provider: chat.provider,
    serviceTier: typeof chat.wire['service_tier'] === 'string' ? chat.wire['service_tier'] : null,
    promptTokensUpper: Math.ceil(contextTokens(chat) * ESTIMATE_MARGIN),
    sticky,
    features: () => featuresOf(chat),
    ...(chat.extras?.includes(AUTO_ROUTER) === true && { router: routerWishes(chat.wire['plugins']) }),
  }
}

/** What a caller may use. Where money is counted, an endpoint without a price cannot serve. */
function policyOf(gateway: Gateway, snapshot: Snapshot, key: ApiKey | null): RoutingPolicy {
  return {
    needsPrice: key !== null && countsMoney(gateway, key),
    retries: snapshot.config.retries,
    maxAttempts: MAX_ATTEMPTS,
    access: accessOf(snapshot, key),
  }
}

/** Catalog, credentials and health as one decision sees them, for a request that wants this output. */
function routingSnapshot(
  gateway: Gateway,
  snapshot: Snapshot,
  outputModalities: readonly string[],
): RoutingSnapshot {
  const { catalog, targets } = snapshot
  const now = gateway.clock.tick()
  return {
    resolve: (name) => catalog.resolve(name),
    models: () => catalog.all,
    latest: () => catalog.latest,
    dataPolicy: (providerId, modelId) => policyAt(snapshot, providerId, modelId),
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
