import { type Cost, NO_USAGE, type Usage } from '../../chat/index.ts'
import { count, object } from '../json.ts'
import { encodeUsage as encodeChatUsage } from '../openai-chat/usage.ts'
import type { WireUsage } from './wire.ts'

/** Prompt tokens of a provider's `usage` (Voyage gives the total only); null when it counted nothing. */
export function decodeUsage(wire: unknown): Usage | null {
  const usage = object(wire)
  const promptTokens = count(usage?.['prompt_tokens']) ?? count(usage?.['total_tokens'])
  return promptTokens === null ? null : { ...NO_USAGE, promptTokens }
}

/** `usage` of an answer; with `cost` (nano-USD in, USD out) once the settle is known. */
export function encodeUsage(usage: Usage, cost: Cost | null): WireUsage {
  const { prompt_tokens, cost: usd, is_byok, cost_details } = encodeChatUsage(usage, cost)
  const plain = { prompt_tokens, total_tokens: prompt_tokens }
  return cost === null ? plain : { ...plain, cost: usd, is_byok: is_byok === true, cost_details }
}
