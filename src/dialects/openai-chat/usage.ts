import type { Cost, Usage } from '../../chat/index.ts'
import { NO_USAGE } from '../../chat/index.ts'
import { count, decimalLiteral, type Json, object } from '../json.ts'
import type { WireUsage } from './wire.ts'

const first = (...values: unknown[]): number => {
  for (const value of values) {
    const known = count(value)
    if (known !== null) return known
  }
  return 0
}

/**
 * Tokens by kind from any OpenAI-compatible provider's `usage`. Counts that a provider leaves out of the sum they belong
 * to are put back, so that `promptTokens` always holds cached and `completionTokens` reasoning tokens: xAI and Google
 * count reasoning beside the completion; hosts that spell the cache as Anthropic does may count it beside the prompt.
 */
export function decodeUsage(wire: Json): Usage {
  const promptDetails = object(wire['prompt_tokens_details'] ?? wire['prompt_token_details']) ?? {}
  const completionDetails = object(wire['completion_tokens_details']) ?? {}
  const oneHour = first(object(wire['cache_creation'])?.['ephemeral_1h_input_tokens'])
  const cacheRead = first(
    promptDetails['cached_tokens'],
    wire['cached_tokens'],
    wire['prompt_cache_hit_tokens'],
    wire['cache_read_input_tokens'],
    wire['num_cached_tokens'],
  )
  const cacheWrite = first(promptDetails['cache_write_tokens'], wire['cache_creation_input_tokens'], 0)
  const besidePrompt = wire['cache_read_input_tokens'] !== undefined
  const cached = cacheRead + Math.max(cacheWrite, oneHour)
  let prompt = first(wire['prompt_tokens'])
  let completion = first(wire['completion_tokens'])
  let reasoning = first(completionDetails['reasoning_tokens'], wire['reasoning_tokens'])
  const unaccounted = first(wire['total_tokens']) - prompt - completion
  if (reasoning > completion || (reasoning > 0 && unaccounted === reasoning)) completion += reasoning
  else if ((besidePrompt && cached > prompt) || (cached > 0 && unaccounted === cached)) prompt += cached
  else if (unaccounted > 0) {
    completion += unaccounted
    reasoning ||= unaccounted
  }
  return {
    ...NO_USAGE,
    promptTokens: prompt,
    completionTokens: completion,
    // More cached than prompted (seen on Azure's Grok) is a provider's slip.
    cacheReadTokens: Math.min(cacheRead, prompt),
    cacheWriteTokens: Math.max(0, cacheWrite - oneHour),
    cacheWrite1hTokens: oneHour,
    reasoningTokens: reasoning,
    audioPromptTokens: first(promptDetails['audio_tokens']),
    audioCompletionTokens: first(completionDetails['audio_tokens']),
    imageCompletionTokens: first(completionDetails['image_tokens']),
  }
}

const usd = (nanos: bigint | null): unknown => (nanos === null ? null : decimalLiteral(nanos))

/** `usage` of an answer in OpenRouter's shape; with `cost` (nano-USD in, USD out) once the settle is known. */
export function encodeUsage(usage: Usage, cost: Cost | null): WireUsage {
  const wire: WireUsage = {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: {
      cached_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheWriteTokens + usage.cacheWrite1hTokens,
      audio_tokens: usage.audioPromptTokens,
      video_tokens: 0,
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens,
      image_tokens: usage.imageCompletionTokens,
      audio_tokens: usage.audioCompletionTokens,
    },
  }
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
