import type { ChatMessage, ContentPart, Dropped } from '../../chat/index.ts'
import type { WireTarget } from '../dialect.ts'
import { type Json, object } from '../json.ts'
import { contentWithFailure } from '../tool-error.ts'
import { DIALECT, takesBack } from './wire.ts'

/** Hub messages as input items, and what of them was lost. */
export function encodeInput(
  messages: readonly ChatMessage[],
  target: WireTarget,
  dropped: Dropped[],
): Json[] {
  const writer = new InputWriter(target)
  for (const message of messages) writer.add(message)
  for (const [parameter, reason] of writer.lost) dropped.push({ parameter, reason })
  return writer.items
}

type Reasoning = ContentPart & { kind: 'reasoning' }

class InputWriter {
  readonly items: Json[] = []
  readonly lost = new Map<string, string>()
  private readonly target: WireTarget

  constructor(target: WireTarget) {
    this.target = target
  }

  add(message: ChatMessage): void {
    if (message.name !== undefined)
      this.lost.set('messages.name', 'the Responses API has no names of speakers')
    if (message.role === 'assistant') this.assistant(message.content)
    else if (message.role === 'tool') this.result(message)
    else {
      const role =
        message.role === 'developer' && this.target.quirks.noDeveloperRole ? 'system' : message.role
      const content = message.content.flatMap((part) => this.part(part, 'input_text'))
      if (content.length > 0) this.items.push({ type: 'message', role, content: plain(content) })
    }
  }

  /** Calls, reasoning and text of one turn are items of their own, in order. */
  private assistant(parts: readonly ContentPart[]): void {
    let said: Json[] = []
    const flush = (): void => {
      if (said.length > 0) this.items.push({ type: 'message', role: 'assistant', content: said })
      said = []
    }
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!
      if (part.kind === 'tool-call') {
        flush()
        if (part.signature !== undefined) this.lost.set('signature', 'it belongs to another provider')
        // Without arguments a call is that of the empty object.
        this.items.push({
          type: 'function_call',
          call_id: part.id,
          name: part.name,
          arguments: part.args === '' ? '{}' : part.args,
        })
      } else if (part.kind === 'reasoning') {
        flush()
        const together = [part]
        while (belongs(together, parts[i + 1])) together.push(parts[++i] as Reasoning)
        this.reasoning(together)
      } else if (part.kind === 'opaque' && part.dialect === DIALECT && object(part.data) !== null) {
        flush()
        this.items.push(part.data as Json)
      } else said.push(...this.part(part, 'output_text'))
    }
    flush()
  }

  /** Sealed reasoning goes back to the family that made it; plain reasoning only where the provider asks for it. */
  private reasoning(parts: readonly Reasoning[]): void {
    const { quirks, upstreamId } = this.target
    const sealed = parts.find(({ encrypted }) => encrypted !== undefined)
    const { id, format } = sealed ?? parts[0]!
    const own =
      format === undefined || format === 'unknown' || takesBack(format, quirks.reasoningFormat, upstreamId)
    const join = (key: 'text' | 'summary') => parts.map((part) => part[key] ?? '').join('')
    const summary = join('summary')
    const text = join('text')
    const item: Json = { type: 'reasoning', ...(id !== undefined && { id }), summary: summaryOf(summary) }
    if (sealed !== undefined && own) {
      if (text !== '') item['content'] = [{ type: 'reasoning_text', text }]
      this.items.push({ ...item, encrypted_content: sealed.encrypted })
    } else if (quirks.replayReasoning === 'content' && (text || summary) !== '') {
      this.items.push({ ...item, content: [{ type: 'reasoning_text', text: text || summary }] })
    } else this.lost.set('reasoning_details', 'the provider does not take it back')
  }

  private result(message: ChatMessage): void {
    const content = contentWithFailure(message).flatMap((part) => this.part(part, 'input_text'))
    this.items.push({
      type: 'function_call_output',
      call_id: message.toolCallId ?? '',
      output: content.length === 0 ? '' : plain(content),
    })
  }

  private part(part: ContentPart, textType: 'input_text' | 'output_text'): Json[] {
    if (part.cache !== undefined) this.lost.set('cache_control', 'the provider caches by itself')
    switch (part.kind) {
      case 'text':
        if (part.signature !== undefined) this.lost.set('signature', 'it belongs to another provider')
        return [{ type: textType, text: part.text }]
      case 'refusal':
        return [{ type: 'refusal', refusal: part.text }]
      case 'image':
        if (textType === 'output_text') return this.none('images', 'an answer cannot hold images here')
        return [{ type: 'input_image', image_url: part.url, detail: part.detail ?? 'auto' }]
      case 'file': {
        const file: Json = { type: 'input_file' }
        if (part.fileId !== undefined) file['file_id'] = part.fileId
        else if (/^https?:/.test(part.data ?? '')) return [{ ...file, file_url: part.data }]
        else file['file_data'] = part.data ?? ''
        if (part.filename !== undefined) file['filename'] = part.filename
        return [file]
      }
      case 'audio':
        return [{ type: 'input_audio', input_audio: { data: part.data, format: part.format } }]
      case 'video':
        return this.none('video_url', 'the Responses API takes no video')
      case 'opaque':
        if (part.dialect === DIALECT && object(part.data) !== null) return [part.data as Json]
        return this.none('messages', `a content part that only ${part.dialect} knows`)
      case 'tool-call':
      case 'reasoning':
        return this.none('messages', 'a tool call or reasoning outside an assistant message')
      default:
        return part satisfies never
    }
  }

  private none(parameter: string, reason: string): [] {
    this.lost.set(parameter, reason)
    return []
  }
}

/** Fragments of one reasoning item: the same id; a second sealed part begins another item. */
function belongs(together: readonly Reasoning[], next: ContentPart | undefined): boolean {
  if (next?.kind !== 'reasoning' || next.id !== together[0]!.id) return false
  return next.encrypted === undefined
    ? next.id !== undefined || together.every(({ encrypted }) => encrypted === undefined)
    : together.every(({ encrypted }) => encrypted === undefined)
}

const summaryOf = (text: string): Json[] => (text === '' ? [] : [{ type: 'summary_text', text }])

/** One text stays a string: every server takes that. */
function plain(content: readonly Json[]): unknown {
  const only = content.length === 1 ? content[0] : undefined
  return only?.['type'] === 'input_text' ? only['text'] : content
}
