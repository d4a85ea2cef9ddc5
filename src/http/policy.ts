import type { Catalog } from '../catalog/index.ts'
import type { Config } from '../config/index.ts'
import type { ApiKey } from '../identity/index.ts'
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

/** A sentence for every entry of the installation's list that no model answers to. */
export function policyWarnings({ allowedModels }: Config['policy'], catalog: Catalog): string[] {
  return (allowedModels ?? []).flatMap((entry) => {
    const wrong = unknownModelEntry(entry, catalog)
    return wrong === null ? [] : [`policy.allowed_models: ${wrong}`]
  })
}
