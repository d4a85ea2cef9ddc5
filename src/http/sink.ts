import type { ServerResponse } from 'node:http'
import { type Timed, Timer, type Wheel } from '../lib/index.ts'
import type { Sink, SinkListener } from '../relay/index.ts'

/** A reader that takes nothing for so long is cut, ms. */
const STALLED_MS = 60_000

/** What is no longer than this becomes one text with its head or frame; beyond it the copies cost more than the pieces, bytes. */
const ONE_WRITE = 8 * 1024

const SINK = Symbol('sink')
type Held = ServerResponse & { [SINK]?: ResponseSink }

/** Another way to stream the frames of a format, chosen by the client beside its usual one. */
export interface Reframing {
  /** Its content type. */
  readonly type: string
  /** What of the frames may go out now, or null. */
  push(frames: Uint8Array): Uint8Array | null
  end(frames: Uint8Array | null): Uint8Array
  /** An answer that came whole, which before a stream is an error. */
  whole(body: Uint8Array | string): Uint8Array | string
}

/**
 * The client's side of a relayed request over `node:http`. Each push is one write; the head leaves together with the
 * first bytes. A client that leaves, or stalls, shows as `onSinkClose`.
 */
export class ResponseSink implements Sink, Timed {
  readonly #response: Held
  readonly #wheel: Wheel
  readonly #stalledMs: number
  /** Sent with every answer, flat list: generation id, CORS and the like. */
  readonly #headers: readonly string[]
  readonly #stalled = new Timer(this)
  #listener: SinkListener | null = null
  #ended = false
  #reframing: Reframing | null = null
  /** We write the frames of HTTP's chunked coding ourselves. */
  #framing = false

  constructor(
    response: ServerResponse,
    wheel: Wheel,
    headers: readonly string[] = [],
    stalledMs: number = STALLED_MS,
  ) {
    this.#response = response
    this.#wheel = wheel
    this.#headers = headers
    this.#stalledMs = stalledMs
    this.#response[SINK] = this
    response.on('drain', onDrain)
    response.on('close', onClose)
    response.on('error', onError)
  }

  get closed(): boolean {
    return this.#ended || this.#response.destroyed || this.#response.socket?.destroyed === true
  }

  listen(listener: SinkListener | null): void {
    this.#listener = listener
  }

  /** Streams another way; to be said before anything is sent. */
  reframe(reframing: Reframing): void {
    this.#reframing = reframing
  }

  head(status: number, headers: readonly string[]): void {
    const type = this.#reframing?.type
    const told = type === undefined ? headers : headers.with(headers.indexOf('content-type') + 1, type)
    this.#response.writeHead(status, [...told, ...this.#headers])
    // Node would hand the socket a frame in four pieces; one is a third cheaper. False for clients of HTTP/1.0.
    this.#framing = this.#response.chunkedEncoding
    this.#response.chunkedEncoding = false
  }

  write(frames: Uint8Array): boolean {
    const chunk = this.#reframing === null ? frames : this.#reframing.push(frames)
    // An empty frame would be the last one.
    if (chunk === null || chunk.length === 0 || this.#send(chunk)) return true
    if (!this.#stalled.armed) this.#wheel.arm(this.#stalled, this.#stalledMs)
    return false
  }

  end(frames: Uint8Array | null): void {
    this.#ended = true
    const chunk = this.#reframing === null ? frames : this.#reframing.end(frames)
    if (chunk !== null && chunk.length > 0) this.#send(chunk)
    this.#response.end(this.#framing ? '0\r\n\r\n' : '', 'latin1')
    this.#watchTheRest()
  }

  #send(chunk: Uint8Array): boolean {
    const response = this.#response
    if (!this.#framing) return response.write(chunk)
    const size = `${chunk.length.toString(16)}\r\n`
    if (chunk.length <= ONE_WRITE) return response.write(`${size}${latin1(chunk)}\r\n`, 'latin1')
    response.write(size, 'latin1')
    response.write(chunk)
    return response.write('\r\n', 'latin1')
  }

  reply(status: number, headers: readonly string[], body: Uint8Array | string): void {
    this.#ended = true
    const whole = this.#reframing === null ? body : this.#reframing.whole(body)
    const bytes = typeof whole === 'string' ? Buffer.from(whole) : whole
    this.#response.writeHead(status, [...headers, ...this.#headers, 'content-length', String(bytes.length)])
    this.#response.end(bytes.length > ONE_WRITE ? bytes : latin1(bytes), 'latin1')
    this.#watchTheRest()
  }

  abort(): void {
    this.#ended = true
    this.#response.destroy()
  }

  onTimer(): void {
    this.#response.destroy()
  }

  /** For the listeners below. */
  drained(): void {
    this.#wheel.disarm(this.#stalled)
    this.#listener?.onSinkDrain()
  }

  gone(): void {
    this.#wheel.disarm(this.#stalled)
    const listener = this.#listener
    this.#listener = null
    this.#response.off('drain', onDrain)
    this.#response.off('close', onClose)
    if (!this.#ended) listener?.onSinkClose()
  }

  /** The last bytes may wait for a slow client too; then the same limit holds. */
  #watchTheRest(): void {
    if (this.#response.writableLength > 0) this.#wheel.arm(this.#stalled, this.#stalledMs)
    else this.#wheel.disarm(this.#stalled)
  }
}

function onDrain(this: Held): void {
  this[SINK]?.drained()
}

function onClose(this: Held): void {
  this[SINK]?.gone()
}

/** A write after the client left: `close` follows and says it. */
function onError(): void {}

/** The bytes as a text of as many characters: Node joins texts, not buffers, with the head and with each other. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
