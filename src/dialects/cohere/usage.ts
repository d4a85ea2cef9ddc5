import { NO_USAGE, type Usage } from '../../chat/index.ts'
import { count, type Json, object } from '../json.ts'

const figure = (value: unknown): number => count(value) ?? 0

/**
 * Tokens by kind, as Cohere bills them (`billed_units`, which leave out its own preamble and the text around tools); what
 * the model read and wrote (`tokens`) counts only where nothing is said of the bill. Cached and reasoning tokens are
 * parts of them. Source: Cohere's pricing documentation.
 */
export function decodeUsage(wire: Json): Usage {
  const tokens = object(wire['billed_units']) ?? object(wire['tokens']) ?? {}
  const prompt = figure(tokens['input_tokens'])
  const completion = figure(tokens['output_tokens'])
  return {
    ...NO_USAGE,
    promptTokens: prompt,
    completionTokens: completion,
    cacheReadTokens: Math.min(figure(wire['cached_tokens']), prompt),
    reasoningTokens: Math.min(figure(object(wire['tokens'])?.['reasoning_tokens']), completion),
  }
}
