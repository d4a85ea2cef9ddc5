import type { Json } from '../json.ts'

/** Id of this wire format. */
export const DIALECT = 'anthropic-messages'

/** The only version of the API; sent as `anthropic-version`. */
export const API_VERSION = '2023-06-01'

/** `format` of reasoning that Claude wrote and signed. */
export const CLAUDE_FORMAT = 'anthropic-claude-v1'

/** `usage` of a message as OpenRouter writes it: Anthropic's shape plus cost. */
export interface WireUsage extends Json {
  input_tokens: number
  output_tokens: number
  cache_creation_input_tokens: number
  cache_read_input_tokens: number
}

/** An answer that is not streamed. */
export interface WireMessage extends Json {
  id: string
  type: 'message'
  role: 'assistant'
  model: string
  provider: string
  content: Json[]
  stop_reason: string | null
  stop_sequence: string | null
  stop_details: unknown
  usage: WireUsage
}

/** The error envelope; also the data of an `error` event. */
export interface WireFailure extends Json {
  type: 'error'
  error: Json
  request_id: string | null
}
