import type { Block, BlockDelta, ChatEvent, Citation, Cost, Usage } from '../../chat/index.ts'
import { GatewayError } from '../../chat/index.ts'
import type { Frame, ReplyMeta, StreamDecoder, StreamEncoder } from '../dialect.ts'
import { isObject, type Json, object, parseJson } from '../json.ts'
import { encodeStreamError } from './errors.ts'
import { EventReader } from './events.ts'
import { toolSeed } from './shape.ts'
import { encodeUsage } from './usage.ts'
import { DIALECT } from './wire.ts'

/** SSE frames of an OpenAI-compatible provider → events. */
export class ChatStreamDecoder implements StreamDecoder {
  private readonly events = new EventReader(false)
  done = false
  private badFrames = 0

  push(frame: Frame): ChatEvent[] {
    if (this.done || frame.kind === 'aws-eventstream') return []
    if (frame.data.trim() === '[DONE]') {
      this.done = true
      return []
    }
    const chunk = parseJson(frame.data)
    if (isObject(chunk)) return this.events.read(chunk)
    if (++this.badFrames > 1) {
      throw new GatewayError('provider_protocol', 'The provider sent events that are not JSON.')
    }
    return []
  }

  end(): ChatEvent[] {
    return this.events.end()
  }
}

interface BlockState {
  readonly block: Block
  /** Number of the tool call or of the reasoning detail. */
  readonly place: number
  args: string
  result: unknown
}

/** Events → SSE text in OpenRouter's shape. Usage goes out once, at the end, as told last. */
export class ChatStreamEncoder implements StreamEncoder {
  private readonly meta: ReplyMeta
  private readonly blocks = new Map<string, BlockState>()
  private readonly counts = new Map<string, number>()
  private facts: Json = {}
  private usage: Usage | null = null
  private cost: Cost | null = null
  private failed = false

  constructor(meta: ReplyMeta) {
    this.meta = meta
  }

  push(event: ChatEvent): string {
    if (this.failed) return ''
    switch (event.type) {
      case 'start':
        if (event.serviceTier !== undefined) this.facts['service_tier'] = event.serviceTier
        if (event.systemFingerprint) this.facts['system_fingerprint'] = event.systemFingerprint
        return ''
      case 'block-start':
        return this.begin(event.choice ?? 0, event.index, event.block)
      case 'block-delta': {
        const state = this.blocks.get(`${event.choice ?? 0}/${event.index}`)
        const delta = state === undefined ? null : this.delta(state, event.delta)
        return delta === null ? '' : this.choice(event.choice ?? 0, delta, event.logprobs)
      }
      case 'block-stop':
        return this.stop(event.choice ?? 0, event.index)
      case 'citation':
        return this.choice(event.choice ?? 0, { annotations: [encodeCitation(event.citation)] })
      case 'usage':
        this.usage = event.usage
        this.cost = event.cost ?? this.cost
        return ''
      case 'finish': {
        const choice = {
          index: event.choice ?? 0,
          delta: {},
          finish_reason: event.reason,
          native_finish_reason: event.native,
        }
        return this.chunk({ choices: [choice] })
      }
      case 'error':
        return this.fail(event)
      case 'opaque': {
        const data = object(event.data)
        const message = event.dialect === DIALECT ? object(data?.['message']) : null
        return message === null ? '' : this.choice(Number(data?.['choice'] ?? 0), message)
      }
      default:
        return event satisfies never
    }
  }

  end(): string {
    if (this.failed) return ''
    if (this.usage === null) return 'data: [DONE]\n\n'
    const choice = {
      index: 0,
      delta: { role: 'assistant', content: '' },
      finish_reason: null,
      native_finish_reason: null,
    }
    return `${this.chunk({ choices: [choice], usage: encodeUsage(this.usage, this.cost) })}data: [DONE]\n\n`
  }

  private begin(choice: number, index: number, block: Block): string {
    const kind = block.kind === 'tool' ? 'tool' : 'reasoning'
    const countKey = `${choice}/${kind}`
    const place = this.counts.get(countKey) ?? 0
    if (block.kind === 'tool' || block.kind === 'reasoning' || block.kind === 'server-tool') {
      this.counts.set(countKey, place + 1)
    }
    this.blocks.set(`${choice}/${index}`, { block, place, args: '', result: null })
    if (block.kind === 'opaque' && block.dialect === DIALECT && isObject(block.data)) {
      return this.choice(choice, block.data)
    }
    if (block.kind !== 'tool') return ''
    const fn = { name: block.name, arguments: '' }
    const id = block.id === '' ? toolId(this.meta, choice, place) : block.id
    return this.choice(choice, { tool_calls: [{ index: place, id, type: 'function', function: fn }] })
  }

  private delta(state: BlockState, delta: BlockDelta): Json | null {
    switch (delta.kind) {
      case 'text':
        return { content: delta.text }
      case 'refusal':
        return { refusal: delta.text }
      case 'reasoning':
        return this.reasoning(
          state,
          delta.summary
            ? { type: 'reasoning.summary', summary: delta.text }
            : { type: 'reasoning.text', text: delta.text },
          delta.text,
        )
      case 'signature':
        return this.meta.hideReasoning
          ? null
          : { reasoning_details: [signatureDetail(state.block, delta.signature, state.place)] }
      case 'encrypted':
        return this.reasoning(state, { type: 'reasoning.encrypted', data: delta.data })
      case 'args':
        if (state.block.kind === 'tool') {
          return { tool_calls: [{ index: state.place, function: { arguments: delta.json } }] }
        }
        state.args += delta.json
        return null
      case 'result':
        state.result = delta.data
        return null
      case 'image':
        return { images: [{ type: 'image_url', image_url: { url: delta.url } }] }
      case 'audio':
        return { audio: encodeAudio(state.block, delta) }
      case 'opaque':
        return null
      default:
        return delta satisfies never
    }
  }

  private reasoning(state: BlockState, detail: Json, said?: string): Json | null {
    if (this.meta.hideReasoning) return null
    const reasoning_details = [{ ...detail, ...reasoningFacts(state.block, state.place) }]
    return said === undefined ? { reasoning_details } : { reasoning: said, reasoning_details }
  }

  /** A tool that the provider ran itself is told whole, as OpenRouter does. */
  private stop(choice: number, index: number): string {
    const state = this.blocks.get(`${choice}/${index}`)
    if (state?.block.kind !== 'server-tool' || this.meta.hideReasoning) return ''
    const detail = serverToolDetail(state.block, state.args, state.result, state.place)
    return this.choice(choice, { reasoning_details: [detail] })
  }

  private fail(event: ChatEvent & { type: 'error' }): string {
    this.failed = true
    const { code, message, providerCode } = event.error
    const body: Json = {
      error: encodeStreamError(code, message, {
        ...event.metadata,
        ...(providerCode !== null && { provider_code: providerCode }),
      }),
      choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error', native_finish_reason: null }],
    }
    if (this.usage !== null) body['usage'] = encodeUsage(this.usage, this.cost)
    return this.chunk(body)
  }

  private choice(index: number, delta: Json, logprobs?: unknown): string {
    const choice: Json = {
      index,
      delta: { role: 'assistant', ...delta },
      finish_reason: null,
      native_finish_reason: null,
    }
    if (logprobs !== undefined) choice['logprobs'] = logprobs
    return this.chunk({ choices: [choice] })
  }

  private chunk(body: Json): string {
    const { id, created, model, provider } = this.meta
    const head = { id, object: 'chat.completion.chunk', created, model, provider, ...this.facts }
    return `data: ${JSON.stringify({ ...head, ...body })}\n\n`
  }
}

/** An id for a call that came without one; the same on every run. */
export const toolId = (meta: ReplyMeta, choice: number, place: number): string =>
  `call_${toolSeed(meta.id)}${choice === 0 ? '' : `_${choice}`}_${place}`

export function reasoningFacts(block: Block, index: number): Json {
  const known = block.kind === 'reasoning' ? block : null
  return { format: known?.format ?? 'unknown', index, ...(known?.id !== undefined && { id: known.id }) }
}

/** A signature of reasoning stands with its text; one of a tool call or text (Google) is a detail that names the call. */
export function signatureDetail(block: Block, signature: string, index: number): Json {
  if (block.kind === 'reasoning')
    return { type: 'reasoning.text', signature, ...reasoningFacts(block, index) }
  const id = block.kind === 'tool' && block.id !== '' ? { id: block.id } : {}
  return { type: 'reasoning.encrypted', data: signature, format: 'google-gemini-v1', index, ...id }
}

export function serverToolDetail(
  block: Block & { kind: 'server-tool' },
  args: string,
  result: unknown,
  index: number,
): Json {
  return {
    type: 'reasoning.server_tool_call',
    tool_call_id: block.id,
    tool_name: block.name,
    arguments: args,
    result: typeof result === 'string' ? result : JSON.stringify(result),
    format: 'unknown',
    index,
  }
}

export function encodeAudio(
  block: Block,
  audio: { data?: string; transcript?: string; expiresAt?: number },
): Json {
  const wire: Json = {}
  if (block.kind === 'audio' && block.id !== undefined) wire['id'] = block.id
  if (audio.data !== undefined) wire['data'] = audio.data
  if (audio.transcript !== undefined) wire['transcript'] = audio.transcript
  if (audio.expiresAt !== undefined) wire['expires_at'] = audio.expiresAt
  return wire
}

/** A citation as an annotation: unchanged when it was one, else a `url_citation`. */
export function encodeCitation(citation: Citation): Json {
  if (isObject(citation.raw) && typeof citation.raw['type'] === 'string' && 'url_citation' in citation.raw) {
    return citation.raw
  }
  return {
    type: 'url_citation',
    url_citation: {
      url: citation.url ?? '',
      title: citation.title ?? '',
      ...(citation.text !== null && { content: citation.text }),
      start_index: citation.start ?? 0,
      end_index: citation.end ?? 0,
    },
  }
}
