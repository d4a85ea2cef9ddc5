import type { ChatMessage, ContentPart } from '../../chat/index.ts'
import { type Json, list, object, text } from '../json.ts'
import { cacheOf } from '../openai-chat/messages.ts'
import { argumentText } from '../openai-chat/tools.ts'
import { flatName, inputAsArgs } from './names.ts'
import { type Sealed, summaryOf, unseal } from './seal.ts'
import { DIALECT } from './wire.ts'

type Plain<T> = { -readonly [K in keyof T]: T[K] }

/**
 * Input items as messages. What the assistant said, thought and called in a row is one message, as other formats have
 * it. Items that only this format knows travel as opaque parts of the assistant.
 */
export function decodeInput(instructions: string | null, input: unknown): ChatMessage[] {
  const messages: ChatMessage[] = []
  if (instructions !== null)
    messages.push({ role: 'system', content: [{ kind: 'text', text: instructions }] })
  if (typeof input === 'string')
    return [...messages, { role: 'user', content: [{ kind: 'text', text: input }] }]
  let turn: ContentPart[] | null = null
  for (const raw of list(input)) {
    const item = object(raw) ?? {}
    const message = decodeItem(item)
    if (message !== null && message.role !== 'assistant') {
      turn = null
      messages.push(message)
      continue
    }
    const parts: readonly ContentPart[] = message?.content ?? []
    if (turn === null && (parts.length > 0 || message !== null)) {
      turn = []
      messages.push({ role: 'assistant', content: turn })
    }
    if (message === null) applySeal(turn ?? [], item)
    else turn!.push(...parts)
  }
  return messages
}

/** One item as a message of its own; null for the signature of an earlier part, and for references. */
function decodeItem(item: Json): ChatMessage | null {
  const assistant = (...content: ContentPart[]): ChatMessage => ({ role: 'assistant', content })
  const call = (args: string): ChatMessage =>
    assistant({
      kind: 'tool-call',
      id: text(item['call_id']) ?? text(item['id']) ?? '',
      name: flatName(text(item['namespace']), text(item['name']) ?? ''),
      args,
    })
  switch (item['type'] ?? 'message') {
    case 'message':
      return { role: item['role'] as ChatMessage['role'], content: decodeContent(item['content']) }
    case 'function_call':
      return call(argumentText(item['arguments']))
    case 'custom_tool_call':
      return call(inputAsArgs(item['input']))
    case 'function_call_output':
    case 'custom_tool_call_output':
      return {
        role: 'tool',
        toolCallId: text(item['call_id']) ?? '',
        content: decodeOutput(item['output']),
      }
    case 'reasoning': {
      const parts = decodeReasoning(item)
      return parts === null ? null : assistant(...parts)
    }
    case 'item_reference':
      return null
    default: {
      const summary = summaryOf(item)
      if (summary !== null) return { role: 'user', content: [{ kind: 'text', text: summary }] }
      return assistant({ kind: 'opaque', dialect: DIALECT, data: item })
    }
  }
}

function decodeOutput(output: unknown): ContentPart[] {
  if (typeof output === 'string' || Array.isArray(output)) return decodeContent(output)
  return output === undefined || output === null ? [] : [{ kind: 'text', text: JSON.stringify(output) }]
}

function decodeContent(content: unknown): ContentPart[] {
  if (typeof content === 'string') return content === '' ? [] : [{ kind: 'text', text: content }]
  return list(content).map(decodePart)
}

const present = <T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], null> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as {
    [K in keyof T]?: Exclude<T[K], null>
  }

function decodePart(part: unknown): ContentPart {
  const wire = object(part) ?? {}
  const cache = cacheOf(wire) ?? (object(wire['prompt_cache_breakpoint']) === null ? undefined : {})
  const marked = <T extends ContentPart>(found: T): T => (cache === undefined ? found : { ...found, cache })
  const opaque: ContentPart = { kind: 'opaque', dialect: DIALECT, data: part }
  switch (wire['type']) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return typeof wire['text'] === 'string' ? marked({ kind: 'text', text: wire['text'] }) : opaque
    case 'refusal':
      return { kind: 'refusal', text: text(wire['refusal']) ?? '' }
    // Chat Completions' spelling, which LangChain puts into Responses.
    case 'image_url':
    case 'input_image': {
      const image = object(wire['image_url'])
      const url = text(wire['image_url']) ?? text(image?.['url'])
      const detail = text(wire['detail']) ?? text(image?.['detail'])
      // `auto` is what no detail means.
      const known = detail === 'auto' ? null : detail
      return url === null ? opaque : marked({ kind: 'image', url, ...present({ detail: known }) })
    }
    case 'input_file':
      return marked({
        kind: 'file',
        ...present({
          filename: text(wire['filename']),
          data: text(wire['file_data']) ?? text(wire['file_url']),
          fileId: text(wire['file_id']),
        }),
      })
    case 'input_audio': {
      const audio = object(wire['input_audio']) ?? {}
      const data = text(audio['data'])
      return data === null ? opaque : marked({ kind: 'audio', data, format: text(audio['format']) ?? 'wav' })
    }
    case 'input_video': {
      const url = text(wire['video_url']) ?? text(object(wire['video_url'])?.['url'])
      return url === null ? opaque : marked({ kind: 'video', url })
    }
    default:
      return opaque
  }
}

/** The parts of a reasoning item; null when it only carries the signature of another part. */
function decodeReasoning(item: Json): ContentPart[] | null {
  const joined = (parts: unknown) =>
    text(
      list(parts)
        .map((part) => text(object(part)?.['text']) ?? '')
        .join('\n\n'),
    )
  const encrypted = text(item['encrypted_content'])
  const sealed = encrypted === null ? null : unseal(encrypted)
  if (sealed !== null && sealed.of !== 'reasoning') return null
  const summary = joined(item['summary'])
  const said = joined(item['content'])
  const facts = {
    id: text(item['id']),
    // Whose seal it is, the format does not tell; certainly none of another format's.
    format: text(item['format']) ?? (encrypted === null ? null : 'unknown'),
    signature: text(item['signature']),
  }
  const part =
    sealed === null
      ? { text: said, summary, encrypted, ...facts }
      : {
          text: sealed.text ?? (sealed.plain ? (said ?? summary) : said),
          summary: sealed.plain || sealed.text !== undefined ? null : summary,
          signature: sealed.signature ?? null,
          encrypted: sealed.encrypted ?? null,
          id: facts.id,
          format: sealed.format ?? facts.format,
        }
  const something = part.text ?? part.summary ?? part.encrypted ?? part.signature
  return something === null ? [] : [{ kind: 'reasoning', ...present(part) }]
}

/** Puts a signature back where it belongs: on its tool call, or on the last text of the turn. */
function applySeal(turn: ContentPart[], item: Json): void {
  const sealed: Sealed | null = unseal(text(item['encrypted_content']) ?? '')
  if (sealed === null || sealed.of === 'reasoning' || sealed.of === 'summary') return
  const at = turn.findLastIndex((part) =>
    sealed.of === 'tool' ? part.kind === 'tool-call' && part.id === sealed.id : part.kind === 'text',
  )
  const part = turn[at] as Plain<ContentPart & { kind: 'text' }> | undefined
  if (part !== undefined) turn[at] = { ...part, signature: sealed.signature }
}
