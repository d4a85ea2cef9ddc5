import { type AnswerHead, BrokenAnswer } from './answer.ts'
import { type Link, type LinkOptions, type LinkUser, Origin } from './link.ts'
import {
  type Transport,
  TransportError,
  type UpstreamCall,
  type UpstreamHandler,
  type UpstreamRequest,
} from './transport.ts'
import type { UndiciTransportOptions } from './transport.undici.ts'

/** A kept connection that fails later than this after the request was written has had time to deliver it: not retried. */
const STALE_MS = 1_000
/** How often idle connections are looked through, ms. */
const SWEEP_MS = 1_000

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const PATH = /^\/[\x21-\x7e]*$/
/** Ours to set: they say where a request ends and what becomes of the connection. */
const FRAMING = /^(?:content-length|transfer-encoding|connection|keep-alive|upgrade|expect|te|trailer)$/i

/** The transport that the options ask for: undici's where a proxy is to be used, which is loaded only then; else our own. */
export async function openTransport(options: UndiciTransportOptions = {}): Promise<Transport> {
  if (!options.proxy) return createTransport(options)
  const { createUndiciTransport } = await import('./transport.undici.ts')
  return createUndiciTransport(options)
}

/**
 * Our own HTTP/1.1 client straight on sockets, which is a third to a half cheaper than undici's dispatch and hands over
 * whole reads instead of single chunks.
 */
export function createTransport(options: Omit<UndiciTransportOptions, 'proxy'> = {}): Transport {
  return new NetTransport(options)
}

class NetTransport implements Transport {
  readonly #origins = new Map<string, Origin>()
  readonly #options: LinkOptions
  readonly #limit: number
  readonly #sweeper: NodeJS.Timeout
  #closed = false

  constructor(options: UndiciTransportOptions) {
    this.#limit = options.connectionsPerOrigin ?? 8_192
    this.#options = {
      idleMs: options.idleMs ?? 30_000,
      maxHeadBytes: options.maxHeadBytes ?? 32_768,
      ca: options.ca ?? null,
    }
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS)
    this.#sweeper.unref()
  }

  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const exchange = new Exchange(request, handler)
    if (this.#closed) exchange.failLater(new TransportError('closed', 'The gateway is shutting down.'))
    else this.#send(request, exchange)
    return exchange
  }

  #send(request: UpstreamRequest, exchange: Exchange): void {
    let origin = this.#origins.get(request.origin)
    let head: string
    try {
      origin ??= this.#newOrigin(request.origin)
      head = requestHead(request, origin.url.host)
    } catch (cause) {
      const fault = origin === undefined ? 'connect' : 'protocol'
      exchange.failLater(new TransportError(fault, (cause as Error).message, cause))
      return
    }
    const kept = origin.take(performance.now())
    if (kept !== null) exchange.startOn(kept, head)
    else if (origin.open < this.#limit) exchange.connect(origin, head)
    else exchange.failLater(new TransportError('limit', `All ${this.#limit} connections are in use.`))
  }

  #newOrigin(name: string): Origin {
    const origin = new Origin(new URL(name), this.#options)
    this.#origins.set(name, origin)
    return origin
  }

  #sweep(): void {
    const now = performance.now()
    for (const [name, origin] of this.#origins) if (!origin.sweep(now)) this.#origins.delete(name)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#sweeper)
    for (const origin of this.#origins.values()) origin.close()
    this.#origins.clear()
  }
}

/** Request line and headers. @throws {TypeError} for what could split a request or end it elsewhere. */
function requestHead({ method, path, headers, body }: UpstreamRequest, host: string): string {
  if (!PATH.test(path)) throw new TypeError('The path holds characters that are not allowed.')
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (!TOKEN.test(name) || !VALUE.test(value) || FRAMING.test(name))
      throw new TypeError(`The header ${name.slice(0, 64)} can't be sent.`)
    head += `${name}: ${value}\r\n`
  }
  if (body === null) return `${head}\r\n`
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  return `${head}content-length: ${length}\r\n\r\n`
}

/** One call: the link's answers on one side, the handler on the other. */
class Exchange implements UpstreamCall, LinkUser {
  readonly #request: UpstreamRequest
  readonly #handler: UpstreamHandler
  #head = ''
  #link: Link | null = null
  #connectTimer: NodeJS.Timeout | null = null
  /** The request was written, on a connection that had served before, at that time. */
  #written = false
  #reused = false
  #sentAt = 0
  #answered = false
  #retried = false
  #paused = false
  /** The whole answer has come while its reader was not ready for more. */
  #endWaits = false
  #over = false

  constructor(request: UpstreamRequest, handler: UpstreamHandler) {
    this.#request = request
    this.#handler = handler
  }

  startOn(link: Link, head: string): void {
    this.#head = head
    this.#link = link
    link.use(this)
    this.onLinkReady()
  }

  connect(origin: Origin, head: string): void {
    this.#head = head
    this.#written = false
    this.#connectTimer = setTimeout(onConnectTimeout, this.#request.connectTimeoutMs, this)
    this.#link = origin.connect(this)
  }

  failLater(error: TransportError): void {
    queueMicrotask(() => this.#fail(error, false))
  }

  onLinkReady(): void {
    this.#clearTimer()
    const link = this.#link!
    this.#written = true
    this.#reused = link.served > 0
    this.#sentAt = performance.now()
    link.send(this.#head, this.#request.body)
  }

  resume(): void {
    if (!this.#paused || this.#over) return
    this.#paused = false
    if (this.#endWaits) queueMicrotask(() => this.#end())
    else this.#link?.resume()
  }

  abort(): void {
    if (this.#over) return
    this.#finish()
    this.#link?.drop()
  }

  connectTimedOut(): void {
    if (this.#over) return
    this.#link?.drop()
    const message = `No connection within ${this.#request.connectTimeoutMs} ms.`
    this.#fail(new TransportError('connect_timeout', message), false)
  }

  onAnswerHead(status: number, head: AnswerHead): void {
    this.#answered = true
    const kept = /(?:^|[\s,])timeout=(\d{1,6})/i.exec(head.header('keep-alive') ?? '')
    if (kept !== null) this.#link!.keepFor(Number(kept[1]) * 1000)
    this.#handler.onHead(status, (name) => head.header(name))
  }

  onAnswerData(data: Buffer): void {
    if (this.#handler.onData(data) || this.#over) return
    this.#paused = true
    this.#link!.pause()
  }

  onAnswerEnd(): void {
    if (this.#paused) this.#endWaits = true
    else this.#end()
  }

  onLinkLost(error: Error): void {
    // A whole answer stays whole, whatever becomes of its connection.
    if (this.#over || this.#endWaits) return
    if (this.#isStale()) {
      this.#retried = true
      this.connect(this.#link!.origin, this.#head)
      return
    }
    const fault = !this.#written ? 'connect' : error instanceof BrokenAnswer ? 'protocol' : 'reset'
    this.#fail(new TransportError(fault, error.message, error), this.#written)
  }

  /** The provider closed a kept connection while the request was on its way, so it was not read: safe to send once more. */
  #isStale(): boolean {
    return this.#reused && !this.#answered && !this.#retried && performance.now() - this.#sentAt < STALE_MS
  }

  #end(): void {
    if (this.#over) return
    this.#finish()
    this.#link!.release(performance.now())
    this.#handler.onEnd()
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
