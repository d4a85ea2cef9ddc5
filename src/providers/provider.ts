import type { Quirks } from '../dialects/dialect.ts'

/** How a provider's key travels. */
export type AuthScheme =
  | { readonly kind: 'bearer' }
  | { readonly kind: 'header'; readonly name: string }
  /** Local servers: a key is sent when there is one, none is needed. */
  | { readonly kind: 'optional-bearer' }
  /** Signed by the provider's own scheme (AWS SigV4, Google service accounts): not served by plain keys. */
  | { readonly kind: 'aws' }
  | { readonly kind: 'google' }

/** One provider, as data. Adding one is one file of these, at most 15 lines; the index is generated. */
export interface ProviderDefinition {
  /** Slug, as in `provider.order` and endpoint tags, e.g. `groq`. */
  readonly id: string
  readonly name: string
  readonly site: string
  readonly dialect: string
  /** With the version the dialect's paths hang below, e.g. `https://api.groq.com/openai/v1`. `{region}`-like parts come from the configuration. */
  readonly baseUrl: string
  readonly auth: AuthScheme
  /** Environment variables that may hold the key, first match wins. */
  readonly env: readonly string[]
  readonly quirks?: Quirks
  /** Does the provider stop generating, and billing, when the connection is closed? Source: OpenRouter's streaming documentation (list of providers, 2026-08); false when unknown. */
  readonly cancelStopsBilling: boolean
  /** Free call that proves a key, below the base URL; null when there is none. */
  readonly probe: string | null
  /** A server on the user's own machine or network: price `free` may be declared, reachable without key. */
  readonly local?: boolean
  readonly headquarters?: string
  readonly privacyPolicyUrl?: string
  readonly termsOfServiceUrl?: string
  readonly statusPageUrl?: string
  /** Builds the path when the dialect's own does not fit (Azure deployments). */
  readonly path?: (dialectPath: string, upstreamId: string) => string
}

/** Marks a data file as a provider; checks nothing at run time, the conformance suite does. */
export function defineProvider(definition: ProviderDefinition): ProviderDefinition {
  return definition
}
