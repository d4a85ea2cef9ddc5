import type { Endpoint } from '../catalog/index.ts'
import type {
  ChatRequest,
  ErrorCode,
  FinishReason,
  GatewayError,
  Meter,
  RescuePolicy,
  Settled,
  Usage,
} from '../chat/index.ts'
import type { ClientDialect, UpstreamDialect, WireTarget } from '../dialects/index.ts'
import type { Clock, Wheel } from '../lib/index.ts'
import type { Plan } from '../routing/index.ts'
import type { AttemptTrace } from './trace.ts'
import type { Transport } from './transport.ts'

/** The client's side of a request; `http/` implements it over its response. */
export interface Sink {
  /** The client has gone, or everything has been written. */
  readonly closed: boolean
  /** Takes the callbacks from now on; null takes them off. */
  listen(listener: SinkListener | null): void
  /** Status and headers (flat list) of a streamed answer; they leave with the first `write` or `end`. */
  head(status: number, headers: readonly string[]): void
  /** False: the client reads slowly, hold back until `onSinkDrain`. */
  write(chunk: Uint8Array): boolean
  /** Ends a streamed answer. */
  end(chunk: Uint8Array | null): void
  /** A whole answer with its length. */
  reply(status: number, headers: readonly string[], body: Uint8Array | string): void
  /** Cuts the connection, so that the client can't take what it has for a whole answer. */
  abort(): void
}

export interface SinkListener {
  onSinkDrain(): void
  /** The client left before the end, or was cut for not reading. */
  onSinkClose(): void
}

/** All in ms. */
export interface Timeouts {
  readonly connectMs: number
  /** `auto`: by the pace of the endpoint and the kind of model (deadline.ts). A figure is taken as it is. */
  readonly firstTokenMs: number | 'auto'
  /** Longest silence inside an answer; doubled for reasoning endpoints. */
  readonly idleMs: number
  /** From the start of the relay to the last byte, all attempts together. */
  readonly totalMs: number
}

export interface RelayCall {
  /** `gen-…` */
  readonly id: string
  readonly request: ChatRequest
  /** The dialect the client speaks. */
  readonly client: ClientDialect
  readonly plan: Plan
  readonly meter: Meter
  readonly sink: Sink
  readonly timeouts: Timeouts
  /** Gets one entry an attempt as it goes. */
  readonly trace: AttemptTrace[]
  /** Unix seconds. */
  readonly created: number
  readonly hideReasoning: boolean
  /** What becomes of an answer that breaks after content was sent; absent: `auto`. */
  readonly rescue?: RescuePolicy
}

/** Where a call goes, ready for the transport. */
export interface Address {
  /** `https://host[:port]` */
  readonly origin: string
  /** With query. */
  readonly path: string
  /** Flat list with authorization and configured headers. */
  readonly headers: readonly string[]
}

/** How an endpoint is reached with one credential. */
export interface Target {
  /** The address of a call from the dialect's path and the headers it needs (lower-case names). May throw GatewayError. */
  readonly address: (path: string, headers: readonly (readonly [string, string])[]) => Address
  /** Adds to an address what depends on the body and the time (AWS signatures); absent where a key is all. `nowMs` is the wall clock. */
  readonly sign?: (address: Address, body: string, nowMs: number) => Address
  /** Null when the target can be called at once, as nearly always; else a promise of it (a token is fetched), which rejects with GatewayError. Absent where nothing has to be fetched. */
  readonly ready?: () => Promise<void> | null
  /** Names the credential in traces and health; null for keyless access. */
  readonly credentialId: string | null
  /** The provider stops generating and billing when its connection is closed. */
  readonly cancelStopsBilling: boolean
  readonly wire: WireTarget
}

/** Where outcomes go, and who may be asked; routing's health book. `nowMs` is monotonic. */
export interface Health {
  /** False: the endpoint's breaker is open, go on to another one where there is one; `spare`: one of the same model follows. Each true gets one `record`. */
  admit(endpointId: string, nowMs: number, spare?: boolean): boolean
  /** False: too many retries have failed at the provider lately, no more of them. */
  mayRetry(providerId: string, nowMs: number): boolean
  /** Share of good outcomes of late, 0..1. */
  goodShare(endpointId: string, nowMs: number): number
  /** A stream is on its way; the endpoint spoke its first token. */
  sent(endpointId: string, nowMs: number): void
  alive(endpointId: string): void
  /** Time to the first token that 99 % of the endpoint's streams kept, ms; null while too few were seen. */
  slowFirstToken(endpointId: string, nowMs: number): number | null
  record(
    endpointId: string,
    credentialId: string | null,
    outcome: {
      readonly result: 'ok' | 'failed' | 'cancelled'
      readonly code: ErrorCode | null
      readonly retryAfterMs: number | null
      readonly ttftMs: number | null
      readonly durationMs: number
      readonly outputTokens: number
      readonly providerId?: string
      readonly retry?: boolean
      readonly status?: number | null
    },
    nowMs: number,
  ): void
}

export interface RelayDeps {
  readonly transport: (endpoint: Endpoint) => Transport
  /** A credential for the endpoint that is not among those that failed in this request; null when none is usable. */
  readonly target: (endpoint: Endpoint, failed: ReadonlySet<string>) => Target | null
  /** What an endpoint of that dialect is asked in, for such a request; null: it cannot be. */
  readonly dialect: (id: string, request: ChatRequest) => UpstreamDialect | null
  readonly health: Health
  /** Tokens of so many UTF-8 bytes of text. */
  readonly estimateTokens: (bytes: number) => number
  readonly clock: Clock
  readonly wheel: Wheel
  readonly drains: Drains
  /** What went wrong in ourselves; gets no text of prompts, answers or upstream errors. */
  readonly log: (
    event: 'settle_failed' | 'release_failed' | 'relay_failed',
    id: string,
    error: unknown,
  ) => void
}

/** Slots for answers that are read to their end after the client has gone, since the provider bills them in full. */
export interface Drains {
  /** True when a slot was taken. */
  enter(): boolean
  leave(): void
}

export interface RelayResult {
  /** `failed`: the client got an error, before or inside the answer. */
  readonly result: 'complete' | 'client_gone' | 'failed'
  /** The attempt whose answer went to the client, or null. */
  readonly served: AttemptTrace | null
  readonly endpoint: Endpoint | null
  readonly usage: Usage | null
  readonly finish: { readonly reason: FinishReason; readonly native: string | null } | null
  readonly settled: Settled | null
  readonly error: GatewayError | null
  /** HTTP status that the client saw; 0 when it left before one was sent. */
  readonly status: number
}
