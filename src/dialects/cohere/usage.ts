import { NO_USAGE, type Usage } from '../../chat/index.ts'
import { count, type Json, object } from '../json.ts'

const figure = (value: unknown): number => count(value) ?? 0

/**
 * Tokens by kind: those that the model read and wrote (`tokens`), not the billed units, which leave out Cohere's own
 * preamble. Cached and reasoning tokens are parts of them.
 */
export function decodeUsage(wire: Json): Usage {
  const tokens = object(wire['tokens']) ?? object(wire['billed_units']) ?? {}
  const prompt = figure(tokens['input_tokens'])
  const completion = figure(tokens['output_tokens'])
  return {
    ...NO_USAGE,
    promptTokens: prompt,
    completionTokens: completion,
    cacheReadTokens: Math.min(figure(wire['cached_tokens']), prompt),
    reasoningTokens: Math.min(figure(tokens['reasoning_tokens']), completion),
  }
}
