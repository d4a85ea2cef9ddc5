import type { Price, PriceTier } from './observation.ts'

type Rate = number | { base: number; tiers: { start: number; price: number }[] } | undefined
type Rates = Record<string, Rate>

/** A model in genai-prices' table. */
export interface GenaiModel {
  readonly id: string
  readonly name?: string
  readonly context_window?: number
  readonly deprecated?: boolean
  readonly prices:
    | Rates
    | readonly {
        readonly prices: Rates
        readonly constraint?: { readonly type: string; readonly start_date?: string }
      }[]
}

/** Units besides text tokens that a price may name; an endpoint that bills by one of these has no tariff of ours. */
const FOREIGN = [
  'audio_hours',
  'input_audio_hours',
  'input_document_kpages',
  'input_text_messages_kcount',
  'input_annotated_document_kpages',
]

/**
 * The price that is valid at a date. Where the price depends on the hour, the dearest hour counts: a hold and a charge
 * must never be below what the provider bills.
 * @param asOf YYYY-MM-DD
 */
export function genaiPrice(model: GenaiModel, asOf: string): Price | undefined {
  if (!Array.isArray(model.prices)) return toPrice(model.prices as Rates)
  const list = model.prices as Exclude<GenaiModel['prices'], Rates>
  const dated = list.filter(({ constraint }) => !constraint || (constraint.start_date ?? asOf) <= asOf)
  const hourly = dated
    .filter(({ constraint }) => constraint?.type === 'time_of_date')
    .map(({ prices }) => toPrice(prices))
  const current = toPrice(
    dated.filter(({ constraint }) => constraint?.type !== 'time_of_date').at(-1)?.prices ?? {},
  )
  return [current, ...hourly].reduce((dearest, price) =>
    (price?.output ?? 0) > (dearest?.output ?? 0) ? price : dearest,
  )
}

function toPrice(rates: Rates): Price | undefined {
  if (FOREIGN.some((unit) => unit in rates)) return undefined
  const base = (key: string) => (typeof rates[key] === 'object' ? rates[key].base : rates[key])
  const input = base('input_mtok')
  const output = base('output_mtok')
  if (!input && !output) return undefined
  const price: Record<string, unknown> = { input: input ?? 0, output: output ?? 0 }
  for (const [key, name] of NAMES.slice(2)) if (base(key)) price[name] = base(key)
  const tiers = toTiers(rates)
  if (tiers.length > 0) price['tiers'] = tiers
  return price as unknown as Price
}

const NAMES = [
  ['input_mtok', 'input'],
  ['output_mtok', 'output'],
  ['cache_read_mtok', 'cacheRead'],
  ['cache_write_mtok', 'cacheWrite'],
  ['cache_write_1h_mtok', 'cacheWrite1h'],
  ['output_reasoning_mtok', 'reasoning'],
  ['requests_kcount', 'request'],
] as const

function toTiers(rates: Rates): PriceTier[] {
  const tiers = new Map<number, Record<string, number>>()
  for (const [key, name] of NAMES) {
    const rate = rates[key]
    if (typeof rate !== 'object') continue
    for (const { start, price } of rate.tiers)
      tiers.set(start, { ...tiers.get(start), above: start, [name]: price })
  }
  return [...tiers.values()].sort((a, b) => (a['above'] ?? 0) - (b['above'] ?? 0)) as unknown as PriceTier[]
}

/** Whether audio in the prompt costs something else than text. */
export function pricesAudio(model: GenaiModel): boolean {
  const lists = Array.isArray(model.prices)
    ? model.prices.map(({ prices }) => prices)
    : [model.prices as Rates]
  return lists.some((rates: Rates) => 'input_audio_mtok' in rates)
}
