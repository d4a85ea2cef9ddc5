import { type Cost, NO_USAGE, type Usage } from '../../chat/index.ts'
import { count, decimalLiteral, type Json, list, object } from '../json.ts'

/**
 * Tokens by kind from `usageMetadata`; null when it counts nothing yet (Vertex sends `{trafficType}` alone while it
 * streams). Google counts reasoning beside the answer and what its own tools read beside the prompt.
 */
export function decodeUsage(wire: Json): Usage | null {
  const asked = count(wire['promptTokenCount'])
  const total = count(wire['totalTokenCount'])
  if (asked === null && total === null) return null
  const prompt = (asked ?? 0) + (count(wire['toolUsePromptTokenCount']) ?? 0)
  const reasoning = count(wire['thoughtsTokenCount']) ?? 0
  const said = count(wire['candidatesTokenCount']) ?? 0
  return {
    ...NO_USAGE,
    promptTokens: prompt,
    // What the total holds beyond both is output that no field names.
    completionTokens: Math.max(said + reasoning, (total ?? 0) - prompt),
    cacheReadTokens: Math.min(count(wire['cachedContentTokenCount']) ?? 0, prompt),
    reasoningTokens: reasoning,
    audioPromptTokens: ofModality(wire['promptTokensDetails'], 'AUDIO'),
    audioCompletionTokens: ofModality(wire['candidatesTokensDetails'], 'AUDIO'),
    imageCompletionTokens: ofModality(wire['candidatesTokensDetails'], 'IMAGE'),
  }
}

function ofModality(details: unknown, modality: string): number {
  let tokens = 0
  for (const detail of list(details)) {
    if (object(detail)?.['modality'] === modality) tokens += count(object(detail)?.['tokenCount']) ?? 0
  }
  return tokens
}

const usd = (nanos: bigint | null): unknown => (nanos === null ? null : decimalLiteral(nanos))

/** `usageMetadata` of an answer, with `cost` (USD) under the names that every surface of the gateway uses. */
export function encodeUsage(usage: Usage, cost: Cost | null): Json {
  const { promptTokens, completionTokens, reasoningTokens, cacheReadTokens } = usage
  const wire: Json = {
    promptTokenCount: promptTokens,
    candidatesTokenCount: completionTokens - reasoningTokens,
    totalTokenCount: promptTokens + completionTokens,
  }
  if (cacheReadTokens > 0) wire['cachedContentTokenCount'] = cacheReadTokens
  if (reasoningTokens > 0) wire['thoughtsTokenCount'] = reasoningTokens
  // Google has no word for what was written to a cache: this one is ours, like the cost.
  const written = usage.cacheWriteTokens + usage.cacheWrite1hTokens
  if (written > 0) wire['cacheWriteTokenCount'] = written
  const heard = byModality(promptTokens, { AUDIO: usage.audioPromptTokens })
  if (heard !== null) wire['promptTokensDetails'] = heard
  const made = byModality(completionTokens - reasoningTokens, {
    AUDIO: usage.audioCompletionTokens,
    IMAGE: usage.imageCompletionTokens,
  })
  if (made !== null) wire['candidatesTokensDetails'] = made
  return cost === null ? wire : { ...wire, ...encodeCost(cost) }
}

/** The counts by modality, text being the rest; null when there is only text. */
function byModality(total: number, counts: Readonly<Record<string, number>>): Json[] | null {
  const known = Object.entries(counts).filter(([, tokens]) => tokens > 0)
  if (known.length === 0) return null
  const rest = total - known.reduce((sum, [, tokens]) => sum + tokens, 0)
  const all: [string, number][] = rest > 0 ? [['TEXT', rest], ...known] : known
  return all.map(([modality, tokenCount]) => ({ modality, tokenCount }))
}

/** Members that every surface adds to its usage. */
export function encodeCost(cost: Cost): Json {
  const { upstreamPromptNanos: prompt, upstreamCompletionNanos: completion } = cost
  const upstream = prompt === null || completion === null ? null : prompt + completion
  return {
    cost: usd(cost.totalNanos),
    is_byok: cost.isByok,
    cost_details: {
      upstream_inference_cost: cost.isByok ? usd(upstream) : null,
      upstream_inference_prompt_cost: usd(prompt),
      upstream_inference_completions_cost: usd(completion),
    },
  }
}
