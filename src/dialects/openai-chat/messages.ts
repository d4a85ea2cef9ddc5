import type { CacheMarker, ChatMessage, ContentPart, ToolDefinition } from '../../chat/index.ts'
import { isObject, type Json, list, object, text } from '../json.ts'
import { contentWithFailure } from '../tool-error.ts'
import { argumentText } from './tools.ts'
import { DIALECT } from './wire.ts'

type Plain<T> = { -readonly [K in keyof T]: T[K] }

/** One message of the wire in the hub's words. */
export function decodeMessage(wire: Json): ChatMessage {
  const content: ContentPart[] = []
  if (wire['role'] === 'assistant') content.push(...decodeReasoningParts(wire))
  if (typeof wire['content'] === 'string') {
    if (wire['content'] !== '') content.push({ kind: 'text', text: wire['content'] })
  } else for (const part of list(wire['content'])) content.push(decodePart(part))
  if (text(wire['refusal']) !== null) content.push({ kind: 'refusal', text: String(wire['refusal']) })
  for (const image of list(wire['images'])) {
    const url = text(object(object(image)?.['image_url'])?.['url'])
    if (url !== null) content.push({ kind: 'image', url })
  }
  for (const call of list(wire['tool_calls'])) {
    const fn = object(object(call)?.['function'])
    if (fn === null) content.push({ kind: 'opaque', dialect: DIALECT, data: call })
    else {
      const args = argumentText(fn['arguments'])
      content.push({
        kind: 'tool-call',
        id: text(object(call)?.['id']) ?? '',
        name: text(fn['name']) ?? '',
        args,
      })
    }
  }
  const message: Plain<ChatMessage> = { role: wire['role'] as ChatMessage['role'], content }
  const name = text(wire['name'])
  if (name !== null) message.name = name
  const toolCallId = text(wire['tool_call_id'])
  if (toolCallId !== null) message.toolCallId = toolCallId
  return message
}

function decodePart(part: unknown): ContentPart {
  const wire = object(part) ?? {}
  const cache = cacheOf(wire)
  const marked = <T extends ContentPart>(found: T): T => (cache === undefined ? found : { ...found, cache })
  const opaque: ContentPart = { kind: 'opaque', dialect: DIALECT, data: part }
  switch (wire['type']) {
    case 'text':
      return typeof wire['text'] === 'string' ? marked({ kind: 'text', text: wire['text'] }) : opaque
    case 'refusal':
      return { kind: 'refusal', text: text(wire['refusal']) ?? '' }
    case 'image_url': {
      const image = isObject(wire['image_url']) ? wire['image_url'] : { url: wire['image_url'] }
      const url = text(image['url'])
      const detail = text(image['detail'])
      return url === null ? opaque : marked({ kind: 'image', url, ...(detail === null ? {} : { detail }) })
    }
    case 'input_audio': {
      const audio = object(wire['input_audio']) ?? {}
      const data = text(audio['data'])
      return data === null ? opaque : marked({ kind: 'audio', data, format: text(audio['format']) ?? 'wav' })
    }
    case 'video_url':
    case 'input_video': {
      const url = text(object(wire['video_url'])?.['url'])
      return url === null ? opaque : marked({ kind: 'video', url })
    }
    case 'file': {
      const file = object(wire['file']) ?? {}
      const names = {
        filename: text(file['filename']),
        data: text(file['file_data']),
        fileId: text(file['file_id']),
      }
      return marked({ kind: 'file', ...notNull(names) })
    }
    default:
      return opaque
  }
}

const notNull = <T>(source: Record<string, T | null>): Record<string, T> =>
  Object.fromEntries(Object.entries(source).filter((entry): entry is [string, T] => entry[1] !== null))

/** The marker of a block, a tool or (top level) a whole body; undefined when there is none. */
export function cacheOf(wire: Json): CacheMarker | undefined {
  const control = object(wire['cache_control'])
  if (control === null) return undefined
  const ttl = control['ttl']
  return ttl === '5m' || ttl === '1h' ? { ttl } : {}
}

/** `reasoning_details` where present (they hold signatures), else the plain text in either spelling. */
function decodeReasoningParts(wire: Json): ContentPart[] {
  const details = list(wire['reasoning_details'])
  if (details.length === 0) {
    const said = text(wire['reasoning']) ?? text(wire['reasoning_content'])
    return said === null ? [] : [{ kind: 'reasoning', text: said }]
  }
  return details.map((detail): ContentPart => {
    const item = object(detail) ?? {}
    const common = notNull({ id: text(item['id']), format: text(item['format']) })
    switch (item['type']) {
      case 'reasoning.text':
        return {
          kind: 'reasoning',
          ...notNull({ text: text(item['text']), signature: text(item['signature']) }),
          ...common,
        }
      case 'reasoning.summary':
        return { kind: 'reasoning', ...notNull({ summary: text(item['summary']) }), ...common }
      case 'reasoning.encrypted':
        return { kind: 'reasoning', ...notNull({ encrypted: text(item['data']) }), ...common }
      default:
        return { kind: 'opaque', dialect: DIALECT, data: detail }
    }
  })
}

/** A function tool in the hub's words; other kinds of tools have no place there. */
export function decodeTool(wire: Json): ToolDefinition[] {
  const fn = object(wire['function'])
  const name = text(fn?.['name'])
  if (fn === null || name === null) return []
  const tool: Plain<ToolDefinition> = { name }
  if (typeof fn['description'] === 'string') tool.description = fn['description']
  if (fn['parameters'] !== undefined) tool.parameters = fn['parameters']
  if (typeof fn['strict'] === 'boolean') tool.strict = fn['strict']
  const cache = cacheOf(wire)
  if (cache !== undefined) tool.cache = cache
  return [tool]
}

const cacheControl = (cache: CacheMarker): Json => ({ cache_control: { type: 'ephemeral', ...cache } })

/** Hub messages on the wire: the way of requests that came in another dialect. */
export function encodeMessages(messages: readonly ChatMessage[]): Json[] {
  return messages.map((message) => {
    const wire: Json = { role: message.role }
    const parts: Json[] = []
    const calls: Json[] = []
    const details: Json[] = []
    for (const part of contentWithFailure(message)) {
      if (part.kind === 'tool-call') {
        calls.push({ id: part.id, type: 'function', function: { name: part.name, arguments: part.args } })
        if (part.signature !== undefined) details.push(signatureDetail(part, part.signature, details.length))
      } else if (part.kind === 'reasoning') details.push(encodeReasoningPart(part, details.length))
      else if (part.kind === 'refusal') wire['refusal'] = part.text
      else {
        const encoded = encodePart(part)
        if (part.kind === 'text' && part.signature !== undefined)
          details.push(signatureDetail(part, part.signature, details.length))
        if (encoded !== null)
          parts.push(part.cache === undefined ? encoded : { ...encoded, ...cacheControl(part.cache) })
      }
    }
    wire['content'] = contentOf(parts, calls.length > 0)
    if (calls.length > 0) wire['tool_calls'] = calls
    if (details.length > 0) {
      wire['reasoning_details'] = details
      const said = details.map((detail) => text(detail['text']) ?? text(detail['summary']) ?? '').join('')
      if (said !== '') wire['reasoning'] = said
    }
    if (message.name !== undefined) wire['name'] = message.name
    if (message.toolCallId !== undefined) wire['tool_call_id'] = message.toolCallId
    return wire
  })
}

/** Plain text stays a string: every provider takes that, lists not all. */
function contentOf(parts: readonly Json[], calls: boolean): unknown {
  if (parts.length === 0) return calls ? null : ''
  const only = parts.length === 1 ? parts[0] : undefined
  return only?.['type'] === 'text' && only['cache_control'] === undefined ? only['text'] : parts
}

function encodePart(part: ContentPart): Json | null {
  switch (part.kind) {
    case 'text':
      return { type: 'text', text: part.text }
    case 'image': {
      const image = part.detail === undefined ? { url: part.url } : { url: part.url, detail: part.detail }
      return { type: 'image_url', image_url: image }
    }
    case 'audio':
      return { type: 'input_audio', input_audio: { data: part.data, format: part.format } }
    case 'video':
      return { type: 'video_url', video_url: { url: part.url } }
    case 'file': {
      const file: Json = {}
      if (part.filename !== undefined) file['filename'] = part.filename
      if (part.data !== undefined) file['file_data'] = part.data
      if (part.fileId !== undefined) file['file_id'] = part.fileId
      return { type: 'file', file }
    }
    case 'opaque':
      return part.dialect === DIALECT ? (object(part.data) ?? null) : null
    case 'tool-call':
    case 'reasoning':
    case 'refusal':
      return null
    default:
      return part satisfies never
  }
}

/** What Google signed travels as a detail that names the call, or none for the text; as answers tell it. */
function signatureDetail(part: ContentPart, signature: string, index: number): Json {
  const id = part.kind === 'tool-call' && part.id !== '' ? { id: part.id } : {}
  return { type: 'reasoning.encrypted', data: signature, format: 'google-gemini-v1', index, ...id }
}

function encodeReasoningPart(part: ContentPart & { kind: 'reasoning' }, index: number): Json {
  const common = {
    format: part.format ?? 'unknown',
    index,
    ...(part.id === undefined ? {} : { id: part.id }),
  }
  if (part.encrypted !== undefined) return { type: 'reasoning.encrypted', data: part.encrypted, ...common }
  if (part.summary !== undefined) return { type: 'reasoning.summary', summary: part.summary, ...common }
  const signature = part.signature === undefined ? {} : { signature: part.signature }
  return { type: 'reasoning.text', text: part.text ?? '', ...signature, ...common }
}

/** Hub tools on the wire. */
export function encodeTools(tools: readonly ToolDefinition[]): Json[] {
  return tools.map(({ cache, ...fn }) => ({
    type: 'function',
    function: fn,
    ...(cache === undefined ? {} : cacheControl(cache)),
  }))
}
