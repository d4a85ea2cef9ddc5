import type { Tariff, TariffTier, Usage } from '../chat/index.ts'

/** What a usage costs under one tariff. */
export interface Quote {
  /** Exact price with markup, times 1,000,000: pico-USD × ppm. Kept whole so that rounding happens once. */
  readonly picosPpm: bigint
  /** Exact price before markup, pico-USD. */
  readonly picos: bigint
  /** The charge: price with markup in nano-USD, rounded up once. */
  readonly nanos: bigint
  /** The provider's own price in nano-USD (no markup), rounded up once. */
  readonly upstreamNanos: bigint
  /** Parts of `picos`; the rest of it is the fee per request. */
  readonly promptPicos: bigint
  readonly completionPicos: bigint
  /** A count was impossible (negative, not a number, beyond any model) and was forced into range. */
  readonly clamped: boolean
}

/** No model reads or writes this much in one request; a count beyond it is a provider's error, not evidence. */
const MAX_TOKENS = 100_000_000
const PPM = 1_000_000n
const PICOS_PER_NANO = 1_000n

interface Counts {
  plain: bigint
  cacheRead: bigint
  cacheWrite: bigint
  cacheWrite1h: bigint
  completion: bigint
  reasoning: bigint
  prompt: number
  clamped: boolean
}

interface Prices {
  prompt: bigint
  completion: bigint
  cacheRead: bigint | null
  cacheWrite: bigint | null
  cacheWrite1h: bigint | null
  reasoning: bigint | null
}

/**
 * Prices one usage: Σ tokens × price by kind, tier by prompt size, plus the fee per request, times
 * `(1,000,000 + markupPpm) / 1,000,000`, rounded up once to nano-USD. Parts of the prompt that exceed it are cut, nonsense
 * counts are forced into range (`clamped`).
 * @returns null when the tariff is unknown: an unknown price is never zero.
 */
export function quote(tariff: Tariff | null, usage: Usage, markupPpm = 0n): Quote | null {
  if (tariff === null) return null
  const counts = count(usage)
  const prices = pricesFor(tariff, counts.prompt)
  const cacheWrite = prices.cacheWrite ?? prices.prompt
  const promptPicos =
    counts.plain * prices.prompt +
    counts.cacheRead * (prices.cacheRead ?? prices.prompt) +
    counts.cacheWrite * cacheWrite +
    counts.cacheWrite1h * (prices.cacheWrite1h ?? cacheWrite)
  const completionPicos =
    counts.completion * prices.completion + counts.reasoning * (prices.reasoning ?? prices.completion)
  const picos = promptPicos + completionPicos + tariff.request
  const picosPpm = picos * (PPM + markupPpm)
  return {
    picosPpm,
    picos,
    nanos: ceilDiv(picosPpm, PPM * PICOS_PER_NANO),
    upstreamNanos: ceilDiv(picos, PICOS_PER_NANO),
    promptPicos,
    completionPicos,
    clamped: counts.clamped,
  }
}

/**
 * The most that a request can cost on any of the tariffs, nano-USD, rounded up: dearest input kind × the upper bound of
 * the prompt + dearest output kind × the longest output + the fee per request, over every tier that the prompt can reach.
 * @returns null when no tariff is known; unknown ones among known are left to the caller's policy.
 */
export function worstCase(
  tariffs: Iterable<Tariff | null>,
  size: { readonly promptTokensUpper: number; readonly maxOutput: number; readonly markupPpm?: bigint },
): bigint | null {
  const prompt = BigInt(tokens(size.promptTokensUpper))
  const output = BigInt(tokens(size.maxOutput))
  let worst: bigint | null = null
  for (const tariff of tariffs) {
    if (tariff === null) continue
    const picos = dearest(tariff, size.promptTokensUpper, prompt, output)
    if (worst === null || picos > worst) worst = picos
  }
  return worst === null ? null : ceilDiv(worst * (PPM + (size.markupPpm ?? 0n)), PPM * PICOS_PER_NANO)
}

function dearest(tariff: Tariff, upper: number, prompt: bigint, output: bigint): bigint {
  let worst = 0n
  for (const prices of reachable(tariff, upper)) {
    const input = dearer(prices.prompt, prices.cacheRead, prices.cacheWrite, prices.cacheWrite1h)
    const completion = dearer(prices.completion, prices.reasoning)
    const picos = prompt * input + output * completion + tariff.request
    if (picos > worst) worst = picos
  }
  return worst
}

/** The prices of every step that a prompt of up to `upper` tokens may fall into. */
function* reachable(tariff: Tariff, upper: number): Generator<Prices> {
  yield pricesFor(tariff, 0)
  for (const tier of tariff.tiers) {
    if (upper > tier.minPromptTokens) yield pricesFor(tariff, tier.minPromptTokens + 1)
  }
}

/** The prices that hold for a prompt of that size. */
export function pricesFor(tariff: Tariff, promptTokens: number): Prices {
  let prices: Prices = tariff
  for (const tier of tariff.tiers) {
    // A tier replaces the plain prices, not those of the tier before it (chat/tariff.ts).
    if (promptTokens > tier.minPromptTokens) prices = override(tariff, tier)
  }
  return prices
}

function override(tariff: Tariff, tier: TariffTier): Prices {
  return {
    prompt: tier.prompt ?? tariff.prompt,
    completion: tier.completion ?? tariff.completion,
    cacheRead: tier.cacheRead ?? tariff.cacheRead,
    cacheWrite: tier.cacheWrite ?? tariff.cacheWrite,
    cacheWrite1h: tier.cacheWrite1h ?? tariff.cacheWrite1h,
    reasoning: tier.reasoning ?? tariff.reasoning,
  }
}

/** Tokens by kind that add up to prompt and completion, nonsense forced into range. */
export function count(usage: Usage): Counts {
  const prompt = tokens(usage.promptTokens)
  const completion = tokens(usage.completionTokens)
  const cacheRead = Math.min(tokens(usage.cacheReadTokens), prompt)
  const cacheWrite = Math.min(tokens(usage.cacheWriteTokens), prompt - cacheRead)
  const cacheWrite1h = Math.min(tokens(usage.cacheWrite1hTokens), prompt - cacheRead - cacheWrite)
  const reasoning = Math.min(tokens(usage.reasoningTokens), completion)
  return {
    plain: BigInt(prompt - cacheRead - cacheWrite - cacheWrite1h),
    cacheRead: BigInt(cacheRead),
    cacheWrite: BigInt(cacheWrite),
    cacheWrite1h: BigInt(cacheWrite1h),
    completion: BigInt(completion - reasoning),
    reasoning: BigInt(reasoning),
    prompt,
    clamped: !(possible(usage.promptTokens) && possible(usage.completionTokens)),
  }
}

const possible = (value: number): boolean => value >= 0 && value <= MAX_TOKENS

/** A token count as a safe integer: nonsense becomes 0, the absurd is cut, a fraction counts as a whole token. */
function tokens(value: number): number {
  if (!(value > 0)) return 0
  return value >= MAX_TOKENS ? MAX_TOKENS : Math.ceil(value)
}

function ceilDiv(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor
}

function dearer(...values: (bigint | null)[]): bigint {
  let most = 0n
  for (const value of values) if (value !== null && value > most) most = value
  return most
}
