import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, getCACertificates, type ConnectionOptions as TlsOptions } from 'node:tls'
import { type AnswerHandler, AnswerReader } from './answer.ts'

/** Who has a link while a call runs on it. */
export interface LinkUser extends AnswerHandler {
  /** The connection stands and takes a request. */
  onLinkReady(): void
  /** The connection is gone, or what it brought is not HTTP; it is closed already. */
  onLinkLost(error: Error): void
}

export interface LinkOptions {
  /** ms that an idle connection is kept when the provider names no shorter time. */
  readonly idleMs: number
  readonly maxHeadBytes: number
  /** Certificates (PEM) trusted beside the system's. */
  readonly ca: string | null
}

/** So much sooner than a provider says that it will close a kept connection, ms: a request on its way must still arrive. */
const KEEP_MARGIN_MS = 1_000

/** TCP looks after a silent connection this often, ms. */
const PROBE_MS = 60_000

/** One connection: at most one call at a time, and none after any doubt about where an answer ended. */
export class Link {
  readonly origin: Origin
  readonly #socket: Socket
  readonly #reader: AnswerReader
  #user: LinkUser | null
  #open = true
  /** Requests written: more than one means that the connection was kept. */
  served = 0
  /** Monotonic ms at which an idle connection is given up. */
  idleUntil = 0
  #keepMs: number

  constructor(origin: Origin, socket: Socket, readyEvent: string, user: LinkUser, options: LinkOptions) {
    this.origin = origin
    this.#socket = socket
    this.#user = user
    this.#keepMs = options.idleMs
    this.#reader = new AnswerReader(new Listener(this), options.maxHeadBytes)
    socket.on('data', (data: Buffer) => this.#read(data))
    socket.on('end', () => this.#ended())
    socket.on('error', (error) => this.lose(error))
    socket.on('close', () => this.lose(new Error('The connection was closed.')))
    socket.once(readyEvent, () => this.#user?.onLinkReady())
  }

  get user(): LinkUser | null {
    return this.#user
  }

  /** Gives an idle link to a call. */
  use(user: LinkUser): void {
    this.#user = user
    this.#socket.ref()
  }

  /** Sends a request: a text whose encoding is one byte a character in the head, or the two apart. */
  send(head: string, body: Uint8Array | string | null): void {
    this.served++
    this.#reader.expect()
    const socket = this.#socket
    if (body === null || body.length === 0) socket.write(head, 'latin1')
    else if (typeof body === 'string' && isAscii(head)) socket.write(head + body, 'utf8')
    else {
      socket.cork()
      socket.write(head, 'latin1')
      socket.write(body)
      socket.uncork()
    }
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** How long the provider keeps an idle connection, if it says so. */
  keepFor(ms: number): void {
    this.#keepMs = Math.min(this.#keepMs, ms - KEEP_MARGIN_MS)
  }

  /** Back to the pool, unless something speaks against another request on this connection. */
  release(now: number): void {
    this.#user = null
    // A request that is not sent in full would run into the next one.
    const clean = this.#reader.done && this.#reader.reusable && this.#socket.writableLength === 0
    if (!this.#open || !clean || this.#keepMs <= 0) {
      this.drop()
      return
    }
    this.idleUntil = now + this.#keepMs
    this.#socket.resume()
    this.#socket.unref()
    this.origin.keep(this)
  }

  /** Closes at once; nobody is told. */
  drop(): void {
    this.#user = null
    if (!this.#open) return
    this.#open = false
    this.origin.forget(this)
    this.#socket.destroy()
  }

  /** Closes at once and tells the call. */
  lose(error: Error): void {
    const user = this.#user
    this.drop()
    user?.onLinkLost(error)
  }

  #read(data: Buffer): void {
    try {
      this.#reader.push(data)
    } catch (error) {
      this.lose(error as Error)
    }
  }

  #ended(): void {
    try {
      if (!this.#reader.end()) this.lose(new Error('The connection ended before the answer did.'))
      else if (this.#user === null) this.drop()
    } catch (error) {
      this.lose(error as Error)
    }
  }
}

/** Passes on what the reader finds to whoever has the link now; a call that was ended hears nothing more. */
class Listener implements AnswerHandler {
  readonly #link: Link

  constructor(link: Link) {
    this.#link = link
  }

  onAnswerHead(...head: Parameters<AnswerHandler['onAnswerHead']>): void {
    this.#link.user?.onAnswerHead(...head)
  }

  onAnswerData(data: Buffer): void {
    this.#link.user?.onAnswerData(data)
  }

  onAnswerEnd(): void {
    this.#link.user?.onAnswerEnd()
  }
}

/** Connections to one origin; of the idle ones the last used goes first, so that the others can idle out. */
export class Origin {
  readonly url: URL
  open = 0
  readonly #options: LinkOptions
  readonly #idle: Link[] = []
  readonly #all = new Set<Link>()
  readonly #tls: TlsOptions | null
  readonly #host: string
  readonly #port: number

  constructor(url: URL, options: LinkOptions) {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new TypeError('not an HTTP address')
    this.url = url
    this.#options = options
    this.#host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    this.#tls = url.protocol === 'https:' ? this.#tlsOptions() : null
    this.#port = Number(url.port) || (this.#tls === null ? 80 : 443)
  }

  #tlsOptions(): TlsOptions {
    const { ca } = this.#options
    return {
      ALPNProtocols: ['http/1.1'],
      ...(isIP(this.#host) === 0 && { servername: this.#host }),
      ...(ca !== null && { ca: [...getCACertificates('default'), ca] }),
    }
  }

  /** A kept link, or null when none is idle. */
  take(now: number): Link | null {
    const link = this.#idle.pop()
    if (link === undefined) return null
    if (link.idleUntil > now) return link
    link.drop()
    return this.take(now)
  }

  /** A new link; its user hears when it stands. */
  connect(user: LinkUser): Link {
    const link = this.#connect(user)
    this.#all.add(link)
    this.open++
    return link
  }

  #connect(user: LinkUser): Link {
    const target = {
      host: this.#host,
      port: this.#port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: PROBE_MS,
    }
    if (this.#tls === null) return new Link(this, connectTcp(target), 'connect', user, this.#options)
    const tls = this.#tls
    const socket = connectTls({ ...target, ...tls })
    // The next connection resumes this session.
    socket.on('session', (session) => {
      tls.session = session
    })
    return new Link(this, socket, 'secureConnect', user, this.#options)
  }

  keep(link: Link): void {
    this.#idle.push(link)
  }

  forget(link: Link): void {
    if (!this.#all.delete(link)) return
    this.open--
    const at = this.#idle.indexOf(link)
    if (at !== -1) this.#idle.splice(at, 1)
  }

  /** Closes what has been idle for too long. @returns whether connections are left */
  sweep(now: number): boolean {
    while (this.#idle.length > 0 && this.#idle[0]!.idleUntil <= now) this.#idle[0]!.drop()
    return this.open > 0
  }

  close(): void {
    for (const link of [...this.#all]) link.lose(new Error('The gateway is shutting down.'))
  }
}

function isAscii(text: string): boolean {
  return !/[\x80-\xff]/.test(text)
}
