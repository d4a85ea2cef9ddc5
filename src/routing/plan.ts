import type { Endpoint, Resolved } from '../catalog/index.ts'
import { type Asked, resolveNames, routeOf } from './asked.ts'
import { applyFilters, createDraft, createFilter, type Draft, exclude, type Filter } from './filter.ts'
import { serviceTier } from './match.ts'
import { type Places, withOwnKeys } from './own-keys.ts'
import type { Plan, PlanRequest, Route, RoutingPolicy, RoutingSnapshot } from './plan.types.ts'
import { rankModel, type Strategy, sortDrafts } from './rank.ts'
import { nobodyLeft, noModel, nothingToRoute } from './refusal.ts'
import { ROUTED_MODELS, routerChoices } from './router.ts'

/** Most attempts of one request, whatever the configuration says. */
export const MAX_ATTEMPTS = 8

/**
 * Decides which endpoints are tried, in which order, and why the others are not.
 *
 * Takes the routing part of a request, what its caller may do, a frozen view of catalog, keys and health, and a source
 * of random numbers in [0, 1); the same four give the same plan. Returns every endpoint of every model asked for, with
 * the reason it was left out or its place; a plan that has none to try carries the refusal to answer with. Never throws.
 * Order and filters follow OpenRouter's provider routing documentation; see docs/reference/routing.md.
 */
export function planAttempts(
  request: PlanRequest,
  policy: RoutingPolicy,
  snapshot: RoutingSnapshot,
  random: () => number,
): Plan {
  const sheet: Sheet = {
    request,
    policy,
    snapshot,
    random,
    candidates: [],
    eligible: [],
    models: [],
    routes: [],
  }
  const asked = resolveNames(request, snapshot)
  if (!Array.isArray(asked)) return finish(sheet, 'none', asked)
  if (asked.length === 0) return finish(sheet, 'none', noModel(request))

  const first = asked[0]!
  const simulated = 'resolved' in first && first.resolved.endpoints.some((endpoint) => endpoint.simulated)
  const f = createFilter(request, policy, snapshot, simulated)
  let passedOver: Draft[] = []
  for (const one of asked) {
    if ('resolved' in one) {
      sheet.routes.push(routeOf(one.name, one.resolved))
      consider(sheet, one.resolved, f, true)
    } else passedOver = route(sheet, one, f)
  }
  sortDrafts(sheet.eligible)
  if (request.provider.allowFallbacks === false && f.order === null) keepPrimaries(sheet.eligible)
  return finish(sheet, strategyName(f, first), refusalOf(sheet, passedOver))
}

/** A plan in the making. */
interface Sheet {
  readonly request: PlanRequest
  readonly policy: RoutingPolicy
  readonly snapshot: RoutingSnapshot
  readonly random: () => number
  readonly candidates: Draft[]
  readonly eligible: Draft[]
  /** Ids of the models taken up so far. */
  readonly models: string[]
  readonly routes: Route[]
}

/**
 * Takes up the first models of a router's choice that have an endpoint for the request. Returns the candidates of those
 * that were passed over, for the answer when none has.
 */
function route(
  sheet: Sheet,
  { name, router, variants }: Extract<Asked, { router: unknown }>,
  f: Filter,
): Draft[] {
  const { models, because } = routerChoices(router, sheet.request, sheet.snapshot, sheet.random)
  const taken: string[] = []
  const passedOver: Draft[] = []
  for (const choice of models) {
    if (sheet.models.includes(choice.model.id)) continue
    const known = sheet.candidates.length
    if (consider(sheet, variants.length === 0 ? choice : { ...choice, variants }, f, false)) {
      taken.push(choice.model.id)
      if (taken.length === ROUTED_MODELS) break
    } else {
      for (let i = known; i < sheet.candidates.length; i++) passedOver.push(sheet.candidates[i]!)
      sheet.candidates.length = known
    }
  }
  sheet.routes.push({ requested: name, models: taken, via: router, because })
  return passedOver
}

/**
 * Filters and ranks the endpoints of one model; all go to the candidates, those that may serve to the eligible. Returns
 * whether there is one; a model that was not named (`named` false) counts as taken up only then.
 */
function consider(sheet: Sheet, resolved: Resolved, f: Filter, named: boolean): boolean {
  const together = f.request.provider.sort?.partition === 'none'
  const mine = chooseEndpoints(resolved, together ? 0 : sheet.models.length, f, sheet.candidates)
  if (mine.length === 0 && !named) return false
  sheet.models.push(resolved.model.id)
  rankModel(mine, strategyOf(f, resolved.variants), f, sheet.random)
  for (const d of mine) sheet.eligible.push(d)
  return mine.length > 0
}

/** Filters the endpoints of one model; all go to `candidates`, the eligible ones are returned. */
function chooseEndpoints(resolved: Resolved, model: number, f: Filter, candidates: Draft[]): Draft[] {
  const admitted = admittedTier(resolved.variants)
  const undistillable =
    f.request.provider.enforceDistillableText === true && resolved.model.distillable !== true
  const eligible: Draft[] = []
  let flex = false
  for (const endpoint of resolved.endpoints) {
    const d = createDraft(endpoint, model)
    candidates.push(d)
    if (applyFilters(d, f, admitted) || (undistillable && notDistillable(d, resolved))) continue
    eligible.push(d)
    if (serviceTier(endpoint.tag) === 'flex') flex = true
  }
  return flex && f.tier === 'flex' ? onlyFlex(eligible) : eligible
}

/** The service tier that a model's variant opens. Source: OpenRouter's service tiers. */
function admittedTier(variants: readonly string[]): 'priority' | 'flex' | null {
  if (variants.length === 0) return null
  return variants.includes('nitro') ? 'priority' : variants.includes('floor') ? 'flex' : null
}

function notDistillable(d: Draft, { model }: Resolved): true {
  const known = model.distillable === false ? 'does not allow' : 'is not known to allow'
  return exclude(d, 'distillation', `the license of ${model.id} ${known} training on its answers`)
}

/** A request for the flex tier goes nowhere else when the model has one. Source: OpenRouter's service tiers. */
function onlyFlex(drafts: readonly Draft[]): Draft[] {
  return drafts.filter(
    (d) =>
      serviceTier(d.endpoint.tag) === 'flex' ||
      !exclude(d, 'service_tier', 'service_tier flex is asked for, and the model has endpoints of that tier'),
  )
}

function strategyOf(f: Filter, variants: readonly string[]): Strategy {
  if (f.order !== null) return 'order'
  const sort = f.request.provider.sort
  if (sort !== undefined) return sort.by
  if (variants.includes('nitro')) return 'throughput'
  if (variants.includes('floor')) return 'price'
  if (variants.includes('exacto')) return 'exacto'
  if (f.tier === 'priority') return 'throughput'
  return f.tier === 'flex' ? 'price' : 'load-balance'
}

/** `load-balance`, `order`, `sort:…`, with the router before it where the first name is one. */
function strategyName(f: Filter, first: Asked): string {
  const strategy = strategyOf(f, 'resolved' in first ? first.resolved.variants : first.variants)
  const partition = f.request.provider.sort?.partition === 'none' ? ':none' : ''
  const name = strategy === 'load-balance' || strategy === 'order' ? strategy : `sort:${strategy}${partition}`
  return 'router' in first ? `${first.router}, ${name}` : name
}

/** Without fallbacks each model keeps its first endpoint; the others are left out. */
function keepPrimaries(sorted: Draft[]): void {
  const seen = new Set<string>()
  let kept = 0
  for (const d of sorted) {
    if (seen.has(d.endpoint.modelId)) {
      exclude(d, 'order_without_fallbacks', 'allow_fallbacks is false: only the first endpoint is tried')
      d.note = ''
    } else {
      seen.add(d.endpoint.modelId)
      sorted[kept++] = d
    }
  }
  sorted.length = kept
}

function refusalOf(sheet: Sheet, passedOver: readonly Draft[]): Plan['refusal'] {
  const { candidates, eligible, request, snapshot, routes } = sheet
  if (eligible.length > 0) return null
  const routed = routes.some(({ via }) => via === 'auto' || via === 'free')
  if (routed && candidates.length === 0) return nothingToRoute(passedOver, request, snapshot)
  return nobodyLeft(candidates, request, snapshot)
}

function finish(sheet: Sheet, strategy: string, refusal: Plan['refusal']): Plan {
  const { candidates, eligible, request, policy } = sheet
  let cooling = eligible.length === 0 ? 0 : Number.POSITIVE_INFINITY
  let own = false
  for (let i = 0; i < eligible.length; i++) {
    const d = eligible[i]!
    d.rank = i
    if (d.own !== null) own = true
    const wait = d.band === 2 ? d.key : 0
    if (wait < cooling) cooling = wait
  }
  const places = own
    ? withOwnKeys(eligible, request.provider.allowFallbacks !== false)
    : plainPlaces(eligible)
  const retries = Math.max(0, policy.retries)
  const models = Math.max(1, sheet.models.length)
  return {
    candidates,
    ...places,
    coolingMs: cooling,
    maxAttempts: Math.max(1, Math.min(policy.maxAttempts, MAX_ATTEMPTS, models * (1 + retries))),
    retriesPerModel: retries,
    allowFallbacks: request.provider.allowFallbacks !== false,
    refusal,
    requested: request.models,
    routes: sheet.routes,
    strategy,
  }
}

function plainPlaces(sorted: readonly Draft[]): Places {
  const order = new Array<Endpoint>(sorted.length)
  for (let i = 0; i < sorted.length; i++) order[i] = sorted[i]!.endpoint
  return { order, credentials: null }
}
