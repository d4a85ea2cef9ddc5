import type { Block, ChatEvent, Citation, Cost, FinishReason, Usage } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { type Json, object } from '../json.ts'
import { encodeStreamError } from '../openai-chat/errors.ts'
import { toolSeed } from '../openai-chat/shape.ts'
import { encodeAnnotation } from './annotations.ts'
import { responseObject } from './echo.ts'
import { isFull, responseCode } from './errors.ts'
import { MessageItem } from './message-item.ts'
import { type ToolOrigin, toolOrigins } from './names.ts'
import { HostedItem, ImageItem, type OpenItem, ReasoningItem, ToolItem } from './open-items.ts'
import { seal } from './seal.ts'
import { type Sink, tellSeal } from './sink.ts'
import { encodeUsage } from './usage.ts'
import { DIALECT, type WireResponse } from './wire.ts'

/** A response that a client has been told the beginning of. */
export interface ToldResponse {
  /** Number of the next event. */
  readonly sequence: number
  /** Items that are complete. */
  readonly output: readonly Json[]
  /** The message that is open behind them: its block in the hub, and the text of its one part, which `part` says has begun. */
  readonly message: {
    readonly item: Json
    readonly index: number
    readonly part: number | null
    readonly said: string
  } | null
}

/**
 * Writes an answer as a Responses API does: events for a stream, and the response they add up to. A whole reply is the
 * response without the events, so that both are the same by construction.
 */
export class ResponseWriter implements Sink {
  readonly meta: ReplyMeta
  readonly summaries: boolean
  readonly origins: ReadonlyMap<string, ToolOrigin>
  private readonly output: Json[] = []
  private readonly blocks = new Map<number, OpenItem>()
  private readonly write: (event: Json) => void
  private message: MessageItem | null = null
  private homeless: Citation[] = []
  private begun = false
  private over = false
  private sequence = 0
  private ids = 0
  private serviceTier: string | null = null
  private finish: FinishReason | null = null
  private usage: Usage | null = null
  private cost: Cost | null = null
  private error: (ChatEvent & { type: 'error' }) | null = null

  constructor(meta: ReplyMeta, write: (event: Json) => void) {
    const wire = meta.request?.dialect === DIALECT ? meta.request.wire : {}
    this.meta = meta
    this.write = write
    this.summaries = Boolean(object(wire['reasoning'])?.['summary'])
    this.origins = toolOrigins(wire['tools'])
  }

  /** Goes on with a response that another writer began. */
  resume({ sequence, output, message }: ToldResponse): void {
    this.begun = true
    this.sequence = sequence
    this.output.push(...output)
    if (message === null) return
    const said = message.part === null ? null : message.said
    this.message = new MessageItem(this, () => this.takeHomeless(), { item: message.item, said })
    this.blocks.set(
      message.index,
      this.message.goOn('output_text', (signature) => this.signText(signature)),
    )
  }

  push(event: ChatEvent): void {
    // There are no candidates here but the first.
    if (this.over || ('choice' in event && (event.choice ?? 0) > 0)) return
    switch (event.type) {
      case 'start':
        this.serviceTier = event.serviceTier ?? null
        this.begin()
        break
      case 'block-start':
        this.begin()
        this.open(event.index, event.block)
        break
      case 'block-delta':
        this.blocks.get(event.index)?.add(event.delta, event.logprobs)
        break
      case 'block-stop':
        this.blocks.get(event.index)?.stop('completed')
        this.blocks.delete(event.index)
        break
      case 'citation':
        this.begin()
        this.cite(event.citation)
        break
      case 'usage':
        this.usage = event.usage
        this.cost = event.cost ?? this.cost
        break
      case 'finish':
        this.finish = event.reason
        break
      case 'error':
        this.error = event
        break
      case 'opaque':
        break
      default:
        event satisfies never
    }
  }

  /** Closes what is open, tells the terminal event, and returns the whole response. */
  end(): WireResponse {
    this.begin()
    const broken = this.error !== null || this.finish === 'length' || this.finish === 'content_filter'
    for (const item of this.blocks.values()) item.stop(broken ? 'incomplete' : 'completed')
    this.blocks.clear()
    if (this.homeless.length > 0) this.ensureMessage().takeWaiting()
    this.closeMessage(broken)
    this.over = true
    const response = this.response()
    if (response.status === 'failed') this.tellError(response)
    this.emit(`response.${response.status}`, { response })
    return response
  }

  emit(type: string, fields: Json): void {
    this.write({ type, ...fields, sequence_number: this.sequence++ })
  }

  place(item: Json): number {
    return this.output.push(item) - 1
  }

  newId(prefix: string): string {
    return `${prefix}_${toolSeed(this.meta.id)}_${this.ids++}`
  }

  private begin(): void {
    if (this.begun) return
    this.begun = true
    const response = responseObject(this.meta, 'in_progress', this.serviceTier)
    this.emit('response.created', { response })
    this.emit('response.in_progress', { response })
  }

  private response(): WireResponse {
    const { error, finish } = this
    const full = error === null ? finish === 'length' : isFull(error.error.code)
    const status =
      error !== null && !full ? 'failed' : full || finish === 'content_filter' ? 'incomplete' : 'completed'
    const response = responseObject(this.meta, status, this.serviceTier)
    response.output = this.output
    if (status === 'incomplete')
      response.incomplete_details = { reason: full ? 'max_output_tokens' : 'content_filter' }
    if (this.usage !== null) response.usage = encodeUsage(this.usage, this.cost)
    if (error !== null) {
      const { code, message, providerCode } = error.error
      const told = encodeStreamError(code, message, {
        ...error.metadata,
        ...(providerCode !== null && { provider_code: providerCode }),
      })
      response['error_type'] = told.metadata['error_type']
      if (status === 'failed') {
        response.error = { code: responseCode(code), message, ...{ metadata: told.metadata } }
      }
    }
    return response
  }

  /** OpenAI tells an error twice: as an event of its own, by which its clients throw, and in the failed response. */
  private tellError(response: WireResponse): void {
    this.emit('error', { ...response.error, param: null })
  }

  private open(index: number, block: Block): void {
    const item = this.itemOf(block)
    if (item !== null) this.blocks.set(index, item)
  }

  private itemOf(block: Block): OpenItem | null {
    switch (block.kind) {
      case 'text':
        return this.ensureMessage().begin('output_text', (signature) => this.signText(signature))
      case 'audio':
        // No field here holds sound (asking for it is refused): its words are told.
        return this.ensureMessage().begin('output_text', () => undefined)
      case 'refusal':
        return this.ensureMessage().begin('refusal', () => undefined)
      case 'reasoning':
        if (this.meta.hideReasoning) return null
        this.closeMessage()
        return new ReasoningItem(this, block)
      case 'tool':
        this.closeMessage()
        return new ToolItem(this, block)
      case 'server-tool':
        this.closeMessage()
        return new HostedItem(this, block)
      case 'image':
        this.closeMessage()
        return new ImageItem(this, block.mediaType ?? null)
      case 'opaque':
        return null
      default:
        return block satisfies never
    }
  }

  private cite(citation: Citation): void {
    if (this.message?.cite(encodeAnnotation(citation)) !== true) this.homeless.push(citation)
  }

  /** Google signs text too: the signature follows the message, as an item that clients send back. */
  private signText(signature: string): void {
    this.message?.afterwards(() => tellSeal(this, seal({ of: 'text', signature })))
  }

  private ensureMessage(): MessageItem {
    this.message ??= new MessageItem(this, () => this.takeHomeless())
    return this.message
  }

  private takeHomeless(): Json[] {
    const waiting = this.homeless
    this.homeless = []
    return waiting.map(encodeAnnotation)
  }

  private closeMessage(broken = false): void {
    const { message } = this
    this.message = null
    message?.close(broken ? 'incomplete' : 'completed')
  }
}
