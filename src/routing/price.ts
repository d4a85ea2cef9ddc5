import type { Tariff } from '../chat/index.ts'

/** Tokens over which a fee per call is spread when endpoints are compared. */
const FEE_SPREAD_TOKENS = 1_000n

/** What a prompt of the given size costs at an endpoint, pico-USD per unit. */
export interface EffectivePrice {
  readonly prompt: bigint
  readonly completion: bigint
  readonly request: bigint
}

/**
 * The prices that hold for a prompt of `promptTokens` tokens: the last tier whose bound is strictly exceeded replaces
 * the prices it names. Returns the tariff itself when it has no tiers.
 */
export function effectivePrice(tariff: Tariff, promptTokens: number): EffectivePrice {
  const tiers = tariff.tiers
  for (let i = tiers.length - 1; i >= 0; i--) {
    const tier = tiers[i]!
    if (promptTokens > tier.minPromptTokens) {
      return {
        prompt: tier.prompt ?? tariff.prompt,
        completion: tier.completion ?? tariff.completion,
        request: tariff.request,
      }
    }
  }
  return tariff
}

/**
 * One figure by which endpoints are compared, pico-USD per token: three parts input to one part output (the usual mix
 * of chat traffic), plus a fee per call spread over 1,000 tokens. Rounded down; only for comparing, never for billing.
 */
export function comparablePrice(price: EffectivePrice): bigint {
  const blend = (price.prompt + price.prompt + price.prompt + price.completion) >> 2n
  return price.request === 0n ? blend : blend + price.request / FEE_SPREAD_TOKENS
}
