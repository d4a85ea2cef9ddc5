import { FREE } from '../catalog/index.ts'
import type { Tariff } from '../chat/index.ts'
import type { Path } from './problem.ts'
import type { FilePrice } from './schema.ts'
import { parseDecimal } from './units.ts'

/** A dollar per million tokens is 10^6 pico-dollars per token; a dollar per call is 10^12. */
const PER_TOKEN = 6
const PER_CALL = 12
/** Above every price ever asked, below every slip of a decimal point that would matter: a million dollars. */
const HIGHEST = 10n ** 12n

/**
 * The tariff of a price in the file, exact to the pico-dollar. What cannot be told exactly is reported, never rounded;
 * the version is made of the figures, so equal prices have equal versions.
 */
export function tariffOf(
  price: FilePrice,
  path: Path,
  problem: (path: Path, message: string) => void,
): Tariff {
  if (price === 'free') return FREE
  const figure = (key: Exclude<keyof typeof price, never>, scale: number): bigint | null => {
    const text = price[key]
    if (text === undefined) return null
    const exact = parseDecimal(text, scale)
    if (exact === 'finer') {
      problem([...path, key], `has more than ${scale} decimals; prices are kept to a pico-dollar.`)
    } else if (exact === null || (scale === PER_TOKEN && exact > HIGHEST)) {
      problem([...path, key], 'is over a million dollars; is it in USD per million tokens?')
    } else return exact
    return 0n
  }
  const prices = {
    prompt: figure('prompt', PER_TOKEN) ?? 0n,
    completion: figure('completion', PER_TOKEN) ?? 0n,
    cacheRead: figure('cache_read', PER_TOKEN),
    cacheWrite: figure('cache_write', PER_TOKEN),
    cacheWrite1h: figure('cache_write_1h', PER_TOKEN),
    reasoning: figure('reasoning', PER_TOKEN),
    request: figure('request', PER_CALL) ?? 0n,
  }
  const version = `config:${Object.values(prices)
    .map((value) => value ?? '-')
    .join(':')}`
  return Object.freeze({ version, ...prices, tiers: Object.freeze([]) })
}
