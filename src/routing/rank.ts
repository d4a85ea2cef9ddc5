import { beyondOutput, type Draft, type Filter } from './filter.ts'
import { matchIndex, serviceTier } from './match.ts'
import { missesPreference, slowBelow } from './measured.ts'
import type { EndpointHealth } from './plan.types.ts'
import { firstMissing } from './words.ts'

/** What decides between endpoints that may serve. */
export type Strategy = 'load-balance' | 'order' | 'price' | 'throughput' | 'latency' | 'exacto'

/** Reasons to stand further back within a model, heaviest first; they add up in `Draft.group`. */
const UNLISTED = 256
const ORDINARY_TIER = 128
const LACKS = 64
const OUTAGE = 32
const POOR = 16
const DEGRADED = 8
const TIGHT = 4
/** Ahead of its model's other endpoints. */
const KEPT = -1

/** Every host of a model writes as much, tokens. */
const UNDOUBTED_OUTPUT = 4_096

/** Bands of uptime need this many outcomes. Source: OpenRouter's provider uptime documentation. */
const UPTIME_SAMPLES = 100

/** Parameters that a provider of the same model should take, though no model is refused for lacking them. */
const SOFT_PARAMETERS = ['tools', 'response_format', 'verbosity']

/**
 * Gives every eligible candidate of one model its band, group and key, and draws the first place where the load is
 * balanced. `random` is asked once, and only when there is something to draw.
 */
export function rankModel(
  drafts: readonly Draft[],
  strategy: Strategy,
  f: Filter,
  random: () => number,
): void {
  const soft = f.request.parameters.filter((name) => SOFT_PARAMETERS.includes(name))
  const healths = drafts.map((d) => f.snapshot.health(d.endpoint.id))
  const tools = strategy === 'load-balance' && f.request.parameters.includes('tools')
  const slow = strategy === 'exacto' || tools ? slowBelow(healths) : 0
  let lowest = Number.POSITIVE_INFINITY
  for (let i = 0; i < drafts.length; i++) {
    const d = drafts[i]!
    stand(d, healths[i]!, strategy, f, soft)
    if (strategy === 'load-balance' && d.band === 0) settle(d, healths[i]!, f, slow)
    if (d.band !== 2 && (strategy !== 'order' || d.group >= UNLISTED)) {
      d.key = sortKey(d, healths[i]!, strategy, slow)
    }
    if (d.band === 0 && d.group < lowest) lowest = d.group
  }
  if (strategy === 'load-balance') drawFirst(drafts, lowest, random)
}

function stand(
  d: Draft,
  health: EndpointHealth,
  strategy: Strategy,
  f: Filter,
  soft: readonly string[],
): void {
  if (health.coolingMs > 0) {
    d.band = 2
    d.key = health.coolingMs
    d.note = 'cooling down after a rate limit'
    return
  }
  if (health.breaker === 'open') {
    d.band = 2
    d.note = 'breaker open after failures'
    return
  }
  if (strategy === 'order') {
    const listed = matchIndex(f.order!, d.endpoint)
    if (listed >= 0) {
      d.key = listed
      d.note = 'provider.order'
      return
    }
    d.group = UNLISTED
    d.note = 'after provider.order'
  }
  if (missesPreference(health, f.request.provider)) {
    d.band = 1
    d.note = 'slower than preferred'
  }
  if (f.tier === 'priority' && serviceTier(d.endpoint.tag) !== 'priority') {
    d.group |= ORDINARY_TIER
  }
  if (soft.length > 0 && d.endpoint.supportedParameters.length > 0) {
    if (firstMissing(soft, d.endpoint.supportedParameters) !== null) {
      d.group |= LACKS
      d.note = 'does not take a parameter of the request'
    }
  }
  if (mayOverflow(d, f)) {
    d.group |= TIGHT
    d.note ||= 'the request may not fit'
  }
  // A half-open endpoint is due for its probe: it stands where it stood before it failed.
  if (health.breaker === 'half-open') d.note ||= 'probe after failures'
  else recentFailures(d, health, strategy)
}

/** Whether the request fits by estimate only: its prompt may turn out longer, or nobody knows how much the endpoint can write. */
function mayOverflow({ endpoint }: Draft, f: Filter): boolean {
  const most = f.tokensUpper - beyondOutput(endpoint, f.request)
  if (endpoint.contextLength > 0 && most > endpoint.contextLength) return true
  const { maxOutputTokens: asked, limitIsCeiling } = f.request
  return endpoint.maxOutput === null && limitIsCeiling !== true && asked !== null && asked > UNDOUBTED_OUTPUT
}

/**
 * Where the load is balanced: requests with tools pass by providers that are far slower than their peers (those that
 * nobody has measured stay in the draw, or they never would be), and a conversation goes back to the endpoint whose
 * prompt cache it has warmed, as long as reading the cache is cheaper there and nothing speaks against the endpoint.
 * Source: OpenRouter's Auto Exacto and its sticky routing.
 */
function settle(d: Draft, health: EndpointHealth, f: Filter, slow: number): void {
  if (health.throughputP50 !== null && health.throughputP50 < slow) {
    d.group |= POOR
    d.note = 'far slower than its peers'
  }
  if (d.endpoint.id !== f.request.sticky || d.group >= POOR) return
  const tariff = d.endpoint.tariff
  if (tariff === null || tariff.cacheRead === null || tariff.cacheRead >= tariff.prompt) return
  d.group = KEPT
  d.note = 'kept for the prompt cache'
}

function recentFailures(d: Draft, health: EndpointHealth, strategy: Strategy): void {
  const uptime = (health.samples5m ?? 0) >= UPTIME_SAMPLES ? (health.uptime5m ?? 1) : 1
  if (health.outage) {
    d.group |= OUTAGE
    d.note = 'outage in the last 30 s'
  } else if (uptime < 0.8) {
    d.group |= OUTAGE
    d.note = 'uptime below 80 %'
  } else if (uptime < 0.95 && strategy === 'load-balance') {
    d.group |= DEGRADED
    d.note = 'uptime below 95 %'
  }
}

function sortKey(d: Draft, health: EndpointHealth, strategy: Strategy, slow: number): number {
  switch (strategy) {
    case 'load-balance':
    case 'order':
    case 'price':
      d.note ||= 'by price'
      return d.cost
    case 'throughput':
      d.note ||= health.throughputP50 === null ? 'throughput not measured yet' : 'by throughput'
      return health.throughputP50 === null ? 0 : -health.throughputP50
    case 'latency':
      d.note ||= health.ttftP50Ms === null ? 'latency not measured yet' : 'by latency'
      return health.ttftP50Ms ?? Number.POSITIVE_INFINITY
    case 'exacto':
      d.note ||= 'by quality'
      return health.throughputP50 === null ? 1 : health.throughputP50 < slow ? 2 : 0
    default:
      return strategy satisfies never
  }
}

/**
 * Draws the first place among the steadiest endpoints, each with the weight 1/price²; the rest follow by price.
 * Free ones, if any, share the draw evenly; one without a known price weighs as much as the dearest.
 * Source: OpenRouter's load balancing documentation.
 */
function drawFirst(drafts: readonly Draft[], group: number, random: () => number): void {
  let members = 0
  let dearest = 0
  let cheapest = Number.POSITIVE_INFINITY
  for (const d of drafts) {
    if (d.band !== 0 || d.group !== group) continue
    members++
    if (d.cost < cheapest) cheapest = d.cost
    if (d.cost > dearest && d.cost !== Number.POSITIVE_INFINITY) dearest = d.cost
  }
  if (members < 2) return
  let total = 0
  for (const d of drafts) {
    if (d.band === 0 && d.group === group) total += d.weight = weigh(d.cost, cheapest, dearest)
  }
  let left = random() * total
  let drawn: Draft | null = null
  for (const d of drafts) {
    if (d.band !== 0 || d.group !== group) continue
    const weight = d.weight!
    d.weight = weight / total
    if (left < 0 || weight === 0) continue
    drawn = d
    left -= weight
  }
  drawn!.key = -1
  drawn!.note = 'drawn by price'
}

/** 1/price² relative to the cheapest, so that the figures stay near 1. */
function weigh(cost: number, cheapest: number, dearest: number): number {
  if (cheapest === 0) return cost === 0 ? 1 : 0
  if (cheapest === Number.POSITIVE_INFINITY) return 1
  const relative = cheapest / (cost === Number.POSITIVE_INFINITY ? dearest : cost)
  return relative * relative
}

/** Below this many, moving entries into place beats the engine's sort. */
const SMALL = 48

/** Sorts in place by band, model, group, key and price; equal ones keep their order. */
export function sortDrafts(drafts: Draft[]): void {
  if (drafts.length > SMALL) {
    drafts.sort((a, b) => (precedes(a, b) ? -1 : precedes(b, a) ? 1 : 0))
    return
  }
  for (let i = 1; i < drafts.length; i++) {
    const moved = drafts[i]!
    let j = i - 1
    while (j >= 0 && precedes(moved, drafts[j]!)) {
      drafts[j + 1] = drafts[j]!
      j--
    }
    drafts[j + 1] = moved
  }
}

function precedes(a: Draft, b: Draft): boolean {
  if (a.band !== b.band) return a.band < b.band
  if (a.model !== b.model) return a.model < b.model
  if (a.group !== b.group) return a.group < b.group
  if (a.key !== b.key) return a.key < b.key
  return a.cost < b.cost
}
