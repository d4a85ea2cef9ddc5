import type { Resolved } from '../catalog/index.ts'
import { applyFilters, createDraft, createFilter, type Draft, type Filter } from './filter.ts'
import { serviceTier } from './match.ts'
import type { Plan, PlanRequest, RoutingPolicy, RoutingSnapshot } from './plan.types.ts'
import { rankModel, type Strategy, sortDrafts } from './rank.ts'
import { nobodyLeft, noModel, unknownModel } from './refusal.ts'

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
  const models: Resolved[] = []
  for (const name of request.models) {
    const resolved = snapshot.resolve(name)
    if (resolved === undefined) {
      return finish([], [], request, policy, 'none', 1, unknownModel(name, request, snapshot))
    }
    if (!models.some((known) => known.model.id === resolved.model.id)) models.push(resolved)
  }
  if (models.length === 0) return finish([], [], request, policy, 'none', 1, noModel(request))

  const simulated = models[0]!.endpoints.some((endpoint) => endpoint.simulated)
  const f = createFilter(request, policy, snapshot, simulated)
  const together = request.provider.sort?.partition === 'none'
  const candidates: Draft[] = []
  const eligible: Draft[] = []
  let strategy: Strategy = 'load-balance'
  for (let m = 0; m < models.length; m++) {
    const resolved = models[m]!
    const chosen = strategyOf(f, resolved.variants)
    if (m === 0) strategy = chosen
    const mine = chooseEndpoints(resolved, together ? 0 : m, f, candidates)
    rankModel(mine, chosen, f, random)
    for (const d of mine) eligible.push(d)
  }
  sortDrafts(eligible)
  if (request.provider.allowFallbacks === false && f.order === null) keepPrimaries(eligible)
  const refusal = eligible.length === 0 ? nobodyLeft(candidates, request, snapshot) : null
  return finish(candidates, eligible, request, policy, label(strategy, together), models.length, refusal)
}

/** Filters the endpoints of one model; all go to `candidates`, the eligible ones are returned. */
function chooseEndpoints(resolved: Resolved, model: number, f: Filter, candidates: Draft[]): Draft[] {
  const variants = resolved.variants
  const admitted =
    variants.length === 0
      ? null
      : variants.includes('nitro')
        ? 'priority'
        : variants.includes('floor')
          ? 'flex'
          : null
  const eligible: Draft[] = []
  let flex = false
  for (const endpoint of resolved.endpoints) {
    const d = createDraft(endpoint, model)
    candidates.push(d)
    if (applyFilters(d, f, admitted)) continue
    eligible.push(d)
    if (serviceTier(endpoint.tag) === 'flex') flex = true
  }
  return flex && f.request.serviceTier === 'flex' ? onlyFlex(eligible) : eligible
}

/** A request for the flex tier goes nowhere else when the model has one. Source: OpenRouter's service tiers. */
function onlyFlex(drafts: readonly Draft[]): Draft[] {
  return drafts.filter((d) => {
    if (serviceTier(d.endpoint.tag) === 'flex') return true
    d.excluded = 'service_tier'
    d.detail = 'service_tier flex is asked for, and the model has endpoints of that tier'
    return false
  })
}

function strategyOf(f: Filter, variants: readonly string[]): Strategy {
  if (f.order !== null) return 'order'
  const sort = f.request.provider.sort
  if (sort !== undefined) return sort.by
  if (variants.includes('nitro')) return 'throughput'
  if (variants.includes('floor')) return 'price'
  if (variants.includes('exacto')) return 'exacto'
  if (f.request.serviceTier === 'priority') return 'throughput'
  return f.request.serviceTier === 'flex' ? 'price' : 'load-balance'
}

function label(strategy: Strategy, together: boolean): string {
  if (strategy === 'load-balance' || strategy === 'order') return strategy
  return together ? `sort:${strategy}:none` : `sort:${strategy}`
}

/** Without fallbacks each model keeps its first endpoint; the others are left out. */
function keepPrimaries(sorted: Draft[]): void {
  const seen = new Set<string>()
  let kept = 0
  for (const d of sorted) {
    if (seen.has(d.endpoint.modelId)) {
      d.excluded = 'order_without_fallbacks'
      d.detail = 'allow_fallbacks is false: only the first endpoint is tried'
      d.note = ''
    } else {
      seen.add(d.endpoint.modelId)
      sorted[kept++] = d
    }
  }
  sorted.length = kept
}

function finish(
  candidates: Draft[],
  sorted: readonly Draft[],
  request: PlanRequest,
  policy: RoutingPolicy,
  strategy: string,
  models: number,
  refusal: Plan['refusal'],
): Plan {
  let cooling = sorted.length === 0 ? 0 : Number.POSITIVE_INFINITY
  const order = new Array<Draft['endpoint']>(sorted.length)
  for (let i = 0; i < sorted.length; i++) {
    const d = sorted[i]!
    d.rank = i
    order[i] = d.endpoint
    const wait = d.band === 2 ? d.key : 0
    if (wait < cooling) cooling = wait
  }
  const retries = Math.max(0, policy.retries)
  return {
    candidates,
    order,
    coolingMs: cooling,
    maxAttempts: Math.max(1, Math.min(policy.maxAttempts, MAX_ATTEMPTS, models * (1 + retries))),
    retriesPerModel: retries,
    allowFallbacks: request.provider.allowFallbacks !== false,
    refusal,
    requested: request.models,
    strategy,
  }
}
