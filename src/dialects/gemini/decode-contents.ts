import type { ChatMessage, ContentPart } from '../../chat/index.ts'
import { type Json, list, object, text } from '../json.ts'
import { decodeFile, decodeInline } from './media.ts'
import { type SealedReasoning, unseal } from './seal.ts'
import { DIALECT, field, GOOGLE_FORMAT } from './wire.ts'

/** A call that waits for its result. */
interface Call {
  readonly id: string
  readonly name: string
}

/**
 * `systemInstruction` and `contents` as hub messages. Calls without an id get one from their place, so that the same
 * conversation always reads the same; results without an id answer the first open call of their name.
 */
export function decodeConversation(body: Json): ChatMessage[] {
  const messages: ChatMessage[] = []
  const system = partsOf(field(body, 'systemInstruction')).flatMap((part) => plainPart(part))
  if (system.length > 0) messages.push({ role: 'system', content: system })
  let open: Call[] = []
  const contents = contentsOf(body)
  for (let place = 0; place < contents.length; place++) {
    const parts = partsOf(contents[place])
    if (!isModel(contents[place])) {
      messages.push(...decodeUser(parts, open, place))
      continue
    }
    const first = place
    while (isModel(contents[place + 1])) parts.push(...partsOf(contents[++place]))
    const { content, calls } = decodeModel(parts, first)
    if (calls.length > 0) open = calls
    messages.push({ role: 'assistant', content })
  }
  return messages
}

/** SDKs keep each chunk of a streamed answer as a turn of its own: neighbours are one answer. */
const isModel = (content: Json | undefined): boolean => content?.['role'] === 'model'

/** The turns of a body; one that stands alone counts as a list of one. */
export function contentsOf(body: Json): Json[] {
  const contents = field(body, 'contents')
  return (Array.isArray(contents) ? contents : [contents]).map((content) => object(content) ?? {})
}

const partsOf = (content: unknown): Json[] => {
  if (typeof content === 'string') return [{ text: content }]
  const parts = field(object(content), 'parts')
  return (Array.isArray(parts) ? parts : [parts]).flatMap((part) => {
    if (typeof part === 'string') return [{ text: part }]
    const known = object(part)
    return known === null ? [] : [known]
  })
}

function decodeModel(parts: readonly Json[], place: number): { content: ContentPart[]; calls: Call[] } {
  const content: ContentPart[] = []
  const calls: Call[] = []
  const sealed = parts.some((part) => unseal(signatureOf(part)).reasoning.length > 0)
  for (const part of parts) {
    const { reasoning, own } = unseal(signatureOf(part))
    insertReasoning(content, reasoning)
    const signature = own === '' ? {} : { signature: own }
    const call = object(field(part, 'functionCall'))
    if (call !== null) {
      const id = text(call['id']) ?? `call_${place}_${calls.length}`
      const name = text(call['name']) ?? ''
      calls.push({ id, name })
      content.push({ kind: 'tool-call', id, name, args: JSON.stringify(call['args'] ?? {}), ...signature })
    } else if (part['thought'] === true) {
      // Beside sealed reasoning the thoughts are what was shown of it.
      if (sealed && own === '') continue
      const said = text(part['text'])
      if (said === null && own === '') continue
      content.push({
        kind: 'reasoning',
        format: GOOGLE_FORMAT,
        ...(said !== null && { text: said }),
        ...signature,
      })
    } else if (typeof part['text'] === 'string') {
      if (part['text'] !== '' || own !== '') content.push({ kind: 'text', text: part['text'], ...signature })
    } else content.push(...plainPart(part))
  }
  return { content, calls }
}

const signatureOf = (part: Json): string => text(field(part, 'thoughtSignature')) ?? ''

/** Sealed reasoning stands on the call after it; text in between came after it too, unless the seal says otherwise. */
function insertReasoning(content: ContentPart[], sealed: readonly SealedReasoning[]): void {
  let at = content.findLastIndex(({ kind }) => kind === 'tool-call') + 1
  for (const { place, ...reasoning } of sealed) {
    if (place === 'after-text') at = content.length
    content.splice(at++, 0, { kind: 'reasoning', ...reasoning })
  }
}

function decodeUser(parts: readonly Json[], open: Call[], place: number): ChatMessage[] {
  const messages: ChatMessage[] = []
  const content: ContentPart[] = []
  for (const part of parts) {
    const result = object(field(part, 'functionResponse'))
    if (result === null) content.push(...plainPart(part))
    else messages.push(decodeResult(result, open, place))
  }
  // A turn of nothing but results is no turn of the user.
  if (content.length > 0 || messages.length === 0) messages.push({ role: 'user', content })
  return messages
}

function decodeResult(result: Json, open: Call[], place: number): ChatMessage {
  const name = text(result['name'])
  const id = text(result['id'])
  const named = open.findIndex((call) => (id === null ? call.name === name : call.id === id))
  const at = named < 0 && id === null && open.length > 0 ? 0 : named
  const [answered] = at < 0 ? [] : open.splice(at, 1)
  const { said, isError } = resultText(result['response'])
  const media = list(result['parts']).flatMap((part) => plainPart(object(part) ?? {}))
  return {
    role: 'tool',
    toolCallId: id ?? answered?.id ?? `call_${place}`,
    content: [{ kind: 'text', text: said }, ...media],
    ...(name !== null && { name }),
    ...(isError && { isError }),
  }
}

/** A response of one text under the usual name is that text; anything else stays JSON. */
function resultText(response: unknown): { said: string; isError: boolean } {
  const [entry, ...others] = Object.entries(object(response) ?? {})
  const isError = entry?.[0] === 'error' && others.length === 0
  const isPlain = isError || ['output', 'result', 'content'].includes(entry?.[0] ?? '')
  if (entry !== undefined && others.length === 0 && isPlain && typeof entry[1] === 'string') {
    return { said: entry[1], isError }
  }
  return { said: typeof response === 'string' ? response : JSON.stringify(response ?? {}), isError }
}

/** Text and media; what only this dialect knows stays opaque. */
function plainPart(part: Json): ContentPart[] {
  if (typeof part['text'] === 'string') return [{ kind: 'text', text: part['text'] }]
  const inline = object(field(part, 'inlineData'))
  const data = text(inline?.['data'])
  if (inline !== null && data !== null) {
    const type = text(field(inline, 'mimeType')) ?? 'application/octet-stream'
    return [decodeInline(type, data, text(field(inline, 'displayName')))]
  }
  const file = object(field(part, 'fileData'))
  const uri = text(field(file, 'fileUri'))
  if (file !== null && uri !== null) {
    return [decodeFile(text(field(file, 'mimeType')), uri, text(field(file, 'displayName')))]
  }
  return Object.keys(part).length === 0 ? [] : [{ kind: 'opaque', dialect: DIALECT, data: part }]
}
