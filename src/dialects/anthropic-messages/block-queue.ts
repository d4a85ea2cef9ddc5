import type { Block, BlockDelta, Citation } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { isObject, type Json, parseJson } from '../json.ts'
import type { Kept } from '../kept.ts'
import { citationOf, imageBlock, proofOf, startOf, toolSeed } from './encode-block.ts'
import { type Proof, tag } from './foreign.ts'
import { CLAUDE_FORMAT, DIALECT } from './wire.ts'

/** A block of the hub on its way to the client. */
interface Outgoing {
  readonly hub: number
  readonly block: Block
  /** Number on the wire once it has begun there. */
  at: number | null
  args: string
  /** Encrypted reasoning, told when the block ends. */
  encrypted: string
  signed: boolean
  /** Reasoning that the client does not want to see. */
  hidden: string
  /** It has ended in the hub. */
  ended: boolean
  /** What came while another block was open. */
  readonly waiting: BlockDelta[]
  /** Whole blocks that follow it. */
  readonly after: Json[]
}

/** Tools that Anthropic runs itself; those of other providers have no blocks in this API. */
const SERVER_TOOL = /^(srv|mcp)toolu_/

function outgoingOf(hub: number, block: Block): Outgoing {
  return {
    hub,
    block,
    at: null,
    args: '',
    encrypted: '',
    signed: false,
    hidden: '',
    ended: false,
    waiting: [],
    after: [],
  }
}

/**
 * Blocks of the hub as blocks of the wire. There one block is open at a time: what comes for a later one waits until the
 * earlier one has ended.
 */
export class BlockQueue {
  private readonly meta: ReplyMeta
  /** Makes sure that the message itself has begun. */
  private readonly begun: (out: Json[]) => void
  private readonly queue: Outgoing[] = []
  private readonly citations: Citation[] = []
  private size = 0

  constructor(meta: ReplyMeta, begun: (out: Json[]) => void) {
    this.meta = meta
    this.begun = begun
  }

  /** Takes over blocks that the client has been told the beginning of. */
  resume({ open, size }: Kept): void {
    this.size = size
    if (open === null) return
    const { index, kind } = open
    this.queue.push({ ...outgoingOf(index, { kind }), at: index })
  }

  begin(hub: number, block: Block, out: Json[]): void {
    // A text stays open for citations that come after its end; the next block ends it.
    if (this.queue[0]?.ended) this.shift(out)
    const first = this.queue[0]
    // The arguments of a tool are whole: nothing more can come, though its end has not been told.
    if (first?.block.kind === 'tool' && isObject(parseJson(first.args))) this.shift(out)
    const outgoing = outgoingOf(hub, block)
    this.queue.push(outgoing)
    if (this.queue[0] === outgoing && block.kind === 'tool') this.open(outgoing, out)
  }

  delta(hub: number, delta: BlockDelta, out: Json[]): void {
    const outgoing = this.queue.find((it) => it.hub === hub)
    if (outgoing === undefined) return
    if (outgoing === this.queue[0]) this.write(outgoing, delta, out)
    else outgoing.waiting.push(delta)
  }

  end(hub: number, out: Json[]): void {
    const outgoing = this.queue.find((it) => it.hub === hub)
    if (outgoing === undefined) return
    outgoing.ended = true
    while (this.queue[0]?.ended && !(this.queue.length === 1 && this.queue[0].block.kind === 'text'))
      this.shift(out)
  }

  /** Ends the first block; the next one says what it has kept. */
  private shift(out: Json[]): void {
    const first = this.queue.shift()
    if (first === undefined) return
    this.stop(first, out)
    const next = this.queue[0]
    if (next === undefined) return
    if (next.block.kind === 'tool') this.open(next, out)
    for (const delta of next.waiting.splice(0)) this.write(next, delta, out)
  }

  drain(out: Json[]): void {
    while (this.queue.length > 0) this.shift(out)
    if (this.citations.length === 0) return
    // Sources of an answer without a text of its own stand on an empty one.
    this.begin(-1, { kind: 'text' }, out)
    this.open(this.queue[0]!, out)
    this.shift(out)
  }

  private write(outgoing: Outgoing, delta: BlockDelta, out: Json[]): void {
    const { block } = outgoing
    switch (delta.kind) {
      case 'text':
      case 'refusal':
        if (delta.text !== '') this.add(outgoing, { type: 'text_delta', text: delta.text }, out)
        break
      case 'reasoning':
        if (this.meta.hideReasoning) outgoing.hidden += delta.text
        else if (delta.text !== '') this.add(outgoing, { type: 'thinking_delta', thinking: delta.text }, out)
        break
      case 'signature':
        this.sign(outgoing, delta.signature, out)
        break
      case 'encrypted':
        outgoing.encrypted += delta.data
        break
      case 'args':
        outgoing.args += delta.json
        if (block.kind === 'tool' || (block.kind === 'server-tool' && SERVER_TOOL.test(block.id))) {
          this.add(outgoing, { type: 'input_json_delta', partial_json: delta.json }, out)
        }
        break
      case 'result':
        if (isObject(delta.data) && typeof delta.data['tool_use_id'] === 'string')
          outgoing.after.push(delta.data)
        break
      case 'image':
        outgoing.after.push(imageBlock(delta.url))
        break
      case 'audio':
        if (delta.transcript) this.add(outgoing, { type: 'text_delta', text: delta.transcript }, out)
        break
      case 'opaque':
        if (block.kind !== 'opaque' || block.dialect === DIALECT) {
          if (isObject(delta.data)) this.add(outgoing, delta.data, out)
        }
        break
      default:
        delta satisfies never
    }
  }

  /** Google signs text and tool calls: such a proof follows as encrypted thinking that names the call. */
  private sign(outgoing: Outgoing, signature: string, out: Json[]): void {
    const { block } = outgoing
    if (block.kind === 'reasoning') {
      outgoing.signed = true
      const proof = proofOf(block, 'signature', signature)
      this.add(outgoing, { type: 'signature_delta', signature: tag(proof) }, out)
      return
    }
    const id = block.kind === 'tool' ? block.id : undefined
    const proof: Proof = {
      format: 'google-gemini-v1',
      kind: 'encrypted',
      value: signature,
      ...(id && { id }),
    }
    outgoing.after.push({ type: 'redacted_thinking', data: tag(proof) })
  }

  private add(outgoing: Outgoing, delta: Json, out: Json[]): void {
    if (outgoing.at === null) this.open(outgoing, out)
    out.push({ type: 'content_block_delta', index: outgoing.at, delta })
  }

  private open(outgoing: Outgoing, out: Json[]): void {
    this.begun(out)
    outgoing.at = this.size++
    const content_block = startOf(outgoing.block, toolSeed(this.meta.id, outgoing.at))
    out.push({ type: 'content_block_start', index: outgoing.at, content_block })
    if (outgoing.block.kind === 'text') this.citeOn(outgoing, out)
  }

  private stop(outgoing: Outgoing, out: Json[]): void {
    const { block, encrypted, after } = outgoing
    if (block.kind === 'reasoning') this.prove(outgoing, block, encrypted, out)
    // An opaque block may have nothing but its start.
    if (outgoing.at === null && block.kind === 'opaque' && block.dialect === DIALECT) this.open(outgoing, out)
    if (outgoing.at !== null) out.push({ type: 'content_block_stop', index: outgoing.at })
    for (const content_block of after) {
      this.begun(out)
      const index = this.size++
      out.push({ type: 'content_block_start', index, content_block }, { type: 'content_block_stop', index })
    }
  }

  /**
   * Encrypted reasoning stands alone, or beside its summary where the signature would be. Text that nobody signed goes
   * there too when it is not to be seen: some providers refuse a tool's result without the reasoning before its call.
   */
  private prove(
    outgoing: Outgoing,
    block: Block & { kind: 'reasoning' },
    encrypted: string,
    out: Json[],
  ): void {
    if (encrypted !== '') {
      const data = tag(proofOf(block, 'encrypted', encrypted))
      if (outgoing.at === null) outgoing.after.push({ type: 'redacted_thinking', data })
      else if (outgoing.signed) outgoing.after.push({ type: 'redacted_thinking', data })
      else this.add(outgoing, { type: 'signature_delta', signature: data }, out)
      return
    }
    const { hidden } = outgoing
    if (outgoing.signed || block.format === CLAUDE_FORMAT || (outgoing.at === null && hidden === '')) return
    const proof =
      hidden === ''
        ? proofOf(block, 'signature', '')
        : proofOf(block, 'text', Buffer.from(hidden).toString('base64'))
    this.add(outgoing, { type: 'signature_delta', signature: tag(proof) }, out)
  }

  /** Sources told before the text (OpenRouter's searches) wait for it. */
  cite(citation: Citation, out: Json[]): void {
    this.citations.push(citation)
    const first = this.queue[0]
    if (first?.block.kind === 'text' && first.at !== null) this.citeOn(first, out)
  }

  private citeOn(text: Outgoing, out: Json[]): void {
    for (const it of this.citations.splice(0))
      this.add(text, { type: 'citations_delta', citation: citationOf(it) }, out)
  }
}
