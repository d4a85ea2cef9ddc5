import type {
  ChatEvent,
  ChatRequest,
  Cost,
  Dropped,
  FinishReason,
  GatewayError,
  UpstreamError,
  Usage,
} from '../chat/index.ts'
import type { Kept } from './kept.ts'

/** One unit of an upstream's stream, after framing. */
export type Frame =
  | { readonly kind: 'sse'; readonly event: string | null; readonly data: string }
  | {
      readonly kind: 'aws-eventstream'
      readonly headers: Readonly<Record<string, string>>
      readonly payload: Uint8Array
    }
  | { readonly kind: 'jsonl'; readonly data: string }

export type Framing = Frame['kind']

/** Facts of the answer that are ours to tell, whatever the provider says. */
export interface ReplyMeta {
  /** `gen-…` */
  readonly id: string
  /** Unix seconds. */
  readonly created: number
  /** Catalog id of the model that answers. */
  readonly model: string
  /** Display name of the provider, e.g. `Groq`. */
  readonly provider: string
  /** Surface specifics, e.g. whether the client asked to see reasoning. */
  readonly hideReasoning: boolean
  /** Longest event accepted from a stream, bytes; 1 MiB when absent. Answers with images need more. */
  readonly maxFrameBytes?: number
  /** The request that is answered: formats that repeat parts of it (Responses) or rename its tools read it. */
  readonly request?: ChatRequest
  /** Another endpoint may have to go on with this answer, so what is delivered of it has to be kept. */
  readonly keepDelivered?: boolean
  /** How the answering provider differs from its dialect, for answers that tell too little to be read alone. */
  readonly quirks?: Quirks
}

/** What an encoder has to know about the target: routing's endpoint, seen from the wire. */
export interface WireTarget {
  /** The model's name at the provider. */
  readonly upstreamId: string
  readonly maxOutput: number | null
  /** Named quirks of the provider, from its data file. */
  readonly quirks: Quirks
  /** Parameters (OpenRouter names) that the endpoint takes; null when unknown, then all are sent. */
  readonly supportedParameters: readonly string[] | null
}

/** The closed list of ways in which a provider differs from its dialect. Documented on each field. */
export interface Quirks {
  /** Body fields to rename: hub/dialect name → provider's name. */
  readonly rename?: Readonly<Record<string, string>>
  /** Body fields that the provider refuses; dropped, and named in `dropped`. */
  readonly unsupported?: readonly string[]
  /** The provider refuses `stream_options`; usage comes without asking. */
  readonly noStreamOptions?: boolean
  /** How the provider wants OpenRouter's `reasoning`: as `reasoning_effort`, as the object itself, as `enable_thinking`, as `thinking: {type}` alone or with `reasoning_effort` beside it (`thinking-effort`), or not at all. */
  readonly reasoning?: 'effort' | 'object' | 'enable-thinking' | 'thinking-type' | 'thinking-effort' | 'none'
  /** Values of `reasoning_effort` the provider takes, weakest first; others become the nearest. Default: `none` to `xhigh`. */
  readonly efforts?: readonly string[]
  /**
   * How reasoning of earlier turns is sent back in assistant messages: as `reasoning_content`, as `reasoning`, as
   * `reasoning_details` untouched, or left out. Default by `reasoning`: `object` → details, `enable-thinking` and
   * `thinking-…` → content, else none.
   */
  readonly replayReasoning?: 'content' | 'reasoning' | 'details' | 'none'
  /** Responses: the family of sealed reasoning that the provider takes back (`reasoning_details[].format`). Default: `openai-responses-v1`. */
  readonly reasoningFormat?: string
  /** The provider takes `cache_control` markers; elsewhere they are removed, since OpenAI refuses them. Default: true where `reasoning` is `object`. */
  readonly cacheControl?: boolean
  /** Role `developer` must become `system`. */
  readonly noDeveloperRole?: boolean
  /**
   * The provider goes on with an assistant's message at the end of the conversation, and how it is told to: `plain`: it
   * always does; `prefix` or `partial`: by that member of the message; `continue_final_message`: by that field of the
   * body (vLLM, SGLang). Absent: it is not known to, and is never asked.
   */
  readonly assistantPrefix?: AssistantPrefix
  /** Fields added to every body. */
  readonly extraBody?: Readonly<Record<string, unknown>>
  /** How the provider's embeddings differ; `unsupported` above holds for them too. */
  readonly embeddings?: EmbeddingQuirks
}

export type AssistantPrefix = 'plain' | 'prefix' | 'partial' | 'continue_final_message'

export interface EmbeddingQuirks {
  /** Name of `dimensions` where it is another. */
  readonly dimensions?: string
  /** Values of `encoding_format` that may be sent; others are converted here. Default: all. */
  readonly encodings?: readonly ('float' | 'base64')[]
  /** Words for OpenRouter's `input_type`; absent: the provider has none, and it is dropped. `any`: it takes all of them. */
  readonly inputTypes?: InputTypes | 'any'
  /** Sent where the client says no `input_type` and the provider insists on one. */
  readonly usualInputType?: string
  /** Vectors come as base64 of one signed byte a number, whatever is asked for. */
  readonly int8?: boolean
  /** Google's older API: Vertex embeds by `:predict`. */
  readonly predict?: boolean
}

/** A provider's word for each purpose that an embedding can serve; absent where it has none. */
export type InputTypes = Readonly<Partial<Record<InputPurpose, string>>>

export type InputPurpose =
  | 'query'
  | 'document'
  | 'classification'
  | 'clustering'
  | 'similarity'
  | 'question'
  | 'fact'
  | 'code'

export interface EncodedRequest<Wire = unknown> {
  /** Below the base URL, with query, e.g. `/chat/completions`. */
  readonly path: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Wire
  readonly dropped: readonly Dropped[]
}

/** Where a client's request came from; pure facts, no socket. */
export interface RequestTarget {
  readonly path: string
  readonly query: string
  /** Reads a request header by its lower-case name. */
  readonly headers?: (name: string) => string | undefined
}

/** What has been seen of an answer so far; the relay reads it after every push. */
export interface StreamSeen {
  /** True once content (text, reasoning, tool, image, …) that a client can see has arrived. */
  readonly content: boolean
  /** Last usage reported, or null. */
  readonly usage: Usage | null
  /** Set once the provider said why it ended. */
  readonly finish: { readonly reason: FinishReason; readonly native: string | null } | null
  /** An error inside the stream. */
  readonly error: UpstreamError | null
  /** The provider's own end mark (`[DONE]`, `message_stop`, …) has been seen. */
  readonly done: boolean
  /** UTF-8 bytes of output (text, reasoning, tool arguments) seen: basis of an estimate when usage is missing. */
  readonly outputBytes: number
  readonly upstreamId: string | null
}

/**
 * One stream on its way from an upstream to a client: bytes in, bytes out. Terminal frames (the finish, usage, the end
 * mark) are held back until the money is settled: `push` never returns them, `finish` does.
 * Also the shape of the whole reply when not streamed: push everything, end, finish.
 */
export interface StreamPipe {
  readonly seen: StreamSeen
  /**
   * Takes upstream bytes at any boundaries; returns what may go to the client now, or null. What cannot be read is
   * `seen.error`, or a thrown GatewayError, `provider_protocol`.
   */
  push(chunk: Uint8Array): Uint8Array | null
  /** The upstream closed. After it `seen.finish === null` means the answer was cut. */
  end(): void
  /** The terminal bytes of a good end: finish, usage with cost, end mark. */
  finish(usage: Usage, cost: Cost): Uint8Array
  /** The terminal bytes of a bad end after content was sent: an error event in the client's shape, never a success. */
  fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array
  /**
   * The answer so far, for another endpoint to go on with (`rescuePipe`); null when that would not be sound, absent on
   * whole replies. Needs `meta.keepDelivered`. After it the pipe is used for `fail` at most.
   */
  handOver?(): Handover | null
}

/** A client's stream that waits to be continued. */
export interface Handover {
  /** All the text that the client has been given. */
  readonly text: string
  readonly kept: Kept
  /** Goes on exactly where the client's stream stopped. */
  readonly encoder: StreamEncoder
  /** Said already, but not yet sent. */
  readonly pending: string
}

/** The beginning of an answer that an endpoint is asked to go on with. */
export interface AnswerPrefix {
  /** Without white space at its end. */
  readonly text: string
  /** About so many tokens: the limit of the output is lowered by them. */
  readonly tokens: number
}

/** What it takes to call a provider: a wire format as pure data-in/data-out functions. No fetch, no clock, no env, no ids invented. */
export interface UpstreamDialect<Wire = unknown> {
  readonly id: string
  readonly framing: Framing
  encodeRequest(chat: ChatRequest, target: WireTarget): EncodedRequest<Wire>
  /**
   * Throws GatewayError `provider_protocol` when the reply is not of the dialect. `meta` tells whose reasoning it is where
   * one format carries models of many makers.
   */
  decodeReply(reply: unknown, meta?: ReplyMeta): ChatEvent[]
  createStreamDecoder(meta?: ReplyMeta): StreamDecoder
  decodeError(
    status: number,
    header: (name: string) => string | undefined,
    body: string,
    nowMs: number,
  ): UpstreamError
  /** Same dialect on both sides: bytes pass with as little change as the contract allows. */
  createPassthrough?(meta: ReplyMeta, stream: boolean): StreamPipe
  /** Id of the client format that `createPassthrough` writes, where it is not this dialect's own: hosts that wrap the format of others. */
  readonly passesTo?: string
  /**
   * The encoded request with the beginning of its answer, at an endpoint that is known to go on with one; null at all
   * others. Source of who does: quirk `assistantPrefix`, and the makers' pages on prefilled answers.
   */
  continueAnswer?(
    encoded: EncodedRequest<Wire>,
    prefix: AnswerPrefix,
    target: WireTarget,
  ): EncodedRequest<Wire> | null
  /** Longest event of a text stream, bytes, where it is more than the usual 1 MiB. */
  readonly largestFrameBytes?: number
  /** The provider's free call that counts the tokens of a prompt, where it has one. */
  readonly counting?: TokenCounting
}

export interface TokenCounting {
  encodeCount(chat: ChatRequest, target: WireTarget): EncodedRequest
  /** Tokens of the prompt, or null when the reply does not say. */
  decodeCount(reply: unknown): number | null
}

/** A wire format that clients speak. */
export interface ClientDialect<Wire = unknown> {
  readonly id: string
  readonly framing: Framing
  decodeRequest(body: unknown, target: RequestTarget): ChatRequest
  encodeReply(events: readonly ChatEvent[], meta: ReplyMeta): Wire
  createStreamEncoder(meta: ReplyMeta): StreamEncoder
  encodeError(error: GatewayError, id: string | null): { status: number; body: Wire }
  /**
   * The body of an answer (status 200, streamed or whole) for an error that this format tells as one, e.g. a full context
   * as an incomplete response; null: it is an HTTP error. For errors before anything was sent.
   */
  answerError?(error: GatewayError, meta: ReplyMeta, stream: boolean): string | null
}

/** A wire format that clients and providers speak. */
export interface Dialect<Wire = unknown> extends UpstreamDialect<Wire>, ClientDialect<Wire> {}

export interface StreamDecoder {
  /** The provider's own end mark has been seen; absent where a dialect has none but the end of the stream. */
  readonly done?: boolean
  push(frame: Frame): ChatEvent[]
  /** Called at the end of the stream; a truncated one yields an `error` event (`provider_cut`). */
  end(): ChatEvent[]
}

export interface StreamEncoder {
  push(event: ChatEvent): string
  end(): string
}
