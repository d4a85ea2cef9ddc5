/** Tokens by kind, cumulative for one attempt: the last usage seen counts, usages are never added up. */
export interface Usage {
  /** All input tokens, cached ones included. */
  readonly promptTokens: number
  /** All output tokens, reasoning included. */
  readonly completionTokens: number
  /** Part of `promptTokens` that was read from the provider's prompt cache. */
  readonly cacheReadTokens: number
  /** Part of `promptTokens` that was written to the cache (5 minute or unspecified lifetime). */
  readonly cacheWriteTokens: number
  /** Part of `promptTokens` that was written to the cache for one hour. */
  readonly cacheWrite1hTokens: number
  /** Part of `completionTokens` spent on reasoning. */
  readonly reasoningTokens: number
  /** Part of `promptTokens` that was audio. */
  readonly audioPromptTokens: number
  /** Part of `completionTokens` that was audio. */
  readonly audioCompletionTokens: number
  /** Part of `completionTokens` that was image output. */
  readonly imageCompletionTokens: number
  /** `provider`: as reported upstream. `estimated`: counted by us since the provider reported nothing. */
  readonly source: 'provider' | 'estimated'
}

/** A usage with every count zero; spread it and set what is known. */
export const NO_USAGE: Usage = {
  promptTokens: 0,
  completionTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  cacheWrite1hTokens: 0,
  reasoningTokens: 0,
  audioPromptTokens: 0,
  audioCompletionTokens: 0,
  imageCompletionTokens: 0,
  source: 'provider',
}

/** What the call cost, as the client is told: integers in nano-USD, `null` where the price is not known. */
export interface Cost {
  /** Charged to the account, nano-USD; null when the endpoint has no known price. */
  readonly totalNanos: bigint | null
  /** The provider's own price for the input, nano-USD, before markup. */
  readonly upstreamPromptNanos: bigint | null
  /** The provider's own price for the output, nano-USD, before markup. */
  readonly upstreamCompletionNanos: bigint | null
  /** True when the organization's own provider key served the call. */
  readonly isByok: boolean
}
