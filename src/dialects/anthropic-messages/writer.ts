import type { Block, BlockDelta, ChatEvent, Citation, Cost, Usage } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { isObject, type Json, object, parseJson } from '../json.ts'
import { failure } from './errors.ts'
import { stopReason } from './finish.ts'
import { type Proof, tag } from './foreign.ts'
import { dataUrl } from './media.ts'
import { encodeUsage } from './usage.ts'
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
  /** It has ended in the hub. */
  ended: boolean
  /** What came while another block was open. */
  readonly waiting: BlockDelta[]
  /** Whole blocks that follow it. */
  readonly after: Json[]
}

/** Tools that Anthropic runs itself; those of other providers have no blocks in this API. */
const SERVER_TOOL = /^(srv|mcp)toolu_/

/**
 * Hub events → events of the wire, as objects. On the wire one block is open at a time: what comes for a later block
 * waits until the earlier one has ended. Usage goes out once, with the stop reason.
 */
export class MessageWriter {
  private readonly meta: ReplyMeta
  private readonly queue: Outgoing[] = []
  private begun = false
  private failed = false
  private size = 0
  private citations: Citation[] = []
  private finish: (ChatEvent & { type: 'finish' }) | null = null
  private usage: { usage: Usage; cost: Cost | null; raw: Json | null } | null = null
  private facts: Json = {}

  constructor(meta: ReplyMeta) {
    this.meta = meta
  }

  push(event: ChatEvent): Json[] {
    const out: Json[] = []
    if (this.failed || ('choice' in event && (event.choice ?? 0) !== 0)) return out
    switch (event.type) {
      case 'start':
        break
      case 'block-start':
        this.begin(event.index, event.block, out)
        break
      case 'block-delta':
        this.delta(event.index, event.delta, out)
        break
      case 'block-stop':
        this.end(event.index, out)
        break
      case 'citation':
        this.cite(event.citation, out)
        break
      case 'usage':
        this.takeUsage(event)
        break
      case 'finish':
        this.finish = event
        break
      case 'error':
        this.fail(event, out)
        break
      case 'opaque':
        if (event.dialect === DIALECT && isObject(event.data)) this.facts = { ...this.facts, ...event.data }
        break
      default:
        event satisfies never
    }
    return out
  }

  /** The last events; none after an error. */
  close(): Json[] {
    const out: Json[] = []
    if (this.failed) return out
    this.start(out)
    this.drain(out)
    const { finish } = this
    out.push({
      type: 'message_delta',
      delta: {
        stop_reason: finish === null ? null : stopReason(finish.reason, finish.native, finish.stopSequence),
        stop_sequence: finish?.stopSequence ?? null,
        stop_details: finish?.details ?? null,
        ...(object(this.facts['container']) !== null && { container: this.facts['container'] }),
      },
      ...(object(this.facts['context_management']) !== null && {
        context_management: this.facts['context_management'],
      }),
      ...(this.usage !== null && {
        usage: encodeUsage(this.usage.usage, this.usage.cost, this.usage.raw),
      }),
    })
    out.push({ type: 'message_stop' })
    return out
  }

  private takeUsage({ usage, cost, raw }: ChatEvent & { type: 'usage' }): void {
    const own = isObject(raw) && raw['output_tokens'] !== undefined ? raw : (this.usage?.raw ?? null)
    this.usage = { usage, cost: cost ?? null, raw: own }
  }

  private start(out: Json[]): void {
    if (this.begun) return
    this.begun = true
    const { id, model, provider } = this.meta
    const usage = {
      input_tokens: 0,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 0,
    }
    out.push({
      type: 'message_start',
      message: {
        id,
        type: 'message',
        role: 'assistant',
        model,
        provider,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        stop_details: null,
        usage,
      },
    })
  }

  private begin(hub: number, block: Block, out: Json[]): void {
    // A text stays open for citations that come after its end; the next block ends it.
    if (this.queue[0]?.ended) this.shift(out)
    const first = this.queue[0]
    // The arguments of a tool are whole: nothing more can come, though its end has not been told.
    if (first?.block.kind === 'tool' && isObject(parseJson(first.args))) this.shift(out)
    const outgoing: Outgoing = {
      hub,
      block,
      at: null,
      args: '',
      encrypted: '',
      signed: false,
      ended: false,
      waiting: [],
      after: [],
    }
    this.queue.push(outgoing)
    if (this.queue[0] === outgoing && block.kind === 'tool') this.open(outgoing, out)
  }

  private delta(hub: number, delta: BlockDelta, out: Json[]): void {
    const outgoing = this.queue.find((it) => it.hub === hub)
    if (outgoing === undefined) return
    if (outgoing === this.queue[0]) this.write(outgoing, delta, out)
    else outgoing.waiting.push(delta)
  }

  private end(hub: number, out: Json[]): void {
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

  private drain(out: Json[]): void {
    while (this.queue.length > 0) this.shift(out)
  }

  private write(outgoing: Outgoing, delta: BlockDelta, out: Json[]): void {
    const { block } = outgoing
    switch (delta.kind) {
      case 'text':
      case 'refusal':
        if (delta.text !== '') this.add(outgoing, { type: 'text_delta', text: delta.text }, out)
        break
      case 'reasoning':
        if (delta.text !== '' && !this.meta.hideReasoning) {
          this.add(outgoing, { type: 'thinking_delta', thinking: delta.text }, out)
        }
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
    this.start(out)
    outgoing.at = this.size++
    const content_block = startOf(outgoing.block, toolSeed(this.meta.id, outgoing.at))
    out.push({ type: 'content_block_start', index: outgoing.at, content_block })
  }

  private stop(outgoing: Outgoing, out: Json[]): void {
    const { block, encrypted, after } = outgoing
    if (block.kind === 'reasoning') this.prove(outgoing, block, encrypted, out)
    // An opaque block may have nothing but its start.
    if (outgoing.at === null && block.kind === 'opaque' && block.dialect === DIALECT) this.open(outgoing, out)
    if (outgoing.at !== null) out.push({ type: 'content_block_stop', index: outgoing.at })
    for (const content_block of after) {
      this.start(out)
      const index = this.size++
      out.push({ type: 'content_block_start', index, content_block }, { type: 'content_block_stop', index })
    }
  }

  /** Encrypted reasoning stands alone, or beside its summary where the signature would be. */
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
    if (outgoing.at === null || outgoing.signed || block.format === CLAUDE_FORMAT) return
    const signature = tag({ ...proofOf(block, 'signature', ''), format: block.format ?? 'unknown' })
    this.add(outgoing, { type: 'signature_delta', signature }, out)
  }

  private cite(citation: Citation, out: Json[]): void {
    const first = this.queue[0]
    if (first?.block.kind !== 'text' || first.at === null) {
      this.citations.push(citation)
      return
    }
    for (const it of [...this.citations.splice(0), citation]) {
      this.add(first, { type: 'citations_delta', citation: citationOf(it) }, out)
    }
  }

  private fail(event: ChatEvent & { type: 'error' }, out: Json[]): void {
    this.failed = true
    const { code, message, providerCode } = event.error
    const metadata = { ...event.metadata, ...(providerCode !== null && { provider_code: providerCode }) }
    const body: Json = failure(code, message, metadata, this.meta.id)
    if (this.usage !== null) body['usage'] = encodeUsage(this.usage.usage, this.usage.cost, this.usage.raw)
    out.push(body)
  }
}

const proofOf = (
  { format, id }: Block & { kind: 'reasoning' },
  kind: Proof['kind'],
  value: string,
): Proof => ({ format: format ?? 'unknown', kind, value, ...(id !== undefined && { id }) })

/** An id for a call that came without one; the same on every run. */
const toolSeed = (id: string, at: number): string => `toolu_${id.replace(/^gen-|[^A-Za-z0-9]/g, '')}_${at}`

function startOf(block: Block, id: string): Json {
  switch (block.kind) {
    case 'reasoning':
      return { type: 'thinking', thinking: '', signature: '' }
    case 'tool':
      return { type: 'tool_use', id: block.id || id, name: block.name, input: {} }
    case 'server-tool':
      return {
        type: block.id.startsWith('mcp') ? 'mcp_tool_use' : 'server_tool_use',
        id: block.id,
        name: block.name,
        input: {},
      }
    case 'opaque':
      return isObject(block.data) ? block.data : { type: 'text', text: '' }
    case 'text':
    case 'refusal':
    case 'audio':
    case 'image':
      return { type: 'text', text: '' }
    default:
      return block satisfies never
  }
}

function imageBlock(url: string): Json {
  const data = dataUrl(url)
  const source =
    data === null ? { type: 'url', url } : { type: 'base64', media_type: data.mediaType, data: data.base64 }
  return { type: 'image', source }
}

/** A citation as the API writes it: unchanged when it was one, else as one of a web search. */
function citationOf({ raw, url, title, text }: Citation): Json {
  if (isObject(raw) && typeof raw['type'] === 'string' && raw['type'].endsWith('_location')) return raw
  return {
    type: 'web_search_result_location',
    url: url ?? '',
    title,
    cited_text: text ?? '',
    encrypted_index: '',
  }
}
