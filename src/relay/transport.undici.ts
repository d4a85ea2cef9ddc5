import { type Dispatcher, EnvHttpProxyAgent } from 'undici'
import { type Connection, type ConnectionOptions, Origin } from './connections.ts'
import {
  type Transport,
  TransportError,
  type TransportFault,
  type UpstreamCall,
  type UpstreamHandler,
  type UpstreamRequest,
} from './transport.ts'

export interface UndiciTransportOptions {
  /** Connections to one origin, in use and idle; beyond them a call fails with `limit`. Default 8,192. */
  readonly connectionsPerOrigin?: number
  /** ms an idle connection is kept; below the 60 s after which common load balancers close theirs. Default 30,000. */
  readonly idleMs?: number
  /** Largest head of an answer, bytes. Default 32 KiB. */
  readonly maxHeadBytes?: number
  /** Certificates (PEM) trusted beside the system's. */
  readonly ca?: string
  /** HTTP proxies by scheme; without it calls go straight. `noProxy` is a list as in NO_PROXY. */
  readonly proxy?: {
    readonly http: string | null
    readonly https: string | null
    readonly noProxy: string | null
  } | null
}

/** A kept connection that fails later than this after the request was written has had time to deliver it: not retried. */
const STALE_MS = 1_000

/** A transport on undici's low-level dispatch: HTTP/1.1, keep-alive, one request a connection at a time, no redirects. */
export function createUndiciTransport(options: UndiciTransportOptions = {}): Transport {
  return new UndiciTransport(options)
}

class UndiciTransport implements Transport {
  readonly #origins = new Map<string, Origin>()
  readonly #options: ConnectionOptions
  readonly #limit: number
  readonly #proxy: EnvHttpProxyAgent | null
  #closed = false

  constructor(options: UndiciTransportOptions) {
    this.#limit = options.connectionsPerOrigin ?? 8_192
    this.#options = {
      idleMs: options.idleMs ?? 30_000,
      maxHeadBytes: options.maxHeadBytes ?? 32_768,
      ca: options.ca ?? null,
    }
    this.#proxy = options.proxy ? proxyAgent(options.proxy, this.#options) : null
  }

  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const exchange = new Exchange(request, handler)
    if (this.#closed) exchange.failLater(new TransportError('closed', 'The gateway is shutting down.'))
    else if (this.#proxy !== null) exchange.start(null, this.#proxy)
    else this.#sendDirect(request.origin, exchange)
    return exchange
  }

  #sendDirect(name: string, exchange: Exchange): void {
    let origin = this.#origins.get(name)
    if (origin === undefined) {
      try {
        origin = new Origin(new URL(name).origin, this.#options)
      } catch (cause) {
        exchange.failLater(new TransportError('connect', 'The address is not a URL.', cause))
        return
      }
      this.#origins.set(name, origin)
    }
    const kept = origin.take()
    if (kept !== null) exchange.start(kept, kept.client)
    else if (origin.open < this.#limit) {
      const connection = origin.fresh()
      exchange.start(connection, connection.client)
    } else exchange.failLater(new TransportError('limit', `All ${this.#limit} connections are in use.`))
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const origin of this.#origins.values()) origin.close()
    this.#origins.clear()
    await this.#proxy?.destroy()
  }
}

function proxyAgent(proxy: NonNullable<UndiciTransportOptions['proxy']>, options: ConnectionOptions) {
  return new EnvHttpProxyAgent({
    // Given even when empty, so that the agent does not look into the environment by itself.
    httpProxy: proxy.http ?? '',
    httpsProxy: proxy.https ?? '',
    noProxy: proxy.noProxy ?? '',
    allowH2: false,
    maxHeaderSize: options.maxHeadBytes,
    keepAliveTimeout: options.idleMs,
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(options.ca === null ? {} : { requestTls: { ca: options.ca } }),
  })
}

/** One call: undici's handler on one side, ours on the other. */
class Exchange implements Dispatcher.DispatchHandler, UpstreamCall {
  readonly #request: UpstreamRequest
  readonly #handler: UpstreamHandler
  #connection: Connection | null = null
  #controller: Dispatcher.DispatchController | null = null
  #connectTimer: NodeJS.Timeout | null = null
  /** Written on a socket that had served before. */
  #reused = false
  #answered = false
  #retried = false
  #sentAt = 0
  #starting = false
  #over = false

  constructor(request: UpstreamRequest, handler: UpstreamHandler) {
    this.#request = request
    this.#handler = handler
  }

  start(connection: Connection | null, dispatcher: Dispatcher): void {
    const request = this.#request
    this.#connection = connection
    this.#controller = null
    this.#connectTimer = setTimeout(onConnectTimeout, request.connectTimeoutMs, this)
    this.#starting = true
    dispatcher.dispatch(
      {
        origin: request.origin,
        path: request.path,
        method: request.method,
        headers: request.headers as string[],
        body: request.body,
      },
      this,
    )
    this.#starting = false
  }

  failLater(error: TransportError): void {
    queueMicrotask(() => this.#fail(error, false))
  }

  resume(): void {
    this.#controller?.resume()
  }

  abort(): void {
    if (this.#over) return
    this.#finish()
    // Before the request is written there is nothing to abort but the connection itself.
    if (this.#connection !== null) this.#connection.drop()
    else this.#controller?.abort(new TransportError('reset', 'aborted'))
  }

  connectTimedOut(): void {
    if (this.#over) return
    const connection = this.#connection
    this.#fail(
      new TransportError('connect_timeout', `No connection within ${this.#request.connectTimeoutMs} ms.`),
      false,
    )
    connection?.drop()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Reached only through a proxy agent, whose connection can't be dropped: throwing leaves the request unsent.
    if (this.#over) throw new TransportError('reset', 'aborted')
    this.#clearTimer()
    this.#controller = controller
    this.#sentAt = performance.now()
    if (this.#connection !== null) this.#reused = this.#connection.served++ > 0
  }

  onResponseStarted(): void {
    this.#answered = true
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#over || status < 200) return
    this.#handler.onHead(status, (name) => {
      const value = headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return
    if (!this.#handler.onData(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    if (this.#over) return
    this.#finish()
    this.#connection?.release()
    this.#handler.onEnd()
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return
    const connection = this.#connection
    if (this.#starting) {
      // A request that undici refuses to build, e.g. a line break in a header.
      connection?.drop()
      this.failLater(new TransportError('protocol', error.message, error))
      return
    }
    if (connection !== null) {
      connection.drop()
      if (this.#isStale()) {
        this.#retried = true
        const fresh = connection.origin.fresh()
        this.start(fresh, fresh.client)
        return
      }
    }
    const written = this.#controller !== null
    this.#fail(new TransportError(faultOf(error, written), error.message, error), written)
  }

  /** The provider closed a kept connection while the request was on its way, so it was not read: safe to send once more. */
  #isStale(): boolean {
    return this.#reused && !this.#answered && !this.#retried && performance.now() - this.#sentAt < STALE_MS
  }

  #fail(error: TransportError, connected: boolean): void {
    if (this.#over) return
    this.#finish()
    this.#handler.onError(error, connected)
  }

  #finish(): void {
    this.#over = true
    this.#clearTimer()
  }

  #clearTimer(): void {
    if (this.#connectTimer === null) return
    clearTimeout(this.#connectTimer)
    this.#connectTimer = null
  }
}

function onConnectTimeout(exchange: Exchange): void {
  exchange.connectTimedOut()
}

function faultOf(error: Error, written: boolean): TransportFault {
  if (!written) return 'connect'
  const code = 'code' in error ? String(error.code) : ''
  const protocol =
    error.name === 'HTTPParserError' ||
    code === 'UND_ERR_HEADERS_OVERFLOW' ||
    code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' ||
    error.message === 'bad response' ||
    error.message === 'bad upgrade'
  return protocol ? 'protocol' : 'reset'
}
