import type { Catalog, Endpoint, Model, Resolved } from './catalog.ts'
import { contentHash } from './hash.ts'
import { latestModels, redirectKey, redirectsOf } from './names.ts'
import { createSuggest } from './suggest.ts'

/** Suffixes that change routing, not the model. Source: OpenRouter's model variants documentation. */
const DYNAMIC: ReadonlySet<string> = new Set(['nitro', 'floor', 'exacto', 'online'])

/** No name of a model is longer: what is, is unknown without a look. */
const LONGEST_NAME = 256

/**
 * Makes a snapshot of models and endpoints that answers lookups.
 * @param content endpoints of models that are not listed are an error; models without endpoints may stay
 * @param version content-derived name; computed from ids and prices when absent
 * @throws Error when an id occurs twice or an endpoint's model is missing
 */
export function createCatalog(
  content: { readonly models: readonly Model[]; readonly endpoints: readonly Endpoint[] },
  version?: string,
): Catalog {
  const { models, endpoints } = content
  const byId = new Map<string, Endpoint>()
  const byModel = new Map<string, Endpoint[]>()
  for (const model of models) {
    if (byModel.has(model.id)) throw new Error(`model ${model.id} is in the catalog twice`)
    byModel.set(model.id, [])
  }
  for (const endpoint of endpoints) {
    if (byId.has(endpoint.id)) throw new Error(`endpoint ${endpoint.id} is in the catalog twice`)
    byId.set(endpoint.id, endpoint)
    const siblings = byModel.get(endpoint.modelId)
    if (!siblings) throw new Error(`endpoint ${endpoint.id} belongs to no model of the catalog`)
    siblings.push(endpoint)
  }
  const all = models.map((model) => ({ model, endpoints: byModel.get(model.id) ?? [], variants: [] }))
  const names = index(all)
  const latest = latestModels(all)
  for (const [alias, resolved] of latest) names.set(alias, resolved)
  const redirect = lazyRedirect(all)
  const suggest = createSuggest(models)
  return {
    version: version ?? versionOf(models, endpoints),
    models,
    endpoints,
    all,
    latest,
    resolve: (name) => resolve(names, name, redirect),
    endpoint: (id) => byId.get(id),
    suggest: (name, limit) => suggest(name, limit),
  }
}

/** Every lower-case name that leads to a model: ids first, then slugs and aliases, then what its hosts call it. */
function index(all: readonly Resolved[]): Map<string, Resolved> {
  const names = new Map<string, Resolved>()
  for (const resolved of all) names.set(resolved.model.id.toLowerCase(), resolved)
  for (const resolved of all) {
    const { id, canonicalSlug, aliases } = resolved.model
    claim(names, canonicalSlug, resolved)
    for (const alias of aliases) {
      claim(names, alias, resolved)
      if (!alias.includes('/')) claim(names, `${id.slice(0, id.indexOf('/'))}/${alias}`, resolved)
    }
  }
  const claims = new Map<string, Resolved | null>()
  for (const resolved of all) {
    if (resolved.model.id.includes(':')) continue
    const upstream = resolved.endpoints
      .filter((endpoint) => !endpoint.simulated)
      .map(({ upstreamId }) => upstreamId)
    const huggingFace = resolved.model.huggingFaceId === null ? [] : [resolved.model.huggingFaceId]
    for (const name of new Set([afterAuthor(resolved.model.id), ...huggingFace, ...upstream])) {
      const key = name.toLowerCase()
      const holder = claims.get(key)
      claims.set(key, holder === undefined || holder === resolved ? resolved : null)
    }
  }
  for (const [name, resolved] of claims) if (resolved) claim(names, name, resolved)
  return names
}

function claim(names: Map<string, Resolved>, name: string, resolved: Resolved): void {
  const key = name.toLowerCase()
  if (!names.has(key)) names.set(key, resolved)
}

const afterAuthor = (id: string): string => id.slice(id.indexOf('/') + 1)

/** Finds where a name that nobody has leads to: an older spelling of one that somebody has. */
type Redirect = (name: string) => Resolved | undefined

/** Few ask for old names: the table is made when the first one does. */
function lazyRedirect(all: readonly Resolved[]): Redirect {
  let table: ReadonlyMap<string, Resolved | null> | null = null
  return (name) => {
    table ??= redirectsOf(all)
    return table.get(redirectKey(name)) ?? undefined
  }
}

function resolve(
  names: ReadonlyMap<string, Resolved>,
  name: string,
  redirect: Redirect,
): Resolved | undefined {
  const exact = names.get(name)
  if (exact) return exact
  if (name.length > LONGEST_NAME) return undefined
  const lower = name.trim().toLowerCase()
  return names.get(lower) ?? withSuffixes(names, lower, redirect)
}

/** Takes suffixes off, wherever they stand. Static ones stay with the name (`…:free`) where the catalog lists it so. */
function withSuffixes(
  names: ReadonlyMap<string, Resolved>,
  name: string,
  redirect: Redirect,
): Resolved | undefined {
  const parts = name.split(':')
  let cut = parts.length
  while (cut > 1 && isSuffix(parts[cut - 1] ?? '')) cut--
  const suffixes = parts.slice(cut)
  const asked = parts.slice(0, cut).join(':')
  const base = names.get(asked) ?? (asked.includes(':') ? undefined : redirect(asked))
  if (base === undefined || suffixes.length === 0) return base
  const variants = suffixes.filter((suffix) => DYNAMIC.has(suffix))
  const fixed = [...new Set(suffixes.filter((suffix) => !DYNAMIC.has(suffix)))]
  const listed = fixed.length === 0 ? base : names.get([base.model.id.toLowerCase(), ...fixed].join(':'))
  const found = listed ?? derived(base, fixed)
  if (!found) return undefined
  const all = listed === undefined && fixed.includes('thinking') ? [...variants, 'thinking'] : variants
  return all.length === 0 ? found : { ...found, variants: [...new Set(all)] }
}

/** Variants that the catalog may list as models of their own. */
const STATIC: ReadonlySet<string> = new Set(['free', 'extended', 'thinking'])

const isSuffix = (part: string): boolean => DYNAMIC.has(part) || STATIC.has(part)

/**
 * A static variant that no row stands for, taken from the model itself: `free` leaves the endpoints that cost nothing,
 * `extended` those with the widest context, `thinking` those that reason. Undefined where that leaves none.
 */
function derived(base: Resolved, fixed: readonly string[]): Resolved | undefined {
  let endpoints = base.endpoints.filter((endpoint) => !endpoint.simulated)
  for (const variant of fixed) {
    const widest = Math.max(...endpoints.map((endpoint) => endpoint.contextLength))
    endpoints = endpoints.filter((endpoint) =>
      variant === 'free'
        ? costsNothing(endpoint)
        : variant === 'extended'
          ? endpoint.contextLength === widest
          : endpoint.reasoning,
    )
  }
  return endpoints.length === 0 ? undefined : { ...base, endpoints }
}

/** Whether a price is known and all of it is zero. */
function costsNothing({ tariff }: Endpoint): boolean {
  return tariff !== null && tariff.prompt === 0n && tariff.completion === 0n && tariff.request === 0n
}

function versionOf(models: readonly Model[], endpoints: readonly Endpoint[]): string {
  const facts = endpoints.map((endpoint) => {
    const { id, upstreamId, dialect, contextLength, maxOutput, tariff, supportedParameters } = endpoint
    return [
      id,
      upstreamId,
      dialect,
      contextLength,
      maxOutput,
      tariff?.version,
      supportedParameters.join(),
    ].join('|')
  })
  return `c-${contentHash([...models.map(({ id }) => id), ...facts].join('\n'))}`
}
