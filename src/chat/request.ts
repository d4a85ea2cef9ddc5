import type { ChatParameters } from './parameters.ts'

/** A conversation in the hub's words. Content is always a list of parts. */
export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool'
  readonly content: readonly ContentPart[]
  readonly name?: string
  /** On role `tool`: the call this answers. */
  readonly toolCallId?: string
  readonly isError?: boolean
}

export type ContentPart =
  /** Google signs text as well as tool calls. */
  (
    | { readonly kind: 'text'; readonly text: string; readonly signature?: string }
    /** http(s) or data: URL. */
    | { readonly kind: 'image'; readonly url: string; readonly detail?: string }
    | { readonly kind: 'file'; readonly filename?: string; readonly data?: string; readonly fileId?: string }
    | { readonly kind: 'audio'; readonly data: string; readonly format: string }
    | { readonly kind: 'video'; readonly url: string }
    | {
        readonly kind: 'tool-call'
        readonly id: string
        readonly name: string
        readonly args: string
        readonly signature?: string
      }
    | {
        readonly kind: 'reasoning'
        readonly text?: string
        readonly summary?: string
        readonly signature?: string
        readonly encrypted?: string
        readonly id?: string
        readonly format?: string
      }
    | { readonly kind: 'refusal'; readonly text: string }
    | { readonly kind: 'opaque'; readonly dialect: string; readonly data: unknown }
  ) & { readonly cache?: CacheMarker }

export interface CacheMarker {
  readonly ttl?: '5m' | '1h'
}

export interface ToolDefinition {
  readonly name: string
  readonly description?: string
  readonly parameters?: unknown
  readonly strict?: boolean
  readonly cache?: CacheMarker
}

/**
 * What becomes of a stream that breaks after content was sent. `auto`: another endpoint continues it where one is known to,
 * else answers anew; `continue` and `restart`: only that; `off`: it ends in an error.
 */
export const RESCUE_POLICIES = ['auto', 'continue', 'restart', 'off'] as const
export type RescuePolicy = (typeof RESCUE_POLICIES)[number]

/** `provider` of a request: OpenRouter's routing preferences, checked, with defaults not filled in. */
export interface ProviderPreferences {
  readonly order?: readonly string[]
  readonly only?: readonly string[]
  readonly ignore?: readonly string[]
  readonly allowFallbacks?: boolean
  readonly requireParameters?: boolean
  readonly dataCollection?: 'allow' | 'deny'
  readonly zdr?: boolean
  readonly quantizations?: readonly string[]
  readonly sort?: {
    readonly by: 'price' | 'throughput' | 'latency' | 'exacto'
    readonly partition: 'model' | 'none'
  }
  /** USD per million tokens (prompt, completion) and per call (request) or image, as pico-USD per unit. */
  readonly maxPrice?: {
    readonly prompt?: bigint
    readonly completion?: bigint
    readonly request?: bigint
    readonly image?: bigint
    readonly audio?: bigint
  }
  readonly enforceDistillableText?: boolean
  readonly preferredMinThroughput?: Percentiles
  readonly preferredMaxLatency?: Percentiles
  /** Ours, not OpenRouter's. */
  readonly rescue?: RescuePolicy
}

export interface Percentiles {
  readonly p50?: number
  readonly p75?: number
  readonly p90?: number
  readonly p99?: number
}

/**
 * One client request in the hub's words. What routing, pricing and limits need is a plain field, decoded at once; the
 * conversation and the tools are decoded only when a translation needs them (`messages()`, `tools()`), so that a
 * same-dialect pass costs no walk over the prompt.
 */
export interface ChatRequest {
  /** Dialect the request came in; an encoder of the same dialect may copy `wire` instead of translating. */
  readonly dialect: string
  /** The body as received, frozen by convention: encoders copy before they change. */
  readonly wire: Readonly<Record<string, unknown>>
  /** Models to try, in order, as the client named them (`model` first, then `models[]`); never empty. */
  readonly models: readonly string[]
  readonly stream: boolean
  /** OpenRouter `supported_parameters` names of what the request really uses, e.g. `tools`, `response_format`, `temperature`. */
  readonly parameters: readonly string[]
  /** Input modalities used, always with `text`. */
  readonly inputModalities: readonly ('text' | 'image' | 'file' | 'audio' | 'video')[]
  readonly outputModalities: readonly string[]
  /** Output limit the client asked for (tokens), or null. */
  readonly maxOutputTokens: number | null
  /** The format makes clients give a limit, so theirs is a ceiling: an endpoint that gives less serves within its own. */
  readonly limitIsCeiling?: boolean
  /** Candidates asked for (`n`), at least 1. */
  readonly choices: number
  /** UTF-8 bytes of the text of the prompt and of the tools: a hard upper bound of the tokens of text. */
  readonly promptBytes: number
  /** Embeddings: the longest of inputs that are independent of each other, since each has the context to itself. Absent: `promptBytes`. */
  readonly longestInputBytes?: number
  /** Images, files, audio and video parts in the prompt (count). */
  readonly mediaParts: number
  readonly provider: ProviderPreferences
  readonly reasoning: ReasoningRequest | null
  readonly sessionId: string | null
  readonly user: string | null
  /** What an upstream may be told about the end user: set by the edge (a hash), never the raw `user`. Absent: nothing. */
  readonly endUserHash?: string | null
  /**
   * Extras of the gateway that the request asks for beyond a plain answer, for the edge to serve or refuse: `plugin:<id>`
   * (present and enabled), `server-tool:<type>`, `preset`, `transforms`, `debug`.
   */
  readonly extras?: readonly string[]
  /** Text that the answer repeats before its own (legacy completions with `echo`). */
  readonly echo?: string
  /** Beta features of an API that the client asked for by header (`anthropic-beta`), for upstreams of the same API. */
  readonly betas?: readonly string[]
  /** What the edge took out, since no provider may be asked for it; named in `dropped` of every attempt. */
  readonly withheld?: readonly Dropped[]
  /** The parameters that the client set; for encoders of another dialect. */
  parameterValues(): ChatParameters
  messages(): readonly ChatMessage[]
  tools(): readonly ToolDefinition[]
}

export interface ReasoningRequest {
  readonly effort?: 'max' | 'xhigh' | 'high' | 'medium' | 'low' | 'minimal' | 'none'
  readonly maxTokens?: number
  readonly exclude?: boolean
  readonly enabled?: boolean
  readonly summary?: string
}

/** A request parameter that the target could not take, and why; shown in the waybill and reason to skip under `require_parameters`. */
export interface Dropped {
  readonly parameter: string
  readonly reason: string
}
