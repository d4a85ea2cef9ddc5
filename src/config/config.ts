import type { ConfiguredModel } from '../catalog/index.ts'
import type { RescuePolicy } from '../chat/index.ts'
import type { Secret } from '../lib/index.ts'
import type { PathVariables, ProviderDefinition } from '../providers/index.ts'

export interface ConfiguredKey {
  readonly secret: Secret
  /** `env:NAME` when the file says `${NAME}` and nothing else, else `file`. */
  readonly source: string
}

/** One entry under `providers`. */
export interface ConfiguredProvider {
  /** Canonical: `bedrock` in the file is `amazon-bedrock` here. */
  readonly id: string
  /** Not one of the known ones. */
  readonly own: boolean
  readonly enabled: boolean
  /** With the dialect of the file, when it gives one. */
  readonly definition: ProviderDefinition
  readonly keys: readonly ConfiguredKey[]
  readonly baseUrl: string | null
  readonly headers: readonly (readonly [name: string, value: Secret])[]
  /** As the file gives them; environment and defaults come in `providerSettings`. */
  readonly variables: PathVariables
  readonly credentialsFile: string | null
  /** Of AWS's shared files. */
  readonly profile: string | null
  readonly deployments: Readonly<Record<string, string>>
  /** What the provider does with prompts, when the file says so. */
  readonly dataPolicy?: { readonly trains: boolean; readonly retains: boolean }
  readonly models: readonly ConfiguredModel[]
}

/** One entry under `presets`. */
export interface ConfiguredPreset {
  readonly description: string | null
  readonly systemPrompt: string | null
  /** Fields of a Chat Completions request, models among them. */
  readonly config: Readonly<Record<string, unknown>>
}

/** null: not limited. */
export interface Rates {
  readonly requestsPerMinute: number | null
  /** Of prompt and answer together. */
  readonly tokensPerMinute: number | null
  /** Requests that run at once. */
  readonly concurrency: number | null
}

export interface RateLimits {
  /** Of each key that has none of its own. */
  readonly key: Rates
  readonly organization: Rates
  /** Of each end user, as requests name them. */
  readonly user: Rates
  /** Of each organization, to models whose id ends in `:free`. */
  readonly freeModels: {
    readonly requestsPerMinute: number | null
    readonly requestsPerDay: number | null
  }
}

/** What all organizations may use, whatever their keys say; null: no list. */
export interface ConfiguredPolicy {
  /** Model ids, aliases or `author/*`. */
  readonly allowedModels: readonly string[] | null
  /** Canonical slugs. */
  readonly allowedProviders: readonly string[] | null
  readonly ignoredProviders: readonly string[] | null
  readonly dataCollection: 'allow' | 'deny'
  readonly zdr: boolean
}

/** Addresses may hold secrets. */
export type ConfiguredDestination =
  | { readonly type: 'webhook'; readonly url: Secret; readonly secret: Secret }
  | { readonly type: 'slack'; readonly url: Secret }
  | { readonly type: 'email'; readonly url: Secret; readonly to: string; readonly from: string }

export interface ConfiguredAlerts {
  /** Percent of a cap, ascending. */
  readonly thresholds: readonly number[]
  /** USD as an exact decimal; null: no balance is low. */
  readonly lowBalanceUsd: string | null
  readonly destinations: readonly ConfiguredDestination[]
}

/** Everything that can be configured, checked and complete. Deeply frozen; a reload makes a new one. */
export interface Config {
  readonly server: {
    readonly host: string
    readonly port: number
    readonly public: boolean
    /** Lower case, besides the loopback names. */
    readonly allowedHosts: readonly string[]
    /** Bytes. */
    readonly bodyLimit: number
  }
  /** Absolute directory. */
  readonly data: string
  /** Postgres address, or null for the embedded database. */
  readonly database: Secret | null
  readonly redis: Secret | null
  readonly timeouts: {
    readonly connectMs: number
    /** null is `auto`. */
    readonly firstTokenMs: number | null
    readonly idleMs: number
    readonly totalMs: number
  }
  /** Extra tries per model. */
  readonly retries: number
  readonly fallbacks: {
    /** Models that stand in, by the id of the model they stand in for; `*` for every other one. */
    readonly lists: Readonly<Record<string, readonly string[]>>
    /** They may also answer what was refused for its content. */
    readonly onRefusal: boolean
  }
  /** Of streams that break after content was sent, unless the request says otherwise. */
  readonly rescue: RescuePolicy
  /** Between two free calls to every provider, ms; null: none are made. */
  readonly probesMs: number | null
  readonly rateLimits: RateLimits
  readonly policy: ConfiguredPolicy
  readonly alerts: ConfiguredAlerts
  readonly credits: 'prepaid' | 'unlimited'
  /** `tight`: streams hold what they are likely to cost, raised as they grow; `strict`: the worst case. */
  readonly holds: 'tight' | 'strict'
  readonly detect: boolean
  readonly simulator: boolean
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent' }
  readonly retention: {
    /** Of waybills and attempts; null: for ever. */
    readonly detailsMs: number | null
  }
  readonly cors: { readonly origins: readonly string[] }
  /** By name. */
  readonly presets: Readonly<Record<string, ConfiguredPreset>>
  readonly providers: readonly ConfiguredProvider[]
  /** Providers of the file without their variables: left out, also from detection. Canonical ids. */
  readonly leftOut: readonly string[]
}

/** Where a value came from. `name` is what people set: `--port`, `WAYBILL_PORT`, `waybill.yaml:4`, `default`. */
export interface Source {
  readonly kind: 'flag' | 'env' | 'file' | 'default'
  readonly name: string
}
