import type { ReasoningRequest } from '../../chat/index.ts'
import type { Json } from '../json.ts'
import type { Drops } from './drops.ts'
import { nearestEffort, type Traits } from './models.ts'

/** Bounds of a budget of thinking tokens. Source: Anthropic's and OpenRouter's reasoning documentation. */
const LEAST_BUDGET = 1024
const MOST_BUDGET = 128_000

/** Share of the output limit that an effort stands for. Source: OpenRouter's reasoning documentation. */
const SHARES: Readonly<Record<string, number>> = {
  minimal: 0.1,
  low: 0.2,
  medium: 0.5,
  high: 0.8,
  xhigh: 0.95,
  max: 0.95,
}

/** Fields of the body by which a model is asked to reason. */
export interface Thinking {
  /** `thinking` of the body; absent leaves the model to its default. */
  readonly thinking?: Json
  /** `output_config.effort`. */
  readonly effort?: string
}

/** Is reasoning asked for (true), refused (false), or not spoken of (null)? */
export function wanted(wish: ReasoningRequest | null): boolean | null {
  if (wish === null) return null
  if (wish.effort === 'none' || wish.enabled === false || wish.maxTokens === 0) return false
  return wish.effort === undefined && wish.maxTokens === undefined && wish.enabled === undefined ? null : true
}

/**
 * `reasoning` of a request in the words of the model: a budget for older ones, effort for those that budget by
 * themselves. `limit` is the output limit (tokens), which a budget has to stay below.
 */
export function encodeThinking(
  wish: ReasoningRequest | null,
  traits: Traits,
  limit: number,
  drops: Drops,
): Thinking {
  const asked = wanted(wish)
  if (wish === null || asked === null) return {}
  if (!asked) return turnedOff(traits, drops)
  switch (traits.thinking) {
    case 'none':
      drops.add('reasoning', 'the model does not reason')
      return {}
    case 'budget':
      return withBudget(wish, limit, drops)
    case 'either':
      return wish.maxTokens === undefined ? adaptive(wish, traits, limit) : withBudget(wish, limit, drops)
    case 'adaptive': {
      // Newer models leave the text of their thinking out unless asked.
      const display = wish.exclude === true ? 'omitted' : 'summarized'
      const { effort } = adaptive(wish, traits, limit)
      return { thinking: { type: 'adaptive', display }, ...(effort !== undefined && { effort }) }
    }
  }
}

function turnedOff(traits: Traits, drops: Drops): Thinking {
  if (traits.off === 'omit') return {}
  if (traits.off !== 'never') return { thinking: { type: traits.off } }
  drops.add('reasoning', 'the model always reasons; the least effort is asked for instead')
  return { effort: 'low' }
}

function adaptive(wish: ReasoningRequest, traits: Traits, limit: number): Thinking {
  const effort = wish.effort ?? (wish.maxTokens === undefined ? 'medium' : effortOf(wish.maxTokens, limit))
  return { thinking: { type: 'adaptive' }, effort: nearestEffort(effort, traits.efforts) }
}

function withBudget(wish: ReasoningRequest, limit: number, drops: Drops): Thinking {
  const share = SHARES[wish.effort ?? 'medium'] ?? 0.5
  const budget = wish.maxTokens ?? Math.floor(limit * share)
  const bounded = Math.min(Math.max(budget, LEAST_BUDGET), MOST_BUDGET, limit - 1)
  if (bounded < LEAST_BUDGET) {
    drops.add('reasoning', `the output limit leaves no room for the least budget of ${LEAST_BUDGET} tokens`)
    return {}
  }
  return { thinking: { type: 'enabled', budget_tokens: bounded } }
}

/** The effort that comes nearest to a budget. */
export function effortOf(budget: number, limit: number): string {
  const share = limit <= 0 ? 0.5 : budget / limit
  const far = (effort: string) => Math.abs(SHARES[effort]! - share)
  return ['minimal', 'low', 'medium', 'high', 'xhigh'].toSorted((a, b) => far(a) - far(b))[0]!
}
