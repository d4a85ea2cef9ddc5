import type { Endpoint } from '../catalog/index.ts'
import { barred } from './access.ts'
import { askedTier, matchIndex, type ServiceTier, serviceTier, slugList } from './match.ts'
import type { ExclusionReason, OwnKey, PlanRequest, RoutingPolicy, RoutingSnapshot } from './plan.types.ts'
import { comparablePrice, effectivePrice } from './price.ts'
import { figure, firstMissing, perMillion } from './words.ts'

/** A candidate while the plan is being made: the public facts, still changeable, and what the ranking needs. */
export interface Draft {
  readonly endpoint: Endpoint
  rank: number | null
  excluded: ExclusionReason | null
  detail: string | null
  price: bigint | null
  weight: number | null
  note: string
  /** `price` as a number for comparing; Infinity when unknown. */
  cost: number
  /** Position of its model in the request; the same for all when models are sorted together. */
  readonly model: number
  /** Later bands are tried after every model's earlier ones: 0 ready, 1 misses a preference, 2 cooling or breaker open. */
  band: number
  /** Within a band and model: smaller goes first; then `key`, then `cost`. */
  group: number
  key: number
  /** Keys of the caller's own that may serve it; null: none. */
  own: readonly OwnKey[] | null
  /** The gateway's own capacity may serve it too. */
  shared: boolean
}

/** The hard filters of one request, prepared once for all its candidates. */
export interface Filter {
  readonly request: PlanRequest
  readonly policy: RoutingPolicy
  readonly snapshot: RoutingSnapshot
  readonly order: readonly string[] | null
  readonly only: readonly string[] | null
  readonly ignore: readonly string[] | null
  readonly quantizations: readonly string[] | null
  /** Service tier asked for, in our words. */
  readonly tier: ServiceTier | null
  /** The first model named is a simulated one: then all are, else none is. */
  readonly simulated: boolean
  /** Prompt and wanted output together, tokens. */
  readonly tokens: number
  /** The same with the most that the prompt may have. */
  readonly tokensUpper: number
}

export function createFilter(
  request: PlanRequest,
  policy: RoutingPolicy,
  snapshot: RoutingSnapshot,
  simulated: boolean,
): Filter {
  const preferences = request.provider
  const order = slugList(preferences.order)
  return {
    request,
    policy,
    snapshot,
    order: order !== null && order.length > 0 ? order : null,
    only: slugList(preferences.only),
    ignore: slugList(preferences.ignore),
    quantizations: slugList(preferences.quantizations),
    tier: askedTier(request.serviceTier),
    simulated,
    tokens: request.promptTokens + (request.maxOutputTokens ?? 0),
    tokensUpper: (request.promptTokensUpper ?? request.promptTokens) + (request.maxOutputTokens ?? 0),
  }
}

export function createDraft(endpoint: Endpoint, model: number): Draft {
  return {
    endpoint,
    rank: null,
    excluded: null,
    detail: null,
    price: null,
    weight: null,
    note: '',
    cost: Number.POSITIVE_INFINITY,
    band: 0,
    group: 0,
    key: 0,
    model,
    own: null,
    shared: true,
  }
}

/**
 * Applies every hard filter to one candidate: what the caller may use, what it asked for, what we can reach, what the
 * endpoint can do; the first that fails is the reason. `admitted` is the service tier that the model's variant opens.
 * Returns true when the candidate is left out.
 */
export function applyFilters(d: Draft, f: Filter, admitted: string | null): boolean {
  return (
    forbidden(d, f, admitted) ||
    otherKind(d, f) ||
    unwelcome(d, f) ||
    unreachable(d, f) ||
    tooDear(d, f) ||
    unable(d, f)
  )
}

/** Leaves a candidate out for the reason given, with a sentence of figures; returns true. */
export function exclude(d: Draft, reason: ExclusionReason, detail: string): true {
  d.excluded = reason
  d.detail = detail
  return true
}

function forbidden(d: Draft, f: Filter, admitted: string | null): boolean {
  const endpoint = d.endpoint
  if (endpoint.simulated !== f.simulated) {
    return exclude(
      d,
      'simulated',
      f.simulated
        ? 'a request to the simulator never reaches a real provider'
        : 'the simulator answers only when it is named first',
    )
  }
  const bar = f.policy.access ? barred(f.policy.access, endpoint) : null
  if (bar !== null) return exclude(d, 'key_policy', bar)
  if (f.ignore !== null && matchIndex(f.ignore, endpoint) >= 0) {
    return exclude(d, 'ignore', 'named in provider.ignore')
  }
  if (f.only !== null && matchIndex(f.only, endpoint) < 0) return exclude(d, 'only', 'not in provider.only')
  const listed = f.order !== null && matchIndex(f.order, endpoint) >= 0
  if (f.order !== null && !listed && f.request.provider.allowFallbacks === false) {
    return exclude(d, 'order_without_fallbacks', 'not in provider.order, and allow_fallbacks is false')
  }
  const tier = serviceTier(endpoint.tag)
  if (tier !== null && tier !== f.tier && tier !== admitted && !listed && f.only === null) {
    return exclude(d, 'service_tier', `serves only requests with service_tier ${tier}`)
  }
  if (f.quantizations !== null && !f.quantizations.includes(endpoint.quantization)) {
    return exclude(d, 'quantization', `runs ${endpoint.quantization}, not in provider.quantizations`)
  }
  return false
}

/** Gives something else than what is wanted: before all that could be remedied, since a key or a price would not help. */
function otherKind(d: Draft, f: Filter): boolean {
  const missing = firstMissing(f.request.outputModalities, d.endpoint.outputModalities)
  return missing !== null && exclude(d, 'output_modality', `does not give ${missing} output`)
}

/** A provider that keeps or trains on prompts where request, key or installation allow neither; unknown counts as the worse. */
function unwelcome(d: Draft, f: Filter): boolean {
  const { dataCollection, zdr } = f.request.provider
  const { access } = f.policy
  const keep = zdr === true ? 'provider.zdr is set' : access?.zdr ? `zdr is set by ${access.zdr}` : null
  const train =
    dataCollection === 'deny'
      ? 'data_collection is deny'
      : access?.denyCollection
        ? `data_collection is deny by ${access.denyCollection}`
        : null
  if ((keep === null && train === null) || d.endpoint.simulated) return false
  const facts = f.snapshot.dataPolicy?.(d.endpoint.providerId, d.endpoint.modelId)
  const name = d.endpoint.providerName
  if (keep !== null && facts?.retains !== false) {
    const known =
      facts?.retains === true ? 'keeps prompts' : 'may keep prompts (its policy is not known here)'
    return exclude(d, 'data_policy', `${name} ${known}, and ${keep}`)
  }
  if (train !== null && facts?.trains !== false) {
    const known = facts?.trains === true ? 'collects data' : 'may collect data (its policy is not known here)'
    return exclude(d, 'data_policy', `${name} ${known}, and ${train}`)
  }
  return false
}

function unreachable(d: Draft, f: Filter): boolean {
  const endpoint = d.endpoint
  if (!f.snapshot.hasDialect(endpoint.dialect)) {
    const embeddings = f.request.outputModalities.includes('embeddings')
    const lack = embeddings
      ? 'in which this gateway cannot ask for embeddings'
      : 'which this gateway does not speak'
    return exclude(d, 'no_dialect', `speaks ${endpoint.dialect}, ${lack}`)
  }
  const own = f.snapshot.ownKeys?.(endpoint)
  if (own !== undefined && own.length > 0) {
    d.own = own
    d.shared = !own.some((key) => key.required)
  }
  if (f.snapshot.hasCredential(endpoint.providerId)) return false
  d.shared = false
  return d.own === null && exclude(d, 'no_credential', `no key for ${endpoint.providerName}`)
}

function tooDear(d: Draft, f: Filter): boolean {
  const tariff = d.endpoint.tariff
  const max = f.request.provider.maxPrice
  if (tariff === null) {
    if (!f.policy.needsPrice && max === undefined) return false
    // The caller's own key is billed to the caller: the gateway needs no price for it.
    d.shared = false
    if (d.own !== null && max === undefined) return false
    return exclude(d, 'unknown_price', 'its price is not known, and the request needs one')
  }
  const price = effectivePrice(tariff, f.request.promptTokens)
  d.price = comparablePrice(price)
  d.cost = Number(d.price)
  if (max === undefined) return false
  if (max.prompt !== undefined && price.prompt > max.prompt) {
    return exclude(d, 'max_price', `input costs ${perMillion(price.prompt)}, above ${perMillion(max.prompt)}`)
  }
  if (max.completion !== undefined && price.completion > max.completion) {
    const text = `output costs ${perMillion(price.completion)}, above ${perMillion(max.completion)}`
    return exclude(d, 'max_price', text)
  }
  if (max.request !== undefined && price.request > max.request) {
    return exclude(d, 'max_price', 'its fee per request is above max_price.request')
  }
  // No endpoint here has a price of its own for sound or an image: both count as tokens of the prompt.
  if (max.audio !== undefined && price.prompt > max.audio && f.request.inputModalities.includes('audio')) {
    return exclude(d, 'max_price', `audio costs ${perMillion(price.prompt)}, above ${perMillion(max.audio)}`)
  }
  return false
}

function unable(d: Draft, f: Filter): boolean {
  const endpoint = d.endpoint
  const request = f.request
  if (request.provider.requireParameters === true) {
    const missing = firstMissing(request.parameters, endpoint.supportedParameters)
    if (missing !== null) return exclude(d, 'require_parameters', `does not take ${missing}`)
  }
  const input = firstMissing(request.inputModalities, endpoint.inputModalities)
  if (input !== null) return exclude(d, 'input_modality', `does not take ${input} input`)
  const spare = beyondOutput(endpoint, request)
  if (spare > 0 && request.limitIsCeiling !== true) {
    const text = `gives at most ${figure(endpoint.maxOutput ?? 0)} tokens, ${figure(request.maxOutputTokens ?? 0)} are asked for`
    return exclude(d, 'max_output', text)
  }
  if (endpoint.maxPrompt !== null && request.promptTokens > endpoint.maxPrompt) {
    const text = `takes ${figure(endpoint.maxPrompt)} tokens of prompt, this one has about ${figure(request.promptTokens)}`
    return exclude(d, 'context_length', text)
  }
  const tokens = f.tokens - spare
  if (endpoint.contextLength > 0 && tokens > endpoint.contextLength) {
    const text = `holds ${figure(endpoint.contextLength)} tokens, prompt and output need about ${figure(tokens)}`
    return exclude(d, 'context_length', text)
  }
  return false
}

/** Tokens of output that are asked for beyond what the endpoint gives: a request under a ceiling needs no room for them. */
export function beyondOutput({ maxOutput }: Endpoint, { maxOutputTokens }: PlanRequest): number {
  return maxOutput === null || maxOutputTokens === null ? 0 : Math.max(0, maxOutputTokens - maxOutput)
}
