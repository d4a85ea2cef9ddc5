import type { Endpoint } from '../catalog/index.ts'
import type { GatewayError, Outcome, Settled, Usage } from '../chat/index.ts'
import {
  type ClientDialect,
  failedStream,
  pipeFor,
  type Quirks,
  type ReplyMeta,
  type StreamPipe,
  type UpstreamDialect,
} from '../dialects/index.ts'
import { Timer } from '../lib/index.ts'
import type { Attempt } from './attempt.ts'
import { storeError } from './failure.ts'
import { streamType } from './media.ts'
import type { Bill, Rescue } from './rescue.ts'
import { costOf } from './tally.ts'
import type { RelayCall, RelayDeps, RelayResult } from './types.ts'

/** Longest event of a stream that carries images or audio, bytes. */
const MEDIA_FRAME_BYTES = 32 * 1024 * 1024

/** A client waits so long for its hold to go back before it is told that its request failed, ms. */
const RELEASE_MS = 2_000

const JSON_HEAD = ['content-type', 'application/json']

/** How a request that produced something ends. */
interface Settlement {
  /** Whose endpoint it is settled at. */
  readonly attempt: Attempt
  /** Writes the end. */
  readonly pipe: StreamPipe
  readonly result: Outcome['result']
  readonly error: GatewayError | null
  readonly bill: Bill
  /** Of the hold; an answer that came whole may be settled before, in the same commit. */
  readonly durable: boolean
}

/**
 * The client's end of a request: what has been sent, what is still held, and the order of the last steps. Terminal bytes
 * leave only after the settle is durable; without it the client gets an error and never a success.
 */
export class Ending {
  readonly #call: RelayCall
  readonly #deps: RelayDeps
  readonly #resolve: (result: RelayResult) => void
  #headSent = false
  #finished = false
  #status = 0
  #held: Uint8Array[] = []
  heldBytes = 0

  constructor(call: RelayCall, deps: RelayDeps, resolve: (result: RelayResult) => void) {
    this.#call = call
    this.#deps = deps
    this.#resolve = resolve
  }

  /** The way from an endpoint's answer to the client's. */
  pipe(attempt: Attempt, rescue: Rescue): StreamPipe {
    const { client, request } = this.#call
    const { endpoint, dialect, target } = attempt
    const meta = this.#meta(endpoint, dialect, target.wire.quirks, rescue.keeps)
    return rescue.pipe(attempt, meta) ?? pipeFor(dialect, client, meta, request.stream)
  }

  #meta(
    endpoint: Endpoint,
    upstream: UpstreamDialect | null,
    quirks: Quirks = {},
    keepDelivered = false,
  ): ReplyMeta {
    const { id, created, hideReasoning, request } = this.#call
    const media = request.outputModalities.some((kind) => kind === 'image' || kind === 'audio')
    const frameBytes = media ? MEDIA_FRAME_BYTES : upstream?.largestFrameBytes
    return {
      id,
      created,
      model: endpoint.modelId,
      provider: endpoint.providerName,
      hideReasoning,
      keepDelivered,
      request,
      quirks,
      ...(frameBytes !== undefined && { maxFrameBytes: frameBytes }),
    }
  }

  /** Keeps bytes back while another endpoint may still have to answer. */
  hold(out: Uint8Array | null): void {
    if (out === null) return
    this.#held.push(out)
    this.heldBytes += out.length
  }

  discard(): void {
    this.#held = []
    this.heldBytes = 0
  }

  /** Sends the head and what was held; false when the client reads slowly. */
  commit(): boolean {
    this.#sendHead()
    return this.write(this.#takeHeld(null))
  }

  write(out: Uint8Array | null): boolean {
    return out === null || this.#call.sink.closed || this.#call.sink.write(out)
  }

  /** Sign of life for a client that waits; commits to a streamed answer but not yet to its content. */
  comment(bytes: Uint8Array): void {
    this.#sendHead()
    this.write(bytes)
  }

  /** Charges (or, `failed`, charges 0) what was worked; then the end of the answer, or the error, goes out. */
  settle(end: Settlement): void {
    const { attempt, result, bill, durable } = end
    const { meter } = this.#call
    const settled = meter.settle({ attempt: attempt.trace.n, result, ...bill })
    const both = durable ? settled : Promise.all([settled, meter.held]).then(([charge]) => charge)
    both
      .then(
        (settled) => this.#settled(end, settled),
        (cause) => this.#unsettled(end, cause),
      )
      .catch((cause) => this.broken(cause))
  }

  #settled(end: Settlement, settled: Settled): void {
    const { sink, request } = this.#call
    const { error, pipe, bill } = end
    const cost = costOf(settled)
    if (!sink.closed) {
      const last = error === null ? pipe.finish(bill.usage, cost) : pipe.fail(error, bill.usage, cost)
      if (request.stream) this.#endStream(this.#takeHeld(last))
      else this.#reply(200, JSON_HEAD, last)
    }
    this.#finish(end.attempt, end.result, bill.usage, settled, error)
  }

  #unsettled({ attempt, pipe, bill }: Settlement, cause: unknown): void {
    this.#deps.log('settle_failed', this.#call.id, cause)
    const error = storeError(cause)
    this.#tell(error, () => pipe.fail(error, null, null))
    this.#finish(attempt, 'failed', bill.usage, null, error)
  }

  /**
   * No endpoint answered: the hold goes back, then the client gets the reason, so that its next try finds the money free.
   * It does not wait for a store that is slow.
   */
  refuse(error: GatewayError, endpoint: Endpoint | null): void {
    const { wheel } = this.#deps
    const streamed = this.#failed(error, endpoint)
    let told = false
    const tell = (): void => {
      wheel.disarm(patience)
      if (told) return
      told = true
      this.#tell(error, streamed)
    }
    const patience = new Timer({ onTimer: tell })
    wheel.arm(patience, RELEASE_MS)
    this.#release(error.code, 'failed', error, tell)
  }

  /** Nothing was produced and nobody is there to be told. */
  release(reason: string): void {
    this.#release(reason, 'client_gone', null)
  }

  /** The hold never became durable, or could not be raised. */
  storeFailed(cause: unknown): void {
    this.#deps.log('settle_failed', this.#call.id, cause)
    const error = storeError(cause)
    this.#tell(error, this.#failed(error, this.#call.plan.order[0] ?? null))
    this.#release(error.code, 'failed', error)
  }

  #release(
    reason: string,
    result: RelayResult['result'],
    error: GatewayError | null,
    freed: () => void = () => {},
  ): void {
    this.#call.meter
      .release(reason)
      .catch((cause) => this.#deps.log('release_failed', this.#call.id, cause))
      .then(freed)
      .then(() => this.#finish(null, result, null, null, error))
      .catch((cause) => this.broken(cause))
  }

  #failed(error: GatewayError, endpoint: Endpoint | null): (() => Uint8Array) | null {
    return endpoint && (() => failedStream(this.#call.client, this.#meta(endpoint, null), error))
  }

  /** An error in whatever form the client can still take it; `streamed` gives the one for a stream that has begun. */
  #tell(error: GatewayError, streamed: (() => Uint8Array) | null): void {
    const { sink, client, id, request } = this.#call
    this.discard()
    if (sink.closed) return
    if (this.#headSent) {
      this.#endStream(streamed?.() ?? null)
      return
    }
    const endpoint = this.#call.plan.order[0]
    const told =
      endpoint === undefined
        ? null
        : (client.answerError?.(error, this.#meta(endpoint, null), request.stream) ?? null)
    if (told !== null) {
      this.#reply(200, request.stream ? streamHead(client) : JSON_HEAD, told)
      return
    }
    const { status, body } = client.encodeError(error, id)
    const headers = [...JSON_HEAD]
    if (error.retryAfterMs !== null) {
      headers.push('retry-after', String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))))
    }
    this.#reply(status, headers, JSON.stringify(body))
  }

  #sendHead(): void {
    if (this.#headSent || this.#call.sink.closed) return
    this.#headSent = true
    this.#status = 200
    this.#call.sink.head(200, streamHead(this.#call.client))
  }

  #endStream(last: Uint8Array | null): void {
    this.#sendHead()
    this.#call.sink.end(last)
  }

  #reply(status: number, headers: readonly string[], body: Uint8Array | string): void {
    this.#status = status
    this.#call.sink.reply(status, headers, body)
  }

  /** All held bytes and `last` as one piece, so that they leave in one write. */
  #takeHeld(last: Uint8Array | null): Uint8Array | null {
    if (this.#held.length === 0) return last
    if (last !== null) this.#held.push(last)
    const all = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held)
    this.discard()
    return all
  }

  #finish(
    attempt: Attempt | null,
    result: RelayResult['result'],
    usage: Usage | null,
    settled: Settled | null,
    error: GatewayError | null,
  ): void {
    if (this.#finished) return
    this.#finished = true
    this.#call.sink.listen(null)
    const seen = attempt?.pipe?.seen
    this.#resolve({
      result,
      served: attempt?.trace ?? null,
      endpoint: attempt?.endpoint ?? null,
      usage,
      finish: seen?.finish ?? null,
      settled,
      error,
      status: this.#status,
    })
  }

  /** A fault of our own: the client is cut off without a success, and what is held goes back. */
  broken(cause: unknown): void {
    if (this.#finished) return
    this.#deps.log('relay_failed', this.#call.id, cause)
    this.#call.sink.abort()
    this.#release('server', 'failed', null)
  }
}

function streamHead({ framing }: ClientDialect): readonly string[] {
  const charset = framing === 'sse' ? '; charset=utf-8' : ''
  // nginx would otherwise collect the stream (its X-Accel-Buffering).
  return [
    'content-type',
    streamType(framing) + charset,
    'cache-control',
    'no-cache',
    'x-accel-buffering',
    'no',
  ]
}
