import type { Endpoint, Resolved } from '../catalog/index.ts'
import type { ErrorCode, ProviderPreferences } from '../chat/index.ts'
import type { Access } from './access.ts'

/** Why a candidate was left out, or put last. Stored as codes in waybills, shown with `detail` to users. */
export type ExclusionReason =
  | 'no_credential'
  | 'no_dialect'
  | 'unknown_price'
  | 'context_length'
  | 'max_output'
  | 'input_modality'
  | 'output_modality'
  | 'require_parameters'
  | 'max_price'
  | 'only'
  | 'ignore'
  | 'order_without_fallbacks'
  | 'quantization'
  | 'data_policy'
  | 'key_policy'
  | 'service_tier'
  | 'distillation'
  | 'simulated'

/** The part of a request that routing looks at. */
export interface PlanRequest {
  readonly models: readonly string[]
  readonly stream: boolean
  readonly parameters: readonly string[]
  readonly inputModalities: readonly string[]
  readonly outputModalities: readonly string[]
  /** Estimated tokens of the prompt. */
  readonly promptTokens: number
  readonly maxOutputTokens: number | null
  /** Endpoints that give less than that output may serve too. */
  readonly limitIsCeiling?: boolean
  readonly provider: ProviderPreferences
  /** `service_tier` of the request; `flex` and `priority` (also spelled `fast`) open the endpoints of that tier. */
  readonly serviceTier?: string | null
  /** Tokens that the prompt has at most; endpoints that hold the estimate but not this stand further back. */
  readonly promptTokensUpper?: number
  /** Id of the endpoint whose prompt cache this conversation has warmed; null or absent: none is known. */
  readonly sticky?: string | null
  /** What the request says about itself, for `openrouter/auto`; asked for only when a router is named. */
  readonly features?: () => RequestFeatures
  /** The caller's wishes about routers, from the plugin `auto-router`. */
  readonly router?: RouterWishes
}

/** What the classifier of `openrouter/auto` goes by, read from the request without any model. */
export interface RequestFeatures {
  /** Estimated tokens of the last thing the user said. */
  readonly askTokens: number
  /** Messages of user and assistant together. */
  readonly turns: number
  /** Tools that the model may call. */
  readonly tools: number
  /** A JSON schema is to be kept to. */
  readonly schema: boolean
  readonly code: boolean
  readonly math: boolean
  readonly translation: boolean
  /** Share of letters outside the Latin script in what the user said last, 0..1. */
  readonly foreign: number
  /** Effort of reasoning that the request asks for; null: it does not say. */
  readonly effort: string | null
}

export type CostTier = 'low' | 'medium' | 'high' | 'xhigh' | 'max'

export interface RouterWishes {
  /** Patterns of model ids: exact, `author/*`, or with `*` anywhere; absent: all. */
  readonly allowedModels?: readonly string[]
  readonly excludedModels?: readonly string[]
  /** Hard: no model above its price is taken. Absent: the request's own difficulty decides. */
  readonly costTier?: CostTier
}

/** What the caller may use, from key, organization and configuration. */
export interface RoutingPolicy {
  /** The organization pays by credit or the key has a USD limit: an endpoint without a price is unusable. */
  readonly needsPrice: boolean
  /** Extra tries per model (configuration `retries`). */
  readonly retries: number
  /** Most attempts of one request over all models; more than 8 counts as 8. */
  readonly maxAttempts: number
  /** Lists and data policies of key and installation; absent or null: nothing is limited. */
  readonly access?: Access | null
}

/** What a provider does with prompts; null where nobody knows, which counts as the worse. */
export interface DataPolicy {
  readonly trains: boolean | null
  readonly retains: boolean | null
}

/** Four percentiles of one figure. */
export interface PercentileFigures {
  readonly p50: number
  readonly p75: number
  readonly p90: number
  readonly p99: number
}

/** Health of an endpoint as routing sees it, from real outcomes. */
export interface EndpointHealth {
  /** At least one in five outcomes of the last 30 s was a failure that counts. */
  readonly outage: boolean
  /** Share of good outcomes over 5 minutes (since the last recovery), 0..1; null with fewer than 1 outcome. */
  readonly uptime5m: number | null
  /** Outcomes behind `uptime5m`; the bands of uptime count from 100 on. */
  readonly samples5m?: number
  /** Median ms to the first token over 5 minutes; null without samples. */
  readonly ttftP50Ms: number | null
  /** Median output tokens per second over 5 minutes; null without samples. */
  readonly throughputP50: number | null
  /** All percentiles of the time to the first token, ms, over 5 minutes. */
  readonly ttftMs?: PercentileFigures | null
  /** Output tokens per second over 5 minutes that 50, 75, 90 and 99 % of the answers reached: p99 is the slowest. */
  readonly throughput?: PercentileFigures | null
  /** Wall-free ms until a cool-down ends (Retry-After); 0 when not cooling. */
  readonly coolingMs: number
  readonly breaker: 'closed' | 'open' | 'half-open'
}

/** A provider key of the caller's own, as far as it may serve an endpoint. */
export interface OwnKey {
  readonly id: string
  /** Tried only after the gateway's own capacity. */
  readonly fallback: boolean
  /** The provider is never used through the gateway's own key. */
  readonly required: boolean
  /** Lower ones are tried first. */
  readonly order: number
}

/** Everything routing decides on, frozen for one decision. */
export interface RoutingSnapshot {
  resolve(name: string): Resolved | undefined
  /** Every model, in catalog order, the same list for the same catalog: what routers choose from. Absent: there are no routers. */
  models?(): readonly Resolved[]
  /** Aliases of the newest models (`~author/family-latest`), for routers. */
  latest?(): ReadonlyMap<string, Resolved>
  suggest(name: string): readonly string[]
  /** Usable credentials (or keyless access) exist for the provider. */
  hasCredential(providerId: string): boolean
  /** Environment variables that would give the provider a key, for the sentence of a 404. */
  credentialHint(providerId: string): readonly string[]
  hasDialect(dialect: string): boolean
  health(endpointId: string): EndpointHealth
  /** Facts for `data_collection: deny` and `zdr`; absent or undefined: nothing is known, such requests pass the endpoint by. */
  dataPolicy?(providerId: string, modelId: string): DataPolicy | undefined
  /** The caller's own keys that may serve the endpoint, in any order; absent or empty: none. */
  ownKeys?(endpoint: Endpoint): readonly OwnKey[]
}

export interface Candidate {
  readonly endpoint: Endpoint
  /** Position among those to try, or null when left out; equals its position in `order` unless own keys are used. */
  readonly rank: number | null
  readonly excluded: ExclusionReason | null
  /** One sentence with figures, e.g. `takes 8,192 tokens, the prompt has about 12,000`. */
  readonly detail: string | null
  /** Comparable price, pico-USD per token (prompt + completion weighted), null when unknown. */
  readonly price: bigint | null
  /** Share of the draw for the first place, 0..1; null when it took no part. */
  readonly weight: number | null
  /** Why it stands where it stands, e.g. `drawn by price`, `provider.order`, `outage in the last 30 s`. */
  readonly note: string
}

/** A name of the request and the models it stood for, in the order they are tried. */
export interface Route {
  readonly requested: string
  readonly models: readonly string[]
  readonly via: 'direct' | 'alias' | 'latest' | 'auto' | 'free'
  /** What a router made of the request, e.g. `code, high`; null for plain names. */
  readonly because: string | null
}

/** Models that the operator lets stand in for those asked for. */
export interface StandIns {
  /** Their catalog ids. */
  readonly models: readonly string[]
  /** They may also answer what a model asked for has refused for its content. */
  readonly onRefusal: boolean
}

/** The decision, as a value: what was considered, what will be tried and in which order. */
export interface Plan {
  /** Every endpoint of every model asked for, in catalog order. */
  readonly candidates: readonly Candidate[]
  /** What to try, first to last; models follow each other unless they are sorted together. */
  readonly order: readonly Endpoint[]
  /** For each place of `order` the caller's own key to use there, null: the gateway's. Absent or null: none is used. An endpoint may stand once for each. */
  readonly credentials?: readonly (string | null)[] | null
  /** What each name of the request led to. */
  readonly routes?: readonly Route[]
  /** The smallest wait (ms) when every endpoint in `order` is cooling down, else 0. */
  readonly coolingMs: number
  /** Attempts allowed: bounded by retries per model and by `maxAttempts`. */
  readonly maxAttempts: number
  readonly retriesPerModel: number
  readonly allowFallbacks: boolean
  /** Models of the operator's `fallbacks` that stand last in `order`; absent: none. */
  readonly standIns?: StandIns
  /** Set when `order` is empty: what to tell the client. */
  readonly refusal: {
    readonly code: ErrorCode
    readonly message: string
    readonly metadata: Readonly<Record<string, unknown>>
    readonly retryAfterMs: number | null
  } | null
  /** The models as the client named them. */
  readonly requested: readonly string[]
  /** Short form for the `x-waybill-route` header and the log, e.g. `load-balance`, `order`, `sort:price`. */
  readonly strategy: string
}
