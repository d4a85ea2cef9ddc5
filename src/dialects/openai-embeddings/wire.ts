/** Id of this wire format. */
export const DIALECT = 'openai-embeddings'

/** A vector as it may stand on a wire: numbers, or base64 of little-endian 32-bit floats. */
export type Vector = readonly number[] | string

/** The body of an answer. */
export interface WireReply {
  id: string
  object: 'list'
  model: string
  provider: string
  data: { object: 'embedding'; index: number; embedding: Vector }[]
  usage?: WireUsage
  [field: string]: unknown
}

/** `usage` as OpenRouter writes it: nothing is generated, so there are prompt tokens only. */
export interface WireUsage {
  prompt_tokens: number
  total_tokens: number
  /** USD, an exact decimal literal; null when no price is known. */
  cost?: unknown
  is_byok?: boolean
  cost_details?: unknown
}
