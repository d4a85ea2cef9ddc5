import type { Json } from '../json.ts'

/** Ids of this wire format. */
export const DIALECT = 'openai-chat'

/** `usage` as OpenRouter writes it: OpenAI's shape plus cost. */
export interface WireUsage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  /** USD, an exact decimal literal; null when no price is known. */
  cost?: unknown
  is_byok?: boolean
  prompt_tokens_details: {
    cached_tokens: number
    cache_write_tokens: number
    audio_tokens: number
    video_tokens: number
  }
  completion_tokens_details: { reasoning_tokens: number; image_tokens: number; audio_tokens: number }
  cost_details?: {
    upstream_inference_cost: unknown
    upstream_inference_prompt_cost: unknown
    upstream_inference_completions_cost: unknown
  }
}

/** The body of an answer that is not streamed. */
export interface WireReply extends Json {
  id: string
  object: 'chat.completion'
  created: number
  model: string
  provider: string
  choices: Json[]
  system_fingerprint: string | null
  usage?: WireUsage
}

/** The error envelope, and the `error` of a chunk. */
export interface WireError {
  code: number
  message: string
  metadata: Json
}
