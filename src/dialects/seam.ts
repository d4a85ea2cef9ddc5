import type { ChatEvent } from '../chat/index.ts'
import type { Handover } from './dialect.ts'

/**
 * `restart`: the endpoint answers anew, and what it repeats of the delivered text is dropped. `continue`: it was given the
 * delivered text and goes on with it; some repeat it first.
 */
export type RescueWay = 'continue' | 'restart'

/**
 * Joins the answer of a second endpoint to a client's stream. Its events come out as they would have come from the first:
 * numbered on, without a second start, the open text going on where it stopped. Reasoning is passed on only where no text
 * has been delivered yet: before that it belongs to an answer that the client has.
 */
export class Seam {
  /** The new answer does not begin with what was delivered. */
  diverged = false
  private readonly handover: Handover
  private readonly tell: (event: ChatEvent) => void
  private readonly way: RescueWay
  /** What the answer has to begin with, and how much of it has come. */
  private readonly expected: string
  private at = 0
  private joining: boolean
  /** Of an endpoint that goes on: what may yet turn out to be a repetition. */
  private held = ''
  /** White space at the end of the delivered text that was not given to the endpoint: it says it again, or not. */
  private tail: string
  /** Blocks of the new answer by number: their number for the client; absent while nothing of them was told. */
  private readonly places = new Map<number, number>()
  private readonly dropped = new Set<number>()

  constructor(handover: Handover, way: RescueWay, tell: (event: ChatEvent) => void) {
    const { text } = handover
    this.handover = handover
    this.way = way
    this.tell = tell
    this.expected = way === 'continue' ? text.trimEnd() : text
    this.tail = way === 'continue' ? text.slice(this.expected.length) : ''
    this.joining = this.expected !== ''
  }

  push(event: ChatEvent): void {
    if (this.diverged || ('choice' in event && (event.choice ?? 0) !== 0)) return
    switch (event.type) {
      case 'block-start':
        this.start(event)
        break
      case 'block-delta':
        this.delta(event)
        break
      case 'block-stop': {
        const place = this.places.get(event.index)
        if (place !== undefined) this.tell({ ...event, index: place })
        break
      }
      case 'citation':
        if (!this.joining) this.tell(this.placed(event))
        break
      case 'start':
      case 'opaque':
      case 'usage':
      case 'finish':
      case 'error':
        break
      default:
        event satisfies never
    }
  }

  /** The answer is whole: what was held goes out, unless something is missing of what it had to repeat. */
  end(): void {
    if (this.joining) this.leave()
    if (!this.diverged) this.closeOpen()
  }

  private start(event: ChatEvent & { type: 'block-start' }): void {
    // A text is told with its first words: it may be the one that is open already.
    if (event.block.kind === 'text') return
    if (event.block.kind === 'reasoning' && this.handover.text !== '') {
      this.dropped.add(event.index)
      return
    }
    if (this.joining) this.leave()
    if (!this.diverged) this.open(event)
  }

  private delta(event: ChatEvent & { type: 'block-delta' }): void {
    if (this.dropped.has(event.index)) return
    const place = this.places.get(event.index)
    if (event.delta.kind === 'text') {
      const said = this.joining ? this.join(event.delta.text) : event.delta.text
      this.say(event, said)
    } else if (place !== undefined) this.tell({ ...event, index: place })
  }

  /** Text that came before the seam was passed; returns what of it is new. */
  private join(piece: string): string {
    return this.way === 'restart' ? this.match(piece) : this.echo(piece)
  }

  private match(piece: string): string {
    const { expected, at } = this
    const repeated = Math.min(piece.length, expected.length - at)
    if (!expected.startsWith(piece.slice(0, repeated), at)) {
      this.diverged = true
      return ''
    }
    this.at += repeated
    this.joining = this.at < expected.length
    return piece.slice(repeated)
  }

  private echo(piece: string): string {
    const { expected } = this
    this.held += piece
    if (this.held.length < expected.length && expected.startsWith(this.held)) return ''
    const said = this.held.startsWith(expected) ? this.held.slice(expected.length) : this.held
    this.joining = false
    this.held = ''
    return said
  }

  /** Something other than text ends the repetition. */
  private leave(): void {
    this.joining = false
    if (this.way === 'restart') this.diverged = true
    else if (this.held !== '') {
      this.say({ type: 'block-delta', index: -1, delta: { kind: 'text', text: '' } }, this.held)
      this.held = ''
    }
  }

  private say(event: ChatEvent & { type: 'block-delta' }, said: string): void {
    const text = this.tail === '' ? said : this.untailed(said)
    if (text === '') return
    const open = this.handover.kept.open
    if (open?.kind === 'text') this.places.set(event.index, open.index)
    else if (!this.places.has(event.index)) {
      this.open({ type: 'block-start', index: event.index, block: { kind: 'text' } })
    }
    const index = this.places.get(event.index)!
    const whole = event.delta.kind === 'text' && text === event.delta.text
    const odds = whole && event.logprobs !== undefined ? { logprobs: event.logprobs } : {}
    this.tell({ type: 'block-delta', index, choice: 0, delta: { kind: 'text', text }, ...odds })
  }

  private untailed(said: string): string {
    let same = 0
    while (same < said.length && same < this.tail.length && said[same] === this.tail[same]) same++
    this.tail = same < said.length ? '' : this.tail.slice(same)
    return said.slice(same)
  }

  private open(event: ChatEvent & { type: 'block-start' }): void {
    this.closeOpen()
    const index = this.handover.kept.size
    this.places.set(event.index, index)
    this.tell({ ...event, index })
  }

  private closeOpen(): void {
    const { open } = this.handover.kept
    if (open !== null) this.tell({ type: 'block-stop', index: open.index, choice: 0 })
  }

  private placed(event: ChatEvent & { type: 'citation' }): ChatEvent {
    if (event.index === undefined) return event
    const { index, ...rest } = event
    const place = this.places.get(index)
    return place === undefined ? rest : { ...rest, index: place }
  }
}
