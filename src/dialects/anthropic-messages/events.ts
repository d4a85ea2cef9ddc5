import type { Block, BlockDelta, ChatEvent } from '../../chat/index.ts'
import { count, type Json, list, object, text } from '../json.ts'
import { blockOf, citationOf, contentOf } from './decode-block.ts'
import { decodeStreamError } from './errors.ts'
import { finishReason } from './finish.ts'
import { decodeUsage, mergeUsage } from './usage.ts'
import { DIALECT } from './wire.ts'

interface OpenBlock {
  /** Number in the hub. */
  readonly index: number
  readonly block: Block
  filled: boolean
  /** Offset of its text in the answer's text. */
  readonly from: number
  readonly citations: Json[]
}

/** Turns the events of a stream, or one whole message, into hub events. Events of unknown type are left out. */
export class EventReader {
  private readonly open = new Map<number, OpenBlock>()
  /** A server tool that has been called and whose result may be the next block. */
  private waiting: { readonly index: number; readonly id: string } | null = null
  private usage: Json = {}
  private size = 0
  private textLength = 0
  private finished = false
  private failed = false

  /** Hub events of one event of the wire. */
  read(event: Json): ChatEvent[] {
    const events: ChatEvent[] = []
    if (this.failed) return events
    const at = count(event['index']) ?? 0
    switch (event['type']) {
      case 'message_start':
        this.start(object(event['message']) ?? {}, events)
        break
      case 'content_block_start':
        this.begin(at, object(event['content_block']) ?? {}, events)
        break
      case 'content_block_delta':
        this.delta(at, object(event['delta']) ?? {}, events)
        break
      case 'content_block_stop':
        this.stop(at, events)
        break
      case 'message_delta':
        this.messageDelta(event, events)
        break
      case 'error':
        this.failed = true
        events.push({ type: 'error', error: decodeStreamError(event) })
        break
      default:
    }
    return events
  }

  /** Hub events of a whole message. */
  readMessage(message: Json): ChatEvent[] {
    const events: ChatEvent[] = []
    this.start(message, events)
    for (const [at, block] of list(message['content']).entries()) {
      this.begin(at, object(block) ?? {}, events)
      this.stop(at, events)
    }
    this.finish(message, events)
    return events
  }

  /** At the end of input: nothing after a good end, an error when the answer was cut. */
  end(): ChatEvent[] {
    if (this.failed) return []
    const events: ChatEvent[] = []
    this.closeAll(events)
    if (this.finished) return events
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

  private start(message: Json, events: ChatEvent[]): void {
    const usage = object(message['usage'])
    const tier = text(usage?.['service_tier'])
    events.push({
      type: 'start',
      id: text(message['id']) ?? '',
      model: text(message['model']) ?? '',
      // The base tier is called so elsewhere.
      ...(tier !== null && { serviceTier: tier === 'standard' ? 'default' : tier }),
    })
    this.tellUsage(usage, events)
  }

  private tellUsage(news: Json | null, events: ChatEvent[]): void {
    if (news === null) return
    this.usage = mergeUsage(this.usage, news)
    events.push({ type: 'usage', usage: decodeUsage(this.usage), raw: this.usage })
  }

  private begin(at: number, wire: Json, events: ChatEvent[]): void {
    const type = text(wire['type']) ?? ''
    const { waiting } = this
    if (waiting !== null && type.endsWith('_tool_result') && wire['tool_use_id'] === waiting.id) {
      events.push({ type: 'block-delta', index: waiting.index, delta: { kind: 'result', data: wire } })
      // Its own stop has come already: the one of the result ends it.
      return
    }
    this.release(events)
    if (this.open.has(at)) this.stop(at, events)
    const block = blockOf(type, wire)
    const opened: OpenBlock = {
      index: this.size++,
      block,
      filled: false,
      from: this.textLength,
      citations: [],
    }
    this.open.set(at, opened)
    events.push({ type: 'block-start', index: opened.index, block })
    for (const delta of contentOf(block, wire)) this.add(opened, delta, events)
    if (block.kind === 'text') opened.citations.push(...(list(wire['citations']) as Json[]))
  }

  private delta(at: number, wire: Json, events: ChatEvent[]): void {
    const opened = this.open.get(at)
    if (opened === undefined) return
    switch (wire['type']) {
      case 'text_delta':
        this.addText(opened, { kind: 'text', text: text(wire['text']) ?? '' }, events)
        break
      case 'thinking_delta':
        this.addText(opened, { kind: 'reasoning', text: text(wire['thinking']) ?? '' }, events)
        break
      case 'signature_delta': {
        const signature = text(wire['signature'])
        if (signature !== null) this.add(opened, { kind: 'signature', signature }, events)
        break
      }
      case 'input_json_delta': {
        const json = text(wire['partial_json'])
        if (json !== null) this.add(opened, { kind: 'args', json }, events)
        break
      }
      case 'citations_delta': {
        const citation = object(wire['citation'])
        if (citation !== null) opened.citations.push(citation)
        break
      }
      default:
        this.add(opened, { kind: 'opaque', data: wire }, events)
    }
  }

  private addText(opened: OpenBlock, delta: BlockDelta & { text: string }, events: ChatEvent[]): void {
    if (delta.text !== '') this.add(opened, delta, events)
  }

  private add(opened: OpenBlock, delta: BlockDelta, events: ChatEvent[]): void {
    opened.filled = true
    if (delta.kind === 'text') this.textLength += delta.text.length
    events.push({ type: 'block-delta', index: opened.index, delta })
  }

  private stop(at: number, events: ChatEvent[]): void {
    const opened = this.open.get(at)
    this.open.delete(at)
    if (opened === undefined) {
      this.release(events)
      return
    }
    const { block, index } = opened
    // Arguments that were never sent are an empty object.
    if ((block.kind === 'tool' || block.kind === 'server-tool') && !opened.filled) {
      this.add(opened, { kind: 'args', json: '{}' }, events)
    }
    for (const raw of opened.citations) {
      events.push({
        type: 'citation',
        index,
        citation: citationOf(raw, opened.from, this.textLength),
      })
    }
    if (block.kind === 'server-tool') this.waiting = { index, id: block.id }
    else events.push({ type: 'block-stop', index })
  }

  /** Ends a server tool whose result did not follow. */
  private release(events: ChatEvent[]): void {
    if (this.waiting !== null) events.push({ type: 'block-stop', index: this.waiting.index })
    this.waiting = null
  }

  private messageDelta(event: Json, events: ChatEvent[]): void {
    this.tellUsage(object(event['usage']), events)
    const { type: _type, delta, usage: _usage, ...others } = event
    this.finish({ ...others, ...object(delta) }, events)
  }

  /** Reads why the answer ended, and what else is said about the message as a whole. */
  private finish(facts: Json, events: ChatEvent[]): void {
    const others: Json = {}
    for (const key of ['context_management', 'container']) {
      if (object(facts[key]) !== null) others[key] = facts[key]
    }
    if (Object.keys(others).length > 0) events.push({ type: 'opaque', dialect: DIALECT, data: others })
    const native = text(facts['stop_reason'])
    if (native === null || this.finished) return
    this.closeAll(events)
    this.finished = true
    const stopSequence = text(facts['stop_sequence'])
    const details = object(facts['stop_details'])
    events.push({
      type: 'finish',
      reason: finishReason(native),
      native,
      ...(stopSequence !== null && { stopSequence }),
      ...(details !== null && { details }),
    })
  }

  private closeAll(events: ChatEvent[]): void {
    for (const at of [...this.open.keys()]) this.stop(at, events)
    this.release(events)
  }
}
