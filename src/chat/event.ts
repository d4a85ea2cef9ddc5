import type { ErrorCode, ErrorMetadata } from './errors.ts'
import type { Cost, Usage } from './usage.ts'

/** Why a generation ended, in OpenRouter's normalised vocabulary. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'error'

/** The blocks an answer is made of. `id` and `name` of tools are as the provider gave them. */
export type Block =
  | { readonly kind: 'text' }
  /** `format` names the provider family of the reasoning (openrouter `reasoning_details[].format`). */
  | { readonly kind: 'reasoning'; readonly format?: string; readonly id?: string }
  | { readonly kind: 'tool'; readonly id: string; readonly name: string }
  | { readonly kind: 'server-tool'; readonly id: string; readonly name: string }
  | { readonly kind: 'refusal' }
  | { readonly kind: 'image'; readonly mediaType?: string }
  | { readonly kind: 'audio'; readonly id?: string }
  /** Something only its own dialect understands, kept so that it can be sent back unchanged. */
  | { readonly kind: 'opaque'; readonly dialect: string; readonly data: unknown }

/**
 * What is added to an open block. Strings append. `signature` and `encrypted` belong to reasoning; Google signs text and
 * tool calls too. `result` is what a server tool returned, or its item as the provider wrote it.
 */
export type BlockDelta =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'reasoning'; readonly text: string; readonly summary?: boolean }
  | { readonly kind: 'signature'; readonly signature: string }
  | { readonly kind: 'encrypted'; readonly data: string }
  | { readonly kind: 'args'; readonly json: string }
  | { readonly kind: 'result'; readonly data: unknown }
  | { readonly kind: 'refusal'; readonly text: string }
  /** An image by URL (http or data:). */
  | { readonly kind: 'image'; readonly url: string }
  | {
      readonly kind: 'audio'
      readonly data?: string
      readonly transcript?: string
      readonly expiresAt?: number
    }
  | { readonly kind: 'opaque'; readonly data: unknown }

/**
 * One step of an answer, the same for streamed and whole replies. A closed union: switches over it end in `never`.
 * `index` numbers blocks within their candidate in order of appearance; `choice` is the candidate (n > 1), 0 when absent.
 * Several blocks of kind `tool` may be open at once (their arguments can come mixed); all others open one at a time.
 */
export type ChatEvent =
  | {
      readonly type: 'start'
      readonly id: string
      readonly model: string
      readonly created?: number
      readonly serviceTier?: string
      readonly systemFingerprint?: string | null
    }
  | { readonly type: 'block-start'; readonly index: number; readonly choice?: number; readonly block: Block }
  | {
      readonly type: 'block-delta'
      readonly index: number
      readonly choice?: number
      readonly delta: BlockDelta
      readonly logprobs?: unknown
    }
  | { readonly type: 'block-stop'; readonly index: number; readonly choice?: number }
  | {
      readonly type: 'citation'
      readonly choice?: number
      readonly index?: number
      readonly citation: Citation
    }
  /** Cumulative; `cost` is set only on the one that the relay emits after the settle. */
  | { readonly type: 'usage'; readonly usage: Usage; readonly cost?: Cost; readonly raw?: unknown }
  | {
      readonly type: 'finish'
      readonly choice?: number
      readonly reason: FinishReason
      readonly native: string | null
      readonly stopSequence?: string
      readonly details?: unknown
      readonly logprobs?: unknown
    }
  /** `metadata` adds facts for the client's error envelope, e.g. the provider's name. */
  | { readonly type: 'error'; readonly error: UpstreamError; readonly metadata?: ErrorMetadata }
  | { readonly type: 'opaque'; readonly dialect: string; readonly data: unknown }

export interface Citation {
  readonly url: string | null
  readonly title: string | null
  readonly text: string | null
  /** Character offsets in the answer's text, when known. */
  readonly start: number | null
  readonly end: number | null
  /** The citation as the provider wrote it. */
  readonly raw: unknown
}

/** What an upstream's failure means, decoded from its status, headers and body by the dialect. */
export interface UpstreamError {
  readonly code: ErrorCode
  /** HTTP status the provider answered with; 200 for an error inside a stream or a 200 body. */
  readonly status: number
  /** The provider's own words; goes to the client once, never to disk or logs. */
  readonly message: string
  /** The provider's error code or type, e.g. `insufficient_quota`. Short and free of user text. */
  readonly providerCode: string | null
  /** From Retry-After (seconds or date), reset headers or the body; ms from now; null when the provider said nothing. */
  readonly retryAfterMs: number | null
}
