import type { ChatRequest, Dropped } from '../../chat/index.ts'
import type { EmbeddingQuirks, EncodedRequest, WireTarget } from '../dialect.ts'
import { isObject, type Json, list, without } from '../json.ts'
import { type Input, inputsOf } from './input.ts'
import { inputTypeFor } from './input-type.ts'

/** Fields that are addressed to the gateway, or are written anew below. */
const OURS: ReadonlySet<string> = new Set([
  'model',
  'models',
  'input',
  'provider',
  'plugins',
  'route',
  'preset',
  'session_id',
  'trace',
  'debug',
  'usage',
  'stream',
  'user',
  'dimensions',
  'encoding_format',
  'input_type',
])

/**
 * The body for an OpenAI-compatible provider's `/embeddings`: what came in without what is ours, the parameters in the
 * provider's words. An encoding that the provider does not have is made here from the one that it has.
 */
export function encodeRequest(chat: ChatRequest, target: WireTarget): EncodedRequest<Json> {
  const dropped: Dropped[] = []
  const { embeddings: own = {}, unsupported = [] } = target.quirks
  const { dimensions, encoding_format: encoding } = chat.wire
  const body: Json = {
    model: target.upstreamId,
    input: inputOf(chat),
    ...without(chat.wire, OURS),
  }
  if (dimensions !== undefined && dimensions !== null) body[own.dimensions ?? 'dimensions'] = dimensions
  if ((encoding === 'float' || encoding === 'base64') && (own.encodings?.includes(encoding) ?? true))
    body['encoding_format'] = encoding
  const inputType = encodeInputType(chat, own, dropped)
  if (inputType !== undefined) body['input_type'] = inputType
  if (chat.endUserHash) body['user'] = chat.endUserHash
  for (const field of unsupported) {
    if (body[field] === undefined) continue
    delete body[field]
    // The hash of the end user is our own addition.
    if (field !== 'user') dropped.push({ parameter: field, reason: 'the provider refuses it' })
  }
  return { path: '/embeddings', headers: [], body, dropped }
}

/** Names the fields that only OpenAI-compatible providers could know, for an encoder of another format. */
export function dropUnknown(chat: ChatRequest, dropped: Dropped[], known: readonly string[] = []): void {
  for (const parameter in chat.wire) {
    if (OURS.has(parameter) || known.includes(parameter)) continue
    dropped.push({ parameter, reason: 'the provider has no such parameter' })
  }
}

/** The value of `input_type` at the provider; undefined: none is sent. */
export function encodeInputType(
  chat: ChatRequest,
  { inputTypes, usualInputType }: EmbeddingQuirks,
  dropped: Dropped[],
): string | undefined {
  const asked = chat.parameterValues().extra['input_type']
  if (typeof asked !== 'string') return usualInputType
  const word = inputTypes === undefined ? null : inputTypeFor(asked, inputTypes)
  if (word !== null) return word
  const reason =
    inputTypes === undefined ? 'the provider has no such parameter' : `the provider has none for ${asked}`
  dropped.push({ parameter: 'input_type', reason })
  return usualInputType
}

/** The client's own `input`; objects that hold nothing but text become texts, which every provider takes. */
function inputOf(chat: ChatRequest): unknown {
  const { input } = chat.wire
  if (!Array.isArray(input) || !input.some(isObject)) return input
  return inputsOf(chat.wire).map(plain)
}

function plain(input: Input): Input {
  if (!isObject(input)) return input
  const parts = list(input['content'])
  const texts = parts.map((part) => (isObject(part) && part['type'] === 'text' ? part['text'] : null))
  return texts.every((text) => typeof text === 'string') ? texts.join('\n') : input
}
