import { type ChatRequest, GatewayError } from '../chat/index.ts'
import type { RateLimits, Rates } from '../config/index.ts'
import type { ApiKey } from '../identity/index.ts'
import type { Admission, Rate, Verdict } from '../store/index.ts'
import type { Gateway } from './gateway.ts'
import { promptTokens } from './tokens.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** A call that its node never saw end leaves its gates this long after its own deadline, ms. */
const GRACE_MS = 60_000

/** One limit of rates as people know it: who is limited, what of, and where that is set. */
interface Named {
  readonly who: string
  readonly what: string
  readonly setting: string
  /** What the rate counts is known in full only when the call has ended. */
  readonly tokens?: true
}

/** The limits of a call, decided: what it asks the shared state for, and the words for each. */
export interface RatePlan {
  readonly rates: readonly (Rate & Named)[]
  readonly gates: readonly (Admission['gates'][number] & Named)[]
}

/** What a call holds while it runs; `end` once, whatever became of it. */
export interface RateTicket {
  /** @param tokens what it really took, prompt and answer; null when it took none */
  end(tokens: number | null): void
}

/**
 * Which limits a call counts against. Pure. `tokens`: the likely tokens of its prompt. A bucket is named with its limit, so that
 * a changed limit begins with a full one.
 */
export function ratesOf(limits: RateLimits, key: ApiKey, chat: ChatRequest, tokens: number): RatePlan {
  const plan = { rates: [] as (Rate & Named)[], gates: [] as RatePlan['gates'][number][] }
  const own = {
    requestsPerMinute: key.rates.requestsPerMinute ?? limits.key.requestsPerMinute,
    tokensPerMinute: key.rates.tokensPerMinute ?? limits.key.tokensPerMinute,
    concurrency: key.rates.concurrency ?? limits.key.concurrency,
  }
  add(plan, `key:${key.lineage}`, own, { who: `The key "${key.name}"`, setting: 'key', tokens })
  add(plan, 'organization', limits.organization, {
    who: 'The organization',
    setting: 'organization',
    tokens,
  })
  // By its hash: the shared state is told nobody's name, and a name may be of any length.
  if (chat.endUserHash)
    add(plan, `user:${chat.endUserHash}`, limits.user, { who: 'This end user', setting: 'user', tokens })
  if (chat.models[0]?.endsWith(':free') === true) addFree(plan, limits.freeModels)
  return plan
}

type Growing = {
  rates: (Rate & Named)[]
  gates: RatePlan['gates'][number][]
}

function add(
  plan: Growing,
  scope: string,
  { requestsPerMinute, tokensPerMinute, concurrency }: Rates,
  { who, setting, tokens }: { who: string; setting: string; tokens: number },
): void {
  const named = (what: string, field: string): Named => ({
    who,
    what,
    setting: `rate_limits.${setting}.${field}`,
  })
  if (requestsPerMinute !== null)
    plan.rates.push({
      ...named(`${requestsPerMinute} requests a minute`, 'requests_per_minute'),
      key: `${scope}:requests:${requestsPerMinute}`,
      limit: requestsPerMinute,
      windowMs: MINUTE_MS,
      cost: 1,
    })
  if (tokensPerMinute !== null)
    plan.rates.push({
      ...named(`${tokensPerMinute} tokens a minute`, 'tokens_per_minute'),
      key: `${scope}:tokens:${tokensPerMinute}`,
      tokens: true,
      limit: tokensPerMinute,
      windowMs: MINUTE_MS,
      cost: tokens,
    })
  if (concurrency !== null)
    plan.gates.push({
      ...named(`${concurrency} requests at once`, 'concurrency'),
      key: `${scope}:inside`,
      limit: concurrency,
    })
}

function addFree(plan: Growing, { requestsPerMinute, requestsPerDay }: RateLimits['freeModels']): void {
  const rate = (limit: number, windowMs: number, word: string) =>
    plan.rates.push({
      who: 'The organization',
      what: `${limit} requests to free models a ${word}`,
      setting: `rate_limits.free_models.requests_per_${word}`,
      key: `free:${word}:${limit}`,
      limit,
      windowMs,
      cost: 1,
    })
  if (requestsPerMinute !== null) rate(requestsPerMinute, MINUTE_MS, 'minute')
  if (requestsPerDay !== null) rate(requestsPerDay, DAY_MS, 'day')
}

/**
 * Counts a call against the rates of its key, organization and end user; null where none is set, which costs nothing.
 * Throws GatewayError `rate_limit_exceeded` (429) naming the limit, with Retry-After and X-RateLimit headers.
 */
export async function passRates(
  gateway: Gateway,
  call: { readonly id: string; readonly createdAt: number },
  key: ApiKey,
  chat: ChatRequest,
): Promise<RateTicket | null> {
  const { rateLimits, timeouts } = gateway.snapshot.config
  const tokens = promptTokens(chat)
  const plan = ratesOf(rateLimits, key, chat, tokens)
  if (plan.rates.length === 0 && plan.gates.length === 0) return null
  const admission = {
    id: call.id,
    group: key.organizationId,
    ...plan,
    leaseMs: timeouts.totalMs + GRACE_MS,
  }
  const verdict = await gateway.shared.admit(admission)
  if (!verdict.ok) throw refusal(plan, verdict, call.createdAt)
  return {
    end(taken) {
      if (plan.gates.length > 0) gateway.shared.leave(admission)
      const more = plan.rates
        .filter((rate) => rate.tokens)
        .map((rate) => ({ ...rate, cost: (taken ?? 0) - tokens }))
        .filter(({ cost }) => cost !== 0)
      if (more.length > 0) gateway.shared.correct(key.organizationId, more)
    },
  }
}

function refusal(plan: RatePlan, verdict: Extract<Verdict, { ok: false }>, now: number): GatewayError {
  const { index, retryAfterMs, remaining } = verdict
  const limit = verdict.by === 'rate' ? plan.rates[index]! : plan.gates[index]!
  const wait =
    verdict.by === 'rate'
      ? `The next one passes in ${seconds(retryAfterMs)}.`
      : 'The next one passes when one of them has ended.'
  return new GatewayError(
    'rate_limit_exceeded',
    `Rate limit exceeded: ${limit.who} may make ${limit.what}. ${wait} The limit is ${limit.setting} in waybill.yaml${limit.setting.startsWith('rate_limits.key') ? ', or the key’s own (PATCH /api/v1/keys)' : ''}.`,
    {
      retryAfterMs,
      metadata: {
        provider_name: null,
        headers: {
          'X-RateLimit-Limit': String(limit.limit),
          'X-RateLimit-Remaining': String(remaining),
          'X-RateLimit-Reset': String(now + retryAfterMs),
        },
      },
    },
  )
}

function seconds(ms: number): string {
  return ms < 1_000 ? 'less than a second' : `${Math.ceil(ms / 1_000)} s`
}
