import type { Endpoint } from '../catalog/index.ts'
import { type ChatRequest, GatewayError, type UpstreamError } from '../chat/index.ts'
import type { EncodedRequest, StreamPipe, StreamSeen, UpstreamDialect } from '../dialects/index.ts'
import { type Timed, Timer } from '../lib/index.ts'
import { withinLimit } from './ceiling.ts'
import {
  END_MARK_MS,
  ERROR_BODY_BYTES,
  ERROR_BODY_MS,
  EXCUSE_MS,
  firstTokenMs,
  idleMs,
  LATE_USAGE_MS,
  STALLED_MS,
  TAIL_MS,
  WHOLE_BYTES,
} from './deadline.ts'
import { fault, faultOfTransport } from './failure.ts'
import { accepted, misfit } from './media.ts'
import { type AttemptTrace, newTrace } from './trace.ts'
import type { TransportError, UpstreamCall, UpstreamHandler } from './transport.ts'
import type { Address, RelayDeps, Target, Timeouts } from './types.ts'

/** Who an attempt reports to. After `onAttemptDone` or `onAttemptFailed` it reports nothing more. */
export interface AttemptOwner {
  readonly deps: RelayDeps
  readonly request: ChatRequest
  readonly timeouts: Timeouts
  /** The encoded request as it is sent: with the beginning of its answer where it goes on with one. May throw GatewayError. */
  prepare(attempt: Attempt, encoded: EncodedRequest): EncodedRequest
  openPipe(attempt: Attempt): StreamPipe
  /** After every push; `out` may go to the client. False: hold the provider back until `resume()`. */
  onPushed(attempt: Attempt, out: Uint8Array | null): boolean
  /** The provider's answer is whole: `pipe.seen.finish` is set. */
  onAttemptDone(attempt: Attempt): void
  onAttemptFailed(attempt: Attempt, error: UpstreamError): void
}

/**
 * One upstream call from its dispatch to its verdict. `head`: nothing has come; `body`: an answer is being read; `error`:
 * the body of an error is being read; `tail`: the answer is whole and only the connection's end is waited for.
 */
export class Attempt implements UpstreamHandler, Timed {
  readonly owner: AttemptOwner
  readonly endpoint: Endpoint
  readonly target: Target
  readonly dialect: UpstreamDialect
  readonly trace: AttemptTrace
  pipe: StreamPipe | null = null
  #mode: 'head' | 'body' | 'error' | 'tail' | 'over' = 'head'
  #call: UpstreamCall | null = null
  #header: (name: string) => string | undefined = noHeader
  #bytes = 0
  #lastByteAt = 0
  #outputAtFinish = -1
  /** An alarm rang so late that the process must have stood still; that happens to an attempt once. */
  #excused = false
  /** The alarm is the one for a late usage. */
  #late = false
  #paused = false
  #errorBody: Buffer[] = []
  readonly #timer: Timer

  constructor(owner: AttemptOwner, n: number, endpoint: Endpoint, target: Target, dialect: UpstreamDialect) {
    this.owner = owner
    this.endpoint = endpoint
    this.target = target
    this.dialect = dialect
    this.#timer = new Timer(this)
    this.trace = newTrace(n, endpoint, target.credentialId, owner.deps.clock)
  }

  get over(): boolean {
    return this.#mode === 'over' || this.#mode === 'tail'
  }

  /** Encodes and dispatches, at once unless the target has to fetch a token first. `others`: another endpoint could be asked instead. */
  send(others = false): void {
    const { deps, request, timeouts } = this.owner
    const slowMs = deps.health.slowFirstToken(this.endpoint.id, deps.clock.tick())
    deps.wheel.arm(this.#timer, firstTokenMs(timeouts, this.endpoint, request, { slowMs, others }))
    if (request.stream) deps.health.sent(this.endpoint.id, deps.clock.tick())
    const pending = this.target.ready?.() ?? null
    if (pending === null) {
      this.#dispatch()
      return
    }
    pending.then(
      () => {
        if (!this.over) this.#dispatch()
      },
      (thrown) => {
        if (!this.over) this.#failOnOurSide(thrown, 'The credential could not be used.')
      },
    )
  }

  /** A request that the dialect can't express fails like an upstream's refusal. */
  #dispatch(): void {
    const { deps, request, timeouts } = this.owner
    let address: Address
    let body: string
    try {
      const { chat, lowered } = withinLimit(request, this.target.wire.maxOutput)
      const encoded = this.owner.prepare(this, this.dialect.encodeRequest(chat, this.target.wire))
      this.trace.dropped = [...(request.withheld ?? []), ...lowered, ...encoded.dropped]
      body = JSON.stringify(encoded.body)
      const plain = this.target.address(encoded.path, [
        ['content-type', 'application/json'],
        ['accept', accepted(this.dialect.framing, request.stream)],
        ['accept-encoding', 'identity'],
        ['user-agent', 'waybill'],
        ...encoded.headers,
      ])
      address = this.target.sign?.(plain, body, deps.clock.now()) ?? plain
    } catch (thrown) {
      this.#failOnOurSide(thrown, 'The request could not be encoded.')
      return
    }
    const { origin, path, headers } = address
    const { connectMs } = timeouts
    this.#call = deps
      .transport(this.endpoint)
      .send({ origin, path, method: 'POST', headers, body, connectTimeoutMs: connectMs }, this)
  }

  /** Lets the provider go on after `onPushed` returned false. */
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#lastByteAt = this.owner.deps.wheel.now
    this.#call?.resume()
  }

  /** Ends the call from our side; closes the connection at once and reports nothing. */
  cancel(): void {
    if (this.over) return
    this.#close('cancelled')
    this.#call?.abort()
  }

  /** Ends the call with a fault of the provider that was found outside, e.g. the total deadline. */
  fail(error: UpstreamError): void {
    if (!this.over) this.#fail(error)
  }

  onHead(status: number, header: (name: string) => string | undefined): void {
    if (this.over) return
    this.trace.status = status
    this.trace.headMs = this.#elapsed()
    this.#header = header
    const good = status >= 200 && status < 300
    const wrong = good ? misfit(header, this.dialect.framing, this.owner.request.stream) : null
    if (!good || wrong === 'json') {
      this.#mode = 'error'
      const patience = Math.min(ERROR_BODY_MS, idleMs(this.owner.timeouts, this.endpoint))
      this.owner.deps.wheel.arm(this.#timer, patience)
    } else if (wrong !== null) {
      this.#fail(fault('provider_protocol', wrong, status))
    } else {
      this.#mode = 'body'
      this.pipe = this.owner.openPipe(this)
    }
  }

  onData(chunk: Buffer): boolean {
    if (this.#mode === 'body') return this.#push(chunk)
    this.#bytes += chunk.length
    if (this.#mode === 'error') {
      this.#errorBody.push(chunk)
      if (this.#bytes >= ERROR_BODY_BYTES) this.#failWithBody()
    } else if (this.#mode === 'tail' && this.#bytes > ERROR_BODY_BYTES) this.#endTail()
    return true
  }

  onEnd(): void {
    if (this.#mode === 'error') this.#failWithBody()
    else if (this.#mode === 'tail') this.#mode = 'over'
    else if (this.#mode === 'body') this.#endOfBody()
    this.owner.deps.wheel.disarm(this.#timer)
  }

  onError(error: TransportError, connected: boolean): void {
    this.owner.deps.wheel.disarm(this.#timer)
    if (this.#mode === 'error') this.#failWithBody()
    else if (this.#mode === 'tail') this.#mode = 'over'
    else if (this.#mode === 'body' && this.pipe?.seen.finish) this.#endOfBody()
    else if (this.#mode !== 'over') this.#fail(faultOfTransport(error, connected, this.#mode === 'body'))
  }

  onTimer(timer: Timer): void {
    const { wheel } = this.owner.deps
    if (wheel.now - timer.at > STALLED_MS && !this.#excused) {
      // We were held up ourselves: what the provider sent meanwhile has not been read yet.
      this.#excused = true
      wheel.arm(timer, EXCUSE_MS)
      return
    }
    if (this.#mode === 'error') this.#failWithBody()
    else if (this.#mode === 'tail') this.#endTail()
    else if (this.#late) this.#done()
    else if (this.trace.ttftMs === null) {
      this.#fail(
        fault(
          'provider_timeout',
          `No content within ${Math.round(this.#elapsed())} ms.`,
          this.trace.status ?? 0,
        ),
      )
    } else this.#checkIdle()
  }

  #push(chunk: Buffer): boolean {
    const pipe = this.pipe!
    const wheel = this.owner.deps.wheel
    this.#bytes += chunk.length
    this.#lastByteAt = wheel.now
    const usageBefore = pipe.seen.usage
    let out: Uint8Array | null
    try {
      out = pipe.push(chunk)
    } catch (thrown) {
      this.#fail(unreadable(thrown))
      return true
    }
    const { seen } = pipe
    const stream = this.owner.request.stream
    if (!stream && this.#bytes > WHOLE_BYTES) {
      this.#fail(fault('provider_protocol', `The reply is larger than ${WHOLE_BYTES} bytes.`, 200))
      return true
    }
    if (this.trace.ttftMs === null && (seen.content || !stream)) {
      this.trace.ttftMs = this.#elapsed()
      this.owner.deps.health.alive(this.endpoint.id)
      wheel.arm(this.#timer, idleMs(this.owner.timeouts, this.endpoint))
    }
    const more = this.owner.onPushed(this, out)
    if (this.#mode !== 'body') return true
    if (seen.error !== null) this.#fail(seen.error)
    else if (seen.done) this.#done()
    else if (seen.finish !== null && this.owner.request.choices === 1)
      this.#awaitEnd(seen, seen.usage !== usageBefore)
    // After the finish little comes, and the usage among it must not wait for a slow client.
    const ended = seen.finish !== null && seen.outputBytes === this.#outputAtFinish
    if (more || ended || this.#mode !== 'body') return true
    this.#paused = true
    return false
  }

  /** All is said, but the end mark is missing: some never send it, some have the usage to tell before. */
  #awaitEnd({ outputBytes }: StreamSeen, toldUsage: boolean): void {
    // Some providers send the finish twice or content after it: the wait starts anew.
    if (outputBytes === this.#outputAtFinish && !toldUsage) return
    this.#outputAtFinish = outputBytes
    this.#late = true
    this.owner.deps.wheel.arm(this.#timer, toldUsage ? END_MARK_MS : LATE_USAGE_MS)
  }

  #endOfBody(): void {
    const { pipe } = this
    try {
      pipe!.end()
    } catch (thrown) {
      this.#fail(unreadable(thrown))
      return
    }
    const { seen } = pipe!
    if (seen.error !== null) this.#fail(seen.error)
    else if (seen.finish === null) this.#fail(fault('provider_cut', 'The answer ended in the middle.', 200))
    else {
      this.#mode = 'over'
      this.#report()
    }
  }

  /** The answer is whole but its connection still open: a moment to end keeps it usable for the next call. */
  #done(): void {
    this.#mode = 'tail'
    this.#bytes = 0
    this.owner.deps.wheel.arm(this.#timer, TAIL_MS)
    this.resume()
    this.#report()
  }

  #report(): void {
    const { finish } = this.pipe!.seen
    if (finish === null) {
      this.#close('failed', fault('provider_cut', 'The answer ended without saying why.', 200))
      return
    }
    if (finish.reason === 'error') {
      const native = finish.native === null ? '' : ` (${finish.native})`
      this.#close('failed', fault('provider_unavailable', `The answer ended with an error${native}.`, 200))
      return
    }
    this.trace.outcome = 'ok'
    this.#settleTrace()
    this.owner.onAttemptDone(this)
  }

  #fail(error: UpstreamError): void {
    this.#mode = 'over'
    this.#call?.abort()
    this.#close('failed', error)
  }

  #failOnOurSide(thrown: unknown, sentence: string): void {
    this.#fail(thrown instanceof GatewayError ? ownFault(thrown) : fault('server', sentence))
  }

  #failWithBody(): void {
    const text = Buffer.concat(this.#errorBody).subarray(0, ERROR_BODY_BYTES).toString('utf8')
    const { status } = this.trace
    this.#errorBody = []
    if (status! >= 300 && status! < 400) {
      this.#fail(
        fault('provider_protocol', 'The provider answered with a redirect, which is not followed.', status!),
      )
      return
    }
    let error: UpstreamError
    try {
      error = this.dialect.decodeError(status!, this.#header, text, this.owner.deps.clock.now())
    } catch (thrown) {
      error = unreadable(thrown)
    }
    this.#fail(error)
  }

  #close(outcome: 'failed' | 'cancelled', error?: UpstreamError): void {
    if (this.#mode !== 'tail') {
      this.#mode = 'over'
      this.owner.deps.wheel.disarm(this.#timer)
    }
    this.trace.outcome = outcome
    this.#settleTrace()
    if (error === undefined) return
    this.trace.errorCode = error.code
    this.trace.providerCode = error.providerCode
    this.owner.onAttemptFailed(this, error)
  }

  #settleTrace(): void {
    const { trace } = this
    const seen = this.pipe?.seen
    trace.durationMs = this.#elapsed()
    trace.upstreamId = seen?.upstreamId ?? null
    trace.finishReason = seen?.finish?.reason ?? null
    trace.nativeFinishReason = seen?.finish?.native ?? null
  }

  #endTail(): void {
    this.owner.deps.wheel.disarm(this.#timer)
    this.#mode = 'over'
    this.#call?.abort()
  }

  #checkIdle(): void {
    const limit = idleMs(this.owner.timeouts, this.endpoint)
    const silent = this.owner.deps.wheel.now - this.#lastByteAt
    // A provider that we hold back is not silent by its own doing.
    if (this.#paused) this.owner.deps.wheel.arm(this.#timer, limit)
    else if (silent < limit) this.owner.deps.wheel.arm(this.#timer, limit - silent)
    else if (this.pipe?.seen.finish) this.#done()
    else
      this.#fail(
        fault('provider_cut', `Silent for ${Math.round(silent / 1000)} s in the middle of the answer.`, 200),
      )
  }

  #elapsed(): number {
    return this.owner.deps.clock.tick() - this.trace.startedTick
  }
}

function noHeader(): undefined {
  return undefined
}

/** A refusal of our own encoder: status 0 says that no provider spoke. */
function ownFault(error: GatewayError): UpstreamError {
  return { ...fault(error.code, error.message), retryAfterMs: error.retryAfterMs }
}

function unreadable(thrown: unknown): UpstreamError {
  if (thrown instanceof GatewayError) return fault(thrown.code, thrown.message, 200)
  return fault('provider_protocol', 'The answer could not be read.', 200)
}
