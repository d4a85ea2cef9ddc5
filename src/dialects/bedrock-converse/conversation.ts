import type { CacheMarker, ChatMessage, ContentPart } from '../../chat/index.ts'
import type { Drops } from '../anthropic-messages/drops.ts'
import { isObject, type Json, parseJson, text } from '../json.ts'
import { encodeAudio, encodeFile, encodeImage, encodeVideo } from './media.ts'
import type { Traits } from './models.ts'
import { CLAUDE_FORMAT, DIALECT } from './wire.ts'

/** A conversation as Converse takes it. */
export interface EncodedConversation {
  /** Blocks of the system prompt; empty when there is none. */
  readonly system: Json[]
  readonly messages: { readonly role: string; readonly content: Json[] }[]
}

/** Said by the user when a conversation begins with the assistant: the API wants a user's turn first. */
const OPENING = '(The conversation begins with your message.)'
/** Beside a document the API wants some text. */
const SEE_DOCUMENT = 'See the document.'
const NO_OUTPUT = '(no output)'

/**
 * Hub messages → `system` and `messages`. Leading system and developer messages are the system prompt, later ones are
 * told in the user's turn, so that the cached prefix stays. Neighbouring turns of one role become one. What has no place
 * is named in `drops`; media that the API cannot take throw GatewayError `unprocessable`, so that another endpoint may.
 */
export function encodeConversation(
  conversation: readonly ChatMessage[],
  traits: Traits,
  drops: Drops,
): EncodedConversation {
  return new ConversationWriter(traits, drops).write(conversation)
}

class ConversationWriter {
  private readonly system: Json[] = []
  private readonly turns: { role: string; content: Json[] }[] = []
  private readonly documents = new Set<string>()
  private readonly traits: Traits
  private readonly drops: Drops

  constructor(traits: Traits, drops: Drops) {
    this.traits = traits
    this.drops = drops
  }

  write(conversation: readonly ChatMessage[]): EncodedConversation {
    for (const message of conversation) this.message(message)
    const { system, turns } = this
    if (turns.length === 0) return { system: [], messages: [{ role: 'user', content: system }] }
    if (turns[0]!.role === 'assistant') turns.unshift({ role: 'user', content: [{ text: OPENING }] })
    for (const turn of turns) {
      if (turn.role === 'user') turn.content = settleUserTurn(turn.content)
    }
    trimPrefill(turns.at(-1)!)
    return { system, messages: turns }
  }

  private message(message: ChatMessage): void {
    const blocks = this.blocks(message)
    switch (message.role) {
      case 'system':
      case 'developer': {
        const texts = blocks.filter(
          (block) => block['text'] !== undefined || block['cachePoint'] !== undefined,
        )
        if (texts.length < blocks.length) this.drops.add('messages', 'a system prompt holds only text')
        if (this.turns.length === 0) this.system.push(...texts)
        else this.add('user', texts.map(asInstruction))
        break
      }
      case 'tool':
        this.add('user', this.toolResult(message, blocks))
        break
      case 'user':
        this.add('user', named(message, blocks))
        break
      case 'assistant':
        this.add('assistant', blocks)
        break
      default:
        message.role satisfies never
    }
  }

  private add(role: string, blocks: readonly Json[]): void {
    if (blocks.length === 0) return
    const last = this.turns.at(-1)
    if (last?.role === role) last.content.push(...blocks)
    else this.turns.push({ role, content: [...blocks] })
  }

  private blocks({ content }: ChatMessage): Json[] {
    const blocks: Json[] = []
    this.drops.foreignSignatures(content)
    for (const part of content) {
      const block = this.block(part)
      if (block !== null) blocks.push(block)
      if (part.cache !== undefined && block?.['reasoningContent'] === undefined) this.mark(blocks, part.cache)
    }
    return blocks
  }

  /** Cache points may not stand right behind documents and videos: there they go before them. */
  private mark(blocks: Json[], cache: CacheMarker): void {
    const point = cachePoint(cache, this.traits)
    if (point === null) {
      this.drops.add('cache_control', 'the model has no cache points')
      return
    }
    let at = blocks.length
    while (at > 0 && (blocks[at - 1]!['document'] ?? blocks[at - 1]!['video']) !== undefined) at--
    if (at > 0 && blocks[at - 1]!['cachePoint'] === undefined) blocks.splice(at, 0, point)
    else this.drops.add('cache_control', 'no cache point can stand there')
  }

  private block(part: ContentPart): Json | null {
    switch (part.kind) {
      case 'text':
      case 'refusal':
        // Blank text is refused.
        return part.text.trim() === '' ? null : { text: part.text }
      case 'image':
        return encodeImage(part.url)
      case 'file':
        return encodeFile(part, this.documents)
      case 'audio':
        return encodeAudio(part)
      case 'video':
        return encodeVideo(part.url)
      case 'tool-call':
        return {
          toolUse: { toolUseId: this.toolId(part.id), name: part.name, input: inputOf(part.args) },
        }
      case 'reasoning':
        return this.reasoning(part)
      case 'opaque':
        if (part.dialect === DIALECT && isObject(part.data)) return part.data
        this.drops.add('messages', `a part only known to ${part.dialect} has no place in the Converse API`)
        return null
      default:
        return part satisfies never
    }
  }

  /** Claude takes back only what it signed itself; reasoning of others would be refused as forged. */
  private reasoning(part: ContentPart & { kind: 'reasoning' }): Json | null {
    const own = part.format === undefined || part.format === 'unknown' || part.format === CLAUDE_FORMAT
    if (this.traits.claude !== null && own) {
      const { encrypted, signature } = part
      // What is sealed and not known to be Claude's would be refused with the whole request.
      if (text(encrypted) !== null && part.format !== 'unknown') {
        return { reasoningContent: { redactedContent: Buffer.from(encrypted!).toString('base64') } }
      }
      if (text(signature) !== null) {
        return { reasoningContent: { reasoningText: { text: part.text ?? part.summary ?? '', signature } } }
      }
    } else if (this.traits.replaysReasoning && text(part.text) !== null) {
      return { reasoningContent: { reasoningText: { text: part.text } } }
    }
    this.drops.add('reasoning_details', 'the model takes back only reasoning that it signed itself')
    return null
  }

  private toolResult(message: ChatMessage, blocks: readonly Json[]): Json[] {
    const content = blocks.filter((block) => block['cachePoint'] === undefined)
    const points = blocks.filter((block) => block['cachePoint'] !== undefined).slice(-1)
    const result: Json = {
      toolUseId: this.toolId(message.toolCallId ?? ''),
      content: content.length === 0 ? [{ text: NO_OUTPUT }] : content,
    }
    if (message.isError === true) result['status'] = 'error'
    return [{ toolResult: result }, ...points]
  }

  /** Claude takes letters, digits, `_` and `-`; the API itself also dots and colons; 64 at most, the end tells more. */
  private toolId(id: string): string {
    const allowed = this.traits.claude === null ? /[^A-Za-z0-9_.:-]/g : /[^A-Za-z0-9_-]/g
    return id.replace(allowed, '_').slice(-64) || 'call'
  }
}

/** The marker as a block; null where the model has none. */
export function cachePoint({ ttl }: CacheMarker, { caches }: Traits): Json | null {
  if (caches === null) return null
  return { cachePoint: { type: 'default', ...(ttl !== undefined && caches.ttl && { ttl }) } }
}

/** Arguments as an object; text that is no JSON object is kept under a name of its own. */
function inputOf(args: string): Json {
  if (args.trim() === '') return {}
  const parsed = parseJson(args)
  return isObject(parsed) ? parsed : { arguments: parsed ?? args }
}

/** The API knows no names of speakers: the name is said before the text. */
function named({ name }: ChatMessage, blocks: readonly Json[]): readonly Json[] {
  const at = name === undefined ? -1 : blocks.findIndex((block) => block['text'] !== undefined)
  return at < 0 ? blocks : blocks.with(at, { text: `${name}: ${String(blocks[at]!['text'])}` })
}

const asInstruction = (block: Json): Json =>
  block['text'] === undefined ? block : { text: `<system>\n${String(block['text'])}\n</system>` }

/** Results of tools stand first, each with the cache point behind it; a document has text beside it. */
function settleUserTurn(content: readonly Json[]): Json[] {
  const results: Json[] = []
  const others: Json[] = []
  let into = others
  for (const block of content) {
    if (block['cachePoint'] === undefined) into = block['toolResult'] === undefined ? others : results
    into.push(block)
  }
  const needsText =
    others.some((block) => block['document'] !== undefined) &&
    !others.some((block) => block['text'] !== undefined)
  return [...results, ...others, ...(needsText ? [{ text: SEE_DOCUMENT }] : [])]
}

/** A last turn of the assistant is to be continued; white space at its end is refused. */
function trimPrefill({ role, content }: { role: string; content: Json[] }): void {
  const last = content.at(-1)?.['text']
  if (role === 'assistant' && typeof last === 'string') content[content.length - 1] = { text: last.trimEnd() }
}
