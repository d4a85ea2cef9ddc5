import type { Secret } from '../lib/index.ts'
import { type Address, parseBaseUrl } from './address.ts'
import type { PathVariables, ProviderDefinition, VariableName } from './provider.ts'

/** Prefix of the keys that this gateway hands out: sent to a provider it could only come back to us. */
export const OWN_KEY_PREFIX = 'sk-wb-v1-'

/** One way to be let in by a provider. The operator's own, not a customer's. */
export interface Credential {
  /** Stable and free of secrets, e.g. `openai/env:OPENAI_API_KEY` or `openai/file:2`. */
  readonly id: string
  /** `env:NAME` or `file`: what may be shown to people. */
  readonly source: string
  /** `key` travels in a header; `aws` and `google` sign, which the dialect's own room does. */
  readonly kind: 'key' | 'aws' | 'google'
  /**
   * The key; for `aws` the secret access key, without `accessKeyId` the name of a profile, which may be empty; for `google`
   * the path of the credentials file, empty for whoever this machine is.
   */
  readonly secret: Secret
  /**
   * For `aws`: `accessKeyId` and, where there is one, `sessionToken`; without them the variables that AWS's tools look at,
   * by their names. For `google` without a file: `usualFile` and `metadataHost`.
   */
  readonly parts: Readonly<Record<string, Secret>>
}

/** A provider as this installation uses it: the definition with what file and environment said. */
export interface ProviderSettings {
  readonly definition: ProviderDefinition
  readonly credentials: readonly Credential[]
  /** May be called without a credential (local servers, providers of one's own). */
  readonly keyless: boolean
  readonly address: Address
  /** The operator replaced the address: it may lead back to us, so calls carry the hop header. */
  readonly ownAddress: boolean
  /** Extra request headers, lower-case names. */
  readonly headers: readonly (readonly [name: string, value: Secret])[]
  /** Model id → the provider's name for it (Azure deployments). */
  readonly deployments: Readonly<Record<string, string>>
  readonly variables: PathVariables
}

/** Why an address cannot be made: variables without a value, or a URL that is none. */
export interface AddressRefusal {
  readonly missing: readonly VariableName[]
  readonly message: string
}

/**
 * Fills a definition's address: the operator's base URL wins, then the region's own, then the template.
 * Variables that only paths need are required too.
 */
export function resolveAddress(
  definition: ProviderDefinition,
  variables: PathVariables,
  baseUrl: string | null,
): Address | AddressRefusal {
  const missing = requiredVariables(definition, baseUrl !== null).filter((name) => !variables[name])
  if (missing.length > 0) return { missing, message: `needs ${missing.join(' and ')}` }
  const template = baseUrl ?? definition.regions[variables.region ?? ''] ?? definition.baseUrl
  const filled = template.replace(/\{(\w+)\}/g, (_, name: VariableName) => variables[name] ?? '')
  const parsed = parseBaseUrl(filled)
  return typeof parsed === 'string' ? { missing: [], message: parsed } : parsed
}

/** Variables without which there is no address or path: a given base URL stands for the template, not for the path. */
export function requiredVariables(definition: ProviderDefinition, hasBaseUrl: boolean): VariableName[] {
  const declared = Object.keys(definition.variables)
  const inTemplate = [...definition.baseUrl.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!)
  const needed = hasBaseUrl ? (definition.path === null ? [] : declared) : [...declared, ...inTemplate]
  return ([...new Set(needed)] as VariableName[]).filter(
    (name) => definition.variables[name]?.fallback === undefined,
  )
}
