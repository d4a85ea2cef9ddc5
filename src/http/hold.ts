import type { Endpoint } from '../catalog/index.ts'
import { type ChatRequest, GatewayError, type Meter, type Tariff } from '../chat/index.ts'
import type { ApiKey } from '../identity/index.ts'
import {
  type Ahead,
  budgetRefs,
  createMeter,
  formatUsd,
  freeze,
  type LimitRef,
  limitRefs,
  quote,
  type Refusal,
  windowEnd,
  worstCase,
} from '../money/index.ts'
import type { Plan } from '../routing/index.ts'
import { type Call, isSimulated } from './call.ts'
import type { ExpectedOutput } from './expected.ts'
import { recordOf } from './record.ts'
import { likelyTokens, upperTokens } from './tokens.ts'
import { creditsMode } from './v1/credits.ts'
import { capOf } from './v1/key.ts'

/** A hold that no request ended is given up after this long beyond the request's own deadline, ms. */
const GRACE_MS = 60_000

/** Longest answer assumed where neither request nor catalog bounds it, tokens. */
const UNBOUNDED_OUTPUT = 32_768

/** What can come of an answer from one checkpoint to the next, tokens. */
const STEP_TOKENS = 256

/**
 * Holds what the request needs on the first endpoint of the plan against the balance, every limit of the key and every budget; a
 * fallback to a dearer endpoint extends it. A stream needs what it is likely to cost, and its hold is raised as it grows; an answer
 * that comes whole, or any with `holds: strict`, the worst case. Throws GatewayError `payment_required` (402) with what would be affordable, or
 * `unavailable` (503) when the ledger cannot say.
 */
export async function hold(call: Call, key: ApiKey, chat: ChatRequest, plan: Plan): Promise<Meter> {
  const { gateway, snapshot } = call
  const simulated = isSimulated(plan)
  const first = plan.order[0]!
  const refs = limitsOf(call, key, chat)
  const tight = chat.stream && snapshot.config.holds === 'tight'
  const needOn = (endpoint: Endpoint) =>
    tight ? likelyOn(endpoint, chat, gateway.expected, key) : worstOn(endpoint, chat)
  const amountNanos = needOn(first) ?? 0n
  const result = await gateway.ledger.reserve({
    id: call.id,
    owner: {
      organizationId: key.organizationId,
      workspaceId: key.workspaceId,
      creatorUserId: key.creatorUserId,
      keyHash: key.hash,
    },
    account: simulated ? 'test' : creditsMode(gateway, key.organizationId),
    amountNanos,
    limits: simulated ? refs.map(onTestScope) : refs,
    tariffs: freeze(plan.order),
    now: call.createdAt,
    expiresAt: call.createdAt + snapshot.config.timeouts.totalMs + GRACE_MS,
  })
  if (!result.ok) throw refusal(result.refusal, call, key, chat, first)
  return createMeter(gateway.ledger, {
    holdId: call.id,
    held: result.durable,
    needed: (endpointId) => onEndpoint(plan, endpointId, needOn),
    ...(tight && { ahead: aheadOf(call, key, chat, plan, amountNanos) }),
    providerOf: (endpointId) => snapshot.catalog.endpoint(endpointId)?.providerId ?? 'unknown',
    now: () => gateway.clock.now(),
    record: recordOf(call, key, chat, plan),
  })
}

function onEndpoint<T>(plan: Plan, endpointId: string, tell: (endpoint: Endpoint) => T | null): T | null {
  const endpoint = plan.order.find((candidate) => candidate.id === endpointId)
  return endpoint === undefined ? null : tell(endpoint)
}

function aheadOf(call: Call, key: ApiKey, chat: ChatRequest, plan: Plan, heldNanos: bigint): Ahead {
  return {
    heldNanos,
    most: (endpointId) => onEndpoint(plan, endpointId, (endpoint) => worstOn(endpoint, chat)),
    costOf: (endpointId, usage) =>
      onEndpoint(plan, endpointId, ({ tariff }) => quote(tariff, usage)?.nanos ?? null),
    step: (endpointId) =>
      onEndpoint(plan, endpointId, ({ tariff }) =>
        worstCase([tariff], { promptTokensUpper: 0, maxOutput: STEP_TOKENS * chat.choices }),
      ) ?? 0n,
    short: (why) => usedUp(why, call, key),
  }
}

/** The caps of the key and of every budget that the request falls under; the first that does not cover it is named. */
function limitsOf({ gateway, createdAt }: Call, key: ApiKey, chat: ChatRequest): LimitRef[] {
  const own = limitRefs(capOf(key), createdAt)
  const budgets = gateway.budgets.of(key.organizationId)
  if (budgets.length === 0) return own
  const { organizationId, workspaceId, creatorUserId } = key
  const spender = { organizationId, workspaceId, creatorUserId, endUser: chat.user }
  return [...own, ...budgetRefs(budgets, spender, createdAt)]
}

/** Simulated spending meets the same caps on rows of its own, so that limits can be tried without touching real ones. */
function onTestScope(ref: LimitRef): LimitRef {
  return { ...ref, scope: `${ref.scope}-test` }
}

/** The most that the request can cost on an endpoint, nano-USD; null when its price is not known. */
export function worstOn(endpoint: Endpoint, chat: ChatRequest): bigint | null {
  return worstCase([endpoint.tariff], {
    promptTokensUpper: upperTokens(chat),
    maxOutput: longestOutput(endpoint, chat),
  })
}

/** What a stream is likely to cost on an endpoint, nano-USD, never more than the worst case; null when its price is not known. */
function likelyOn(
  endpoint: Endpoint,
  chat: ChatRequest,
  expected: ExpectedOutput,
  key: ApiKey,
): bigint | null {
  const output = expected.of(key.lineage, endpoint.modelId, endpoint.reasoning) * chat.choices
  return worstCase([endpoint.tariff], {
    promptTokensUpper: Math.min(likelyTokens(chat), upperTokens(chat)),
    maxOutput: Math.min(output, longestOutput(endpoint, chat)),
  })
}

/** Tokens that all choices together can have at most. */
function longestOutput(endpoint: Endpoint, chat: ChatRequest): number {
  const most = endpoint.maxOutput ?? (endpoint.contextLength > 0 ? endpoint.contextLength : UNBOUNDED_OUTPUT)
  return Math.min(chat.maxOutputTokens ?? most, most) * chat.choices
}

function refusal(why: Refusal, call: Call, key: ApiKey, chat: ChatRequest, endpoint: Endpoint): GatewayError {
  if (why.kind === 'unavailable')
    return new GatewayError(
      'unavailable',
      'The ledger cannot take requests at the moment. Try again shortly.',
      { retryAfterMs: 1000 },
    )
  const left = why.kind === 'balance' ? why.availableNanos : why.remainingNanos
  const wanted = longestOutput(endpoint, chat)
  const affordable = affordableOutput(endpoint.tariff, left, upperTokens(chat))
  const fewer = wanted === 0 ? 'a shorter input' : 'fewer max_tokens'
  const tokens =
    wanted === 0
      ? `its input may have up to ${upperTokens(chat)} tokens`
      : `requested up to ${wanted} tokens, but can only afford ${affordable}`
  const metadata = {
    provider_name: null,
    needed_usd: formatUsd(why.neededNanos).slice(1),
    available_usd: formatUsd(left).slice(1),
    affordable_max_tokens: affordable,
  }
  if (why.kind === 'balance')
    return new GatewayError(
      'payment_required',
      `This request requires more credits, or ${fewer}: ${tokens}. It needs ${formatUsd(why.neededNanos)} and ${formatUsd(left)} is available. Add credit with: waybill credits add USD`,
      { metadata },
    )
  const { name, until, raise } = limitWords(why.limit, call, key)
  return new GatewayError(
    'payment_required',
    `${name} does not cover this request: ${tokens}. It needs ${formatUsd(why.neededNanos)} and ${formatUsd(left)} of it is left${until === null ? '' : ` until ${until}`}. ${raise}, or ask for ${fewer}.`,
    { metadata: { ...metadata, limit_scope: scopeOf(why.limit.scope), limit_resets_at: until } },
  )
}

/** The end of a stream that nothing pays for any more. */
function usedUp(why: Refusal, call: Call, key: ApiKey): GatewayError {
  if (why.kind !== 'limit')
    return new GatewayError(
      'payment_required',
      'The credit is used up in the middle of this answer, which ends here; what was delivered is charged. Add credit with: waybill credits add USD',
    )
  const { name, until, raise } = limitWords(why.limit, call, key)
  return new GatewayError(
    'payment_required',
    `${name} is used up in the middle of this answer, which ends here; what was delivered is charged. ${raise}${until === null ? '' : `, or wait until ${until}`}.`,
    { metadata: { limit_scope: scopeOf(why.limit.scope), limit_resets_at: until } },
  )
}

function limitWords(
  limit: LimitRef,
  call: Call,
  key: ApiKey,
): { name: string; until: string | null; raise: string } {
  const resets = windowEnd(limit.span, call.createdAt)
  const span = limit.span === 'total' ? '' : ` ${limit.span}`
  const { kind, whose, raise } = named(limit.scope, key)
  return {
    name: `The${span} ${kind} of ${formatUsd(limit.capNanos ?? 0n)} of ${whose}`,
    until: resets === null ? null : new Date(resets).toISOString(),
    raise,
  }
}

function scopeOf(limit: string): string {
  return limit.replace(/^budget-|-test$/g, '')
}

/** Whose a limit is, in words, and what raises it. */
function named(limit: string, key: ApiKey): { kind: string; whose: string; raise: string } {
  const scope = scopeOf(limit)
  if (scope === 'key') {
    return { kind: 'limit', whose: `the key "${key.name}"`, raise: 'Raise the limit of the key' }
  }
  const of = { organization: 'the organization', workspace: 'the workspace', member: 'this member' }[scope]
  return { kind: 'budget', whose: of ?? 'this end user', raise: 'Have the budget raised (waybill budgets)' }
}

/** Output tokens that `left` nano-USD still buys after the prompt; 0 when not even the prompt is covered. */
function affordableOutput(tariff: Tariff | null, left: bigint, promptTokens: number): number {
  const fixed = worstCase([tariff], { promptTokensUpper: promptTokens, maxOutput: 0 })
  const thousand = worstCase([tariff], { promptTokensUpper: promptTokens, maxOutput: 1000 })
  if (fixed === null || thousand === null || left <= fixed || thousand <= fixed) return 0
  return Number(((left - fixed) * 1000n) / (thousand - fixed))
}
