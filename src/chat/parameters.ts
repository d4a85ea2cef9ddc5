import type { CacheMarker } from './request.ts'

/**
 * Parameters of a request in the hub's words, for encoders of another dialect. A member is absent when the client did not
 * set it: defaults are never filled in. Values are as the client gave them; ranges are the provider's to judge.
 */
export interface ChatParameters {
  readonly temperature?: number
  readonly topP?: number
  readonly topK?: number
  readonly topA?: number
  readonly minP?: number
  readonly frequencyPenalty?: number
  readonly presencePenalty?: number
  readonly repetitionPenalty?: number
  readonly seed?: number
  readonly stop?: readonly string[]
  /** Absent for plain text. */
  readonly responseFormat?: ResponseFormat
  readonly toolChoice?: ToolChoice
  readonly parallelToolCalls?: boolean
  readonly logitBias?: Readonly<Record<string, number>>
  readonly logprobs?: boolean
  readonly topLogprobs?: number
  readonly verbosity?: string
  readonly serviceTier?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** Ask for an automatic cache breakpoint at the end of the prompt. */
  readonly cacheControl?: CacheMarker
  readonly promptCacheKey?: string
  /** What has no member of its own, by OpenRouter's name and in its shape, e.g. `prediction`, `web_search_options`. */
  readonly extra: Readonly<Record<string, unknown>>
  /** What only the client's own dialect knows, by name; an encoder of another dialect names each in `dropped`. */
  readonly native?: Readonly<Record<string, unknown>>
}

export type ResponseFormat =
  /** Any JSON object. */
  | { readonly kind: 'json' }
  | {
      readonly kind: 'schema'
      readonly name?: string
      readonly description?: string
      readonly strict?: boolean
      /** JSON Schema. */
      readonly schema: unknown
    }

export type ToolChoice =
  /** `required`: some tool must be called. */
  { readonly kind: 'auto' | 'none' | 'required' } | { readonly kind: 'tool'; readonly name: string }
