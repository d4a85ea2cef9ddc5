import type { Block, BlockDelta, ChatEvent, UpstreamError } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { type Json, list, object, text } from '../json.ts'
import { toolId } from '../openai-chat/stream.ts'
import { CallArgs } from './args.ts'
import { decodeCitations } from './citations.ts'
import { finishReason } from './finish.ts'
import { decodeLogprobs } from './logprobs.ts'
import { CODE_TOOL, DIALECT, GOOGLE_FORMAT } from './wire.ts'

/** Reads one candidate of an answer, chunk by chunk, into events. */
export class CandidateReader {
  private readonly choice: number
  private readonly meta: ReplyMeta | undefined
  private readonly emit: (event: ChatEvent) => void
  private size = 0
  /** The block that parts of the same kind add to. */
  private open: { readonly index: number; readonly kind: string } | null = null
  /** A call whose arguments still come. */
  private pending: { readonly index: number; readonly args: CallArgs } | null = null
  private calls = 0
  private said = ''
  private grounding: Json | null = null
  private quoted: Json | null = null
  private logprobs: Json | undefined
  private finished = false

  /** `meta`: whose answer it is; calls that come without an id (Vertex) get one made from it. */
  constructor(choice: number, meta: ReplyMeta | undefined, emit: (event: ChatEvent) => void) {
    this.choice = choice
    this.meta = meta
    this.emit = emit
  }

  read(candidate: Json): void {
    this.logprobs = decodeLogprobs(candidate['logprobsResult'])
    for (const part of list(object(candidate['content'])?.['parts'])) this.part(object(part) ?? {})
    this.grounding = object(candidate['groundingMetadata']) ?? this.grounding
    this.quoted = object(candidate['citationMetadata']) ?? this.quoted
  }

  /** The end of the candidate, if the chunk tells one: its sources and why it ended. Returns an error for a failure. */
  finish(candidate: Json): UpstreamError | null {
    const native = text(candidate['finishReason'])
    if (native === null || this.finished) return null
    this.close()
    this.finished = true
    for (const citation of decodeCitations(this.grounding, this.quoted, this.said)) {
      this.emit({ type: 'citation', choice: this.choice, citation })
    }
    const reason = finishReason(native, this.calls > 0)
    const remark = text(candidate['finishMessage'])
    if (reason === 'error') {
      const message = remark ?? `The provider broke off its answer (${native}).`
      return { code: 'provider_unavailable', status: 200, message, providerCode: native, retryAfterMs: null }
    }
    const details = remark === null ? {} : { details: { message: remark } }
    this.emit({ type: 'finish', choice: this.choice, reason, native, ...details })
    return null
  }

  /** Closes what is open; a call tells its arguments then. */
  close(): void {
    if (this.pending !== null) {
      const { index, args } = this.pending
      this.delta(index, { kind: 'args', json: args.json })
      this.emit({ type: 'block-stop', index, choice: this.choice })
    }
    if (this.open !== null) this.emit({ type: 'block-stop', index: this.open.index, choice: this.choice })
    this.pending = null
    this.open = null
  }

  private part(part: Json): void {
    const signature = text(part['thoughtSignature'])
    const call = object(part['functionCall'])
    const inline = object(part['inlineData'])
    if (call !== null) this.call(call, signature)
    else if (inline !== null && part['thought'] !== true) this.media(inline, signature)
    else if (object(part['executableCode']) !== null || object(part['codeExecutionResult']) !== null) {
      this.code(part, signature)
    } else if (typeof part['text'] === 'string') this.say(part['text'], part['thought'] === true, signature)
    else if (Object.keys(part).length > 0) {
      this.emit({ type: 'opaque', dialect: DIALECT, data: { choice: this.choice, part } })
    }
  }

  private say(said: string, isThought: boolean, signature: string | null): void {
    const block: Block = isThought ? { kind: 'reasoning', format: GOOGLE_FORMAT } : { kind: 'text' }
    if (said !== '') this.add(block.kind, block, { kind: isThought ? 'reasoning' : 'text', text: said })
    if (!isThought) this.said += said
    if (signature === null) return
    this.add(block.kind, block, { kind: 'signature', signature })
    // What follows a signature is a part of its own.
    this.close()
  }

  /** A call in one piece, or the next piece of the one that is open; an empty piece ends it. */
  private call(call: Json, signature: string | null): void {
    const name = text(call['name'])
    if (name !== null || this.pending === null) {
      this.close()
      const place = this.calls++
      const made = this.meta === undefined ? '' : toolId(this.meta, this.choice, place)
      const block: Block = { kind: 'tool', id: text(call['id']) ?? made, name: name ?? '' }
      this.pending = { index: this.begin(block), args: new CallArgs() }
    }
    const { index, args } = this.pending
    args.add(call)
    if (signature !== null) this.delta(index, { kind: 'signature', signature })
    if (call['willContinue'] !== true) this.close()
  }

  private media(inline: Json, signature: string | null): void {
    const mediaType = text(inline['mimeType']) ?? 'application/octet-stream'
    const data = text(inline['data']) ?? ''
    if (mediaType.startsWith('audio/')) {
      this.add('audio', { kind: 'audio' }, { kind: 'audio', data })
      return
    }
    this.close()
    if (mediaType.startsWith('image/')) {
      const block: Block = { kind: 'image', mediaType }
      this.add('image', block, { kind: 'image', url: `data:${mediaType};base64,${data}` })
      if (signature !== null) this.add('image', block, { kind: 'signature', signature })
    } else this.begin({ kind: 'opaque', dialect: DIALECT, data: { inlineData: inline } }, 'opaque')
    this.close()
  }

  /** Code that Google ran, and what came of it: one block, closed by its result. */
  private code(part: Json, signature: string | null): void {
    const code = object(part['executableCode'])
    const result = object(part['codeExecutionResult'])
    const block: Block = { kind: 'server-tool', id: text((code ?? result)?.['id']) ?? '', name: CODE_TOOL }
    if (code !== null) {
      this.close()
      const { id: _id, ...args } = code
      this.add('code', block, { kind: 'args', json: JSON.stringify(args) })
    }
    if (signature !== null) this.add('code', block, { kind: 'signature', signature })
    if (result === null) return
    const { id: _id, ...data } = result
    this.add('code', block, { kind: 'result', data })
    this.close()
  }

  /** Adds to the open block of this kind, or closes what is open and begins one. */
  private add(kind: string, block: Block, delta: BlockDelta): void {
    if (this.open?.kind !== kind || this.pending !== null) {
      this.close()
      this.begin(block, kind)
    }
    this.delta(this.open!.index, delta)
  }

  private begin(block: Block, kind?: string): number {
    const index = this.size++
    if (kind !== undefined) this.open = { index, kind }
    this.emit({ type: 'block-start', index, choice: this.choice, block })
    return index
  }

  /** The first delta of a chunk carries its log probabilities. */
  private delta(index: number, delta: BlockDelta): void {
    const { choice, logprobs } = this
    this.logprobs = undefined
    this.emit({ type: 'block-delta', index, choice, delta, ...(logprobs !== undefined && { logprobs }) })
  }
}
