import type { CostTier, PlanRequest, RequestFeatures } from './plan.types.ts'

/** What a request is about, as far as its own features tell. */
export type Task = 'agent' | 'code' | 'math' | 'translation' | 'extraction' | 'chat'

export interface Classified {
  readonly task: Task
  /** The dearest tier that the request deserves. */
  readonly tier: CostTier
}

/** Features of a request that nobody has looked into. */
const PLAIN: RequestFeatures = {
  askTokens: 100,
  turns: 1,
  tools: 0,
  schema: false,
  code: false,
  math: false,
  translation: false,
  foreign: 0,
  effort: null,
}

/** Points for the effort that a request asks for. */
const EFFORT: Readonly<Record<string, number>> = {
  none: -1,
  minimal: -1,
  low: 0,
  medium: 1,
  high: 2,
  xhigh: 3,
  max: 3,
}

/** Share of foreign letters from which a request counts as written in another script. */
const FOREIGN = 0.3

/**
 * Sorts a request for `openrouter/auto`: the task by its first distinctive feature, the tier by points for what makes
 * it hard. The same request always gets the same answer. Documented in docs/reference/routing.md, which follows this.
 */
export function classify(request: PlanRequest): Classified {
  const f = request.features?.() ?? PLAIN
  return { task: taskOf(f), tier: tierOf(request, f) }
}

function taskOf(f: RequestFeatures): Task {
  if (f.code) return 'code'
  if (f.math) return 'math'
  if (f.tools > 0) return 'agent'
  if (f.translation) return 'translation'
  return f.schema ? 'extraction' : 'chat'
}

function tierOf({ promptTokens, inputModalities }: PlanRequest, f: RequestFeatures): CostTier {
  let points = 0
  if (promptTokens > 4_000) points++
  if (promptTokens > 30_000) points++
  if (f.askTokens > 400) points++
  if (f.tools > 0) points++
  if (f.tools > 8) points++
  if (f.code || f.math) points += 2
  if (f.schema) points++
  if (f.turns > 8) points++
  if (f.foreign > FOREIGN) points++
  if (inputModalities.length > 1) points++
  if (f.effort !== null) points += EFFORT[f.effort] ?? 0
  return points <= 1 ? 'low' : points <= 3 ? 'medium' : points <= 5 ? 'high' : 'xhigh'
}
