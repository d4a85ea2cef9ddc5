import type { Block, BlockDelta, ChatEvent, FinishReason } from '../../chat/index.ts'
import { type Json, list, object, text } from '../json.ts'
import { decodeCitation } from './citation.ts'
import { finishReason } from './finish.ts'
import { decodeUsage } from './usage.ts'
import { ANSWER_TOOL, CLAUDE_FORMAT, DIALECT } from './wire.ts'

interface Open {
  readonly index: number
  readonly kind: Block['kind'] | 'answer'
  /** Number of the provider's block. */
  place: number
  /** Call that a result may still follow, and whether it has. */
  readonly id: string | null
  filled: boolean
  /** Where the block's text begins in the answer, characters. */
  readonly from: number
  /** Citations wait for the end of the text that they cite. */
  readonly citations: Json[]
  /** Pieces of an image, base64. */
  image: string
  readonly block: Block
}

/** Turns Converse's blocks, whole or in deltas, into events of the hub. */
export class ConverseReader {
  events: ChatEvent[] = []
  private readonly reasoningFormat: string | null
  private open: Open | null = null
  private size = 0
  private characters = 0
  /** The answer came as the arguments of our own tool. */
  private answered = false
  private called = false

  /** `reasoningFormat`: the family whose proofs the model's reasoning carries; null when it signs nothing. */
  constructor(reasoningFormat: string | null) {
    this.reasoningFormat = reasoningFormat
  }

  /** What a stream tells at the start of a block. Text and reasoning have none: they begin with their first delta. */
  startBlock(place: number, start: Json): void {
    const toolUse = object(start['toolUse'])
    const result = object(start['toolResult'])
    const image = object(start['image'])
    if (toolUse !== null) this.startTool(place, toolUse)
    else if (result !== null) this.startResult(place, result)
    else if (image !== null) {
      this.begin(place, 'image', { kind: 'image', mediaType: `image/${text(image['format']) ?? 'png'}` })
    }
  }

  delta(place: number, delta: Json): void {
    if (typeof delta['text'] === 'string') this.say(place, delta['text'])
    else if (delta['toolUse'] !== undefined) this.args(text(object(delta['toolUse'])?.['input']) ?? '')
    else if (delta['reasoningContent'] !== undefined) {
      this.reason(place, object(delta['reasoningContent']) ?? {})
    } else if (delta['citation'] !== undefined) this.cite(place, object(delta['citation']) ?? {})
    else if (delta['toolResult'] !== undefined) this.result(place, delta['toolResult'])
    else if (delta['image'] !== undefined && this.open?.kind === 'image') {
      this.open.image += text(object(object(delta['image'])?.['source'])?.['bytes']) ?? ''
    }
  }

  /** The end of a block. The one of a server's tool waits for the result, which is a block of its own here. */
  stopBlock(place: number): void {
    const { open } = this
    if (open === null || open.place !== place) return
    if (open.kind === 'server-tool' && !open.filled) return
    this.close()
  }

  /** A block of a whole reply. */
  whole(place: number, block: Json): void {
    const toolUse = object(block['toolUse'])
    const result = object(block['toolResult'])
    const reasoning = object(block['reasoningContent'])
    const cited = object(block['citationsContent'])
    const image = object(block['image'])
    if (typeof block['text'] === 'string') this.say(place, block['text'])
    else if (toolUse !== null) {
      this.startTool(place, toolUse)
      this.args(JSON.stringify(toolUse['input'] ?? {}))
    } else if (result !== null) {
      this.startResult(place, result)
      this.result(place, result['content'] ?? [])
    } else if (reasoning !== null) {
      const said = object(reasoning['reasoningText'])
      if (said !== null) this.reason(place, { text: said['text'] })
      this.reason(place, { signature: said?.['signature'], redactedContent: reasoning['redactedContent'] })
    } else if (cited !== null) {
      for (const piece of list(cited['content'])) this.say(place, text(object(piece)?.['text']) ?? '')
      for (const citation of list(cited['citations'])) this.cite(place, object(citation) ?? {})
    } else if (image !== null) {
      this.startBlock(place, block)
      this.delta(place, { image })
    } else {
      this.begin(place, 'opaque', { kind: 'opaque', dialect: DIALECT, data: block })
    }
    this.stopBlock(place)
  }

  /** Why the answer ended; `fields` are the model's own response fields. */
  finish(native: string, fields: Json | null): void {
    this.close()
    let reason: FinishReason = finishReason(native)
    if (reason === 'tool_calls' && this.answered && !this.called) reason = 'stop'
    if (reason === 'error') {
      const message = `The provider broke off its answer with a malformed piece of the model's output (${native}).`
      const error = { code: 'provider_unavailable', status: 200, message, providerCode: native } as const
      this.events.push({ type: 'error', error: { ...error, retryAfterMs: null } })
      return
    }
    const met = text(fields?.['stop_sequence'])
    this.events.push({ type: 'finish', reason, native, ...(met !== null && { stopSequence: met }) })
  }

  usage(wire: Json): void {
    this.events.push({ type: 'usage', usage: decodeUsage(wire), raw: wire })
  }

  private startTool(place: number, { toolUseId, name, type }: Json): void {
    const id = text(toolUseId) ?? ''
    const called = text(name) ?? ''
    if (type === 'server_tool_use') {
      this.begin(place, 'server-tool', { kind: 'server-tool', id, name: called }, id)
    } else if (called === ANSWER_TOOL) {
      this.answered = true
      this.begin(place, 'answer', { kind: 'text' })
    } else {
      this.called = true
      this.begin(place, 'tool', { kind: 'tool', id, name: called })
    }
  }

  /** A result belongs to the tool before it; one without its tool is kept as it is. */
  private startResult(place: number, result: Json): void {
    if (this.open?.kind === 'server-tool' && this.open.id === result['toolUseId']) this.open.place = place
    else this.begin(place, 'opaque', { kind: 'opaque', dialect: DIALECT, data: { toolResult: result } })
  }

  private result(place: number, data: unknown): void {
    const { open } = this
    if (open === null || open.place !== place) return
    open.filled = true
    if (open.kind === 'server-tool') this.add({ kind: 'result', data })
    else if (open.kind === 'opaque') this.add({ kind: 'opaque', data })
  }

  private say(place: number, said: string): void {
    if (said === '') return
    this.need(place, 'text', { kind: 'text' })
    this.characters += said.length
    this.add({ kind: 'text', text: said })
  }

  private args(json: string): void {
    if (json === '' || this.open === null) return
    if (this.open.kind === 'answer') {
      this.characters += json.length
      this.add({ kind: 'text', text: json })
    } else if (this.open.kind === 'tool' || this.open.kind === 'server-tool') {
      if (this.open.kind === 'tool') this.open.filled = true
      this.add({ kind: 'args', json })
    }
  }

  private reason(place: number, { text: said, signature, redactedContent }: Json): void {
    // Nobody but Claude seals its thoughts, whatever the operator calls the model.
    const format = text(redactedContent) === null ? this.reasoningFormat : CLAUDE_FORMAT
    const deltas: BlockDelta[] = []
    if (text(said) !== null) deltas.push({ kind: 'reasoning', text: said as string })
    if (text(signature) !== null) deltas.push({ kind: 'signature', signature: signature as string })
    if (text(redactedContent) !== null) {
      // Bytes here; in the hub, as Anthropic itself writes them, text.
      const data = Buffer.from(redactedContent as string, 'base64').toString('utf8')
      deltas.push({ kind: 'encrypted', data })
    }
    for (const delta of deltas) {
      this.need(place, 'reasoning', { kind: 'reasoning', ...(format !== null && { format }) })
      this.add(delta)
    }
  }

  private cite(place: number, citation: Json): void {
    if (this.open?.place === place && this.open.kind === 'text') this.open.citations.push(citation)
    else this.events.push({ type: 'citation', citation: decodeCitation(citation, null, null) })
  }

  private need(place: number, kind: Open['kind'], block: Block): void {
    if (this.open === null || this.open.place !== place || this.open.kind !== kind) {
      this.begin(place, kind, block)
    }
  }

  private begin(place: number, kind: Open['kind'], block: Block, id: string | null = null): void {
    this.close()
    const index = this.size++
    const from = this.characters
    this.open = { index, kind, place, id, filled: false, from, citations: [], image: '', block }
    this.events.push({ type: 'block-start', index, block })
  }

  private add(delta: BlockDelta): void {
    this.events.push({ type: 'block-delta', index: this.open!.index, delta })
  }

  private close(): void {
    const { open } = this
    if (open === null) return
    // A call without arguments is that of the empty object.
    if (open.kind === 'tool' && !open.filled) this.add({ kind: 'args', json: '{}' })
    if (open.block.kind === 'image' && open.image !== '') {
      this.add({ kind: 'image', url: `data:${open.block.mediaType};base64,${open.image}` })
    }
    const { index } = open
    this.events.push({ type: 'block-stop', index })
    for (const wire of open.citations) {
      const citation = decodeCitation(wire, open.from, this.characters)
      this.events.push({ type: 'citation', index, citation })
    }
    this.open = null
  }
}

/** The family whose proofs the reasoning of a model carries: Claude's, unless the model is known to be another. */
export function reasoningFormat(model: string | undefined): string | null {
  return model === undefined || /claude|anthropic/i.test(model) ? CLAUDE_FORMAT : null
}
