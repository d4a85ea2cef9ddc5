import type { ChatMessage, ContentPart } from '../../chat/index.ts'
import { isObject, type Json, parseJson, text } from '../json.ts'
import type { Drops } from './drops.ts'
import { encodeMedia } from './media.ts'
import { DIALECT, GOOGLE_FORMAT, type WireContent } from './wire.ts'

/** Said by the user when a conversation begins with the model: the API wants a user's turn first. */
const OPENING = '(The conversation begins with your message.)'
/** Google's own word for a call that no Gemini has signed. Source: its page on thought signatures. */
export const UNSIGNED = 'skip_thought_signature_validator'

/** A conversation as Google takes it. */
export interface EncodedConversation {
  readonly system: readonly Json[]
  readonly contents: readonly WireContent[]
}

/**
 * Hub messages → `systemInstruction` and `contents`. Leading system and developer messages are the system instruction,
 * later ones are told in the user's turn, so that the cached prefix stays. Results of parallel calls share one turn.
 * Signatures stand on the part that they were given for. `third`: the model is of the third generation or later.
 */
export function encodeConversation(
  conversation: readonly ChatMessage[],
  third: boolean,
  drops: Drops,
): EncodedConversation {
  const system: Json[] = []
  const contents: WireContent[] = []
  const names = new Map<string, string>()
  let results: Results | null = null
  for (const message of conversation) {
    if (message.role === 'tool') {
      if (results === null) {
        results = { answers: { role: 'user', parts: [] }, media: { role: 'user', parts: [] } }
        contents.push(results.answers)
      }
      addResult(message, names, third, results, drops)
      continue
    }
    if (results !== null && results.media.parts.length > 0) contents.push(results.media)
    results = null
    if (message.role === 'assistant') {
      for (const part of message.content) if (part.kind === 'tool-call') names.set(part.id, part.name)
      const parts = modelParts(message, third, drops)
      if (parts.length > 0) contents.push({ role: 'model', parts })
    } else if (message.role === 'user') {
      contents.push({
        role: 'user',
        parts: named(
          message,
          message.content.flatMap((part) => userPart(part, drops)),
        ),
      })
    } else if (contents.length === 0) system.push(...systemParts(message, drops))
    else contents.push({ role: 'user', parts: systemParts(message, drops).map(asInstruction) })
  }
  if (results !== null && results.media.parts.length > 0) contents.push(results.media)
  if (contents.length === 0) return { system: [], contents: [{ role: 'user', parts: system }] }
  if (contents[0]!.role === 'model') contents.unshift({ role: 'user', parts: [{ text: OPENING }] })
  return { system, contents }
}

interface Results {
  readonly answers: WireContent
  /** Media that the model does not read inside results: they follow as a turn of their own. */
  readonly media: WireContent
}

function systemParts({ content }: ChatMessage, drops: Drops): Json[] {
  const texts = content.filter((part) => part.kind === 'text' && part.text !== '')
  if (content.some(({ kind }) => kind !== 'text'))
    drops.add('messages', 'a system instruction holds only text')
  noteMarkers(content, drops)
  return texts.map((part) => ({ text: (part as ContentPart & { kind: 'text' }).text }))
}

const asInstruction = (part: Json): Json => ({ text: `<system>\n${String(part['text'])}\n</system>` })

/** The API knows no names of speakers: the name is said before the text. */
function named({ name }: ChatMessage, parts: Json[]): Json[] {
  const at = name === undefined ? -1 : parts.findIndex((part) => typeof part['text'] === 'string')
  return at < 0 ? parts : parts.with(at, { ...parts[at], text: `${name}: ${String(parts[at]!['text'])}` })
}

function userPart(part: ContentPart, drops: Drops): Json[] {
  noteMarkers([part], drops)
  switch (part.kind) {
    case 'text':
    case 'refusal':
      return [{ text: part.text }]
    case 'image':
    case 'file':
    case 'audio':
    case 'video':
      return [encodeMedia(part)]
    case 'opaque':
      if (part.dialect === DIALECT && isObject(part.data)) return [part.data]
      drops.add('messages', `a part only known to ${part.dialect} has no place in Google's API`)
      return []
    case 'tool-call':
    case 'reasoning':
      return []
    default:
      return part satisfies never
  }
}

/** A signature that travelled as a detail of its own. */
interface Proof {
  readonly id: string | undefined
  readonly value: string
}

function modelParts({ content }: ChatMessage, third: boolean, drops: Drops): Json[] {
  const parts: Json[] = []
  const calls = new Map<string, Json>()
  const proofs: Proof[] = []
  for (const part of content) {
    if (part.kind === 'tool-call') {
      const call = functionCall(part)
      calls.set(part.id, call)
      parts.push(call)
    } else if (part.kind === 'reasoning') {
      const thought = thoughtPart(part, proofs, drops)
      if (thought !== null) parts.push(thought)
    } else if (part.kind !== 'text') parts.push(...userPart(part, drops))
    else if (part.text !== '' || part.signature !== undefined) {
      noteMarkers([part], drops)
      parts.push(signed({ text: part.text }, part.signature))
    }
  }
  placeProofs(parts, calls, proofs, drops)
  const first = parts.find((part) => part['functionCall'] !== undefined)
  if (third && first !== undefined) first['thoughtSignature'] ??= UNSIGNED
  return parts
}

const signed = (part: Json, signature: string | undefined): Json =>
  signature === undefined || signature === '' ? part : { ...part, thoughtSignature: signature }

function functionCall(part: ContentPart & { kind: 'tool-call' }): Json {
  const args = part.args.trim() === '' ? {} : parseJson(part.args)
  // Arguments that are no object are kept under a name of their own.
  const known = isObject(args) ? args : { arguments: args ?? part.args }
  const call = { ...(part.id !== '' && { id: part.id }), name: part.name, args: known }
  return signed({ functionCall: call }, part.signature)
}

/** Thoughts of Gemini as they were told; what others thought cannot be sent back. */
function thoughtPart(part: ContentPart & { kind: 'reasoning' }, proofs: Proof[], drops: Drops): Json | null {
  if (part.format !== GOOGLE_FORMAT) {
    drops.add('reasoning_details', 'only reasoning that Gemini wrote itself can be sent back')
    return null
  }
  if (part.encrypted !== undefined) proofs.push({ id: part.id, value: part.encrypted })
  const said = text(part.text) ?? text(part.summary)
  if (said !== null) return signed({ text: said, thought: true }, part.signature)
  if (part.signature !== undefined) proofs.push({ id: part.id, value: part.signature })
  return null
}

/** Puts each signature on the part that it belongs to: by the id of the call, else the last one on the text. */
function placeProofs(
  parts: Json[],
  calls: ReadonlyMap<string, Json>,
  proofs: readonly Proof[],
  drops: Drops,
): void {
  const free = (part: Json | undefined) => part !== undefined && part['thoughtSignature'] === undefined
  for (const { id, value } of proofs.toReversed()) {
    const call = id === undefined ? undefined : calls.get(id)
    const said = parts.findLast((part) => typeof part['text'] === 'string' && part['thought'] !== true)
    const place =
      call ?? (free(said) ? said : parts.find((part) => part['functionCall'] !== undefined && free(part)))
    if (place !== undefined) {
      if (free(place)) place['thoughtSignature'] = value
    } else if (parts.some((part) => part['thoughtSignature'] !== undefined)) {
      drops.add('reasoning_details', 'a signature belongs to no part of the message')
    } else parts.push({ text: '', thoughtSignature: value })
  }
}

/** `output` and `error` are the members by which Google tells a result from a failure; the text stays as it was. */
function addResult(
  message: ChatMessage,
  names: ReadonlyMap<string, string>,
  third: boolean,
  { answers, media }: Results,
  drops: Drops,
): void {
  const id = message.toolCallId
  let said = ''
  const attached: Json[] = []
  for (const part of message.content) {
    if (part.kind === 'text') said += part.text
    else attached.push(...userPart(part, drops))
  }
  noteMarkers(message.content, drops)
  const answer: Json = {
    ...(id !== undefined && id !== '' && { id }),
    name: names.get(id ?? '') ?? message.name ?? 'tool',
    response: message.isError === true ? { error: said } : { output: said },
  }
  const inside = third && attached.every((part) => part['inlineData'] !== undefined)
  if (inside && attached.length > 0) answer['parts'] = attached
  else media.parts.push(...attached)
  answers.parts.push({ functionResponse: answer })
}

function noteMarkers(content: readonly ContentPart[], drops: Drops): void {
  if (content.some(({ cache }) => cache !== undefined)) {
    drops.add('cache_control', 'the provider caches by itself')
  }
}
