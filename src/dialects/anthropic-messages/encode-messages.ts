import type { CacheMarker, ChatMessage, ContentPart } from '../../chat/index.ts'
import { isObject, type Json, parseJson, text } from '../json.ts'
import type { Drops } from './drops.ts'
import { encodeFile, encodeImage } from './media.ts'
import { CLAUDE_FORMAT, DIALECT } from './wire.ts'

/** A conversation as the Messages API takes it. */
export interface EncodedConversation {
  /** Blocks of the system prompt; empty when there is none. */
  readonly system: Json[]
  readonly messages: Json[]
}

/** Said by the user when a conversation begins with the assistant: the API wants a user's turn first. */
const OPENING = '(The conversation begins with your message.)'

/**
 * Hub messages → `system` and `messages`. Leading system and developer messages are the system prompt, later ones are
 * told in the user's turn, so that the cached prefix stays. Neighbouring turns of one role become one; results of tools
 * stand first in theirs. What has no place is named in `drops`.
 */
export function encodeConversation(conversation: readonly ChatMessage[], drops: Drops): EncodedConversation {
  const system: Json[] = []
  const turns: { role: string; content: Json[] }[] = []
  const add = (role: string, blocks: readonly Json[]) => {
    if (blocks.length === 0) return
    const last = turns.at(-1)
    if (last?.role === role) last.content.push(...blocks)
    else turns.push({ role, content: [...blocks] })
  }
  for (const message of conversation) {
    const blocks = blocksOf(message, drops)
    switch (message.role) {
      case 'system':
      case 'developer':
        if (turns.length === 0) system.push(...blocks)
        else add('user', blocks.map(asInstruction))
        break
      case 'tool':
        add('user', [toolResult(message, blocks)])
        break
      case 'user':
        add('user', named(message, blocks))
        break
      case 'assistant':
        add('assistant', blocks)
        break
      default:
        message.role satisfies never
    }
  }
  if (turns.length === 0) return { system: [], messages: [{ role: 'user', content: system }] }
  if (turns[0]!.role === 'assistant') {
    turns.unshift({ role: 'user', content: [{ type: 'text', text: OPENING }] })
  }
  trimPrefill(turns.at(-1)!)
  return { system, messages: turns.map(({ role, content }) => ({ role, content: resultsFirst(content) })) }
}

function blocksOf({ role, content }: ChatMessage, drops: Drops): Json[] {
  const blocks: Json[] = []
  drops.foreignSignatures(content)
  for (const part of content) {
    const block = encodePart(part, drops)
    if (block === null) continue
    const markable = block['type'] !== 'thinking' && block['type'] !== 'redacted_thinking'
    blocks.push(part.cache !== undefined && markable ? { ...block, ...marker(part.cache) } : block)
  }
  if (role !== 'system' && role !== 'developer') return blocks
  const texts = blocks.filter(({ type }) => type === 'text')
  if (texts.length < blocks.length) drops.add('messages', 'a system prompt holds only text')
  return texts
}

/** `cache_control` of a block. */
export const marker = (cache: CacheMarker): Json => ({ cache_control: { type: 'ephemeral', ...cache } })

function encodePart(part: ContentPart, drops: Drops): Json | null {
  switch (part.kind) {
    case 'text':
    case 'refusal':
      // Blocks of nothing but white space are refused.
      return part.text.trim() === '' ? null : { type: 'text', text: part.text }
    case 'image':
      return encodeImage(part.url)
    case 'file':
      return encodeFile(part, drops)
    case 'tool-call':
      return { type: 'tool_use', id: toolId(part.id), name: part.name, input: inputOf(part.args) }
    case 'reasoning':
      return encodeReasoning(part, drops)
    case 'audio':
      drops.add('input_audio', 'the Messages API takes no audio')
      return null
    case 'video':
      drops.add('video_url', 'the Messages API takes no video')
      return null
    case 'opaque':
      if (part.dialect === DIALECT && isObject(part.data)) return part.data
      drops.add('messages', `a part only known to ${part.dialect} has no place in the Messages API`)
      return null
    default:
      return part satisfies never
  }
}

/** Only what Claude signed may be sent back; reasoning of others would be refused as forged. */
function encodeReasoning(part: ContentPart & { kind: 'reasoning' }, drops: Drops): Json | null {
  const own = part.format === undefined || part.format === CLAUDE_FORMAT
  if (own && text(part.encrypted) !== null) return { type: 'redacted_thinking', data: part.encrypted }
  if (own && text(part.signature) !== null) {
    return { type: 'thinking', thinking: part.text ?? part.summary ?? '', signature: part.signature }
  }
  drops.add('reasoning_details', 'only reasoning that the provider signed itself can be sent back')
  return null
}

/** The API takes letters, digits, `_` and `-` only; ids of other providers may hold more. */
export const toolId = (id: string): string => id.replace(/[^A-Za-z0-9_-]/g, '_') || 'call'

/** Arguments as an object; text that is no JSON object is kept under a name of its own. */
function inputOf(args: string): Json {
  if (args.trim() === '') return {}
  const parsed = parseJson(args)
  return isObject(parsed) ? parsed : { arguments: parsed ?? args }
}

function toolResult(message: ChatMessage, blocks: readonly Json[]): Json {
  const content = blocks.map((block) => {
    const { cache_control: _marker, ...rest } = block
    return rest
  })
  const cache = blocks.findLast((block) => block['cache_control'] !== undefined)?.['cache_control']
  const only = content.length === 1 ? content[0] : undefined
  return {
    type: 'tool_result',
    tool_use_id: toolId(message.toolCallId ?? ''),
    content: only?.['type'] === 'text' && Object.keys(only).length === 2 ? only['text'] : content,
    ...(message.isError === true && { is_error: true }),
    ...(cache !== undefined && { cache_control: cache }),
  }
}

/** The API knows no names of speakers: the name is said before the text. */
function named({ name }: ChatMessage, blocks: readonly Json[]): readonly Json[] {
  const at = name === undefined ? -1 : blocks.findIndex(({ type }) => type === 'text')
  return at < 0 ? blocks : blocks.with(at, { ...blocks[at], text: `${name}: ${String(blocks[at]!['text'])}` })
}

const asInstruction = (block: Json): Json => ({
  ...block,
  text: `<system>\n${String(block['text'])}\n</system>`,
})

function resultsFirst(content: readonly Json[]): Json[] {
  const isResult = (block: Json) => block['type'] === 'tool_result'
  return [...content.filter(isResult), ...content.filter((block) => !isResult(block))]
}

/** A last turn of the assistant is to be continued; the API refuses white space at its end. */
function trimPrefill({ role, content }: { role: string; content: Json[] }): void {
  const last = content.at(-1)
  if (role !== 'assistant' || last?.['type'] !== 'text') return
  content[content.length - 1] = { ...last, text: String(last['text']).trimEnd() }
}
