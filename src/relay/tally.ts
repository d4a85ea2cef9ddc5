import { type Cost, NO_USAGE, type Settled, type Usage } from '../chat/index.ts'
import type { StreamSeen } from '../dialects/index.ts'

/** True when the provider has produced something that it bills: content, or an answer that came to its end without any. */
export function produced(seen: StreamSeen | undefined): seen is StreamSeen {
  return seen !== undefined && (seen.content || seen.outputBytes > 0 || seen.finish !== null)
}

/**
 * What an answer has used so far: the provider's own figures where they can be true, else an estimate from the bytes.
 * Some providers report a token or two at the start and the truth at the end; until the end such figures are taken
 * only when they are at least half of what the bytes say. A reported zero at the end is a zero.
 */
export function usageOf(
  seen: StreamSeen,
  promptBytes: number,
  estimateTokens: (bytes: number) => number,
): Usage {
  const { usage } = seen
  const estimated = estimateTokens(seen.outputBytes)
  if (usage !== null && (seen.finish !== null || usage.completionTokens * 2 >= estimated)) return usage
  return {
    ...(usage ?? NO_USAGE),
    promptTokens: usage?.promptTokens ?? estimateTokens(promptBytes),
    completionTokens: estimated,
    source: 'estimated',
  }
}

/** What the client is told, from what was settled. */
export function costOf(settled: Settled): Cost {
  return {
    totalNanos: settled.costNanos,
    upstreamPromptNanos: settled.upstreamPromptNanos,
    upstreamCompletionNanos: settled.upstreamCompletionNanos,
    isByok: settled.isByok,
  }
}
