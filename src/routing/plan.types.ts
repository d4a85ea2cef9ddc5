import type { Endpoint, Resolved } from '../catalog/catalog.ts'
import type { ErrorCode, ProviderPreferences } from '../chat/index.ts'

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
  readonly provider: ProviderPreferences
}

/** What the caller may use, from key, organization and configuration. */
export interface RoutingPolicy {
  /** The organization pays by credit or the key has a USD limit: an endpoint without a price is unusable. */
  readonly needsPrice: boolean
  /** Extra tries per model (configuration `retries`). */
  readonly retries: number
  /** Most attempts of one request over all models. */
  readonly maxAttempts: number
}

/** Health of an endpoint as routing sees it, from real outcomes. */
export interface EndpointHealth {
  /** Failures that count among the last 30 s make an outage. */
  readonly outage: boolean
  /** Share of good outcomes over 5 minutes, 0..1; null with fewer than 1 outcome. */
  readonly uptime5m: number | null
  /** Median ms to the first token over 5 minutes; null without samples. */
  readonly ttftP50Ms: number | null
  /** Median output tokens per second over 5 minutes; null without samples. */
  readonly throughputP50: number | null
  /** Wall-free ms until a cool-down ends (Retry-After); 0 when not cooling. */
  readonly coolingMs: number
  readonly breaker: 'closed' | 'open' | 'half-open'
}

/** Everything routing decides on, frozen for one decision. */
export interface RoutingSnapshot {
  resolve(name: string): Resolved | undefined
  suggest(name: string): readonly string[]
  /** Usable credentials (or keyless access) exist for the provider. */
  hasCredential(providerId: string): boolean
  /** Environment variables that would give the provider a key, for the sentence of a 404. */
  credentialHint(providerId: string): readonly string[]
  hasDialect(dialect: string): boolean
  health(endpointId: string): EndpointHealth
}

export interface Candidate {
  readonly endpoint: Endpoint
  /** Position in `order`, or null when left out. */
  readonly rank: number | null
  readonly excluded: ExclusionReason | null
  /** One sentence with figures, e.g. `takes 8,192 tokens, the prompt has about 12,000`. */
  readonly detail: string | null
  /** Comparable price, pico-USD per token (prompt + completion weighted), null when unknown. */
  readonly price: bigint | null
  /** Why it stands where it stands, e.g. `weight 0.81 of price^-2`, `order[0]`, `outage in the last 30 s`. */
  readonly note: string
}

/** The decision, as a value: what was considered, what will be tried and in which order. */
export interface Plan {
  readonly candidates: readonly Candidate[]
  readonly order: readonly Endpoint[]
  /** Attempts allowed: bounded by retries per model and by `maxAttempts`. */
  readonly maxAttempts: number
  readonly retriesPerModel: number
  readonly allowFallbacks: boolean
  /** Set when `order` is empty: what to tell the client. */
  readonly refusal: {
    readonly code: ErrorCode
    readonly message: string
    readonly metadata: Readonly<Record<string, unknown>>
    readonly retryAfterMs: number | null
  } | null
  /** Short form for the `x-waybill-route` header and the log, e.g. `load-balance`, `order`, `sort:price`. */
  readonly strategy: string
}
