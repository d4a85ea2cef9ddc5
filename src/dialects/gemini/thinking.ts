import type { ReasoningRequest } from '../../chat/index.ts'
import { count, type Json, text } from '../json.ts'
import type { Drops } from './drops.ts'
import { LEVELS, type Level, type Thinking } from './models.ts'
import { field } from './wire.ts'

type Effort = NonNullable<ReasoningRequest['effort']>

/** Share of the output limit that an effort stands for. Source: OpenRouter's reasoning documentation. */
const SHARES: Readonly<Record<Exclude<Effort, 'none'>, number>> = {
  minimal: 0.1,
  low: 0.2,
  medium: 0.5,
  high: 0.8,
  xhigh: 0.95,
  max: 0.95,
}

/** Budgets (tokens) where the client sets no output limit. Source: Google's page on OpenAI compatibility. */
const BUDGETS: Readonly<Record<Exclude<Effort, 'none'>, number>> = {
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 32_768,
  max: 32_768,
}

/**
 * `thinkingConfig` for a wish, or null when the model is not to be told anything. Thoughts are shown unless the client
 * excludes them. `limit` is the client's output limit in tokens, of which reasoning takes its part.
 */
export function encodeThinking(
  wish: ReasoningRequest | null,
  thinking: Thinking,
  limit: number | null,
  drops: Drops,
): Json | null {
  const effort = effortOf(wish)
  const budget = wish?.maxTokens
  if (thinking.by === 'none') {
    const asked = (effort !== undefined && effort !== 'none') || (budget ?? 0) > 0
    if (asked) drops.add('reasoning', 'the model cannot be asked to reason')
    return null
  }
  const config: Json = { includeThoughts: wish?.exclude !== true && effort !== 'none' }
  if (thinking.by === 'level') {
    if (budget !== undefined && budget > 0) config['thinkingBudget'] = budget
    else if (effort !== undefined) config['thinkingLevel'] = levelOf(effort, thinking.levels, drops)
    return config
  }
  if (effort === undefined && budget === undefined) return config
  if (effort === 'none') config['thinkingBudget'] = stopped(thinking, drops)
  else {
    const known = effort ?? 'medium'
    const wanted = budget ?? (limit === null ? BUDGETS[known] : Math.floor(limit * SHARES[known]))
    config['thinkingBudget'] = Math.min(Math.max(wanted, thinking.min), thinking.max)
  }
  return config
}

/** One word for what is asked: off in any spelling is `none`, on without more is `medium`. */
function effortOf(wish: ReasoningRequest | null): Effort | undefined {
  if (wish === null) return undefined
  if (wish.enabled === false || wish.maxTokens === 0) return 'none'
  if (wish.effort !== undefined) return wish.effort
  return wish.enabled === true && wish.maxTokens === undefined ? 'medium' : undefined
}

/** The level of that name, or the nearest one of the model's; the higher of two that are equally near. */
function levelOf(effort: Effort, levels: readonly Level[], drops: Drops): Level {
  if (effort === 'none') {
    drops.add('reasoning', 'the model always reasons: it is asked to reason as little as it can')
    return levels[0]!
  }
  const wanted = effort === 'xhigh' || effort === 'max' ? 'high' : effort
  const far = (level: Level) => Math.abs(LEVELS.indexOf(level) - LEVELS.indexOf(wanted))
  return levels.toReversed().toSorted((a, b) => far(a) - far(b))[0]!
}

function stopped(thinking: Thinking & { by: 'budget' }, drops: Drops): number {
  if (thinking.canStop) return 0
  drops.add('reasoning', 'the model always reasons: it is asked to reason as little as it can')
  return thinking.min
}

/**
 * What a client of this API asks about reasoning. Thoughts are told only on demand here, so a request that says nothing
 * excludes them.
 */
export function decodeThinking(config: Json | null): ReasoningRequest {
  const wish: { -readonly [K in keyof ReasoningRequest]: ReasoningRequest[K] } = {}
  const level = text(field(config, 'thinkingLevel'))?.toLowerCase()
  const budget = field(config, 'thinkingBudget')
  if (LEVELS.some((known) => known === level)) wish.effort = level as Level
  else if (count(budget) !== null) wish.maxTokens = budget as number
  else if (budget === -1) wish.enabled = true
  if (field(config, 'includeThoughts') !== true) wish.exclude = true
  return wish
}
