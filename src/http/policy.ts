import type { Catalog } from '../catalog/index.ts'
import { type Config, closest } from '../config/index.ts'
import type { ApiKey } from '../identity/index.ts'
import { providers } from '../providers/index.ts'
import { type Access, joinAccess } from '../routing/index.ts'
import type { Snapshot } from './gateway.ts'

/** Joined rules by snapshot, then by key; the installation's alone stand under the policy of its configuration. */
const joined = new WeakMap<Snapshot, WeakMap<object, { readonly access: Access | null }>>()

/** What a caller may use: lists of its key and of the installation together; null: no limits. Joined once for a key and snapshot. */
export function accessOf(snapshot: Snapshot, key: ApiKey | null): Access | null {
  let known = joined.get(snapshot)
  if (known === undefined) {
    known = new WeakMap()
    joined.set(snapshot, known)
  }
  const installation = snapshot.config.policy
  const limited = key !== null && isLimited(key)
  const holder = limited ? key : installation
  const found = known.get(holder)
  if (found !== undefined) return found.access
  const parts = [
    ...(limited ? [{ owner: 'the key', rules: key.policy }] : []),
    { owner: 'this installation', rules: installation },
  ]
  const access = joinAccess(parts, (name) => snapshot.catalog.resolve(name))
  known.set(holder, { access })
  return access
}

function isLimited({ policy }: ApiKey): boolean {
  return policy.allowedModels !== null || policy.allowedProviders !== null || policy.ignoredProviders !== null
}

/** What is wrong with an entry of a list of models in this catalog, as the end of a sentence; null: nothing. */
export function unknownModelEntry(entry: string, catalog: Catalog): string | null {
  const lower = entry.toLowerCase()
  if (lower.endsWith('/*')) {
    const author = lower.slice(0, -1)
    const known = catalog.models.some(({ id }) => id.toLowerCase().startsWith(author))
    return known ? null : `no model here is called ${author}…`
  }
  if (catalog.resolve(entry) !== undefined) return null
  const [meant] = catalog.suggest(entry, 1)
  return `there is no model ${entry}.${meant === undefined ? '' : ` Did you mean ${meant}?`}`
}

type Known = Pick<Snapshot, 'catalog' | 'providers'>

/** What is wrong with a provider's slug in its usual spelling, as a sentence; null: nothing. */
export function unknownProviderEntry(slug: string, snapshot: Known): string | null {
  const known = knownSlugs(snapshot)
  if (known.has(slug)) return null
  const meant = closest(slug, [...known])
  return `${slug} is no provider here.${meant === null ? '' : ` Did you mean ${meant}?`}`
}

/** Every provider, and every part of one that an endpoint's tag names. */
function knownSlugs({ catalog, providers: configured }: Known): ReadonlySet<string> {
  const known = new Set([...configured.keys(), ...providers.map(({ id }) => id)])
  for (const { providerId, tag } of catalog.endpoints) {
    known.add(providerId).add(tag)
    for (let end = tag.lastIndexOf('/'); end > 0; end = tag.lastIndexOf('/', end - 1))
      known.add(tag.slice(0, end))
  }
  return known
}

/** A sentence for every entry of the installation's lists that nothing here answers to. */
export function policyWarnings(policy: Config['policy'], snapshot: Known): string[] {
  const told = (
    field: string,
    entries: readonly string[] | null,
    wrong: (entry: string) => string | null,
  ): string[] =>
    (entries ?? []).flatMap((entry) => {
      const reason = wrong(entry)
      return reason === null ? [] : [`policy.${field}: ${reason}`]
    })
  const provider = (slug: string) => unknownProviderEntry(slug, snapshot)
  return [
    ...told('allowed_models', policy.allowedModels, (entry) => unknownModelEntry(entry, snapshot.catalog)),
    ...told('allowed_providers', policy.allowedProviders, provider),
    ...told('ignored_providers', policy.ignoredProviders, provider),
  ]
}
