import type { Resolved } from '../catalog/index.ts'
import { type Classified, classify, type Task } from './classify.ts'
import { CEILINGS, LINES, SPECIAL, TIERS } from './lines.ts'
import type { PlanRequest, RouterWishes, RoutingSnapshot } from './plan.types.ts'
import { comparablePrice } from './price.ts'

/** A name that stands for a choice among models. */
export type Router = 'auto' | 'free'

const ROUTERS: ReadonlyMap<string, Router> = new Map([
  ['openrouter/auto', 'auto'],
  ['waybill/auto', 'auto'],
  ['openrouter/free', 'free'],
  ['waybill/free', 'free'],
])

/** Models that a router hands on: the first serves, the others stand by. */
export const ROUTED_MODELS = 4

/** The router that a name asks for, dynamic suffixes (`:nitro`) aside, or null. */
export function routerOf(
  name: string,
): { readonly router: Router; readonly variants: readonly string[] } | null {
  const slash = name.indexOf('/')
  if (slash !== 10 && slash !== 7) return null
  const [base = '', ...variants] = name.toLowerCase().split(':')
  const router = ROUTERS.get(base)
  return router === undefined ? null : { router, variants }
}

/** What a router has to choose from, once per catalog: a model with its place. */
interface Choice {
  readonly resolved: Resolved
  /** Position in `LINES`; beyond its end for a model outside. */
  readonly line: number
  readonly task: Task | undefined
  readonly tier: number
}

interface Pool {
  readonly choices: readonly Choice[]
  readonly free: readonly Resolved[]
  /** Models in order, by task and tier. */
  readonly ranked: Map<string, readonly Resolved[]>
}

const pools = new WeakMap<readonly Resolved[], Pool>()

function poolOf(snapshot: RoutingSnapshot): Pool | null {
  const all = snapshot.models?.()
  if (all === undefined) return null
  let pool = pools.get(all)
  if (pool === undefined) {
    pool = { choices: choicesOf(all, snapshot.latest?.()), free: freeOf(all), ranked: new Map() }
    pools.set(all, pool)
  }
  return pool
}

function choicesOf(all: readonly Resolved[], latest: ReadonlyMap<string, Resolved> | undefined): Choice[] {
  const places = new Map<Resolved, number>()
  LINES.forEach(([line], i) => {
    const newest = latest?.get(`~${line}-latest`)
    if (newest !== undefined) places.set(newest, i)
  })
  const choices: Choice[] = []
  for (const resolved of all) {
    const { model, endpoints } = resolved
    const line = places.get(resolved) ?? LINES.length
    if (endpoints.length === 0 || endpoints.every((endpoint) => endpoint.simulated)) continue
    if (!model.outputModalities.includes('text') || model.id.includes(':')) continue
    if (line === LINES.length && SPECIAL.test(model.id)) continue
    choices.push({ resolved, line, task: LINES[line]?.[1], tier: tierOf(resolved) })
  }
  return choices
}

/** Position in `TIERS` of a model's cheapest known price; the dearest for a model without one. */
function tierOf({ endpoints }: Resolved): number {
  let least: bigint | null = null
  for (const { tariff } of endpoints) {
    const price = tariff === null ? null : comparablePrice(tariff)
    if (price !== null && (least === null || price < least)) least = price
  }
  if (least === null) return TIERS.length - 1
  const cost = least
  return TIERS.findIndex((tier) => CEILINGS[tier] === null || cost <= CEILINGS[tier])
}

/** Models that can be had for nothing, each with those of its endpoints. */
function freeOf(all: readonly Resolved[]): Resolved[] {
  return all.flatMap((resolved) => {
    const endpoints = resolved.endpoints.filter(
      ({ tariff, simulated }) =>
        !simulated && tariff !== null && tariff.prompt + tariff.completion + tariff.request === 0n,
    )
    return endpoints.length === 0 || SPECIAL.test(resolved.model.id) ? [] : [{ ...resolved, endpoints }]
  })
}

/** The models that a router would try, best first, before anything is known of their endpoints. */
export interface Choices {
  readonly models: Iterable<Resolved>
  /** What the request was taken for, e.g. `code, high`; null where that decides nothing. */
  readonly because: string | null
}

/**
 * Orders the catalog's models for a router. `auto` classifies the request, takes the tier of its difficulty (or the one
 * asked for) and goes from there downwards, in each tier lines made for the task first, then general lines by rank, then
 * other models by date. Above the tier it goes only when no tier was asked for and nothing below can serve. `free`
 * draws among the models that cost nothing. The model of a conversation's warm cache comes first while it may be taken.
 */
export function routerChoices(
  router: Router,
  request: PlanRequest,
  snapshot: RoutingSnapshot,
  random: () => number,
): Choices {
  const pool = poolOf(snapshot)
  if (pool === null) return { models: [], because: null }
  const kept = keptModel(request.sticky)
  if (router === 'free')
    return { models: wished(first(shuffled(pool.free, random), kept), request.router), because: null }
  const classified = classify(request)
  const strict = request.router?.costTier
  const tier = strict ?? classified.tier
  const models = ranking(pool, { task: classified.task, tier }, strict !== undefined)
  return {
    models: wished(first(models, kept), request.router),
    because: `${classified.task}, ${tier}`,
  }
}

function ranking(pool: Pool, { task, tier }: Classified, strict: boolean): readonly Resolved[] {
  const key = `${task} ${tier} ${strict}`
  const known = pool.ranked.get(key)
  if (known !== undefined) return known
  const wanted = TIERS.indexOf(tier)
  // Downwards from the tier, then upwards from it.
  const distance = (choice: Choice) =>
    choice.tier <= wanted ? wanted - choice.tier : TIERS.length + choice.tier
  const inside = (choice: Choice) => (choice.line < LINES.length ? 0 : 1)
  const models = pool.choices
    .filter(
      (choice) => (choice.task === undefined || choice.task === task) && (!strict || choice.tier <= wanted),
    )
    .sort(
      (a, b) =>
        inside(a) - inside(b) ||
        distance(a) - distance(b) ||
        Number(b.task === task) - Number(a.task === task) ||
        a.line - b.line ||
        b.resolved.model.created - a.resolved.model.created,
    )
    .map(({ resolved }) => resolved)
  pool.ranked.set(key, models)
  return models
}

/** The model of an endpoint's id, `<model>@<tag>`. */
function keptModel(endpointId: string | null | undefined): string | null {
  return endpointId ? endpointId.slice(0, endpointId.indexOf('@')) : null
}

function* first(models: Iterable<Resolved>, kept: string | null): Iterable<Resolved> {
  const all = kept === null ? models : [...models]
  if (kept !== null) for (const resolved of all) if (resolved.model.id === kept) yield resolved
  for (const resolved of all) if (resolved.model.id !== kept) yield resolved
}

function* wished(models: Iterable<Resolved>, wishes: RouterWishes | undefined): Iterable<Resolved> {
  const allowed = wishes?.allowedModels
  const excluded = wishes?.excludedModels
  for (const resolved of models) {
    const { id } = resolved.model
    if (allowed !== undefined && !allowed.some((pattern) => matches(pattern, id))) continue
    if (excluded?.some((pattern) => matches(pattern, id))) continue
    yield resolved
  }
}

/** Does a pattern with `*` for any text cover an id? */
function matches(pattern: string, id: string): boolean {
  const parts = pattern.toLowerCase().split('*')
  if (parts.length === 1) return parts[0] === id
  const head = parts[0]!
  const tail = parts.at(-1)!
  if (!id.startsWith(head) || !id.endsWith(tail) || id.length < head.length + tail.length) return false
  let at = head.length
  for (const part of parts.slice(1, -1)) {
    const found = id.indexOf(part, at)
    if (found < 0 || found + part.length > id.length - tail.length) return false
    at = found + part.length
  }
  return true
}

/** The models one after the other in an order of chance, drawn as they are asked for. */
function* shuffled(models: readonly Resolved[], random: () => number): Iterable<Resolved> {
  const left = models.slice()
  while (left.length > 0) {
    const i = Math.floor(random() * left.length)
    yield left[i]!
    left[i] = left.at(-1)!
    left.pop()
  }
}
