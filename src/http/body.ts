import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../chat/index.ts'
import type { Clock } from '../lib/index.ts'

export interface BodyLimits {
  /** Most bytes of one body. */
  readonly maxBytes: number
  /** Bytes of bodies held in memory at once, over all requests: beyond it new ones are refused with 503. */
  readonly maxInFlightBytes: number
  /** After this long (ms) a body must have come in at `minBytesPerSecond` on average. */
  readonly graceMs: number
  readonly minBytesPerSecond: number
}

export const DEFAULT_BODY_LIMITS: BodyLimits = {
  maxBytes: 32 * 1024 * 1024,
  maxInFlightBytes: 256 * 1024 * 1024,
  graceMs: 10_000,
  minBytesPerSecond: 1024,
}

/** How often the pace of a slow body is looked at (ms). */
const PACE_MS = 2_000

const MAX_DEPTH = 64
const MAX_NODES = 1_000_000

/**
 * Reads request bodies whole, with a limit on each and on all together, counted before they are buffered. A body that
 * is refused is not read on: the connection is closed after the answer.
 */
export class BodyReader {
  readonly #limits: BodyLimits
  readonly #clock: Clock
  #inFlight = 0

  constructor(clock: Clock, limits: BodyLimits = DEFAULT_BODY_LIMITS) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Bytes reserved by bodies being read now. */
  get inFlightBytes(): number {
    return this.#inFlight
  }

  /**
   * The bytes of the body. Throws GatewayError `payload_too_large` (413), `unavailable` (503, too many bytes in flight)
   * or `request_timeout` (408, too slow, or the client went away).
   */
  read(request: IncomingMessage, maxBytes: number = this.#limits.maxBytes): Promise<Buffer> {
    const declared = Number(request.headers['content-length'] ?? Number.NaN)
    if (declared > maxBytes) return Promise.reject(tooLarge(maxBytes))
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      const started = this.#clock.tick()
      let size = 0
      const settle = (error: GatewayError | null) => {
        clearInterval(pace)
        request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose)
        this.#inFlight -= size
        if (error === null) resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size))
        else {
          request.pause()
          reject(error)
        }
      }
      const onData = (chunk: Buffer) => {
        size += chunk.length
        this.#inFlight += chunk.length
        if (size > maxBytes) settle(tooLarge(maxBytes))
        else if (this.#inFlight > this.#limits.maxInFlightBytes) settle(tooBusy())
        else chunks.push(chunk)
      }
      const onEnd = () => settle(null)
      const onClose = () => settle(cutOff())
      const pace = setInterval(() => {
        const elapsed = this.#clock.tick() - started
        if (elapsed > this.#limits.graceMs && size < (elapsed / 1000) * this.#limits.minBytesPerSecond)
          settle(tooSlow())
      }, PACE_MS)
      request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose)
    })
  }
}

/** The body as JSON. Throws GatewayError `invalid_request` on bad JSON, too deep nesting or too many values. */
export function parseJson(body: Buffer): unknown {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    const message =
      body.length === 0
        ? 'The request has no body. Send a JSON object with content-type application/json.'
        : 'The request body is not valid JSON. Check quotes, commas and brackets.'
    throw new GatewayError('invalid_request', message)
  }
  checkShape(value)
  return value
}

/** Bounds what later walks over the value may cost: depth and number of values. Iterative, so that depth cannot overflow the stack. */
function checkShape(root: unknown): void {
  let level: unknown[] = [root]
  let nodes = 0
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === MAX_DEPTH)
      throw new GatewayError('invalid_request', `The request body is nested deeper than ${MAX_DEPTH} levels.`)
    const next: unknown[] = []
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue
      const children: unknown[] = Array.isArray(value) ? value : Object.values(value)
      nodes += children.length
      if (nodes > MAX_NODES)
        throw new GatewayError('invalid_request', `The request body holds more than ${MAX_NODES} values.`)
      for (const child of children) if (typeof child === 'object' && child !== null) next.push(child)
    }
    level = next
  }
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError(
    'payload_too_large',
    `The request body is larger than the ${maxBytes / (1024 * 1024)} MiB that are taken here. Send images and files as URLs, or split the request.`,
  )
}

function tooBusy(): GatewayError {
  return new GatewayError(
    'unavailable',
    'Too many large requests are being read at once. Try again in a moment.',
    {
      retryAfterMs: 1000,
    },
  )
}

function tooSlow(): GatewayError {
  return new GatewayError('request_timeout', 'The request body came in too slowly and was given up.')
}

function cutOff(): GatewayError {
  return new GatewayError(
    'request_timeout',
    'The connection closed before the whole request body had come in.',
  )
}
