import type { Tariff, TariffTier } from '../chat/index.ts'
import { contentHash } from './hash.ts'

/** Prices as they are written down: integers in pico-USD as decimal strings, absent where the source is silent. */
export interface TariffText {
  readonly prompt: string
  readonly completion: string
  readonly cacheRead?: string
  readonly cacheWrite?: string
  readonly cacheWrite1h?: string
  readonly reasoning?: string
  /** Per call. */
  readonly request?: string
  readonly tiers?: readonly TierText[]
}

export interface TierText extends Partial<Omit<TariffText, 'request' | 'tiers'>> {
  readonly minPromptTokens: number
}

/** Name of the tariff of something that costs nothing. */
export const FREE_VERSION = 'free'

/** A local server's price: every kind is known to be zero. */
export const FREE: Tariff = {
  version: FREE_VERSION,
  prompt: 0n,
  completion: 0n,
  cacheRead: null,
  cacheWrite: null,
  cacheWrite1h: null,
  reasoning: null,
  request: 0n,
  tiers: [],
}

/**
 * Reads a tariff and names its version by content.
 * @param endpointId part of the version, so that equal prices of two endpoints stay two versions
 * @throws SyntaxError when a price is not an integer
 */
export function readTariff(endpointId: string, text: TariffText): Tariff {
  const optional = (value: string | undefined) => (value === undefined ? null : BigInt(value))
  return {
    version: tariffVersion(endpointId, text),
    prompt: BigInt(text.prompt),
    completion: BigInt(text.completion),
    cacheRead: optional(text.cacheRead),
    cacheWrite: optional(text.cacheWrite),
    cacheWrite1h: optional(text.cacheWrite1h),
    reasoning: optional(text.reasoning),
    request: BigInt(text.request ?? '0'),
    tiers: (text.tiers ?? []).map(readTier),
  }
}

const TIER_KINDS = ['prompt', 'completion', 'cacheRead', 'cacheWrite', 'cacheWrite1h', 'reasoning'] as const

function readTier(text: TierText): TariffTier {
  const tier: { minPromptTokens: number } & Record<string, bigint | number> = {
    minPromptTokens: text.minPromptTokens,
  }
  for (const kind of TIER_KINDS) if (text[kind] !== undefined) tier[kind] = BigInt(text[kind])
  return tier
}

function tariffVersion(endpointId: string, text: TariffText): string {
  const kinds = (prices: Partial<TariffText>) => TIER_KINDS.map((kind) => prices[kind] ?? '').join(',')
  const tiers = (text.tiers ?? []).map((tier) => `${tier.minPromptTokens}>${kinds(tier)}`).join(';')
  return `t-${contentHash(`${endpointId}|${kinds(text)}|${text.request ?? '0'}|${tiers}`)}`
}

/**
 * USD per million tokens (or any per-million unit) → pico-USD per token, exactly where it is a whole number and rounded
 * up where it is not: a price is never understated.
 * @param usdPerMillion decimal string, e.g. `0.0028`
 * @throws RangeError when it is no plain decimal number of zero or more
 */
export function picoPerToken(usdPerMillion: string): bigint {
  const match = /^(\d+)(?:\.(\d*))?$/.exec(usdPerMillion.trim())
  if (!match)
    throw new RangeError(`"${usdPerMillion}" is no price: write USD per million tokens, e.g. "0.25"`)
  const fraction = match[2] ?? ''
  const whole = BigInt((match[1] ?? '0') + fraction.slice(0, 6).padEnd(6, '0'))
  return /[1-9]/.test(fraction.slice(6)) ? whole + 1n : whole
}
