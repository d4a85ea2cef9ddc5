import type { Block, BlockDelta } from '../../chat/index.ts'
import { isObject, type Json, object, parseJson, text } from '../json.ts'
import { argsAsInput } from './names.ts'
import { seal } from './seal.ts'
import { type Sink, tellSeal } from './sink.ts'

export type ItemStatus = 'completed' | 'incomplete'

/** A block of the answer while it is written. */
export interface OpenItem {
  add(delta: BlockDelta, logprobs?: unknown): void
  stop(status: ItemStatus): void
}

/** A call of one of the client's tools: a function, one of a namespace, or one that takes free text. */
export class ToolItem implements OpenItem {
  private readonly sink: Sink
  private readonly item: Json
  private readonly at: number
  private readonly custom: boolean
  private args = ''
  private signature = ''

  constructor(sink: Sink, block: Block & { kind: 'tool' }) {
    const origin = sink.origins.get(block.name)
    this.sink = sink
    this.custom = origin?.kind === 'custom'
    this.item = {
      type: this.custom ? 'custom_tool_call' : 'function_call',
      id: sink.newId(this.custom ? 'ctc' : 'fc'),
      status: 'in_progress',
      call_id: block.id === '' ? sink.newId('call') : block.id,
      ...(origin?.kind === 'namespace' && { namespace: origin.namespace }),
      name: origin?.name ?? block.name,
      [this.custom ? 'input' : 'arguments']: '',
    }
    this.at = sink.place(this.item)
    sink.emit('response.output_item.added', { output_index: this.at, item: { ...this.item } })
  }

  add(delta: BlockDelta): void {
    if (delta.kind === 'signature') this.signature += delta.signature
    if (delta.kind !== 'args' || delta.json === '') return
    this.args += delta.json
    // Free text is inside the arguments: it can only be told when they are whole.
    if (!this.custom) this.delta(delta.json)
  }

  stop(status: ItemStatus): void {
    if (this.custom) {
      const input = argsAsInput(this.args)
      if (input !== '') this.delta(input)
      this.item['input'] = input
      this.sink.emit('response.custom_tool_call_input.done', { ...this.place(), input })
    } else {
      // A call without arguments is that of the empty object; clients parse what they get.
      if (this.args === '' && status === 'completed') this.add({ kind: 'args', json: '{}' })
      this.item['arguments'] = this.args
      this.sink.emit('response.function_call_arguments.done', {
        ...this.place(),
        name: this.item['name'],
        arguments: this.args,
      })
    }
    this.item['status'] = status
    this.sink.emit('response.output_item.done', { output_index: this.at, item: this.item })
    if (this.signature !== '') {
      const id = String(this.item['call_id'])
      tellSeal(this.sink, seal({ of: 'tool', id, signature: this.signature }))
    }
  }

  private delta(delta: string): void {
    const type = this.custom ? 'custom_tool_call_input' : 'function_call_arguments'
    this.sink.emit(`response.${type}.delta`, { ...this.place(), delta })
  }

  private place(): Json {
    return { item_id: this.item['id'], output_index: this.at }
  }
}

/** Reasoning: as a summary or as plain text, and what has to come back with the next turn in `encrypted_content`. */
export class ReasoningItem implements OpenItem {
  private readonly sink: Sink
  private readonly block: Block & { kind: 'reasoning' }
  private readonly item: Json
  private readonly at: number
  private readonly said = { summary: '', content: '' }
  private text = ''
  private signature = ''
  private encrypted = ''

  constructor(sink: Sink, block: Block & { kind: 'reasoning' }) {
    this.sink = sink
    this.block = block
    this.item = {
      type: 'reasoning',
      id: block.id ?? sink.newId('rs'),
      ...(block.format !== undefined && { format: block.format }),
      summary: [],
    }
    this.at = sink.place(this.item)
    sink.emit('response.output_item.added', { output_index: this.at, item: { ...this.item } })
  }

  add(delta: BlockDelta): void {
    if (delta.kind === 'signature') this.signature += delta.signature
    else if (delta.kind === 'encrypted') this.encrypted += delta.data
    else if (delta.kind === 'reasoning' && delta.text !== '') {
      if (!delta.summary) this.text += delta.text
      this.say(delta.summary || this.sink.summaries ? 'summary' : 'content', delta.text)
    }
  }

  stop(): void {
    const { summary, content } = this.said
    if (summary !== '') {
      const part = { type: 'summary_text', text: summary }
      this.item['summary'] = [part]
      const place = { ...this.place(), summary_index: 0 }
      this.sink.emit('response.reasoning_summary_text.done', { ...place, text: summary })
      this.sink.emit('response.reasoning_summary_part.done', { ...place, part })
    }
    if (content !== '') {
      const part = { type: 'reasoning_text', text: content }
      this.item['content'] = [part]
      const place = { ...this.place(), content_index: 0 }
      this.sink.emit('response.reasoning_text.done', { ...place, text: content })
      this.sink.emit('response.content_part.done', { ...place, part })
    }
    const sealed = this.sealed()
    if (sealed !== null) this.item['encrypted_content'] = sealed
    this.sink.emit('response.output_item.done', { output_index: this.at, item: this.item })
  }

  private say(where: 'summary' | 'content', said: string): void {
    const first = this.said[where] === ''
    this.said[where] += said
    if (where === 'summary') {
      const place = { ...this.place(), summary_index: 0 }
      const part = { type: 'summary_text', text: '' }
      if (first) this.sink.emit('response.reasoning_summary_part.added', { ...place, part })
      this.sink.emit('response.reasoning_summary_text.delta', { ...place, delta: said })
    } else {
      const place = { ...this.place(), content_index: 0 }
      const part = { type: 'reasoning_text', text: '' }
      if (first) this.sink.emit('response.content_part.added', { ...place, part })
      this.sink.emit('response.reasoning_text.delta', { ...place, delta: said })
    }
  }

  /** What a Responses API sealed itself goes out as it is; all else in an envelope that says whose it is. */
  private sealed(): string | null {
    const { encrypted, signature, text } = this
    const { format } = this.block
    if (encrypted !== '' && signature === '' && format?.endsWith('responses-v1')) return encrypted
    const shownAsSummary = this.sink.summaries && text !== ''
    if (encrypted === '' && signature === '' && !shownAsSummary) return null
    return seal({
      of: 'reasoning',
      ...(format !== undefined && { format }),
      ...(signature !== '' && { signature }),
      ...(encrypted !== '' && { encrypted }),
      ...(text !== '' &&
        (signature !== '' || this.said.summary !== text ? { text } : { plain: true as const })),
    })
  }

  private place(): Json {
    return { item_id: this.item['id'], output_index: this.at }
  }
}

/** A tool that the provider ran itself: its own item when it speaks this format, else as a call of a remote tool. */
export class HostedItem implements OpenItem {
  private readonly sink: Sink
  private readonly block: Block & { kind: 'server-tool' }
  private args = ''
  private result: unknown = null

  constructor(sink: Sink, block: Block & { kind: 'server-tool' }) {
    this.sink = sink
    this.block = block
  }

  add(delta: BlockDelta): void {
    if (delta.kind === 'args') this.args += delta.json
    else if (delta.kind === 'result') this.result = delta.data
  }

  stop(status: ItemStatus): void {
    const item = this.item(status)
    const output_index = this.sink.place(item)
    this.sink.emit('response.output_item.added', { output_index, item })
    this.sink.emit('response.output_item.done', { output_index, item })
  }

  private item(status: ItemStatus): Json {
    const { id, name } = this.block
    if (isObject(this.result) && this.result['type'] === name && name !== '') return this.result
    if (/^web_search/.test(name)) {
      const query = text(object(parseJson(this.args))?.['query']) ?? ''
      return {
        type: 'web_search_call',
        id: id || this.sink.newId('ws'),
        status: 'completed',
        action: { type: 'search', query, queries: [query] },
      }
    }
    const { result } = this
    return {
      type: 'mcp_call',
      id: id || this.sink.newId('mcp'),
      status,
      server_label: this.sink.meta.provider,
      name,
      arguments: this.args,
      output: typeof result === 'string' ? result : JSON.stringify(result),
      error: null,
    }
  }
}

/** A generated image; data: URLs become plain base64, as clients expect it. */
export class ImageItem implements OpenItem {
  private readonly sink: Sink
  private readonly item: Json
  private readonly at: number
  private url = ''

  constructor(sink: Sink, mediaType: string | null) {
    this.sink = sink
    this.item = { type: 'image_generation_call', id: sink.newId('ig'), status: 'in_progress', result: null }
    if (mediaType !== null) this.item['output_format'] = mediaType.replace(/^image\//, '')
    this.at = sink.place(this.item)
    sink.emit('response.output_item.added', { output_index: this.at, item: { ...this.item } })
  }

  add(delta: BlockDelta): void {
    if (delta.kind === 'image') this.url += delta.url
  }

  stop(status: ItemStatus): void {
    const data = /^data:image\/([\w.+-]+);base64,/.exec(this.url)
    this.item['result'] = data === null ? this.url : this.url.slice(data[0].length)
    if (data !== null) this.item['output_format'] = data[1]
    this.item['status'] = status
    this.sink.emit('response.output_item.done', { output_index: this.at, item: this.item })
  }
}
