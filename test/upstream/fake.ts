import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { pieces } from './pieces.ts'
import { type Script, type Step, stepOf } from './step.ts'

/** The provider's own book of one request, to be compared with what the gateway says. */
export interface Received {
  /** 1-based, over all connections. */
  readonly nth: number
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly step: Step
  /** Monotonic ms. */
  readonly at: number
  /** Bytes of the body handed to the socket. */
  sent: number
  /** The answer was sent to its end. */
  finished: boolean
  /** When the other side closed before that, monotonic ms. */
  abortedAt: number | null
}

export interface FakeUpstream {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly port: number
  readonly requests: readonly Received[]
  /** Open connections. */
  readonly connections: number
  /** Replaces the script; the count of requests goes on, steps by number start anew. */
  play(script: Script): void
  /** Resolves when `n` requests have come in. */
  received(n: number): Promise<void>
  /** Breaks all connections and refuses new ones, as a killed process does. */
  kill(): Promise<void>
  /** Listens again on the same port. */
  revive(): Promise<void>
  close(): Promise<void>
}

/** Starts a provider on the loopback that follows a script and keeps book. */
export async function fakeUpstream(options: { script?: Script; port?: number } = {}): Promise<FakeUpstream> {
  const fake = new Fake(options.script ?? {})
  await fake.listen(options.port ?? 0)
  return fake
}

class Fake implements FakeUpstream {
  readonly requests: Received[] = []
  port = 0
  #script: Script
  #playedFrom = 0
  #server: Server | null = null
  #waiting: { n: number; resolve: () => void }[] = []

  constructor(script: Script) {
    this.#script = script
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get connections(): number {
    return this.#sockets
  }
  #sockets = 0

  async listen(port: number): Promise<void> {
    const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      this.#serve(request, response).catch(() => response.destroy())
    })
    server.on('connection', (socket) => {
      this.#sockets++
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets--)
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  play(script: Script): void {
    this.#script = script
    this.#playedFrom = this.requests.length
  }

  received(n: number): Promise<void> {
    if (this.requests.length >= n) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ n, resolve }))
  }

  async kill(): Promise<void> {
    const server = this.#server
    if (server === null) return
    this.#server = null
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }

  async revive(): Promise<void> {
    if (this.#server === null) await this.listen(this.port)
  }

  close(): Promise<void> {
    return this.kill()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts).toString('utf8')
    const { url: path = '', headers } = request
    const step = stepOf(this.#script, this.requests.length - this.#playedFrom + 1, { body, path, headers })
    const entry: Received = {
      nth: this.requests.length + 1,
      method: request.method ?? '',
      path,
      headers,
      body,
      step,
      at: performance.now(),
      sent: 0,
      finished: false,
      abortedAt: null,
    }
    this.requests.push(entry)
    response.on('close', () => {
      if (!entry.finished && entry.abortedAt === null) entry.abortedAt = performance.now()
    })
    for (const each of this.#waiting) if (this.requests.length >= each.n) each.resolve()
    this.#waiting = this.#waiting.filter((each) => this.requests.length < each.n)
    await perform(step, response, entry)
  }
}

async function perform(step: Step, response: ServerResponse, entry: Received): Promise<void> {
  if (step.delayMs) await sleep(step.delayMs)
  if (step.act === 'hang') return
  if (step.act === 'reset') {
    entry.finished = true
    response.socket?.resetAndDestroy()
    return
  }
  response.writeHead(step.status ?? 200, { ...step.headers })
  response.flushHeaders()
  if (step.bodyDelayMs) await sleep(step.bodyDelayMs)
  if (step.flood) await flood(step.flood, response, entry)
  else await sendBody(step, response, entry)
  const ending = step.ending ?? 'end'
  if (ending === 'stall' || response.destroyed) return
  entry.finished = true
  if (ending === 'end') response.end()
  else if (ending === 'reset') response.socket?.resetAndDestroy()
  else {
    // What has been written has to arrive before the socket closes without the last chunk.
    await sleep(5)
    response.socket?.destroySoon()
  }
}

async function sendBody(step: Step, response: ServerResponse, entry: Received): Promise<void> {
  const whole = bytesOf(step.body)
  const body = step.endAfter === undefined ? whole : whole.subarray(0, step.endAfter)
  for (const piece of pieces(body, step.boundaries ?? 'whole')) {
    if (response.destroyed) return
    entry.sent += piece.length
    if (!response.write(piece)) await drained(response)
    if (step.gapMs) await sleep(step.gapMs)
    // Without a pause neighbouring writes would arrive as one read.
    else if (step.boundaries !== undefined) await new Promise(setImmediate)
  }
}

async function flood(
  plan: NonNullable<Step['flood']>,
  response: ServerResponse,
  entry: Received,
): Promise<void> {
  const block = Buffer.from(plan.event.repeat(Math.ceil(32_768 / plan.event.length)))
  while (entry.sent < plan.bytes && !response.destroyed) {
    entry.sent += block.length
    if (!response.write(block)) await drained(response)
  }
  if (!response.destroyed) response.write(plan.last)
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

function bytesOf(body: unknown): Buffer {
  if (body === undefined) return Buffer.alloc(0)
  if (typeof body === 'string') return Buffer.from(body)
  return body instanceof Uint8Array ? Buffer.from(body) : Buffer.from(JSON.stringify(body))
}
