/**
 * Prices of one endpoint at one version, in integer pico-USD per unit (1 pUSD per token = $0.000001 per million
 * tokens). `null` means "same as the plain price" for cache and reasoning kinds. Immutable: a change of price is a new
 * version.
 */
export interface Tariff {
  /** Content-derived name of this version; frozen in the hold so that a charge can be recomputed. */
  readonly version: string
  readonly prompt: bigint
  readonly completion: bigint
  readonly cacheRead: bigint | null
  readonly cacheWrite: bigint | null
  readonly cacheWrite1h: bigint | null
  readonly reasoning: bigint | null
  /** Per call, pUSD. */
  readonly request: bigint
  /** Steps by size of the prompt, ascending: the last whose `minPromptTokens` is strictly exceeded replaces the prices it names. */
  readonly tiers: readonly TariffTier[]
}

export interface TariffTier {
  /** Applies when `promptTokens` is strictly greater (tokens). */
  readonly minPromptTokens: number
  readonly prompt?: bigint
  readonly completion?: bigint
  readonly cacheRead?: bigint
  readonly cacheWrite?: bigint
  readonly cacheWrite1h?: bigint
  readonly reasoning?: bigint
}
