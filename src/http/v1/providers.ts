import type { Endpoint } from '../../catalog/index.ts'
import type { ProviderDefinition } from '../../providers/index.ts'

/** An entry of `GET /providers`. */
export interface ProviderBody {
  readonly name: string
  readonly slug: string
  readonly privacy_policy_url: string | null
  readonly terms_of_service_url: string | null
  readonly status_page_url: string | null
  /** ISO 3166-1 alpha-2. */
  readonly headquarters: string | null
  readonly datacenters: readonly string[] | null
}

/**
 * `GET /providers`: the known providers and those that only the configuration names (seen by their endpoints), by slug.
 * Simulated ones are no providers.
 */
export function providersBody(
  definitions: Iterable<ProviderDefinition>,
  endpoints: readonly Endpoint[],
): { data: ProviderBody[] } {
  const bodies = new Map<string, ProviderBody>()
  for (const { providerId, providerName, simulated } of endpoints) {
    if (!simulated && !bodies.has(providerId)) bodies.set(providerId, body(providerId, providerName, {}))
  }
  for (const definition of definitions)
    bodies.set(definition.id, body(definition.id, definition.name, definition))
  return { data: [...bodies.values()].sort((a, b) => (a.slug < b.slug ? -1 : 1)) }
}

type Links = Pick<
  ProviderDefinition,
  'privacyPolicyUrl' | 'termsOfServiceUrl' | 'statusPageUrl' | 'headquarters'
>

function body(slug: string, name: string, links: Partial<Links>): ProviderBody {
  return {
    name,
    slug,
    privacy_policy_url: links.privacyPolicyUrl ?? null,
    terms_of_service_url: links.termsOfServiceUrl ?? null,
    status_page_url: links.statusPageUrl ?? null,
    headquarters: links.headquarters ?? null,
    datacenters: null,
  }
}
