import type { SourceId } from './download.ts'

/** Prices in USD per million tokens (`request`: USD per thousand calls), as a source writes them. */
export interface Price {
  readonly input: number
  readonly output: number
  readonly cacheRead?: number
  readonly cacheWrite?: number
  readonly cacheWrite1h?: number
  readonly reasoning?: number
  readonly request?: number
  readonly tiers?: readonly PriceTier[]
}

/** Prices that apply to the whole call when the prompt is longer than `above` tokens. */
export interface PriceTier {
  readonly above: number
  readonly input?: number
  readonly output?: number
  readonly cacheRead?: number
  readonly cacheWrite?: number
  readonly cacheWrite1h?: number
}

/** What one source says about one model at one provider; absent means that it does not say. */
export interface Observation {
  readonly source: SourceId | 'curated'
  /** Our provider slug. */
  readonly provider: string
  /** The provider's own name of the model. */
  readonly upstreamId: string
  readonly name?: string
  readonly price?: Price
  readonly context?: number
  readonly maxOutput?: number
  readonly maxPrompt?: number
  readonly input?: readonly string[]
  readonly output?: readonly string[]
  readonly reasoning?: boolean
  readonly tools?: boolean
  readonly structured?: boolean
  readonly temperature?: boolean
  /** Wire format when it is not the provider's usual one. */
  readonly dialect?: string
  /** Withdrawn or about to be. */
  readonly retired?: boolean
  /** Audio in the prompt has a price of its own. */
  readonly audioPriced?: boolean
  /** YYYY-MM-DD. */
  readonly released?: string
  /** YYYY-MM or YYYY-MM-DD. */
  readonly knowledge?: string
}
