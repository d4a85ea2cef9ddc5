import { type ChatRequest, GatewayError, NO_USAGE, type Outcome, type Usage } from '../chat/index.ts'
import {
  type EncodedRequest,
  type Handover,
  type ReplyMeta,
  type RescueWay,
  rescuePipe,
  type StreamPipe,
} from '../dialects/index.ts'
import { mayFollow } from '../routing/index.ts'
import type { Attempt } from './attempt.ts'
import { produced, usageOf } from './tally.ts'
import type { Failure } from './trace.ts'
import type { Tries } from './tries.ts'
import type { RelayCall, RelayDeps } from './types.ts'

/** Fewer characters than these are sooner said anew than gone on with. */
const LEAST_PREFIX = 32

/** What an outcome says of money. */
export type Bill = Pick<Outcome, 'usage' | 'upstream'>

/**
 * What becomes of an answer that breaks after content was sent: another endpoint goes on with it, by the policy of the
 * request. Keeps what was delivered and what was worked for it upstream; the relay does the rest.
 */
export class Rescue {
  readonly #call: RelayCall
  readonly #deps: RelayDeps
  /** Delivered text has to be kept: another endpoint could go on with it. */
  readonly keeps: boolean
  #handover: Handover | null = null
  /** Attempts that broke after content: the first, and the last whose pipe took the stream over. */
  #first: Attempt | null = null
  #holder: Attempt | null = null
  /** Attempts that worked for the answer and broke. */
  readonly #spent = new Map<number, Usage>()
  /** Place of the failure that broke the answer. */
  #broke = -1
  /** The next attempt must not be given the beginning: its endpoint refused it. */
  #anew = false

  constructor(call: RelayCall, deps: RelayDeps) {
    this.#call = call
    this.#deps = deps
    const { plan, request, rescue } = call
    this.keeps = rescue !== 'off' && plan.order.length > 1 && plan.allowFallbacks && isPlainText(request)
  }

  /** An answer has broken, and an endpoint that goes on with it is looked for or at work. */
  get active(): boolean {
    return this.#handover !== null
  }

  /** The attempt that wrote to the client last; `attempt` while nothing has broken. */
  holder(attempt: Attempt): Attempt {
    return this.#holder ?? attempt
  }

  /** The attempt that the client's answer began with; `attempt` while nothing has broken. */
  first(attempt: Attempt): Attempt {
    return this.#first ?? attempt
  }

  /** Place in the plan of the endpoint that is to go on after `attempt` failed; null when none can. */
  next(attempt: Attempt, tries: Tries): number | null {
    if (!this.keeps || !this.#takeOver(attempt, tries.failures.length - 1)) return null
    const { plan, rescue } = this.#call
    const { failures } = tries
    if (failures.length >= plan.maxAttempts) return null
    const last = failures.at(-1)!
    this.#anew = rescue !== 'continue' && attempt.trace.seam?.way === 'continue' && isRefusal(last)
    if (this.#anew) return last.index
    const failed = failures.map(({ index, error: { code, retryAfterMs } }) => ({ index, code, retryAfterMs }))
    const now = this.#deps.clock.tick()
    const { health } = this.#deps
    const open = plan.order
      .map((_, index) => index)
      .filter((i) => mayFollow(i, failed, plan) && health.mayRetry(plan.order[i]!.providerId, now))
    return open.find((i) => health.admit(plan.order[i]!.id, now)) ?? open[0] ?? null
  }

  /** All failures, last the one that broke the answer: what the client is told of. */
  told({ failures }: Tries): readonly Failure[] {
    const broke = failures[this.#broke]
    return broke === undefined ? failures : [...failures.filter((failure) => failure !== broke), broke]
  }

  /** The request of an attempt that goes on. @throws {GatewayError} where only continuing is allowed and it can't */
  prepare(attempt: Attempt, encoded: EncodedRequest): EncodedRequest {
    if (this.#handover === null) return encoded
    const { text } = this.#handover
    const { rescue } = this.#call
    const at = Buffer.byteLength(text)
    const prefix = { text: text.trimEnd(), tokens: this.#deps.estimateTokens(at) }
    const least = rescue === 'continue' ? 1 : LEAST_PREFIX
    const may = rescue !== 'restart' && !this.#anew && prefix.text.length >= least
    const continued = may
      ? (attempt.dialect.continueAnswer?.(encoded, prefix, attempt.target.wire) ?? null)
      : null
    if (continued === null && rescue === 'continue') {
      throw new GatewayError('unprocessable', 'The endpoint is not known to continue an answer.')
    }
    attempt.trace.seam = { way: continued === null ? 'restart' : 'continue', at }
    return continued ?? encoded
  }

  /** The pipe that goes on with the client's stream; null while nothing has broken. */
  pipe(attempt: Attempt, meta: ReplyMeta): StreamPipe | null {
    const way: RescueWay = attempt.trace.seam?.way ?? 'restart'
    return this.#handover && rescuePipe(attempt.dialect, meta, this.#handover, way)
  }

  /** What the client has been given, for the bill of a crash. */
  get delivered(): Usage {
    const { estimateTokens } = this.#deps
    return {
      ...NO_USAGE,
      promptTokens: estimateTokens(this.#call.request.promptBytes),
      completionTokens: estimateTokens(Buffer.byteLength(this.#handover?.text ?? '')),
      source: 'estimated',
    }
  }

  /**
   * What an attempt is charged for: its own use, or, where it went on with an answer, the prompt once and all that was
   * delivered. Beside it, what each attempt used itself.
   */
  bill(attempt: Attempt): Bill {
    const own = this.#usage(attempt)
    attempt.trace.usage = own
    if (this.#spent.size === 0) return { usage: own }
    if (produced(attempt.pipe!.seen)) this.#spent.set(attempt.trace.n, own)
    const upstream = [...this.#spent].map(([n, usage]) => ({ attempt: n, usage }))
    return { usage: this.charged(attempt, own), upstream }
  }

  /** What is charged of it so far. */
  charged(attempt: Attempt, own: Usage = this.#usage(attempt)): Usage {
    const { seam } = attempt.trace
    if (seam === null) return own
    const before = this.#deps.estimateTokens(seam.at)
    if (seam.way === 'continue') {
      // A provider counts the beginning that it was given as prompt; our own estimate doesn't.
      const extra = own.source === 'provider' ? before : 0
      const promptTokens = Math.max(0, own.promptTokens - extra)
      return { ...own, promptTokens, completionTokens: own.completionTokens + before }
    }
    // With text delivered before, the reasoning of the new answer reached nobody.
    const unseen = seam.at > 0 ? own.reasoningTokens : 0
    const said = (seam.at > 0 && this.#estimateSaid(own)) || own.completionTokens - unseen
    const completionTokens = attempt.pipe?.seen.finish ? said : Math.max(said, before)
    return { ...own, completionTokens, reasoningTokens: own.reasoningTokens - unseen }
  }

  /** Our own count of bytes can't tell reasoning from text: tokens of the text that was delivered; 0 when that is not known. */
  #estimateSaid({ source }: Usage): number {
    const text = source === 'estimated' ? (this.#handover?.kept.text ?? '') : ''
    return this.#deps.estimateTokens(Buffer.byteLength(text))
  }

  #usage(attempt: Attempt): Usage {
    return usageOf(attempt.pipe!.seen, this.#call.request.promptBytes, this.#deps.estimateTokens)
  }

  /** Takes what a broken attempt leaves; false when nobody can go on with it. */
  #takeOver(attempt: Attempt, failure: number): boolean {
    const { pipe, trace } = attempt
    if (pipe === null) return this.active
    if (produced(pipe.seen)) {
      trace.usage = this.#usage(attempt)
      this.#spent.set(trace.n, trace.usage)
    }
    if (this.#holder === attempt) return this.active
    if (this.#first === null) this.#broke = failure
    this.#first ??= attempt
    this.#holder = attempt
    this.#handover = pipe.handOver?.() ?? null
    return this.active
  }
}

/** Text alone can be gone on with: not one of several candidates, not media, not strict JSON. */
function isPlainText(request: ChatRequest): boolean {
  const { stream, choices, outputModalities, parameters } = request
  if (!stream || choices > 1 || outputModalities.some((kind) => kind !== 'text')) return false
  const shaped = parameters.includes('response_format') || parameters.includes('structured_outputs')
  return !shaped || request.parameterValues().responseFormat === undefined
}

/** The provider did not take the request as it was. */
function isRefusal({ error: { status } }: Failure): boolean {
  return status === 400 || status === 404 || status === 422
}
