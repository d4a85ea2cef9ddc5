import type { Block, BlockDelta, ChatEvent, Citation } from '../../chat/index.ts'
import { count, type Json, list, object, text } from '../json.ts'
import { ChunkReader, type ReadChoice, type Seen } from './reader.ts'
import { DIALECT } from './wire.ts'

/** Fields of a message that become events of their own; other structured ones travel as opaque. */
const KNOWN: ReadonlySet<string> = new Set([
  'role',
  'content',
  'reasoning',
  'reasoning_content',
  'reasoning_details',
  'refusal',
  'tool_calls',
  'function_call',
  'images',
  'audio',
  'annotations',
])

interface OpenBlock {
  readonly index: number
  readonly key: string
}

interface ChoiceState {
  size: number
  current: OpenBlock | null
  /** Blocks of tool calls stay open side by side: their fragments may be mixed. */
  readonly tools: Map<number, number>
  finish: string | null
}

/** Turns chunks, or one whole reply, into events. */
export class EventReader {
  private readonly reader: ChunkReader
  private readonly choices = new Map<number, ChoiceState>()
  private started = false
  private failed = false

  /** `whole`: one reply is read, not chunks of a stream. */
  constructor(whole: boolean) {
    this.reader = new ChunkReader({ hideReasoning: false, toolSeed: '', whole })
  }

  get seen(): Seen {
    return this.reader.seen
  }

  /** Events of one chunk, in the order of the answer. */
  read(chunk: Json): ChatEvent[] {
    if (this.failed) return []
    const events: ChatEvent[] = []
    const usageBefore = this.seen.usage
    const choices = this.reader.read(chunk)
    if (!this.started && (text(chunk['id']) !== null || choices.length > 0)) {
      this.started = true
      events.push(startOf(chunk))
    }
    for (const choice of choices) this.choice(choice, events)
    for (const choice of choices) this.finish(choice, events)
    if (this.seen.usage !== null && this.seen.usage !== usageBefore) {
      events.push({ type: 'usage', usage: this.seen.usage, raw: chunk['usage'] })
    }
    if (this.seen.error !== null) {
      this.failed = true
      events.push({ type: 'error', error: this.seen.error })
    }
    return events
  }

  /** At the end of input: nothing after a good end, an error when the answer was cut. */
  end(): ChatEvent[] {
    if (this.failed) return []
    const events: ChatEvent[] = []
    for (const choice of this.choices.keys()) this.closeAll(choice, events)
    if (this.seen.finish !== null) return events
    this.failed = true
    const message = 'The provider closed the connection before its answer was complete.'
    const error = {
      code: 'provider_cut',
      status: 200,
      message,
      providerCode: null,
      retryAfterMs: null,
    } as const
    return [...events, { type: 'error', error }]
  }

  private choice(read: ReadChoice, events: ChatEvent[]): void {
    const { message, index: choice } = read
    const logprobs = read.rest['logprobs'] ?? undefined
    const begun = events.length
    this.reasoning(message, choice, events)
    const content = text(message['content'])
    if (content !== null)
      this.linear(choice, 'text', { kind: 'text' }, { kind: 'text', text: content }, events)
    const refusal = text(message['refusal'])
    if (refusal !== null) {
      this.linear(choice, 'refusal', { kind: 'refusal' }, { kind: 'refusal', text: refusal }, events)
    }
    for (const image of list(message['images'])) {
      const url = text(object(object(image)?.['image_url'])?.['url'])
      if (url === null) continue
      const key = `image/${this.state(choice).size}`
      this.linear(choice, key, { kind: 'image' }, { kind: 'image', url }, events)
    }
    this.audio(message, choice, events)
    for (const annotation of list(message['annotations'])) {
      events.push({ type: 'citation', choice, citation: citationOf(annotation) })
    }
    this.toolCalls(message, choice, events)
    const others = Object.entries(message).filter(
      ([name, value]) => !KNOWN.has(name) && typeof value === 'object' && value !== null,
    )
    if (others.length > 0) {
      events.push({ type: 'opaque', dialect: DIALECT, data: { choice, message: Object.fromEntries(others) } })
    }
    if (logprobs === undefined) return
    const at = events.findIndex((event, i) => i >= begun && event.type === 'block-delta')
    const carrier = events[at]
    if (carrier?.type === 'block-delta') events[at] = { ...carrier, logprobs }
  }

  private reasoning(message: Json, choice: number, events: ChatEvent[]): void {
    let told = false
    for (const [position, detail] of list(message['reasoning_details']).entries()) {
      const item = object(detail) ?? {}
      const deltas = reasoningDeltas(item)
      told ||= deltas.some((delta) => delta.kind === 'reasoning')
      const id = text(item['id'])
      const format = text(item['format'])
      const block: Block = { kind: 'reasoning', ...(format && { format }), ...(id && { id }) }
      // Fragments of one detail share its index; a new id under the same index is another detail.
      const key = `reasoning/${count(item['index']) ?? position}/${id ?? ''}`
      for (const delta of deltas) this.linear(choice, this.reasoningKey(choice, key), block, delta, events)
      if (deltas.length === 0) {
        events.push({
          type: 'opaque',
          dialect: DIALECT,
          data: { choice, message: { reasoning_details: [detail] } },
        })
      }
    }
    const said = text(message['reasoning'])
    if (told || said === null) return
    this.linear(choice, 'reasoning', { kind: 'reasoning' }, { kind: 'reasoning', text: said }, events)
  }

  /** A fragment without id continues the detail of its index that is open. */
  private reasoningKey(choice: number, key: string): string {
    const current = this.state(choice).current?.key
    return current?.startsWith('reasoning/') && key.endsWith('/') && current.startsWith(key) ? current : key
  }

  private audio(message: Json, choice: number, events: ChatEvent[]): void {
    const audio = object(message['audio'])
    if (audio === null) return
    const id = text(audio['id'])
    const expiresAt = count(audio['expires_at'])
    const data = text(audio['data'])
    const transcript = text(audio['transcript'])
    const delta: BlockDelta = {
      kind: 'audio',
      ...(data && { data }),
      ...(transcript && { transcript }),
      ...(expiresAt !== null && { expiresAt }),
    }
    this.linear(choice, 'audio', { kind: 'audio', ...(id && { id }) }, delta, events)
  }

  private toolCalls(message: Json, choice: number, events: ChatEvent[]): void {
    const state = this.state(choice)
    const calls = list(message['tool_calls'])
    const legacy = object(message['function_call'])
    const all = calls.length === 0 && legacy !== null ? [{ index: 0, function: legacy }] : calls
    for (const raw of all) {
      const call = object(raw)!
      const place = count(call['index']) ?? 0
      const fn = object(call['function']) ?? {}
      const custom = object(call['custom'])
      let index = state.tools.get(place)
      if (index === undefined) {
        this.close(choice, events)
        index = state.size++
        state.tools.set(place, index)
        const name = text(fn['name']) ?? text(custom?.['name']) ?? ''
        events.push({
          type: 'block-start',
          index,
          choice,
          block: { kind: 'tool', id: text(call['id']) ?? '', name },
        })
      }
      const json = text(fn['arguments']) ?? text(custom?.['input'])
      if (json !== null) events.push({ type: 'block-delta', index, choice, delta: { kind: 'args', json } })
    }
  }

  /** Adds to the open block of this key, or closes what is open and begins it. */
  private linear(choice: number, key: string, block: Block, delta: BlockDelta, events: ChatEvent[]): void {
    const state = this.state(choice)
    if (state.current?.key !== key) {
      this.close(choice, events)
      state.current = { index: state.size++, key }
      events.push({ type: 'block-start', index: state.current.index, choice, block })
    }
    events.push({ type: 'block-delta', index: state.current.index, choice, delta })
  }

  private closeAll(choice: number, events: ChatEvent[]): void {
    const { tools } = this.state(choice)
    this.close(choice, events)
    for (const index of tools.values()) events.push({ type: 'block-stop', index, choice })
    tools.clear()
  }

  private close(choice: number, events: ChatEvent[]): void {
    const state = this.state(choice)
    if (state.current !== null) events.push({ type: 'block-stop', index: state.current.index, choice })
    state.current = null
  }

  /** Together says its finish twice: a repeated one is no news. */
  private finish({ index: choice, finish, rest }: ReadChoice, events: ChatEvent[]): void {
    if (finish === null) return
    const state = this.state(choice)
    this.closeAll(choice, events)
    if (state.finish === finish.reason) return
    state.finish = finish.reason
    const stop = text(rest['stop_reason'])
    events.push({ type: 'finish', choice, ...finish, ...(stop && { stopSequence: stop }) })
  }

  private state(choice: number): ChoiceState {
    let state = this.choices.get(choice)
    if (state === undefined) {
      state = { size: 0, current: null, tools: new Map(), finish: null }
      this.choices.set(choice, state)
    }
    return state
  }
}

function startOf(chunk: Json): ChatEvent {
  const created = count(chunk['created'])
  const serviceTier = text(chunk['service_tier'])
  const systemFingerprint = text(chunk['system_fingerprint'])
  return {
    type: 'start',
    id: text(chunk['id']) ?? '',
    model: text(chunk['model']) ?? '',
    ...(created !== null && { created }),
    ...(serviceTier && { serviceTier }),
    ...(systemFingerprint && { systemFingerprint }),
  }
}

function reasoningDeltas(detail: Json): BlockDelta[] {
  const deltas: BlockDelta[] = []
  const said = text(detail['text'])
  const summary = text(detail['summary'])
  const signature = text(detail['signature'])
  const data = text(detail['data'])
  if (said !== null) deltas.push({ kind: 'reasoning', text: said })
  if (summary !== null) deltas.push({ kind: 'reasoning', text: summary, summary: true })
  if (signature !== null) deltas.push({ kind: 'signature', signature })
  if (data !== null) deltas.push({ kind: 'encrypted', data })
  return deltas
}

function citationOf(raw: unknown): Citation {
  const cited = object(object(raw)?.['url_citation']) ?? {}
  return {
    url: text(cited['url']),
    title: text(cited['title']),
    text: text(cited['content']),
    start: count(cited['start_index']),
    end: count(cited['end_index']),
    raw,
  }
}
