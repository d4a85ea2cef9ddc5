import type { BlockDelta } from '../../chat/index.ts'
import type { Json } from '../json.ts'
import type { ItemStatus, OpenItem } from './open-items.ts'
import { logprobsOf, type Sink } from './sink.ts'

interface Part {
  readonly wire: Json
  readonly index: number
  said: string
  readonly logprobs: unknown[]
  readonly annotations: Json[]
}

type PartType = 'output_text' | 'refusal'

/**
 * A message of the assistant. A part is opened by its first text and closed by what comes after it, not by the end of its
 * block: citations of a text may follow it.
 */
export class MessageItem {
  private readonly sink: Sink
  private readonly waiting: () => Json[]
  private readonly item: Json
  private readonly at: number
  private readonly content: Json[] = []
  private readonly later: (() => void)[] = []
  private part: Part | null = null

  /**
   * `waiting` hands over citations that came before any text. `told`: the client knows the item already, and what its
   * first part has said; null before that has begun.
   */
  constructor(
    sink: Sink,
    waiting: () => Json[],
    told?: { readonly item: Json; readonly said: string | null },
  ) {
    this.sink = sink
    this.waiting = waiting
    if (told !== undefined) {
      this.item = { ...told.item }
      this.at = sink.place(this.item)
      if (told.said !== null) this.part = this.newPart('output_text', told.said)
      return
    }
    this.item = {
      type: 'message',
      id: sink.newId('msg'),
      status: 'in_progress',
      role: 'assistant',
      content: [],
    }
    this.at = sink.place(this.item)
    sink.emit('response.output_item.added', { output_index: this.at, item: { ...this.item } })
  }

  /** A block of text begins. */
  begin(type: PartType, sign: (signature: string) => void): OpenItem {
    this.closePart()
    return this.goOn(type, sign)
  }

  /** The block of the part that is open. */
  goOn(type: PartType, sign: (signature: string) => void): OpenItem {
    return {
      add: (delta: BlockDelta, logprobs?: unknown) => {
        if (delta.kind === 'text' || delta.kind === 'refusal') this.say(type, delta.text, logprobs)
        else if (delta.kind === 'audio' && delta.transcript) this.say(type, delta.transcript)
        else if (delta.kind === 'signature') sign(delta.signature)
      },
      stop: () => undefined,
    }
  }

  /** Adds an annotation to the text told last; false when there is none. */
  cite(annotation: Json): boolean {
    const { part } = this
    if (part === null || part.wire['type'] !== 'output_text') return false
    part.annotations.push(annotation)
    this.sink.emit('response.output_text.annotation.added', {
      ...this.place(part),
      annotation_index: part.annotations.length - 1,
      annotation,
    })
    return true
  }

  /** Citations without any text behind them still have to be told somewhere: an empty one takes those that wait. */
  takeWaiting(): void {
    this.closePart()
    this.open('output_text')
  }

  afterwards(tell: () => void): void {
    this.later.push(tell)
  }

  close(status: ItemStatus): void {
    this.closePart()
    this.item['status'] = status
    this.item['content'] = this.content
    this.sink.emit('response.output_item.done', { output_index: this.at, item: this.item })
    for (const tell of this.later) tell()
  }

  private say(type: PartType, said: string, logprobs?: unknown): void {
    const part = this.part ?? this.open(type)
    part.said += said
    if (type === 'refusal') {
      this.sink.emit('response.refusal.delta', { ...this.place(part), delta: said })
      return
    }
    const told = logprobsOf(logprobs)
    part.logprobs.push(...told)
    this.sink.emit('response.output_text.delta', { ...this.place(part), delta: said, logprobs: told })
  }

  private open(type: PartType): Part {
    const part = this.newPart(type, '')
    this.part = part
    this.sink.emit('response.content_part.added', { ...this.place(part), part: { ...part.wire } })
    if (type === 'output_text') for (const annotation of this.waiting()) this.cite(annotation)
    return part
  }

  private newPart(type: PartType, said: string): Part {
    const part: Part = {
      wire: type === 'refusal' ? { type, refusal: '' } : { type, text: '', annotations: [], logprobs: [] },
      index: this.content.length,
      said,
      logprobs: [],
      annotations: [],
    }
    this.content.push(part.wire)
    return part
  }

  private closePart(): void {
    const { part } = this
    if (part === null) return
    this.part = null
    const place = this.place(part)
    if (part.wire['type'] === 'refusal') {
      part.wire['refusal'] = part.said
      this.sink.emit('response.refusal.done', { ...place, refusal: part.said })
    } else {
      const { said: text, annotations, logprobs } = part
      Object.assign(part.wire, { text, annotations, logprobs })
      this.sink.emit('response.output_text.done', { ...place, text, logprobs })
    }
    this.sink.emit('response.content_part.done', { ...place, part: part.wire })
  }

  private place(part: Part): Json {
    return { item_id: this.item['id'], output_index: this.at, content_index: part.index }
  }
}
