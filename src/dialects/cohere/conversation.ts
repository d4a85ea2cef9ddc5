import { type ChatMessage, type ContentPart, GatewayError } from '../../chat/index.ts'
import type { Drops } from '../anthropic-messages/drops.ts'
import { dataUrl } from '../anthropic-messages/media.ts'
import { isObject, type Json, text } from '../json.ts'
import { contentWithFailure } from '../tool-error.ts'
import { DIALECT, PLAN } from './wire.ts'

/** A conversation as Cohere takes it. */
export interface EncodedConversation {
  readonly messages: Json[]
  /** Text files of the user, which the model cites. */
  readonly documents: Json[]
}

/**
 * Hub messages → `messages` and `documents`. `thinks`: the model takes reasoning of earlier turns back. What has no place
 * is named in `drops`; media that the API cannot take throw GatewayError `unprocessable`, so that another endpoint may.
 */
export function encodeConversation(
  conversation: readonly ChatMessage[],
  thinks: boolean,
  drops: Drops,
): EncodedConversation {
  const documents: Json[] = []
  const messages: Json[] = []
  for (const message of conversation) {
    if (message.content.some(({ cache }) => cache !== undefined)) {
      drops.add('cache_control', 'the provider caches by itself')
    }
    const encoded =
      message.role === 'assistant'
        ? encodeAssistant(message, thinks, drops)
        : encodeOther(message, documents, drops)
    if (encoded !== null) messages.push(encoded)
  }
  return { messages, documents }
}

function encodeOther(message: ChatMessage, documents: Json[], drops: Drops): Json {
  const { role, name } = message
  const content = contentWithFailure(message).flatMap((part) => encodePart(part, documents, drops))
  const at = name === undefined ? -1 : content.findIndex(({ type }) => type === 'text')
  if (at >= 0) content[at] = { type: 'text', text: `${name}: ${String(content[at]!['text'])}` }
  if (role === 'tool') {
    if (content.some(({ type }) => type === 'image_url')) throw unable('images in the results of tools')
    return { role, tool_call_id: message.toolCallId ?? '', content: plain(content) }
  }
  return { role: role === 'developer' ? 'system' : role, content: plain(content) }
}

/** One text stays a string, the form that every model takes. */
function plain(content: readonly Json[]): unknown {
  if (content.length === 0) return ''
  return content.length === 1 && content[0]!['type'] === 'text' ? content[0]!['text'] : content
}

function encodePart(part: ContentPart, documents: Json[], drops: Drops): Json[] {
  switch (part.kind) {
    case 'text':
    case 'refusal':
      return part.text === '' ? [] : [{ type: 'text', text: part.text }]
    case 'image': {
      const detail = part.detail === undefined ? {} : { detail: part.detail }
      return [{ type: 'image_url', image_url: { url: part.url, ...detail } }]
    }
    case 'file':
      return encodeFile(part, documents)
    case 'audio':
      throw unable('audio')
    case 'video':
      throw unable('video')
    case 'opaque':
      if (part.dialect === DIALECT && isObject(part.data)) return [part.data]
      drops.add('messages', `a part only known to ${part.dialect} has no place in Cohere's API`)
      return []
    case 'tool-call':
    case 'reasoning':
      drops.add('messages', 'a tool call or reasoning outside an assistant message')
      return []
    default:
      return part satisfies never
  }
}

const unable = (what: string): GatewayError =>
  new GatewayError('unprocessable', `Cohere's API takes no ${what}.`)

function encodeFile({ data, filename }: ContentPart & { kind: 'file' }, documents: Json[]): Json[] {
  const parts = data === undefined ? null : dataUrl(data)
  const mediaType = parts?.mediaType ?? ''
  if (mediaType.startsWith('image/')) return [{ type: 'image_url', image_url: { url: data } }]
  if (!mediaType.startsWith('text/') && mediaType !== 'application/json') {
    throw unable('files but text and images, sent as data: URLs')
  }
  const said = Buffer.from(parts!.base64, 'base64').toString('utf8')
  const title = filename === undefined ? {} : { title: filename }
  documents.push({ id: `document-${documents.length}`, data: { ...title, text: said } })
  return []
}

function encodeAssistant({ content }: ChatMessage, thinks: boolean, drops: Drops): Json | null {
  const said: Json[] = []
  const calls: Json[] = []
  let plan = ''
  drops.foreignSignatures(content)
  for (const part of content) {
    if (part.kind === 'text' || part.kind === 'refusal') {
      if (part.text !== '') said.push({ type: 'text', text: part.text })
    } else if (part.kind === 'tool-call') {
      const args = part.args.trim() === '' ? '{}' : part.args
      calls.push({ id: part.id, type: 'function', function: { name: part.name, arguments: args } })
    } else if (part.kind === 'reasoning') {
      const own = part.format === undefined || part.format === 'unknown'
      const thought = own ? text(part.text) : null
      if (thought !== null && part.id === PLAN) plan += thought
      else if (thought !== null && thinks) said.push({ type: 'thinking', thinking: thought })
      else drops.add('reasoning_details', 'the model does not take it back')
    } else drops.add('messages', 'an assistant message holds only text and tool calls here')
  }
  if (said.length === 0 && calls.length === 0) return null
  const message: Json = { role: 'assistant' }
  if (said.length > 0) message['content'] = plain(said)
  if (calls.length > 0) {
    // A plan stands before calls only.
    if (plan !== '') message['tool_plan'] = plan
    message['tool_calls'] = calls
  }
  return message
}
