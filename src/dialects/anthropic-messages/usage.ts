import type { Cost, Usage } from '../../chat/index.ts'
import { NO_USAGE } from '../../chat/index.ts'
import { count, decimalLiteral, type Json, list, object } from '../json.ts'
import type { WireUsage } from './wire.ts'

const figure = (value: unknown): number => count(value) ?? 0

/**
 * Tokens by kind. Anthropic counts cached tokens beside `input_tokens`; the hub's prompt holds them all. Writes that live
 * an hour stand under `cache_creation`. What summing up the conversation has cost (`compaction`) stands only under
 * `iterations`, beside the rest.
 */
export function decodeUsage(wire: Json): Usage {
  let usage = decodeFigures(wire)
  for (const item of list(wire['iterations'])) {
    const iteration = object(item)
    if (iteration?.['type'] === 'compaction') usage = sum(usage, decodeFigures(iteration))
  }
  return usage
}

function sum(a: Usage, b: Usage): Usage {
  const total: Record<string, unknown> = { ...a }
  for (const [kind, tokens] of Object.entries(b)) {
    if (typeof tokens === 'number') total[kind] = Number(total[kind]) + tokens
  }
  return { ...a, ...total }
}

function decodeFigures(wire: Json): Usage {
  const read = figure(wire['cache_read_input_tokens'])
  const created = object(wire['cache_creation'])
  const written =
    count(wire['cache_creation_input_tokens']) ??
    figure(created?.['ephemeral_1h_input_tokens']) + figure(created?.['ephemeral_5m_input_tokens'])
  const oneHour = Math.min(figure(created?.['ephemeral_1h_input_tokens']), written)
  return {
    ...NO_USAGE,
    promptTokens: figure(wire['input_tokens']) + read + written,
    completionTokens: figure(wire['output_tokens']),
    cacheReadTokens: read,
    cacheWriteTokens: written - oneHour,
    cacheWrite1hTokens: oneHour,
    reasoningTokens: figure(object(wire['output_tokens_details'])?.['thinking_tokens']),
  }
}

/**
 * The usage of a stream so far: `message_delta` repeats or corrects what `message_start` said, and leaves out the rest.
 * Figures are cumulative; a null is no news.
 */
export function mergeUsage(known: Json, news: Json): Json {
  const merged: Json = { ...known }
  for (const key in news) if (news[key] !== null && news[key] !== undefined) merged[key] = news[key]
  return merged
}

const usd = (nanos: bigint | null): unknown => (nanos === null ? null : decimalLiteral(nanos))

const NOTHING: WireUsage = {
  input_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: 0,
}

function figuresOf(usage: Usage): WireUsage {
  const written = usage.cacheWriteTokens + usage.cacheWrite1hTokens
  return {
    input_tokens: Math.max(0, usage.promptTokens - usage.cacheReadTokens - written),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: usage.cacheReadTokens,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWriteTokens,
      ephemeral_1h_input_tokens: usage.cacheWrite1hTokens,
    },
    output_tokens: usage.completionTokens,
    ...(usage.reasoningTokens > 0 && { output_tokens_details: { thinking_tokens: usage.reasoningTokens } }),
  }
}

/**
 * `usage` in Anthropic's shape with OpenRouter's additions. `raw` is the provider's own usage when it was of this dialect:
 * it stays as it is, unless we had to estimate. Cost in nano-USD becomes USD.
 */
export function encodeUsage(usage: Usage, cost: Cost | null, raw: Json | null = null): WireUsage {
  const wire: WireUsage =
    usage.source === 'provider' && raw !== null ? { ...NOTHING, ...raw } : { ...raw, ...figuresOf(usage) }
  if (cost === null) return wire
  const { upstreamPromptNanos: prompt, upstreamCompletionNanos: completion } = cost
  const upstream = prompt === null || completion === null ? null : prompt + completion
  return {
    ...wire,
    cost: usd(cost.totalNanos),
    is_byok: cost.isByok,
    cost_details: {
      // The provider's own price of the whole call is told where the customer pays the provider.
      upstream_inference_cost: cost.isByok ? usd(upstream) : null,
      upstream_inference_prompt_cost: usd(prompt),
      upstream_inference_completions_cost: usd(completion),
    },
  }
}
