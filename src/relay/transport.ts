/** One HTTP call to a provider. `headers` is a flat list: name, value, name, value. */
export interface UpstreamRequest {
  /** `https://host[:port]` */
  readonly origin: string
  /** With query. */
  readonly path: string
  readonly method: 'POST' | 'GET'
  readonly headers: readonly string[]
  readonly body: Uint8Array | string | null
  readonly connectTimeoutMs: number
}

/** Callbacks of one call; after `onEnd` or `onError` nothing follows. */
export interface UpstreamHandler {
  /** `header(name)` takes lower-case names. */
  onHead(status: number, header: (name: string) => string | undefined): void
  /** Returns false to pause the upstream until `resume()`. */
  onData(chunk: Buffer): boolean
  onEnd(): void
  /** `connected` is false when nothing of the request can have reached the provider. */
  onError(error: Error, connected: boolean): void
}

export interface UpstreamCall {
  resume(): void
  /** Closes the connection at once; no further callbacks. */
  abort(): void
}

/** The seam to the network, small so that a leaner client can take undici's place. */
export interface Transport {
  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall
  close(): Promise<void>
}
