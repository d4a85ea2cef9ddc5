import { type Cost, NO_USAGE, type Usage } from '../../chat/index.ts'
import { count, decimalLiteral, type Json, object } from '../json.ts'
import type { WireUsage } from './wire.ts'

/**
 * Tokens by kind from a response's `usage`. Output that is in the total but in neither count is reasoning counted beside
 * the answer.
 */
export function decodeUsage(wire: Json): Usage {
  const input = object(wire['input_tokens_details']) ?? {}
  const output = object(wire['output_tokens_details']) ?? {}
  const of = (value: unknown): number => count(value) ?? 0
  const prompt = of(wire['input_tokens'])
  const told = of(wire['output_tokens'])
  const beside = Math.max(0, of(wire['total_tokens']) - prompt - told)
  const completion = told + beside
  return {
    ...NO_USAGE,
    promptTokens: prompt,
    completionTokens: completion,
    cacheReadTokens: Math.min(of(input['cached_tokens']), prompt),
    cacheWriteTokens: of(input['cache_write_tokens']),
    reasoningTokens: Math.min(of(output['reasoning_tokens']) || beside, completion),
    audioPromptTokens: of(input['audio_tokens']),
    audioCompletionTokens: of(output['audio_tokens']),
    imageCompletionTokens: of(output['image_tokens']),
  }
}

const usd = (nanos: bigint | null): unknown => (nanos === null ? null : decimalLiteral(nanos))

/** `usage` of a response in OpenRouter's shape; with `cost` (nano-USD in, USD out) once the settle is known. */
export function encodeUsage(usage: Usage, cost: Cost | null): WireUsage {
  const wire: WireUsage = {
    input_tokens: usage.promptTokens,
    input_tokens_details: {
      cached_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheWriteTokens + usage.cacheWrite1hTokens,
    },
    output_tokens: usage.completionTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.promptTokens + usage.completionTokens,
  }
  if (cost === null) return wire
  const { upstreamPromptNanos: prompt, upstreamCompletionNanos: completion } = cost
  const priced: WireUsage = { ...wire, cost: usd(cost.totalNanos), is_byok: cost.isByok }
  // Official clients take no null here: without a price the split is left out.
  if (prompt === null || completion === null) return priced
  return {
    ...priced,
    cost_details: {
      // The provider's own price of the whole call is told where the customer pays the provider.
      upstream_inference_cost: cost.isByok ? usd(prompt + completion) : null,
      upstream_inference_input_cost: usd(prompt),
      upstream_inference_output_cost: usd(completion),
    },
  }
}
