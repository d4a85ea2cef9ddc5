import type { Clock } from '../lib/index.ts'
import { type Delta, type Script, scriptOf } from './script.ts'
import { tokensOf } from './text.ts'

/** The transport that the relay drives, by shape: this room does not know the relay. */
export interface SimulatedRequest {
  readonly path: string
  readonly body: Uint8Array | string | null
}

export interface SimulatedHandler {
  onHead(status: number, header: (name: string) => string | undefined): void
  /** Returns false to pause until `resume()`. */
  onData(chunk: Buffer): boolean
  onEnd(): void
  onError(error: SimulatedFault, connected: boolean): void
}

export interface SimulatedCall {
  resume(): void
  abort(): void
}

/** A broken connection, or a simulator that has been closed. */
export class SimulatedFault extends Error {
  override readonly name = 'TransportError'
  readonly fault: 'reset' | 'closed'

  constructor(fault: 'reset' | 'closed', message: string) {
    super(message)
    this.fault = fault
  }
}

export interface Timers {
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(handle: unknown): void
}

export interface Simulator {
  /** Answers in this process; callbacks come after it has returned, never after an abort. */
  send(request: SimulatedRequest, handler: SimulatedHandler): SimulatedCall
  /** Breaks off what is running; later calls fail as `closed`. */
  close(): Promise<void>
}

/** A whole reply comes after this long, an answer's head after as much. */
const THINKING_MS = 10
/** A stream takes at most about this long, however long its text. */
const LONGEST_STREAM_MS = 10_000
/** Conversations remembered for `sim/overloaded-then-ok`. */
const MOST_CONVERSATIONS = 1_000

/**
 * The provider behind the `sim/*` models: speaks the wire of OpenAI's chat completions without a network. What it
 * answers depends on the request alone (and, for `sim/overloaded-then-ok`, on whether the conversation came before).
 * Text begins with `[simulated]`, answers carry `x-waybill-simulated: true`.
 */
export function createSimulator(deps: {
  readonly clock: Pick<Clock, 'now'>
  readonly timers: Timers
}): Simulator {
  const running = new Set<Call>()
  const conversations = new Set<string>()
  let closed = false

  /** True at the first, third, … try of a conversation. */
  const firstTry = (conversation: string): boolean => {
    if (conversations.delete(conversation)) return false
    if (conversations.size >= MOST_CONVERSATIONS) conversations.delete(conversations.values().next().value!)
    conversations.add(conversation)
    return true
  }

  return {
    send(request, handler) {
      const call = new Call(handler, deps.timers, () => running.delete(call))
      running.add(call)
      if (closed) call.fail('closed', 'The simulator has been closed.', false)
      else call.run(readScript(request, firstTry), Math.floor(deps.clock.now() / 1_000))
      return call
    },
    async close() {
      closed = true
      for (const call of running) call.fail('closed', 'The simulator has been closed.', true)
    },
  }
}

function readScript(request: SimulatedRequest, firstTry: (conversation: string) => boolean): Script {
  const error = (status: number, code: string, message: string): Script => ({
    kind: 'error',
    status,
    retryAfter: null,
    error: { message, type: 'invalid_request_error', code },
  })
  if (!/\/chat\/completions(\?|$)/.test(request.path)) {
    return error(404, 'not_found', 'The simulator serves chat completions only.')
  }
  try {
    const text = typeof request.body === 'string' ? request.body : Buffer.from(request.body ?? '').toString()
    return scriptOf(JSON.parse(text), firstTry)
  } catch {
    return error(400, 'invalid_json', 'The body is not JSON.')
  }
}

/** One step of a call: bytes to hand over after a pause. */
interface Step {
  readonly afterMs: number
  readonly bytes: string
}

class Call implements SimulatedCall {
  readonly #handler: SimulatedHandler
  readonly #timers: Timers
  readonly #onOver: () => void
  #over = false
  #paused = false
  #timer: unknown = null
  #steps: Iterator<Step> | null = null
  #cut = false

  constructor(handler: SimulatedHandler, timers: Timers, onOver: () => void) {
    this.#handler = handler
    this.#timers = timers
    this.#onOver = onOver
  }

  run(script: Script, created: number): void {
    this.#after(THINKING_MS, () => {
      this.#handler.onHead(script.kind === 'error' ? script.status : 200, headersOf(script))
      if (script.kind === 'answer') this.#cut = script.cutAfter !== null
      this.#steps = stepsOf(script, created)
      this.#next()
    })
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#next()
  }

  abort(): void {
    this.#finish()
  }

  fail(fault: 'reset' | 'closed', message: string, connected: boolean): void {
    this.#after(0, () => this.#break(fault, message, connected))
  }

  #break(fault: 'reset' | 'closed', message: string, connected: boolean): void {
    this.#finish()
    this.#handler.onError(new SimulatedFault(fault, message), connected)
  }

  #next(): void {
    if (this.#over) return
    const step = this.#steps!.next()
    if (step.done !== true) {
      this.#after(step.value.afterMs, () => {
        const more = this.#handler.onData(Buffer.from(step.value.bytes))
        if (more) this.#next()
        else this.#paused = true
      })
    } else if (this.#cut) this.#break('reset', 'The simulated connection broke.', true)
    else {
      this.#finish()
      this.#handler.onEnd()
    }
  }

  #after(ms: number, run: () => void): void {
    if (this.#over) return
    this.#timers.clearTimeout(this.#timer)
    this.#timer = this.#timers.setTimeout(run, ms)
  }

  #finish(): void {
    this.#over = true
    this.#timers.clearTimeout(this.#timer)
    this.#onOver()
  }
}

function headersOf(script: Script): (name: string) => string | undefined {
  const headers: Record<string, string> = {
    'content-type': script.kind === 'answer' && script.stream ? 'text/event-stream' : 'application/json',
    'x-waybill-simulated': 'true',
  }
  if (script.kind === 'error' && script.retryAfter !== null)
    headers['retry-after'] = String(script.retryAfter)
  return (name) => headers[name]
}

function* stepsOf(script: Script, created: number): Generator<Step> {
  if (script.kind === 'error') {
    yield { afterMs: 0, bytes: JSON.stringify({ error: { ...script.error, param: null } }) }
  } else if (script.stream) yield* streamSteps(script, created)
  else {
    const reply = JSON.stringify(replyOf(script, created))
    const bytes = script.cutAfter === null ? reply : reply.slice(0, reply.length >> 1)
    yield { afterMs: script.silenceMs, bytes }
  }
}

type Answer = Extract<Script, { kind: 'answer' }>

function* streamSteps(script: Answer, created: number): Generator<Step> {
  const head = {
    id: script.id,
    object: 'chat.completion.chunk',
    created,
    model: script.model,
    system_fingerprint: 'fp_simulated',
  }
  const event = (fields: object): string => `data: ${JSON.stringify({ ...head, ...fields })}\n\n`
  const chunk = (delta: object, finish: string | null = null): string =>
    event({ choices: [{ index: 0, delta, finish_reason: finish }] })
  const whole = script.cutAfter === null ? script.deltas : script.deltas.slice(0, script.cutAfter)
  const deltas = whole.flatMap(pieces)
  const together = Math.ceil((deltas.length * script.gapMs) / LONGEST_STREAM_MS)
  yield { afterMs: 0, bytes: chunk({ role: 'assistant', content: '' }) }
  for (let i = 0; i < deltas.length; i += together) {
    const bytes = deltas.slice(i, i + together).map((delta) => chunk(delta))
    yield { afterMs: i === 0 ? script.silenceMs : script.gapMs, bytes: bytes.join('') }
  }
  if (script.cutAfter !== null) return
  const usage = script.includeUsage ? event({ choices: [], usage: script.usage }) : ''
  yield { afterMs: 0, bytes: `${chunk({}, script.finish)}${usage}data: [DONE]\n\n` }
}

/** A tool call comes as its name first, then its arguments bit by bit; all else as it is. */
function pieces(delta: Delta): Delta[] {
  if (delta.tool_calls === undefined) return [delta]
  return delta.tool_calls.flatMap(({ index, function: called, ...call }) => {
    const { name, arguments: args } = called as { name: string; arguments: string }
    const named: Delta = { tool_calls: [{ index, ...call, function: { name, arguments: '' } }] }
    const rest = tokensOf(args).map(
      (bit): Delta => ({ tool_calls: [{ index, function: { arguments: bit } }] }),
    )
    return [named, ...rest]
  })
}

function replyOf(script: Answer, created: number): object {
  const text = (field: 'content' | 'reasoning_content' | 'refusal'): string | null => {
    const parts = script.deltas.flatMap((delta) => delta[field] ?? [])
    return parts.length === 0 ? null : parts.join('')
  }
  const reasoning = text('reasoning_content')
  const refusal = text('refusal')
  const calls = script.deltas.flatMap((delta) => delta.tool_calls ?? []).map(({ index: _, ...call }) => call)
  const message = {
    role: 'assistant',
    content: text('content'),
    ...(reasoning === null ? {} : { reasoning_content: reasoning }),
    ...(refusal === null ? {} : { refusal }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
  return {
    id: script.id,
    object: 'chat.completion',
    created,
    model: script.model,
    system_fingerprint: 'fp_simulated',
    choices: [{ index: 0, message, finish_reason: script.finish, logprobs: null }],
    usage: script.usage,
  }
}
