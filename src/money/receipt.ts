import type { Tariff, Usage } from '../chat/index.ts'
import { count, pricesFor } from './price.ts'

/** One line of the arithmetic behind a charge. */
export interface ReceiptLine {
  readonly what:
    | 'input'
    | 'cached input'
    | 'cache write'
    | 'cache write, 1 hour'
    | 'output'
    | 'reasoning'
    | 'request'
  /** Tokens; 1 for the fee per request. */
  readonly quantity: bigint
  /** pUSD for each. */
  readonly picosEach: bigint
  /** Exact product, pUSD. */
  readonly picos: bigint
}

export interface Receipt {
  /** Those with a quantity, in the order of the bill; their sum is `picos`. */
  readonly lines: readonly ReceiptLine[]
  /** Exact price before markup, pUSD. */
  readonly picos: bigint
  /** What cached input would have cost more as plain input, pUSD; may be negative. */
  readonly savedPicos: bigint
  /** The same less what writing to the cache cost more than plain input. */
  readonly discountPicos: bigint
}

/** The price of a usage line by line: the same counts, tiers and fallbacks as `quote`, whose `picos` is the sum. */
export function itemize(tariff: Tariff, usage: Usage): Receipt {
  const counts = count(usage)
  const prices = pricesFor(tariff, counts.prompt)
  const cacheRead = prices.cacheRead ?? prices.prompt
  const cacheWrite = prices.cacheWrite ?? prices.prompt
  const all: [ReceiptLine['what'], quantity: bigint, picosEach: bigint][] = [
    ['input', counts.plain, prices.prompt],
    ['cached input', counts.cacheRead, cacheRead],
    ['cache write', counts.cacheWrite, cacheWrite],
    ['cache write, 1 hour', counts.cacheWrite1h, prices.cacheWrite1h ?? cacheWrite],
    ['output', counts.completion, prices.completion],
    ['reasoning', counts.reasoning, prices.reasoning ?? prices.completion],
    ['request', tariff.request === 0n ? 0n : 1n, tariff.request],
  ]
  const lines = all
    .filter(([, quantity]) => quantity > 0n)
    .map(([what, quantity, picosEach]) => ({ what, quantity, picosEach, picos: quantity * picosEach }))
  const savedPicos = counts.cacheRead * (prices.prompt - cacheRead)
  const surcharge =
    counts.cacheWrite * (cacheWrite - prices.prompt) +
    counts.cacheWrite1h * ((prices.cacheWrite1h ?? cacheWrite) - prices.prompt)
  return {
    lines,
    picos: lines.reduce((sum, { picos }) => sum + picos, 0n),
    savedPicos,
    discountPicos: savedPicos - surcharge,
  }
}
