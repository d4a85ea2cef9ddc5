import type { Block, BlockDelta, ChatEvent, FinishReason } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { count, type Json, list, object, text } from '../json.ts'
import { toolId } from '../openai-chat/stream.ts'
import { CallArgs } from './args.ts'
import { decodeCitations } from './citations.ts'
import { blocked, decodeErrorObject } from './errors.ts'
import { finishReason } from './finish.ts'
import { decodeLogprobs } from './logprobs.ts'
import { decodeUsage } from './usage.ts'
import { DIALECT, GOOGLE_FORMAT } from './wire.ts'

/** What the code tool is called in the hub; its id is the provider's where there is one. */
const CODE_TOOL = 'code_execution'

interface Choice {
  size: number
  /** The block that parts of the same kind add to. */
  open: { readonly index: number; readonly kind: string } | null
  /** A call whose arguments still come. */
  call: { readonly index: number; readonly args: CallArgs } | null
  calls: number
  said: string
  grounding: Json | null
  quoted: Json | null
  finished: boolean
}

/** Turns chunks of a stream, or one whole reply, into events. */
export class EventReader {
  private readonly choices = new Map<number, Choice>()
  private started = false
  private failed = false
  private finished = false
  private readonly meta: ReplyMeta | undefined

  /** `meta`: whose answer it is; calls that come without an id (Vertex) get one made from it. */
  constructor(meta?: ReplyMeta) {
    this.meta = meta
  }

  /** Events of one chunk, in the order of the answer. */
  read(chunk: Json): ChatEvent[] {
    if (this.failed) return []
    const events: ChatEvent[] = []
    if (chunk['error'] !== undefined && chunk['error'] !== null) {
      return this.fail(decodeErrorObject(chunk['error']), events)
    }
    this.start(chunk, events)
    const candidates = list(chunk['candidates'])
    for (const [position, raw] of candidates.entries()) {
      const candidate = object(raw)
      if (candidate !== null) this.candidate(candidate, count(candidate['index']) ?? position, events)
    }
    const wire = object(chunk['usageMetadata'])
    const usage = wire === null ? null : decodeUsage(wire)
    if (usage !== null) events.push({ type: 'usage', usage, raw: wire })
    const feedback = object(chunk['promptFeedback'])
    if (feedback !== null && text(feedback['blockReason']) !== null)
      return this.fail(blocked(feedback), events)
    for (const [position, raw] of candidates.entries()) {
      const candidate = object(raw)
      if (candidate !== null) this.finish(candidate, count(candidate['index']) ?? position, events)
    }
    return events
  }

  /** At the end of input: nothing after a good end, an error when the answer was cut. */
  end(): ChatEvent[] {
    if (this.failed) return []
    const events: ChatEvent[] = []
    for (const [choice, state] of this.choices) this.close(state, choice, events)
    if (this.finished) return events
    const message = 'The provider closed the connection before its answer was complete.'
    return this.fail(
      { code: 'provider_cut', status: 200, message, providerCode: null, retryAfterMs: null },
      events,
    )
  }

  private fail(error: (ChatEvent & { type: 'error' })['error'], events: ChatEvent[]): ChatEvent[] {
    this.failed = true
    events.push({ type: 'error', error })
    return events
  }

  private start(chunk: Json, events: ChatEvent[]): void {
    if (this.started) return
    this.started = true
    const tier = text(object(chunk['usageMetadata'])?.['serviceTier'])
    const created = Date.parse(text(chunk['createTime']) ?? '')
    events.push({
      type: 'start',
      id: text(chunk['responseId']) ?? '',
      model: text(chunk['modelVersion']) ?? '',
      ...(!Number.isNaN(created) && { created: Math.floor(created / 1000) }),
      ...(tier !== null && { serviceTier: tier }),
    })
  }

  private candidate(candidate: Json, choice: number, events: ChatEvent[]): void {
    const state = this.state(choice)
    const begun = events.length
    for (const part of list(object(candidate['content'])?.['parts'])) {
      this.part(object(part) ?? {}, state, choice, events)
    }
    state.grounding = object(candidate['groundingMetadata']) ?? state.grounding
    state.quoted = object(candidate['citationMetadata']) ?? state.quoted
    const logprobs = decodeLogprobs(candidate['logprobsResult'])
    if (logprobs === undefined) return
    const at = events.findIndex((event, i) => i >= begun && event.type === 'block-delta')
    const carrier = events[at]
    if (carrier?.type === 'block-delta') events[at] = { ...carrier, logprobs }
  }

  private part(part: Json, state: Choice, choice: number, events: ChatEvent[]): void {
    const signature = text(part['thoughtSignature'])
    const call = object(part['functionCall'])
    const inline = object(part['inlineData'])
    if (call !== null) this.call(call, signature, state, choice, events)
    else if (inline !== null && part['thought'] !== true) this.media(inline, signature, state, choice, events)
    else if (object(part['executableCode']) !== null || object(part['codeExecutionResult']) !== null) {
      this.code(part, signature, state, choice, events)
    } else if (typeof part['text'] === 'string')
      this.say(part, part['text'], signature, state, choice, events)
    else if (Object.keys(part).length > 0)
      events.push({ type: 'opaque', dialect: DIALECT, data: { choice, part } })
  }

  private say(
    part: Json,
    said: string,
    signature: string | null,
    state: Choice,
    choice: number,
    events: ChatEvent[],
  ): void {
    if (said === '' && signature === null) return
    const isThought = part['thought'] === true
    const block: Block = isThought ? { kind: 'reasoning', format: GOOGLE_FORMAT } : { kind: 'text' }
    const deltas: BlockDelta[] = []
    if (said !== '') deltas.push({ kind: isThought ? 'reasoning' : 'text', text: said })
    if (signature !== null) deltas.push({ kind: 'signature', signature })
    for (const delta of deltas) this.add(state, choice, block.kind, block, delta, events)
    if (!isThought) state.said += said
    // What follows a signature is a part of its own.
    if (signature !== null) this.close(state, choice, events)
  }

  /** A call in one piece, or the next piece of the one that is open; an empty piece ends it. */
  private call(
    call: Json,
    signature: string | null,
    state: Choice,
    choice: number,
    events: ChatEvent[],
  ): void {
    const name = text(call['name'])
    if (name !== null || state.call === null) {
      this.close(state, choice, events)
      const index = state.size++
      const place = state.calls++
      const made = this.meta === undefined ? '' : toolId(this.meta, choice, place)
      state.call = { index, args: new CallArgs() }
      const block: Block = { kind: 'tool', id: text(call['id']) ?? made, name: name ?? '' }
      events.push({ type: 'block-start', index, choice, block })
    }
    const { index, args } = state.call
    args.add(call)
    if (signature !== null)
      events.push({ type: 'block-delta', index, choice, delta: { kind: 'signature', signature } })
    if (call['willContinue'] !== true) this.close(state, choice, events)
  }

  private media(
    inline: Json,
    signature: string | null,
    state: Choice,
    choice: number,
    events: ChatEvent[],
  ): void {
    const mediaType = text(inline['mimeType']) ?? 'application/octet-stream'
    const data = text(inline['data']) ?? ''
    if (mediaType.startsWith('audio/')) {
      this.add(state, choice, 'audio', { kind: 'audio' }, { kind: 'audio', data }, events)
      return
    }
    this.close(state, choice, events)
    const isImage = mediaType.startsWith('image/')
    const block: Block = isImage
      ? { kind: 'image', mediaType }
      : { kind: 'opaque', dialect: DIALECT, data: { inlineData: inline } }
    const url = `data:${mediaType};base64,${data}`
    const delta: BlockDelta = isImage
      ? { kind: 'image', url }
      : { kind: 'opaque', data: { inlineData: inline } }
    this.add(state, choice, 'image', block, delta, events)
    if (signature !== null) this.add(state, choice, 'image', block, { kind: 'signature', signature }, events)
    this.close(state, choice, events)
  }

  /** Code that Google ran, and what came of it: one block, closed by its result. */
  private code(
    part: Json,
    signature: string | null,
    state: Choice,
    choice: number,
    events: ChatEvent[],
  ): void {
    const code = object(part['executableCode'])
    const result = object(part['codeExecutionResult'])
    const id = text((code ?? result)?.['id']) ?? ''
    const block: Block = { kind: 'server-tool', id, name: CODE_TOOL }
    if (code !== null) {
      this.close(state, choice, events)
      const { id: _id, ...args } = code
      this.add(state, choice, 'code', block, { kind: 'args', json: JSON.stringify(args) }, events)
    }
    if (signature !== null) this.add(state, choice, 'code', block, { kind: 'signature', signature }, events)
    if (result === null) return
    const { id: _id, ...data } = result
    this.add(state, choice, 'code', block, { kind: 'result', data }, events)
    this.close(state, choice, events)
  }

  /** Adds to the open block of this kind, or closes what is open and begins one. */
  private add(
    state: Choice,
    choice: number,
    kind: string,
    block: Block,
    delta: BlockDelta,
    events: ChatEvent[],
  ): void {
    if (state.open?.kind !== kind || state.call !== null) {
      this.close(state, choice, events)
      state.open = { index: state.size++, kind }
      events.push({ type: 'block-start', index: state.open.index, choice, block })
    }
    events.push({ type: 'block-delta', index: state.open.index, choice, delta })
  }

  private close(state: Choice, choice: number, events: ChatEvent[]): void {
    if (state.call !== null) {
      const { index, args } = state.call
      events.push({ type: 'block-delta', index, choice, delta: { kind: 'args', json: args.json } })
      events.push({ type: 'block-stop', index, choice })
    }
    if (state.open !== null) events.push({ type: 'block-stop', index: state.open.index, choice })
    state.call = null
    state.open = null
  }

  private finish(candidate: Json, choice: number, events: ChatEvent[]): void {
    const native = text(candidate['finishReason'])
    const state = this.state(choice)
    if (native === null || state.finished || this.failed) return
    this.close(state, choice, events)
    state.finished = true
    for (const citation of decodeCitations(state.grounding, state.quoted, state.said)) {
      events.push({ type: 'citation', choice, citation })
    }
    const reason: FinishReason = finishReason(native, state.calls > 0)
    const said = text(candidate['finishMessage'])
    if (reason === 'error') {
      const message = said ?? `The provider broke off its answer (${native}).`
      const code = 'provider_unavailable'
      this.fail({ code, status: 200, message, providerCode: native, retryAfterMs: null }, events)
      return
    }
    this.finished = true
    events.push({
      type: 'finish',
      choice,
      reason,
      native,
      ...(said !== null && { details: { message: said } }),
    })
  }

  private state(choice: number): Choice {
    let state = this.choices.get(choice)
    if (state === undefined) {
      state = {
        size: 0,
        open: null,
        call: null,
        calls: 0,
        said: '',
        grounding: null,
        quoted: null,
        finished: false,
      }
      this.choices.set(choice, state)
    }
    return state
  }
}
