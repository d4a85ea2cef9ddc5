import type { Block, BlockDelta, ChatEvent, FinishReason, UpstreamError } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { count, type Json, list, object, text } from '../json.ts'
import { decodeAnnotation } from './annotations.ts'
import { decodeErrorObject } from './errors.ts'
import { flatName, inputAsArgs } from './names.ts'
import { decodeUsage } from './usage.ts'
import { AZURE_REASONING, familyOf, OPENAI_REASONING } from './wire.ts'

/** Between the parts of a summary, which are paragraphs of their own. */
const PARAGRAPH = '\n\n'

/** What was told of one output item. */
interface ItemState {
  /** Block of a tool call. */
  tool: number | null
  /** Keys of parts (and `args`) of which something was streamed. */
  readonly told: Set<string>
  readonly annotations: Map<number, number>
  done: boolean
}

/** Turns the events of a response, or one whole response, into events of the hub. */
export class ResponseReader {
  private readonly items = new Map<number, ItemState>()
  /** Ids of items that were streamed. */
  private readonly ids = new Set<string>()
  private events: ChatEvent[] = []
  private size = 0
  private current: { readonly index: number; readonly key: string } | null = null
  private started = false
  private calls = false
  private over = false
  /** What the provider's data file calls its sealed reasoning; else its answers tell. */
  private readonly named: string | undefined
  private format: string

  constructor(meta?: ReplyMeta) {
    this.named = meta?.quirks?.reasoningFormat
    this.format = this.named ?? OPENAI_REASONING
  }

  /** Hub events of one event of the stream. */
  read(event: Json): ChatEvent[] {
    if (this.over) return []
    this.events = []
    const at = count(event['output_index']) ?? 0
    const part = count(event['content_index']) ?? 0
    const delta = text(event['delta'])
    const item = object(event['item']) ?? {}
    const type = text(event['type'])
    switch (type) {
      case 'response.output_text.delta':
        if (delta !== null)
          this.say(at, `text/${part}`, { kind: 'text' }, { kind: 'text', text: delta }, event['logprobs'])
        break
      case 'response.refusal.delta':
        if (delta !== null)
          this.say(at, `refusal/${part}`, { kind: 'refusal' }, { kind: 'refusal', text: delta })
        break
      case 'response.reasoning_summary_text.delta':
        if (delta !== null) this.think(at, {}, `summary/${count(event['summary_index']) ?? 0}`, delta)
        break
      case 'response.reasoning_text.delta':
      // Older servers (vLLM, llama.cpp) call it so.
      case 'response.reasoning.delta':
        if (delta !== null) this.think(at, {}, `content/${part}`, delta)
        break
      case 'response.function_call_arguments.delta':
        if (delta !== null) this.args(at, delta)
        break
      case 'response.output_text.annotation.added':
        this.cite(at, part, event['annotation'], count(event['annotation_index']) ?? 0)
        break
      case 'response.output_item.added':
        this.open(at, item)
        break
      case 'response.output_item.done':
        this.ids.add(text(item['id']) ?? '')
        this.complete(at, item)
        break
      default:
        if (type?.startsWith('response.') || type === 'error' || type === null) this.lifecycle(event, type)
    }
    return this.events
  }

  /** Hub events of a whole response. */
  readWhole(response: Json): ChatEvent[] {
    this.events = []
    this.start(response)
    this.end(response, text(response['status']) ?? 'completed')
    return this.over ? this.events : [...this.events, ...this.cut()]
  }

  /** At the end of input: nothing after a good end, an error when the answer was cut. */
  cut(): ChatEvent[] {
    if (this.over) return []
    this.events = []
    this.fail({
      code: 'provider_cut',
      status: 200,
      message: 'The provider closed the connection before its answer was complete.',
      providerCode: null,
      retryAfterMs: null,
    })
    return this.events
  }

  private lifecycle(event: Json, type: string | null): void {
    const response = object(event['response'])
    if (response !== null) this.start(response)
    switch (type) {
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
      case 'response.cancelled':
      case 'response.done':
        this.end(response ?? {}, text(response?.['status']) ?? type.slice('response.'.length))
        break
      case 'error':
      case null:
        if (type === 'error' || event['error']) this.fail(decodeErrorObject(event['error'] ?? event))
        break
      default:
      // Progress of hosted tools, marks of begin and end: the items themselves tell it all.
    }
  }

  private start(response: Json): void {
    if (this.started) return
    this.started = true
    const model = text(response['model']) ?? ''
    this.format =
      this.named ?? (Array.isArray(response['content_filters']) ? AZURE_REASONING : familyOf(model))
    const created = count(response['created_at'])
    const tier = text(response['service_tier'])
    this.events.push({
      type: 'start',
      id: text(response['id']) ?? '',
      model,
      ...(created !== null && { created }),
      ...(tier !== null && tier !== 'auto' && { serviceTier: tier }),
    })
  }

  /** The last event repeats the whole response: what was not streamed is read from it. */
  private end(response: Json, status: string): void {
    if (!['completed', 'incomplete', 'failed', 'cancelled'].includes(status)) return
    for (const [at, item] of list(response['output']).entries()) {
      // Servers number items in ways of their own: an id that was streamed is not told again.
      if (!this.ids.has(text(object(item)?.['id']) ?? '?')) this.complete(at, object(item) ?? {})
    }
    this.close()
    for (const state of this.items.values()) this.closeTool(state)
    const usage = object(response['usage'])
    if (usage !== null) this.events.push({ type: 'usage', usage: decodeUsage(usage), raw: usage })
    if (status === 'failed' || status === 'cancelled' || object(response['error']) !== null) {
      this.fail(
        decodeErrorObject(response['error'] ?? { message: `The provider ended the response as ${status}.` }),
      )
      return
    }
    this.over = true
    const details = object(response['incomplete_details'])
    const native = (status === 'incomplete' ? text(details?.['reason']) : null) ?? status
    this.events.push({
      type: 'finish',
      reason: this.reason(status, native),
      native,
      ...(details !== null && { details }),
    })
  }

  private reason(status: string, native: string): FinishReason {
    if (status === 'incomplete') return native === 'content_filter' ? 'content_filter' : 'length'
    return this.calls ? 'tool_calls' : 'stop'
  }

  private fail(error: UpstreamError): void {
    this.close()
    this.over = true
    this.events.push({ type: 'error', error })
  }

  /** An item begins: calls and reasoning open their block, so that their ids are known at once. */
  private open(at: number, item: Json): void {
    const state = this.state(at)
    switch (item['type']) {
      case 'message':
        break
      case 'reasoning':
        this.linear(`${at}/reasoning`, this.reasoningBlock(item))
        break
      case 'function_call':
      case 'custom_tool_call':
        this.openTool(state, item)
        break
      case 'image_generation_call':
        break
      default:
        this.linear(`${at}/server`, {
          kind: 'server-tool',
          id: text(item['id']) ?? text(item['call_id']) ?? '',
          name: text(item['type']) ?? '',
        })
    }
  }

  /** An item is complete: whatever of it was not streamed is told now. */
  private complete(at: number, item: Json): void {
    const state = this.state(at)
    if (state.done) return
    state.done = true
    switch (item['type']) {
      case 'message':
        for (const [i, part] of list(item['content']).entries()) this.completePart(at, i, object(part) ?? {})
        this.close()
        break
      case 'reasoning':
        this.completeReasoning(at, item)
        break
      case 'function_call':
      case 'custom_tool_call': {
        this.openTool(state, item)
        const json =
          item['type'] === 'custom_tool_call' ? inputAsArgs(item['input']) : text(item['arguments'])
        if (!state.told.has('args') && json !== null) this.args(at, json)
        this.closeTool(state)
        break
      }
      case 'image_generation_call': {
        const data = text(item['result'])
        const mediaType = `image/${text(item['output_format']) ?? 'png'}`
        if (data === null) break
        const url = /^(data|https?):/.test(data) ? data : `data:${mediaType};base64,${data}`
        this.say(at, 'image', { kind: 'image', mediaType }, { kind: 'image', url })
        this.close()
        break
      }
      default:
        this.open(at, item)
        this.delta({ kind: 'result', data: item })
        this.close()
    }
  }

  private completePart(at: number, part: number, wire: Json): void {
    const said = text(wire['text'])
    const refusal = text(wire['refusal'])
    const { told, annotations } = this.state(at)
    if (said !== null && !told.has(`text/${part}`))
      this.say(at, `text/${part}`, { kind: 'text' }, { kind: 'text', text: said }, wire['logprobs'])
    if (refusal !== null && !told.has(`refusal/${part}`))
      this.say(at, `refusal/${part}`, { kind: 'refusal' }, { kind: 'refusal', text: refusal })
    const all = list(wire['annotations'])
    for (let i = annotations.get(part) ?? 0; i < all.length; i++) this.cite(at, part, all[i], i)
  }

  private completeReasoning(at: number, item: Json): void {
    const { told } = this.state(at)
    for (const source of ['summary', 'content'] as const) {
      for (const [i, part] of list(item[source]).entries()) {
        const said = text(object(part)?.['text'])
        if (said !== null && !told.has(`${source}/${i}`)) this.think(at, item, `${source}/${i}`, said)
      }
    }
    const sealed = text(item['encrypted_content'])
    const signature = text(item['signature'])
    this.linear(`${at}/reasoning`, this.reasoningBlock(item))
    if (signature !== null) this.delta({ kind: 'signature', signature })
    if (sealed !== null) this.delta({ kind: 'encrypted', data: sealed })
    this.close()
  }

  private think(at: number, item: Json, key: string, said: string): void {
    const { told } = this.state(at)
    const summary = key.startsWith('summary/')
    const later = !told.has(key) && !key.endsWith('/0')
    told.add(key)
    this.linear(`${at}/reasoning`, this.reasoningBlock(item))
    this.delta({ kind: 'reasoning', text: later ? PARAGRAPH + said : said, ...(summary && { summary }) })
  }

  private reasoningBlock(item: Json): Block {
    const id = text(item['id'])
    return { kind: 'reasoning', format: text(item['format']) ?? this.format, ...(id !== null && { id }) }
  }

  private openTool(state: ItemState, item: Json): void {
    if (state.tool !== null) return
    this.close()
    this.calls = true
    state.tool = this.size++
    const name = flatName(text(item['namespace']), text(item['name']) ?? '')
    this.events.push({
      type: 'block-start',
      index: state.tool,
      block: { kind: 'tool', id: text(item['call_id']) ?? text(item['id']) ?? '', name },
    })
  }

  private closeTool(state: ItemState): void {
    if (state.tool === null) return
    this.events.push({ type: 'block-stop', index: state.tool })
    state.tool = null
    state.done = true
  }

  private args(at: number, json: string): void {
    const state = this.state(at)
    if (state.tool === null) return
    state.told.add('args')
    this.events.push({ type: 'block-delta', index: state.tool, delta: { kind: 'args', json } })
  }

  private say(at: number, part: string, block: Block, delta: BlockDelta, logprobs?: unknown): void {
    this.state(at).told.add(part)
    this.linear(`${at}/${part}`, block)
    this.delta(delta, list(logprobs).length > 0 ? { content: logprobs, refusal: null } : undefined)
  }

  private cite(at: number, part: number, annotation: unknown, place: number): void {
    this.state(at).annotations.set(part, place + 1)
    const index = this.current?.key === `${at}/text/${part}` ? { index: this.current.index } : {}
    this.events.push({ type: 'citation', ...index, citation: decodeAnnotation(annotation) })
  }

  /** Keeps the open block when it is the one of this key; else closes it and begins another. */
  private linear(key: string, block: Block): void {
    if (this.current?.key === key) return
    this.close()
    this.current = { index: this.size++, key }
    this.events.push({ type: 'block-start', index: this.current.index, block })
  }

  private delta(delta: BlockDelta, logprobs?: unknown): void {
    const index = this.current!.index
    this.events.push({ type: 'block-delta', index, delta, ...(logprobs !== undefined && { logprobs }) })
  }

  private close(): void {
    if (this.current !== null) this.events.push({ type: 'block-stop', index: this.current.index })
    this.current = null
  }

  private state(at: number): ItemState {
    let state = this.items.get(at)
    if (state === undefined) {
      state = { tool: null, told: new Set(), annotations: new Map(), done: false }
      this.items.set(at, state)
    }
    return state
  }
}
