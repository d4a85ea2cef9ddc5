import type { Json } from '../json.ts'

/** Id of this wire format. */
export const DIALECT = 'openai-responses'

/** Families of sealed reasoning that hosts of this format make. */
export const OPENAI_REASONING = 'openai-responses-v1'
export const AZURE_REASONING = 'azure-openai-responses-v1'
export const XAI_REASONING = 'xai-responses-v1'

/** The family of reasoning that a model of this name makes, as far as the name tells. */
export const familyOf = (model: string): string =>
  /(^|\/)grok/.test(model) ? XAI_REASONING : OPENAI_REASONING

/** Does a target take back reasoning of that family? Azure's is told by its answers: any server may be one. */
export const takesBack = (format: string, named: string | undefined, model: string): boolean =>
  named === undefined ? format === familyOf(model) || format === AZURE_REASONING : format === named

/** `usage` as OpenRouter writes it: the Responses shape plus cost. */
export interface WireUsage {
  input_tokens: number
  input_tokens_details: { cached_tokens: number; cache_write_tokens: number }
  output_tokens: number
  output_tokens_details: { reasoning_tokens: number }
  total_tokens: number
  /** USD, an exact decimal literal; null when no price is known. */
  cost?: unknown
  is_byok?: boolean
  cost_details?: {
    upstream_inference_cost: unknown
    upstream_inference_input_cost: unknown
    upstream_inference_output_cost: unknown
  }
}

export type Status = 'in_progress' | 'completed' | 'incomplete' | 'failed'

/** A response object with every key that official clients require. */
export interface WireResponse extends Json {
  id: string
  object: 'response'
  created_at: number
  completed_at: number | null
  model: string
  status: Status
  output: Json[]
  error: { code: string; message: string } | null
  incomplete_details: { reason: string } | null
  usage: WireUsage | null
}
