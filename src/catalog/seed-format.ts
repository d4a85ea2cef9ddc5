import type { TariffText } from './tariff.ts'

/** Where a fact comes from: a package and the date of its data. */
export interface SeedSource {
  readonly name: string
  readonly asOf: string
}

/** A model in seed/models.json. */
export interface SeedModel {
  readonly id: string
  readonly name: string
  /** Unix seconds; absent when no source dates the release. */
  readonly created?: number
  readonly context: number
  readonly maxOutput?: number
  readonly input: string
  readonly output: string
  readonly tokenizer: string
  readonly huggingFaceId?: string
  readonly cutoff?: string
  readonly reasoning?: true
  readonly aliases?: readonly string[]
  /** Codes of the sources of: name, release, limits, modalities, cutoff (`-` where absent). */
  readonly from: string
}

/** An endpoint in seed/endpoints.json; its model's id and its provider's slug make its id with `suffix`. */
export interface SeedEndpoint {
  readonly model: string
  readonly provider: string
  readonly suffix?: string
  readonly upstream: string
  /** Only where it is not the provider's usual one. */
  readonly dialect?: string
  readonly context: number
  readonly maxOutput?: number
  readonly maxPrompt?: number
  readonly quantization?: string
  readonly price?: TariffText
  /** Index into `parameters`. */
  readonly parameters: number
  readonly input: string
  readonly output: string
  readonly reasoning?: true
  readonly caching?: true
  /** Codes of the sources of: price, limits, modalities, parameters (`-` where absent). */
  readonly from: string
}

export interface SeedModels {
  readonly version: string
  readonly sources: Readonly<Record<string, SeedSource>>
  readonly models: readonly SeedModel[]
}

export interface SeedEndpoints {
  readonly providers: Readonly<Record<string, { readonly name: string; readonly dialect: string }>>
  /** Sets of `supported_parameters` names. */
  readonly parameters: readonly (readonly string[])[]
  readonly endpoints: readonly SeedEndpoint[]
}
