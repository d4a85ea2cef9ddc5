import type { ReasoningRequest } from '../../chat/index.ts'
import type { Quirks } from '../dialect.ts'
import type { Json } from '../json.ts'
import { optional, refuse } from './check.ts'

export const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const
type Effort = (typeof EFFORTS)[number]

/** Share of the output limit that an effort stands for. Source: OpenRouter's reasoning documentation. */
const SHARES: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 0.1,
  low: 0.2,
  medium: 0.5,
  high: 0.8,
  xhigh: 0.95,
  max: 0.95,
}

/**
 * `reasoning`, `reasoning_effort` and `include_reasoning` as one wish; null when none is given. Two that contradict each
 * other are an error.
 */
export function decodeReasoning(body: Json): ReasoningRequest | null {
  const wire = optional.object(body, 'reasoning')
  const shorthand = optional.oneOf(body, 'reasoning_effort', EFFORTS)
  const include = optional.boolean(body, 'include_reasoning')
  if (wire === undefined && shorthand === undefined && include === undefined) return null
  const own = wire ?? {}
  const effort = optional.oneOf(own, 'effort', EFFORTS, 'reasoning.effort')
  const maxTokens = optional.integer(own, 'max_tokens', 0, Number.MAX_SAFE_INTEGER, 'reasoning.max_tokens')
  const exclude = optional.boolean(own, 'exclude', 'reasoning.exclude')
  if (effort !== undefined && maxTokens !== undefined) {
    refuse('reasoning', 'Give either `reasoning.effort` or `reasoning.max_tokens`, not both.')
  }
  if (
    shorthand !== undefined &&
    (maxTokens !== undefined || (effort !== undefined && effort !== shorthand))
  ) {
    refuse('reasoning_effort', '`reasoning_effort` contradicts `reasoning`: give only one of them.')
  }
  if (include !== undefined && exclude !== undefined && include === exclude) {
    refuse('include_reasoning', '`include_reasoning` contradicts `reasoning.exclude`: give only one of them.')
  }
  const wish: { -readonly [K in keyof ReasoningRequest]: ReasoningRequest[K] } = {}
  const chosen = effort ?? shorthand
  if (chosen !== undefined) wish.effort = chosen
  if (maxTokens !== undefined) wish.maxTokens = maxTokens
  const hidden = exclude ?? (include === undefined ? undefined : !include)
  if (hidden !== undefined) wish.exclude = hidden
  const enabled = optional.boolean(own, 'enabled', 'reasoning.enabled')
  if (enabled !== undefined) wish.enabled = enabled
  const summary = optional.string(own, 'summary', 32, 'reasoning.summary')
  if (summary !== undefined) wish.summary = summary
  return wish
}

/**
 * The body fields by which a provider of this kind is asked to reason. Null when it cannot be asked at all.
 * `limit` is the output limit in tokens, by which a budget becomes an effort.
 */
export function encodeReasoning(wish: ReasoningRequest, quirks: Quirks, limit: number | null): Json | null {
  const off = wish.effort === 'none' || wish.enabled === false || wish.maxTokens === 0
  const silent = wish.effort === undefined && wish.maxTokens === undefined && wish.enabled === undefined
  switch (quirks.reasoning ?? 'effort') {
    case 'none':
      return silent ? {} : null
    case 'object':
      return { reasoning: reasoningObject(wish) }
    case 'enable-thinking':
      if (silent) return {}
      return wish.maxTokens && !off
        ? { enable_thinking: true, thinking_budget: wish.maxTokens }
        : { enable_thinking: !off }
    case 'thinking-type':
      return silent ? {} : { thinking: { type: off ? 'disabled' : 'enabled' } }
    case 'thinking-effort': {
      if (silent || off) return silent ? {} : { thinking: { type: 'disabled' } }
      const said = wish.effort !== undefined || wish.maxTokens !== undefined
      const effort = said ? { reasoning_effort: nearest(effortOf(wish, limit, off), quirks.efforts) } : {}
      return { thinking: { type: 'enabled' }, ...effort }
    }
    case 'effort':
      return silent ? {} : { reasoning_effort: nearest(effortOf(wish, limit, off), quirks.efforts) }
  }
}

/** What of the wish a provider of this kind does not hear, though it reasons. */
export function unheard({ effort, maxTokens }: ReasoningRequest, { reasoning }: Quirks): string[] {
  const lost: string[] = []
  const switched = reasoning === 'thinking-type' || reasoning === 'enable-thinking'
  if (switched && effort !== undefined && effort !== 'none') lost.push('reasoning.effort')
  if (reasoning === 'thinking-type' && maxTokens) lost.push('reasoning.max_tokens')
  return lost
}

function reasoningObject(wish: ReasoningRequest): Json {
  const { maxTokens, ...rest } = wish
  return maxTokens === undefined ? rest : { ...rest, max_tokens: maxTokens }
}

function effortOf(wish: ReasoningRequest, limit: number | null, off: boolean): Effort {
  if (off) return 'none'
  if (wish.effort !== undefined) return wish.effort
  if (wish.maxTokens === undefined || limit === null || limit <= 0) return 'medium'
  const share = wish.maxTokens / limit
  const closest = EFFORTS.slice(1, -1).toSorted(
    (a, b) => Math.abs(SHARES[a] - share) - Math.abs(SHARES[b] - share),
  )
  return closest[0] ?? 'medium'
}

const USUAL_EFFORTS: readonly string[] = EFFORTS.slice(0, -1)

function nearest(effort: Effort, allowed: readonly string[] = USUAL_EFFORTS): string {
  if (allowed.includes(effort) || allowed.length === 0) return effort
  const place = (name: string) => EFFORTS.indexOf(name as Effort)
  return allowed.toSorted(
    (a, b) => Math.abs(place(a) - place(effort)) - Math.abs(place(b) - place(effort)),
  )[0]!
}
