import type { CacheMarker, ChatMessage, ContentPart } from '../../chat/index.ts'
import { type Json, list, object, text } from '../json.ts'
import { cacheOf } from './decode-parameters.ts'
import { untag } from './foreign.ts'
import { CLAUDE_FORMAT, DIALECT } from './wire.ts'

/** `system` and `messages` of a checked body in the hub's words; each result of a tool becomes a message of its own. */
export function decodeConversation(body: Json): ChatMessage[] {
  const conversation: ChatMessage[] = []
  const system = partsOf(body['system'])
  if (system.length > 0) conversation.push({ role: 'system', content: system })
  for (const item of list(body['messages'])) {
    const message = object(item) ?? {}
    const role = message['role'] as 'user' | 'assistant' | 'system'
    const rest: ContentPart[] = []
    for (const block of blocksOf(message['content'])) {
      if (block['type'] === 'tool_result') conversation.push(decodeResult(block))
      else rest.push(decodePart(block))
    }
    if (rest.length > 0) conversation.push({ role, content: rest })
  }
  return conversation
}

function blocksOf(content: unknown): Json[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  return list(content).map((block) => object(block) ?? {})
}

const partsOf = (content: unknown): ContentPart[] => blocksOf(content).map(decodePart)

function decodeResult(block: Json): ChatMessage {
  const content = partsOf(block['content'])
  const cache = cacheOf(block)
  const last = content.at(-1)
  if (cache !== undefined && last !== undefined) content[content.length - 1] = { ...last, cache }
  return {
    role: 'tool',
    content,
    toolCallId: text(block['tool_use_id']) ?? '',
    ...(block['is_error'] === true && { isError: true }),
  }
}

function decodePart(block: Json): ContentPart {
  const part = partOf(block)
  const cache: CacheMarker | undefined = part.kind === 'opaque' ? undefined : cacheOf(block)
  return cache === undefined ? part : { ...part, cache }
}

function partOf(block: Json): ContentPart {
  const opaque: ContentPart = { kind: 'opaque', dialect: DIALECT, data: block }
  switch (block['type']) {
    case 'text':
      return typeof block['text'] === 'string' ? { kind: 'text', text: block['text'] } : opaque
    case 'image': {
      const url = urlOf(object(block['source']))
      return url === null ? opaque : { kind: 'image', url }
    }
    case 'document':
      return decodeDocument(block) ?? opaque
    case 'search_result':
      return asText('search_result', text(block['title']) ?? text(block['source']), joined(block['content']))
    case 'tool_use':
      return {
        kind: 'tool-call',
        id: text(block['id']) ?? '',
        name: text(block['name']) ?? '',
        args: JSON.stringify(block['input'] ?? {}),
      }
    case 'thinking':
      return decodeThinking(text(block['thinking']), text(block['signature']) ?? '')
    case 'redacted_thinking': {
      const { format, id, value } = untag(text(block['data']) ?? '', 'encrypted')
      return { kind: 'reasoning', encrypted: value, format, ...(id !== undefined && { id }) }
    }
    default:
      return opaque
  }
}

/** A thinking block without a signature was written by a model that signs nothing. */
function decodeThinking(said: string | null, signature: string): ContentPart {
  if (signature === '') return { kind: 'reasoning', ...(said !== null && { text: said }) }
  const { format, kind, id, value } = untag(signature, 'signature')
  const facts = { ...(format !== 'unknown' && { format }), ...(id !== undefined && { id }) }
  if (kind === 'text') return { kind: 'reasoning', text: Buffer.from(value, 'base64').toString(), ...facts }
  // What stands beside encrypted reasoning is its summary.
  if (kind === 'encrypted') {
    return { kind: 'reasoning', ...(said !== null && { summary: said }), encrypted: value, ...facts }
  }
  const proof = value === '' ? {} : { signature: value }
  return {
    kind: 'reasoning',
    ...(said !== null || format === CLAUDE_FORMAT ? { text: said ?? '' } : {}),
    ...proof,
    ...facts,
  }
}

/** The address of a source; base64 becomes a `data:` URL. */
function urlOf(source: Json | null): string | null {
  if (source?.['type'] === 'url') return text(source['url'])
  const data = text(source?.['data'])
  return source?.['type'] === 'base64' && data !== null
    ? `data:${text(source['media_type']) ?? 'application/octet-stream'};base64,${data}`
    : null
}

function decodeDocument(block: Json): ContentPart | null {
  const source = object(block['source'])
  const title = text(block['title'])
  const filename = title === null ? {} : { filename: title }
  const fileId = source?.['type'] === 'file' ? text(source['file_id']) : null
  if (fileId !== null) return { kind: 'file', fileId, ...filename }
  // Text is text everywhere, files of text are not.
  if (source?.['type'] === 'text') return asText('document', title, String(source['data'] ?? ''))
  if (source?.['type'] === 'content') return asText('document', title, joined(source['content']))
  const data = urlOf(source)
  return data === null ? null : { kind: 'file', data, ...filename }
}

const joined = (content: unknown): string =>
  blocksOf(content)
    .map((block) => text(block['text']) ?? '')
    .join('\n')

function asText(kind: string, title: string | null, said: string): ContentPart {
  const named = title === null ? '' : ` title=${JSON.stringify(title)}`
  return { kind: 'text', text: `<${kind}${named}>\n${said}\n</${kind}>` }
}
