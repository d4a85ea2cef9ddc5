import { LONGEST_WAIT_MS } from './fallback.ts'
import { MAX_ATTEMPTS, planAttempts } from './plan.ts'
import type {
  Candidate,
  ExclusionReason,
  Plan,
  PlanRequest,
  RoutingPolicy,
  RoutingSnapshot,
} from './plan.types.ts'

/** The operator's `fallbacks`: who stands in for whom. */
export interface StandInRules {
  /** By catalog id, `*` for every other model; the models that stand in, in order. */
  readonly lists: ReadonlyMap<string, readonly string[]>
  /** They may also answer what a model asked for has refused for its content. */
  readonly onRefusal: boolean
}

/** What a stand-in can make up for when no endpoint of the models asked for may serve. */
const MADE_UP: readonly ExclusionReason[] = ['no_credential', 'no_dialect', 'context_length', 'max_output']

/**
 * `planAttempts` with the operator's stand-ins last. They are planned under the same filters and policies, come after
 * every endpoint of the models asked for that is not resting (cooling down, breaker open), and never take part where
 * the caller forbids fallbacks or tries things out on simulated models. Deterministic, as `planAttempts` is.
 */
export function planWithStandIns(
  request: PlanRequest,
  policy: RoutingPolicy,
  rules: StandInRules,
  snapshot: RoutingSnapshot,
  random: () => number,
): Plan {
  const asked = planAttempts(request, policy, snapshot, random)
  if (rules.lists.size === 0 || request.provider.allowFallbacks === false || !mayStandIn(asked)) return asked
  const models = standInsFor(asked, rules, snapshot)
  if (models.length === 0) return asked
  const more = planAttempts({ ...request, models }, policy, snapshot, random)
  if (more.order.length === 0 || more.order[0]!.simulated) return asked
  return join(asked, more, rules.onRefusal, policy, snapshot)
}

/** Something may be tried, or is missing that another model can make up for; a name that is unknown stays an error. */
function mayStandIn({ order, candidates }: Plan): boolean {
  if (candidates[0]?.endpoint.simulated !== false) return false
  if (order.length > 0) return true
  return candidates.some(({ excluded }) => excluded !== null && MADE_UP.includes(excluded))
}

/** Models of the lists of those asked for, each once, without the ones that are asked for or unknown. */
function standInsFor(asked: Plan, { lists }: StandInRules, snapshot: RoutingSnapshot): string[] {
  const known = new Set(asked.candidates.map(({ endpoint }) => endpoint.modelId))
  const found: string[] = []
  for (const modelId of [...known]) {
    for (const name of lists.get(modelId) ?? lists.get('*') ?? []) {
      const id = snapshot.resolve(name)?.model.id
      if (id === undefined || known.has(id)) continue
      known.add(id)
      found.push(name)
    }
  }
  return found
}

/**
 * One order out of two: ready ones asked for, ready stand-ins, then those at rest in the same sequence. Whoever was asked
 * for and cools down only for a moment is waited for rather than stood in for.
 */
function join(
  asked: Plan,
  more: Plan,
  onRefusal: boolean,
  policy: RoutingPolicy,
  snapshot: RoutingSnapshot,
): Plan {
  const places = [asked, more].flatMap((plan) =>
    plan.order.map((endpoint, i) => ({ endpoint, credential: plan.credentials?.[i] ?? null })),
  )
  const rests = places.map(({ endpoint: { id } }, i) => {
    const { coolingMs, breaker } = snapshot.health(id)
    return coolingMs > (i < asked.order.length ? LONGEST_WAIT_MS : 0) || breaker === 'open'
  })
  const sorted = [...places.filter((_, i) => !rests[i]), ...places.filter((_, i) => rests[i])]
  const order = sorted.map(({ endpoint }) => endpoint)
  const ranks = new Map<string, number>()
  for (const { id } of order) if (!ranks.has(id)) ranks.set(id, ranks.size)
  const ranked = (candidate: Candidate): Candidate =>
    candidate.rank === null ? candidate : { ...candidate, rank: ranks.get(candidate.endpoint.id) ?? null }
  const standIn = (candidate: Candidate): Candidate =>
    candidate.rank === null ? candidate : { ...ranked(candidate), weight: null, note: NOTE }
  return {
    ...asked,
    candidates: [...asked.candidates.map(ranked), ...more.candidates.map(standIn)],
    order,
    credentials: sorted.some(({ credential }) => credential !== null)
      ? sorted.map(({ credential }) => credential)
      : null,
    coolingMs: waitOf(asked, more),
    maxAttempts: Math.max(1, Math.min(policy.maxAttempts, MAX_ATTEMPTS, attempts(asked) + attempts(more))),
    refusal: null,
    standIns: { models: [...new Set(more.order.map(({ modelId }) => modelId))], onRefusal },
  }
}

/** ms until the first of the order may be tried. */
function waitOf(asked: Plan, more: Plan): number {
  if (asked.order.length === 0) return more.coolingMs
  return asked.coolingMs <= LONGEST_WAIT_MS ? asked.coolingMs : Math.min(asked.coolingMs, more.coolingMs)
}

const NOTE = 'stands in by the configuration'

const attempts = ({ order, maxAttempts }: Plan): number => (order.length === 0 ? 0 : maxAttempts)
