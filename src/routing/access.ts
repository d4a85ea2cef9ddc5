import type { Endpoint, Resolved } from '../catalog/index.ts'

/** What one side allows. A list that is null or absent limits nothing; an empty allow-list allows nothing. */
export interface AccessRules {
  /** Model ids, with or without variants (`author/name:free`), aliases, or `author/*`. */
  readonly allowedModels?: readonly string[] | null
  /** Provider slugs in lower case, of a provider (`google-vertex`) or of what hangs below it (`google-vertex/europe`). */
  readonly allowedProviders?: readonly string[] | null
  readonly ignoredProviders?: readonly string[] | null
  readonly dataCollection?: 'allow' | 'deny'
  readonly zdr?: boolean
}

/** Rules with the words for whose they are, as the end of "not in allowed_models of …". */
export interface OwnedRules {
  readonly owner: string
  readonly rules: AccessRules
}

/** The rules of all sides at once: what one of them forbids is forbidden. Made once for many requests. */
export interface Access {
  readonly models: readonly ModelList[]
  readonly allowed: readonly ProviderList[]
  readonly ignored: readonly ProviderList[]
  /** Whose rule it is that prompts are kept nowhere; null: nobody's. */
  readonly zdr: string | null
  /** Whose rule it is that nobody trains on prompts; null: nobody's. */
  readonly denyCollection: string | null
}

interface ModelList {
  readonly detail: string
  /** Model ids in lower case; each stands for the rows of its variants too. */
  readonly ids: ReadonlySet<string>
  /** `author/`, in lower case. */
  readonly authors: ReadonlySet<string>
  /** Ids of the endpoints that names with a variant leave. */
  readonly endpoints: ReadonlySet<string>
}

interface ProviderList {
  readonly detail: string
  readonly slugs: ReadonlySet<string>
}

/**
 * Joins rules: allow-lists intersect, ignored lists unite, the stricter data policy wins, so that the whole is never
 * wider than any of its parts. Names of models are looked up with `resolve`, so that an alias stands for what it means
 * in this catalog; one that nobody knows allows nothing. Returns null when nothing is limited.
 */
export function joinAccess(
  parts: readonly OwnedRules[],
  resolve: (name: string) => Resolved | undefined,
): Access | null {
  const access: Access = {
    models: parts.flatMap(({ owner, rules }) =>
      rules.allowedModels ? [modelList(rules.allowedModels, owner, resolve)] : [],
    ),
    allowed: parts.flatMap(({ owner, rules }) =>
      rules.allowedProviders
        ? [{ detail: `not in allowed_providers of ${owner}`, slugs: new Set(rules.allowedProviders) }]
        : [],
    ),
    ignored: parts.flatMap(({ owner, rules }) =>
      rules.ignoredProviders
        ? [{ detail: `in ignored_providers of ${owner}`, slugs: new Set(rules.ignoredProviders) }]
        : [],
    ),
    zdr: parts.find(({ rules }) => rules.zdr === true)?.owner ?? null,
    denyCollection: parts.find(({ rules }) => rules.dataCollection === 'deny')?.owner ?? null,
  }
  const lists = access.models.length + access.allowed.length + access.ignored.length
  return lists === 0 && access.zdr === null && access.denyCollection === null ? null : access
}

function modelList(
  names: readonly string[],
  owner: string,
  resolve: (name: string) => Resolved | undefined,
): ModelList {
  const ids = new Set<string>()
  const authors = new Set<string>()
  const endpoints = new Set<string>()
  for (const name of names) {
    const lower = name.toLowerCase()
    if (lower.endsWith('/*')) authors.add(lower.slice(0, -1))
    else if (VARIANT.test(lower)) for (const { id } of resolve(name)?.endpoints ?? []) endpoints.add(id)
    else ids.add(resolve(name)?.model.id.toLowerCase() ?? lower)
  }
  return { detail: `not in allowed_models of ${owner}`, ids, authors, endpoints }
}

/** Variants that narrow a model down; the others only sort its endpoints. */
const VARIANT = /:(free|extended|thinking)\b/

/** Why an endpoint may not be used, as a sentence that names the list; null when it may. */
export function barred({ models, allowed, ignored }: Access, endpoint: Endpoint): string | null {
  const names = namesOf(endpoint)
  for (const list of models) if (!allowsModel(list, endpoint.id, names)) return list.detail
  for (const list of allowed) if (!covers(list.slugs, names.slugs)) return list.detail
  for (const list of ignored) if (covers(list.slugs, names.slugs)) return list.detail
  return null
}

/** What lists may call an endpoint. */
interface Names {
  /** Model id in lower case, and without its variant (the same when it has none). */
  readonly model: string
  readonly base: string
  /** `author/` */
  readonly author: string
  /** Of its provider, and all that its tag hangs below. */
  readonly slugs: readonly string[]
}

const known = new WeakMap<Endpoint, Names>()

/** Taken apart once for as long as the catalog lives. */
function namesOf(endpoint: Endpoint): Names {
  let names = known.get(endpoint)
  if (names === undefined) {
    const { tag, providerId } = endpoint
    const model = endpoint.modelId.toLowerCase()
    const variant = model.search(VARIANT)
    const slugs = [tag, providerId]
    for (let end = tag.lastIndexOf('/'); end > 0; end = tag.lastIndexOf('/', end - 1))
      slugs.push(tag.slice(0, end))
    names = {
      model,
      base: variant < 0 ? model : model.slice(0, variant),
      author: model.slice(0, model.indexOf('/') + 1),
      slugs: [...new Set(slugs)],
    }
    known.set(endpoint, names)
  }
  return names
}

function allowsModel(
  { ids, authors, endpoints }: ModelList,
  id: string,
  { model, base, author }: Names,
): boolean {
  return ids.has(model) || authors.has(author) || ids.has(base) || endpoints.has(id)
}

/** A slug covers all that hangs below it, service tiers too: a list says who may see prompts, not at which service. */
function covers(list: ReadonlySet<string>, slugs: readonly string[]): boolean {
  for (let i = 0; i < slugs.length; i++) if (list.has(slugs[i]!)) return true
  return false
}
