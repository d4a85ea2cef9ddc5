import type { Endpoint } from '../catalog/index.ts'

/** Service tiers that are served only when asked for, named by the last part of an endpoint's tag. */
export type ServiceTier = 'flex' | 'priority'

/** The service tier that an endpoint belongs to, from its tag (`openai/flex`), or null for ordinary service. */
export function serviceTier(tag: string): ServiceTier | null {
  if (tag.endsWith('/flex')) return 'flex'
  if (tag.endsWith('/priority')) return 'priority'
  return null
}

/** The tier that a request's `service_tier` opens; null for `auto`, `default`, `scale` and the like. `fast` is another word for priority. */
export function askedTier(name: string | null | undefined): ServiceTier | null {
  return name === 'flex' ? 'flex' : name === 'priority' || name === 'fast' ? 'priority' : null
}

/** Lower-case form of a list of provider slugs for `matchIndex`; null when there is no list. */
export function slugList(slugs: readonly string[] | null | undefined): readonly string[] | null {
  return slugs === undefined || slugs === null ? null : slugs.map((slug) => slug.trim().toLowerCase())
}

/**
 * Position of the first slug that names the endpoint, or -1. A base slug (`google-vertex`) names every region and
 * variant of a provider, a longer one (`google-vertex/europe`) only what hangs below it; an endpoint of a service tier
 * is named by its whole tag only. A provider's display name stands for its base slug.
 * Source: OpenRouter's provider routing documentation, "base slugs match all variants".
 */
export function matchIndex(slugs: readonly string[], endpoint: Endpoint): number {
  for (let i = 0; i < slugs.length; i++) {
    if (names(slugs[i]!, endpoint)) return i
  }
  return -1
}

function names(slug: string, endpoint: Endpoint): boolean {
  const tag = endpoint.tag
  if (slug === tag) return true
  if (serviceTier(tag) !== null) return false
  if (slug === endpoint.providerId || slug === endpoint.providerName.toLowerCase()) return true
  return tag.length > slug.length && tag.charCodeAt(slug.length) === 47 && tag.startsWith(slug)
}
