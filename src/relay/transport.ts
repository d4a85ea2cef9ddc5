/** One HTTP call to a provider. `headers` is a flat list: name, value, name, value. */
export interface UpstreamRequest {
  /** `https://host[:port]` */
  readonly origin: string
  /** With query. */
  readonly path: string
  readonly method: 'POST' | 'GET' | 'PUT'
  readonly headers: readonly string[]
  readonly body: Uint8Array | string | null
  readonly connectTimeoutMs: number
}

/**
 * Why a call failed below HTTP: `connect` (DNS, refused, TLS), `connect_timeout`, `reset` (the connection ended before
 * the answer did), `protocol` (not HTTP/1.1, lengths that don't add up, a head that is too large), `limit` (our own
 * cap on connections), `closed` (the transport is shutting down).
 */
export type TransportFault = 'connect' | 'connect_timeout' | 'reset' | 'protocol' | 'limit' | 'closed'

export class TransportError extends Error {
  override readonly name = 'TransportError'
  readonly fault: TransportFault

  constructor(fault: TransportFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.fault = fault
  }
}

/** Callbacks of one call, none of them before `send` has returned; after `onEnd` or `onError` nothing follows. */
export interface UpstreamHandler {
  /** The final status (interim 1xx answers are skipped). `header(name)` takes lower-case names. */
  onHead(status: number, header: (name: string) => string | undefined): void
  /** Returns false to pause the upstream until `resume()`. */
  onData(chunk: Buffer): boolean
  onEnd(): void
  /** `connected` is false when nothing of the request can have reached the provider. */
  onError(error: TransportError, connected: boolean): void
}

export interface UpstreamCall {
  resume(): void
  /** Closes the connection at once; no further callbacks. */
  abort(): void
}

/** The seam to the network, small so that a leaner client can take undici's place. */
export interface Transport {
  /** Starts a call. Redirects are not followed. Never throws: what is wrong comes through `onError`. */
  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall
  /** Ends every connection, those in use too: call it after the drain. */
  close(): Promise<void>
}
