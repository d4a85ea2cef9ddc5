import type { EventEmitter } from 'node:events'
import { Socket } from 'node:net'
import { buildConnector, Client } from 'undici'

export interface ConnectionOptions {
  /** ms that an idle connection is kept when the provider names no shorter time. */
  readonly idleMs: number
  readonly maxHeadBytes: number
  /** Certificates (PEM) trusted beside the system's. */
  readonly ca: string | null
}

type Connector = ReturnType<typeof buildConnector>

/** One HTTP/1.1 connection: an undici client that is never given a second request before the first has ended. */
export class Connection {
  readonly client: Client
  readonly origin: Origin
  /** Requests written on the present socket: more than one means it was kept alive. */
  served = 0
  idle = false
  socket: Socket | null = null

  constructor(origin: Origin, connect: Connector, options: ConnectionOptions) {
    this.origin = origin
    this.client = new Client(origin.name, {
      connect: (target, done) => {
        const socket: unknown = connect(target, done)
        if (socket instanceof Socket) this.socket = socket
      },
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: options.maxHeadBytes,
      keepAliveTimeout: options.idleMs,
      keepAliveMaxTimeout: Math.max(60_000, options.idleMs),
      // Deadlines are the caller's; a second set of timers here could only contradict them.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    this.client.on('connect', () => {
      this.served = 0
    })
    this.client.on('disconnect', () => {
      if (this.idle) this.drop()
    })
    // undici emits this for a handler that throws; unheard it would end the process.
    ;(this.client as EventEmitter).on('error', ignore)
  }

  /** Back to the pool, unless the socket is gone or still has a request to send: what follows it could be misread. */
  release(): void {
    if (this.socket === null || this.socket.destroyed || this.socket.writableLength > 0) this.drop()
    else this.origin.keep(this)
  }

  /** Closes the socket at once, also one that is still connecting. */
  drop(): void {
    this.origin.forget(this)
    this.client.destroy().catch(ignore)
    this.socket?.destroy()
    this.socket = null
  }
}

/** Connections to one origin, the last used first: the others can then idle out. */
export class Origin {
  readonly name: string
  open = 0
  readonly #options: ConnectionOptions
  readonly #connect: Connector
  readonly #idle: Connection[] = []
  readonly #all = new Set<Connection>()

  constructor(name: string, options: ConnectionOptions) {
    this.name = name
    this.#options = options
    // One connector for the origin: it carries the TLS sessions. Its own timeout would be coarse; the exchange has one.
    this.#connect = buildConnector({
      timeout: 0,
      allowH2: false,
      rejectUnauthorized: true,
      ...(options.ca === null ? {} : { ca: options.ca }),
    })
  }

  /** A kept connection, or null when none is idle. */
  take(): Connection | null {
    for (;;) {
      const connection = this.#idle.pop()
      if (connection === undefined) return null
      connection.idle = false
      if (connection.socket !== null && !connection.socket.destroyed) return connection
      connection.drop()
    }
  }

  fresh(): Connection {
    const connection = new Connection(this, this.#connect, this.#options)
    this.#all.add(connection)
    this.open++
    return connection
  }

  keep(connection: Connection): void {
    connection.idle = true
    this.#idle.push(connection)
  }

  forget(connection: Connection): void {
    if (!this.#all.delete(connection)) return
    this.open--
    if (!connection.idle) return
    connection.idle = false
    const at = this.#idle.indexOf(connection)
    if (at !== -1) this.#idle.splice(at, 1)
  }

  close(): void {
    for (const connection of [...this.#all]) connection.drop()
  }
}

function ignore(): void {}
