import { type ChatMessage, type ContentPart, GatewayError } from '../../chat/index.ts'
import { isObject, type Json, text } from '../json.ts'
import { refuse } from '../openai-chat/check.ts'
import { type Measure, measureMessage } from '../openai-chat/measure.ts'
import { decodeMessage } from '../openai-chat/messages.ts'
import { DIALECT } from './wire.ts'

/** Far above what any provider takes in one call; theirs is the limit that clients meet. */
const MAX_INPUTS = 16_384
/** Room for the marks that a model puts around each input, in bytes. */
const MARK_BYTES = 8
/** Bytes that a token given by number counts for, so that the estimate comes out at one token each. */
const TOKEN_BYTES = 4

/** One thing to embed: a text, its tokens by number, or an object with a list of content parts. */
export type Input = string | readonly number[] | Json

/** `input` as a list; one text or one list of tokens is one input. Takes a checked body. */
export function inputsOf(body: Readonly<Json>): readonly Input[] {
  const { input } = body
  return Array.isArray(input) && typeof input[0] !== 'number' ? input : [input as Input]
}

/**
 * Checks `input` and weighs it: bytes of all, and of the longest. Throws GatewayError `invalid_request` that names the
 * place.
 */
export function checkInputs(body: Json, measure: Measure): { readonly longest: number } {
  const { input } = body
  if (input === undefined || input === null || (Array.isArray(input) && input.length === 0))
    refuse('input', '`input` must be a text, a list of texts, tokens, or a list of objects with `content`.')
  const inputs = inputsOf(body)
  if (inputs.length > MAX_INPUTS) refuse('input', `\`input\` has more than ${MAX_INPUTS} entries.`)
  measure.bytes += inputs.length * MARK_BYTES
  let longest = 0
  for (const [i, item] of inputs.entries()) {
    const before = measure.bytes
    weighInput(item, item === input ? 'input' : `input[${i}]`, measure)
    longest = Math.max(longest, measure.bytes - before)
  }
  return { longest }
}

function weighInput(input: unknown, param: string, measure: Measure): void {
  if (typeof input === 'string') {
    if (input === '') refuse(param, `\`${param}\` is empty, and an empty text has no embedding.`)
    measure.bytes += Buffer.byteLength(input)
  } else if (Array.isArray(input)) {
    if (input.length === 0 || !input.every((token) => Number.isSafeInteger(token) && token >= 0))
      refuse(param, `\`${param}\` must be a list of tokens, that is of whole numbers.`)
    measure.bytes += input.length * TOKEN_BYTES
  } else if (isObject(input)) {
    const { content } = input
    if (!Array.isArray(content) || content.length === 0 || !content.every(isPart))
      refuse(`${param}.content`, `\`${param}.content\` must be a list of content parts with a \`type\`.`)
    measureMessage({ content }, measure)
  } else refuse(param, `\`${param}\` must be a text, a list of tokens, or an object with \`content\`.`)
}

const isPart = (part: unknown): boolean => isObject(part) && text(part['type']) !== null

/** An input in the hub's words: one message, whose parts belong together. Tokens are known to their own model only. */
export function messageOf(input: Input): ChatMessage {
  if (typeof input === 'string') return { role: 'user', content: [{ kind: 'text', text: input }] }
  if (Array.isArray(input))
    return { role: 'user', content: [{ kind: 'opaque', dialect: DIALECT, data: input }] }
  return decodeMessage({ role: 'user', content: (input as Json)['content'] })
}

/** The text of an input that holds nothing else, its parts on lines of their own; null for any other. */
export function textOf({ content }: ChatMessage): string | null {
  const texts = content.map((part) => (part.kind === 'text' ? part.text : null))
  return texts.every((text) => text !== null) ? texts.join('\n') : null
}

/** A part that a provider of another format cannot embed; another endpoint may. */
export function cannotEmbed(part: ContentPart, provider: string): GatewayError {
  const what =
    part.kind === 'opaque'
      ? 'tokens by number, which only the provider they were made for can read'
      : part.kind
  return new GatewayError('unprocessable', `${provider} does not embed ${what}. Send text.`)
}
