import type { Quirks } from '../dialects/index.ts'

/** How a provider's key travels. */
export type AuthScheme =
  | { readonly kind: 'bearer' }
  | { readonly kind: 'header'; readonly name: string }
  /** Local servers: a key is sent when there is one, none is needed. */
  | { readonly kind: 'optional-bearer' }
  /** Signed by the provider's own scheme (AWS SigV4, Google service accounts); a plain key, where there is one, travels as bearer (AWS) or `x-goog-api-key` (Google). */
  | { readonly kind: 'aws' }
  | { readonly kind: 'google' }

/** Parts of a base URL that belong to the customer; named `{region}` and the like in the template. */
export type VariableName = 'region' | 'project' | 'account' | 'resource'

/** Where the value of a variable comes from when the configuration file does not give it. */
export interface Variable {
  /** Environment variables, first match wins. */
  readonly env: readonly string[]
  /** Used when neither file nor environment says anything; without it the value is required. */
  readonly fallback?: string
}

/** Values a path can depend on, all known before the first request. */
export type PathVariables = Readonly<Partial<Record<VariableName | 'apiVersion', string>>>

/** One provider, as data. Adding one is one file of these, at most 15 lines; the index is generated. */
export interface ProviderDefinition {
  /** Slug, as in `provider.order` and endpoint tags, e.g. `groq`. */
  readonly id: string
  readonly name: string
  /** Other names for the same provider in the configuration file, e.g. `bedrock`. */
  readonly aliases: readonly string[]
  readonly site: string
  /** What its models speak, but for those that `dialects` names. */
  readonly dialect: string
  /** Models, by their name at the provider, that speak something else; the first pattern that fits holds. */
  readonly dialects: readonly (readonly [models: RegExp, dialect: string])[]
  /** With the version the dialect's paths hang below, e.g. `https://api.groq.com/openai/v1`. `{region}`-like parts come from the configuration. */
  readonly baseUrl: string
  /** Regions whose address does not follow the template, by name. */
  readonly regions: Readonly<Record<string, string>>
  readonly variables: Readonly<Partial<Record<VariableName, Variable>>>
  /**
   * Environment variables that hold the customer's own address of this provider (Azure, Databricks, a local server).
   * Never the `*_BASE_URL` of a client: those may point at this very gateway.
   */
  readonly baseUrlEnv: readonly string[]
  readonly auth: AuthScheme
  /** Environment variables that may hold the key, first match wins. */
  readonly env: readonly string[]
  readonly quirks: Quirks
  /** Does the provider stop generating, and billing, when the connection is closed? Source: OpenRouter's streaming documentation (list of providers, 2026-08); false when unknown. */
  readonly cancelStopsBilling: boolean
  /** Free call that proves a key, below the base URL; null when there is none (or when the list of models is public and proves nothing). */
  readonly probe: string | null
  /** A server on the user's own machine or network: price `free` may be declared, reachable without key. */
  readonly local: boolean
  /** ISO 3166 alpha-2. */
  readonly headquarters: string | null
  readonly privacyPolicyUrl: string | null
  readonly termsOfServiceUrl: string | null
  readonly statusPageUrl: string | null
  /** Builds the path below the base URL's own when the dialect's does not fit (Azure deployments). Pure. */
  readonly path:
    | ((dialectPath: string, upstreamId: string, variables: PathVariables, basePath: string) => string)
    | null
}

/** Site, country (ISO 3166 alpha-2), privacy policy, terms of service; the last two may be relative to the site. */
export type About = readonly [
  site: string,
  hq?: string | null,
  privacy?: string | null,
  terms?: string | null,
]

type Defaulted =
  | 'aliases'
  | 'dialects'
  | 'regions'
  | 'variables'
  | 'baseUrlEnv'
  | 'auth'
  | 'quirks'
  | 'cancelStopsBilling'
  | 'local'
  | 'statusPageUrl'
  | 'path'

/** What a data file says; everything absent takes the common case: bearer key, no quirks, a closed stream is billed in full. */
export type ProviderFacts = Pick<ProviderDefinition, 'dialect' | 'baseUrl' | 'env' | 'probe'> &
  Partial<Pick<ProviderDefinition, Defaulted>> & { readonly about: About }

/** Makes a definition of a data file's facts; checks nothing at run time, the conformance suite does. */
export function defineProvider(id: string, name: string, facts: ProviderFacts): ProviderDefinition {
  const { about, ...rest } = facts
  const [site, hq, privacy, terms] = about
  const link = (to: string | null | undefined) => (to ? new URL(to, site).href : null)
  return Object.freeze({
    id,
    name,
    aliases: [],
    dialects: [],
    regions: {},
    variables: {},
    baseUrlEnv: [],
    auth: { kind: 'bearer' },
    quirks: {},
    cancelStopsBilling: false,
    local: false,
    path: null,
    statusPageUrl: null,
    ...rest,
    site,
    headquarters: hq ?? null,
    privacyPolicyUrl: link(privacy),
    termsOfServiceUrl: link(terms),
  } satisfies ProviderDefinition)
}
