import type { Endpoint } from '../catalog/index.ts'
import type { ChatRequest, GatewayError, Outcome, UpstreamError } from '../chat/index.ts'
import type { EncodedRequest, StreamPipe } from '../dialects/index.ts'
import { type Timed, Timer } from '../lib/index.ts'
import { Attempt, type AttemptOwner } from './attempt.ts'
import { Checkpoints } from './checkpoint.ts'
import { DRAIN_MS, KEEP_ALIVE_MS, PREAMBLE_BYTES } from './deadline.ts'
import { Ending } from './ending.ts'
import { clientError, fault, storeError } from './failure.ts'
import { reportHealth } from './report.ts'
import { Rescue } from './rescue.ts'
import { produced } from './tally.ts'
import { Tries } from './tries.ts'
import type { RelayCall, RelayDeps, RelayResult, SinkListener, Timeouts } from './types.ts'

const KEEP_ALIVE = Buffer.from(': WAYBILL PROCESSING\n\n')

/**
 * Carries one request: tries the planned endpoints in turn, passes the answer on, settles, and only then sends its end.
 * Resolves once money and client are both done with; never rejects.
 */
export function relay(call: RelayCall, deps: RelayDeps): Promise<RelayResult> {
  return new Promise((resolve) => {
    const carried = new Relay(call, deps, resolve)
    try {
      carried.start()
    } catch (cause) {
      carried.broken(cause)
    }
  })
}

/**
 * `choosing`: between attempts; `trying`: an attempt runs and the client has seen no content of it; `streaming`: it has;
 * `draining`: the client has gone and the rest is read for the bill; `ending`: money and last bytes are on their way.
 */
type Phase = 'choosing' | 'trying' | 'streaming' | 'draining' | 'ending'

class Relay implements AttemptOwner, SinkListener, Timed {
  readonly deps: RelayDeps
  readonly request: ChatRequest
  readonly timeouts: Timeouts
  readonly #call: RelayCall
  readonly #ending: Ending
  readonly #startedTick: number
  #phase: Phase = 'choosing'
  #attempt: Attempt | null = null
  /** Position in the plan of the present or last attempt. */
  #index = 0
  readonly #tries: Tries
  readonly #rescue: Rescue
  readonly #checkpoints: Checkpoints
  /** The endpoint that the hold was last raised for. */
  #covered: string
  /** Of the hold: nothing goes to the client before it is. */
  #durable = false
  /** The answer was whole before the hold was durable. */
  #doneEarly = false
  readonly #total = new Timer(this)
  readonly #alive = new Timer(this)
  readonly #pause = new Timer(this)

  constructor(call: RelayCall, deps: RelayDeps, resolve: (result: RelayResult) => void) {
    this.#call = call
    this.deps = deps
    this.request = call.request
    this.timeouts = call.timeouts
    this.#ending = new Ending(call, deps, resolve)
    this.#tries = new Tries(call.plan, deps)
    this.#rescue = new Rescue(call, deps)
    this.#checkpoints = new Checkpoints(call.meter, deps, this.#rescue)
    this.#startedTick = deps.clock.tick()
    this.#covered = call.plan.order[0]?.id ?? ''
  }

  start(): void {
    const { sink, meter, timeouts } = this.#call
    meter.watch?.((error) => this.#short(error))
    meter.held
      .then(
        () => this.#onDurable(),
        (cause) => this.#storeFailed(cause),
      )
      .catch((cause) => this.broken(cause))
    sink.listen(this)
    if (sink.closed) {
      this.onSinkClose()
      return
    }
    const { wheel } = this.deps
    wheel.arm(this.#total, timeouts.totalMs)
    this.#keepAlive()
    const { firstWaitMs } = this.#tries
    if (firstWaitMs > 0) wheel.arm(this.#pause, firstWaitMs)
    else this.#try(0)
  }

  #keepAlive(): void {
    const { framing } = this.#call.client
    if (this.request.stream && framing === 'sse') this.deps.wheel.arm(this.#alive, KEEP_ALIVE_MS)
  }

  // Attempt: one endpoint after the other.

  #try(index: number): void {
    this.#ask(this.#tries.admitted(index))
  }

  #ask(index: number): void {
    this.#phase = 'choosing'
    this.#index = index
    const endpoint = this.#call.plan.order[this.#index]
    if (endpoint === undefined) {
      this.#refuse()
      return
    }
    if (endpoint.id === this.#covered) {
      this.#dispatch(endpoint)
      return
    }
    this.#call.meter
      .extend(endpoint.id)
      .then(
        (covered) => {
          if (this.#phase === 'choosing') this.#onExtended(endpoint, covered)
        },
        (cause) => this.#storeFailed(cause),
      )
      .catch((cause) => this.broken(cause))
  }

  #onExtended(endpoint: Endpoint, covered: boolean): void {
    if (covered) {
      this.#covered = endpoint.id
      this.#dispatch(endpoint)
    } else {
      const text = `Credit or a limit does not cover ${endpoint.providerName}. Add credit, raise the limit, or ask for fewer tokens with max_tokens.`
      this.#passBy(endpoint, fault('payment_required', text))
    }
  }

  #dispatch(endpoint: Endpoint): void {
    const dialect = this.deps.dialect(endpoint.dialect, this.request)
    const target = this.#tries.target(endpoint)
    if (dialect === null || target === null) {
      this.#passBy(endpoint, fault('provider_unavailable', 'No usable credential at the moment.'))
      return
    }
    const attempt = new Attempt(this, this.#call.trace.length + 1, endpoint, target, dialect)
    this.#call.trace.push(attempt.trace)
    this.#attempt = attempt
    this.#phase = 'trying'
    this.#checkpoints.dispatched(attempt)
    attempt.send(this.#tries.othersAfter(this.#index))
  }

  /** An endpoint that could not even be asked; it was admitted, so its breaker is told. */
  #passBy(endpoint: Endpoint, error: UpstreamError): void {
    this.#report(endpoint, null, 'cancelled', null)
    this.#fail(endpoint, error, null)
  }

  #fail(endpoint: Endpoint, error: UpstreamError, credentialId: string | null): void {
    this.#tries.add(this.#index, endpoint, error, credentialId)
    if (this.#phase === 'draining') this.#settleGone()
    else if (this.#phase === 'streaming' || this.#rescue.active) this.#goOn()
    else this.#fallBack(endpoint)
  }

  /** The client has content: another endpoint goes on with the answer, or it ends in an error. */
  #goOn(): void {
    const next = this.#rescue.next(this.#attempt!, this.#tries)
    if (next === null) {
      this.#breakOff()
      return
    }
    this.#keepAlive()
    this.#ask(next)
  }

  #fallBack(endpoint: Endpoint): void {
    this.#phase = 'choosing'
    this.#ending.discard()
    const next = this.#tries.next(
      endpoint,
      this.timeouts.totalMs - (this.deps.clock.tick() - this.#startedTick),
    )
    if (next.do === 'stop') this.#refuse()
    else if (next.do === 'retry' && next.waitMs > 0) this.deps.wheel.arm(this.#pause, next.waitMs)
    else this.#try(next.index)
  }

  // Relay: what the attempt reports.

  prepare(attempt: Attempt, encoded: EncodedRequest): EncodedRequest {
    return this.#rescue.prepare(attempt, encoded)
  }

  openPipe(attempt: Attempt): StreamPipe {
    return this.#ending.pipe(attempt, this.#rescue)
  }

  onPushed(attempt: Attempt, out: Uint8Array | null): boolean {
    this.#checkpoints.pushed(attempt)
    if (this.#phase === 'draining') return true
    if (this.#phase === 'streaming') return this.#ending.write(out)
    if (this.#rescue.active) return out === null || this.#stream(() => this.#ending.write(out))
    this.#ending.hold(out)
    const { seen } = attempt.pipe!
    if (this.request.stream && seen.content && seen.error === null) {
      return this.#durable ? this.#commit() : false
    }
    if (this.#ending.heldBytes > PREAMBLE_BYTES) {
      attempt.fail(fault('provider_protocol', 'Much was sent, but no content.', 200))
    }
    return true
  }

  /** The first content goes out, or the first new words after a break: whatever happens now, the client has something. */
  #stream(write: () => boolean): boolean {
    this.#phase = 'streaming'
    this.deps.wheel.disarm(this.#alive)
    return write()
  }

  #commit(): boolean {
    return this.#stream(() => this.#ending.commit())
  }

  onAttemptFailed(attempt: Attempt, error: UpstreamError): void {
    try {
      this.#report(attempt.endpoint, attempt, 'failed', error)
      this.#fail(attempt.endpoint, error, attempt.trace.credentialId)
    } catch (cause) {
      this.broken(cause)
    }
  }

  onAttemptDone(attempt: Attempt): void {
    try {
      this.#report(attempt.endpoint, attempt, 'ok', null)
      if (this.#phase === 'draining') this.#settleGone()
      else if (this.#durable || !this.request.stream) this.#complete(attempt)
      else this.#doneEarly = true
    } catch (cause) {
      this.broken(cause)
    }
  }

  #report(
    endpoint: Endpoint,
    attempt: Attempt | null,
    result: 'ok' | 'failed' | 'cancelled',
    error: UpstreamError | null,
  ): void {
    const retry = this.#tries.failures.length > 0
    reportHealth(this.deps, endpoint, attempt, { result, error, stream: this.request.stream, retry })
  }

  // Settle: how it ends.

  #complete(attempt: Attempt): void {
    this.#end()
    this.#settle(attempt, 'complete', null)
  }

  /** An answer that broke after content was sent, and was not rescued, is charged 0 and ends in an error. */
  #breakOff(error: GatewayError = clientError(this.#rescue.told(this.#tries), true)): void {
    this.#end()
    this.#settle(this.#rescue.first(this.#attempt!), 'failed', error)
  }

  /** What an attempt is settled for; the last pipe that is open tells the client. */
  #settle(attempt: Attempt, result: Outcome['result'], error: GatewayError | null): void {
    const pipe = this.#attempt!.pipe ?? this.#rescue.holder(attempt).pipe!
    const bill = this.#rescue.bill(attempt)
    this.#ending.settle({ attempt, pipe, result, error, bill, durable: this.#durable })
  }

  /** Nothing pays for more of the answer: it ends here, with the reason, and what was delivered is charged. */
  #short(error: GatewayError): void {
    if (this.#phase === 'draining') this.#settleGone()
    if (this.#phase !== 'streaming') return
    const attempt = this.#attempt!
    attempt.trace.errorCode = error.code
    this.#cancelAttempt()
    this.#end()
    this.#settle(attempt, 'complete', error)
  }

  #refuse(): void {
    this.#end()
    this.#ending.refuse(clientError(this.#tries.told), this.#call.plan.order[this.#index] ?? null)
  }

  #storeFailed(cause: unknown): void {
    if (this.#phase === 'ending') return
    this.#cancelAttempt()
    if (this.#rescue.active) {
      this.#breakOff(storeError(cause))
      return
    }
    this.#end()
    this.#ending.storeFailed(cause)
  }

  /** A fault of our own: this request ends, without a success and without harm to others. */
  broken(cause: unknown): void {
    if (this.#attempt?.over === false) this.#attempt.cancel()
    this.#end()
    this.#ending.broken(cause)
  }

  /** The client left before it had everything. What was produced is billed, nothing else is. */
  onSinkClose(): void {
    const attempt = this.#attempt
    if (this.#phase === 'ending' || this.#phase === 'draining' || this.#doneEarly) return
    if (this.#rescue.active && this.#phase !== 'streaming') this.#settleGone()
    else if (attempt === null || this.#phase === 'choosing') {
      this.#end()
      this.#ending.release('client_gone')
    } else if (!attempt.target.cancelStopsBilling && this.deps.drains.enter()) {
      this.#phase = 'draining'
      this.deps.wheel.disarm(this.#alive)
      this.deps.wheel.arm(this.#total, DRAIN_MS)
      attempt.resume()
    } else this.#settleGone()
  }

  onSinkDrain(): void {
    this.#attempt?.resume()
  }

  #settleGone(): void {
    const last = this.#attempt!
    const attempt = produced(last.pipe?.seen) ? last : this.#rescue.holder(last)
    this.#cancelAttempt()
    this.#end()
    const seen = attempt.pipe?.seen
    if (produced(seen)) {
      const failed = seen?.finish?.reason === 'error'
      this.#settle(attempt, failed ? 'failed' : 'client_gone', null)
    } else this.#ending.release('client_gone')
  }

  #cancelAttempt(): void {
    const attempt = this.#attempt
    if (attempt === null || attempt.over) return
    attempt.cancel()
    this.#report(attempt.endpoint, attempt, 'cancelled', null)
  }

  #end(): void {
    if (this.#phase === 'draining') this.deps.drains.leave()
    this.#phase = 'ending'
    this.deps.wheel.disarm(this.#total)
    this.deps.wheel.disarm(this.#alive)
    this.deps.wheel.disarm(this.#pause)
  }

  // Time and the ledger's word.

  #onDurable(): void {
    this.#durable = true
    const attempt = this.#attempt
    if (attempt === null || this.#phase !== 'trying') return
    if (this.#doneEarly) this.#complete(attempt)
    else if (this.request.stream && attempt.pipe?.seen.content && this.#commit()) attempt.resume()
  }

  onTimer(timer: Timer): void {
    try {
      this.#onTime(timer)
    } catch (cause) {
      // Thrown into the wheel it would end the process with everybody else's requests.
      this.broken(cause)
    }
  }

  #onTime(timer: Timer): void {
    if (timer === this.#pause) this.#try(this.#index)
    else if (timer === this.#total) this.#expire()
    else {
      this.deps.wheel.arm(timer, KEEP_ALIVE_MS)
      if (this.#durable) this.#ending.comment(KEEP_ALIVE)
    }
  }

  #expire(): void {
    if (this.#phase === 'draining') {
      this.#settleGone()
      return
    }
    const endpoint = this.#call.plan.order[this.#index]!
    const error = fault('provider_timeout', `The request took longer than ${this.timeouts.totalMs / 1000} s.`)
    this.#tries.add(this.#index, endpoint, error, null)
    const streaming = this.#phase === 'streaming' || this.#rescue.active
    const attempt = this.#attempt
    if (attempt !== null && !attempt.over) attempt.trace.errorCode = error.code
    this.#cancelAttempt()
    if (streaming) this.#breakOff()
    else this.#refuse()
  }
}
