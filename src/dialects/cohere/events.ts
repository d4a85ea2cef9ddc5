import type { Block, BlockDelta, ChatEvent, Citation, ErrorCode } from '../../chat/index.ts'
import { count, type Json, list, object, text } from '../json.ts'
import { decodeUsage } from './usage.ts'
import { finishReason, PLAN } from './wire.ts'

interface Open {
  readonly index: number
  readonly kind: 'text' | 'thinking' | 'plan' | 'tool'
  /** Arguments so far, as long as they may still turn out to be `null`. */
  held: string | null
}

/** What may yet become `null`, Cohere's way of calling without arguments. */
const maybeNull = (args: string): boolean => 'null'.startsWith(args)

/** Turns the parts of a Cohere message, whole or in deltas, into events of the hub. */
export class CohereReader {
  events: ChatEvent[] = []
  private open: Open | null = null
  private size = 0
  private characters = 0
  /** Characters of the answer before each content block of text, by Cohere's index. */
  private readonly offsets = new Map<number, number>()

  start(id: unknown): void {
    this.events.push({ type: 'start', id: text(id) ?? '', model: '' })
  }

  /** `content` is a block or what is added to it. */
  content(place: number, { type, text: said, thinking }: Json): void {
    if (type === 'thinking' || typeof thinking === 'string') this.think('thinking', text(thinking) ?? '')
    else if (type === 'text' || typeof said === 'string') this.say(place, text(said) ?? '')
  }

  plan(said: unknown): void {
    this.think('plan', text(said) ?? '')
  }

  startCall(call: Json): void {
    const fn = object(call['function']) ?? {}
    this.begin('tool', { kind: 'tool', id: text(call['id']) ?? '', name: text(fn['name']) ?? '' })
    this.args(text(fn['arguments']) ?? '')
  }

  args(json: string): void {
    const { open } = this
    if (open?.kind !== 'tool' || json === '') return
    const pending = open.held === null ? json : open.held + json
    if (open.held !== null && maybeNull(pending)) open.held = pending
    else {
      open.held = null
      this.add({ kind: 'args', json: pending })
    }
  }

  cite(place: number, wire: Json): void {
    const index = count(wire['content_index']) ?? place
    const offset = this.offsets.get(index)
    const ofText = wire['type'] === undefined || wire['type'] === 'TEXT_CONTENT'
    this.events.push({ type: 'citation', citation: decodeCitation(wire, ofText ? (offset ?? null) : null) })
  }

  /** Why the answer ended; a failure of the provider is an error, not an end. */
  finish(native: string, said: string | null): void {
    this.close()
    const reason = finishReason(native)
    if (reason !== 'error') {
      this.events.push({ type: 'finish', reason, native })
      return
    }
    const code: ErrorCode = native === 'TIMEOUT' ? 'provider_timeout' : 'provider_unavailable'
    const message = said ?? `The provider broke off its answer (${native}).`
    this.events.push({
      type: 'error',
      error: { code, status: 200, message, providerCode: native, retryAfterMs: null },
    })
  }

  usage(wire: unknown): void {
    const known = object(wire)
    if (known !== null) this.events.push({ type: 'usage', usage: decodeUsage(known), raw: known })
  }

  close(): void {
    const { open } = this
    if (open === null) return
    if (open.kind === 'tool' && open.held !== null) this.add({ kind: 'args', json: '{}' })
    this.events.push({ type: 'block-stop', index: open.index })
    this.open = null
  }

  private say(place: number, said: string): void {
    if (said === '') return
    if (this.open?.kind !== 'text' || !this.offsets.has(place)) {
      this.begin('text', { kind: 'text' })
      this.offsets.set(place, this.characters)
    }
    this.characters += said.length
    this.add({ kind: 'text', text: said })
  }

  private think(kind: 'thinking' | 'plan', said: string): void {
    if (said === '') return
    if (this.open?.kind !== kind) {
      this.begin(kind, kind === 'plan' ? { kind: 'reasoning', id: PLAN } : { kind: 'reasoning' })
    }
    this.add({ kind: 'reasoning', text: said })
  }

  private begin(kind: Open['kind'], block: Block): void {
    this.close()
    this.open = { index: this.size++, kind, held: '' }
    this.events.push({ type: 'block-start', index: this.open.index, block })
  }

  private add(delta: BlockDelta): void {
    this.events.push({ type: 'block-delta', index: this.open!.index, delta })
  }
}

/** `offset`: where the cited block's text begins in the answer, characters; null when it is no text of the answer. */
function decodeCitation(wire: Json, offset: number | null): Citation {
  const place = (value: unknown) => {
    const known = count(value)
    return known === null || offset === null ? null : known + offset
  }
  const source = object(list(wire['sources'])[0])
  const document = object(source?.['document']) ?? object(source?.['tool_output'])
  const id = text(source?.['id'])
  const url = text(document?.['url']) ?? (id !== null && /^https?:\/\//.test(id) ? id : null)
  return {
    url,
    title: text(document?.['title']) ?? id,
    text: text(document?.['text']) ?? text(document?.['snippet']) ?? text(document?.['content']),
    start: place(wire['start']),
    end: place(wire['end']),
    raw: wire,
  }
}
