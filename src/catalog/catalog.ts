import type { Tariff } from '../chat/index.ts'

/** A model as users name it. */
export interface Model {
  /** `author/name`, with a static variant suffix where the catalog has one (`…:free`). */
  readonly id: string
  readonly canonicalSlug: string
  readonly name: string
  readonly description: string
  /** Unix seconds of release; 0 when nobody knows. */
  readonly created: number
  /** Tokens; 0 when nobody knows. */
  readonly contextLength: number
  readonly maxOutput: number | null
  readonly inputModalities: readonly string[]
  readonly outputModalities: readonly string[]
  readonly tokenizer: string
  readonly instructType: string | null
  readonly huggingFaceId: string | null
  readonly knowledgeCutoff: string | null
  readonly expirationDate: string | null
  /** OpenRouter `supported_parameters` names; the union over its endpoints. */
  readonly supportedParameters: readonly string[]
  /** Reasons unless told not to: gets the longer first-token timeout. */
  readonly reasoning: boolean
  /** Whether its maker allows others to train on its answers; null or absent: nobody knows. */
  readonly distillable?: boolean | null
  /** Other names that lead here (old slugs, provider ids). */
  readonly aliases: readonly string[]
  /** Where each group of facts comes from; null where there is none. */
  readonly provenance?: Readonly<
    Record<'name' | 'release' | 'limits' | 'modalities' | 'cutoff', Source | null>
  >
}

/** Where a fact comes from, and as of when (YYYY-MM-DD). */
export interface Source {
  readonly name: string
  readonly asOf: string
}

/** A model at a provider: what routing chooses. */
export interface Endpoint {
  /** `<model id>@<tag>`; unique and stable. */
  readonly id: string
  readonly modelId: string
  readonly providerId: string
  readonly providerName: string
  /** Provider slug with region, tier or quantization suffix (`deepinfra/turbo`): what `provider.order/only/ignore` match. */
  readonly tag: string
  /** The model's name at the provider. */
  readonly upstreamId: string
  readonly dialect: string
  readonly contextLength: number
  readonly maxOutput: number | null
  readonly maxPrompt: number | null
  readonly quantization: string
  /** null: unknown price, unusable for paid traffic. */
  readonly tariff: Tariff | null
  readonly supportedParameters: readonly string[]
  readonly inputModalities: readonly string[]
  readonly outputModalities: readonly string[]
  readonly implicitCaching: boolean
  /** Serves tests only (`sim/*`): never chosen by routers or fallbacks, never in real spend. */
  readonly simulated: boolean
  readonly reasoning: boolean
  /** Where the price (or, without one, the limits) comes from and as of when. */
  readonly source: Source
  /** The same for each group of facts; null where there is none. */
  readonly provenance?: Readonly<Record<'price' | 'limits' | 'modalities' | 'parameters', Source | null>>
}

/** A model asked for by name, with the dynamic suffixes taken off. */
export interface Resolved {
  readonly model: Model
  readonly endpoints: readonly Endpoint[]
  /** Dynamic variants in the name: `nitro`, `floor`, `exacto`, `online`; `thinking` where no row of the catalog stands for it. */
  readonly variants: readonly string[]
}

/** An immutable snapshot; a refresh or a change of configuration makes a new one. */
export interface Catalog {
  /** Content-derived; waybills name it. */
  readonly version: string
  readonly models: readonly Model[]
  readonly endpoints: readonly Endpoint[]
  /** Every model with its endpoints, in catalog order; the same list for as long as the snapshot lives. */
  readonly all: readonly Resolved[]
  /** The newest model of every line by its alias, `~author/family-latest`. */
  readonly latest: ReadonlyMap<string, Resolved>
  /** Finds by id, alias, canonical slug, `~…-latest`, older spellings, with or without variant suffixes; undefined when unknown. */
  resolve(name: string): Resolved | undefined
  endpoint(id: string): Endpoint | undefined
  /** Closest model ids to a wrong name, best first, at most `limit`. */
  suggest(name: string, limit: number): string[]
}
