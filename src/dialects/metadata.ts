import { isObject, type Json, parseJson } from './json.ts'

const NAME = 'openrouter_metadata'
const DATA = Buffer.from('\ndata: {')
const ARRAY_END = /\}\s*\]\s*$/

/**
 * A whole answer or error (UTF-8) with the router's metadata as its last member, in an array (Google's) as the last of its
 * last element; what holds no JSON object stays as it is. Source of the member's name and places: OpenRouter's router
 * metadata documentation.
 */
export function withMetadata(body: Uint8Array | string, metadata: unknown): Uint8Array {
  const bytes = Buffer.from(body)
  return /^(\[\s*)?\{/.test(bytes.toString('latin1', 0, 8)) ? inLastObject(bytes, metadata) : bytes
}

function inLastObject(bytes: Buffer, metadata: unknown): Uint8Array {
  const end = bytes.lastIndexOf('}')
  if (end < 0) return bytes
  const comma = bytes[end - 1] === 0x7b ? '' : ','
  const member = Buffer.from(`${comma}"${NAME}":${JSON.stringify(metadata)}`)
  return Buffer.concat([bytes.subarray(0, end), member, bytes.subarray(end)])
}

/**
 * The last events of a streamed answer (whole ones, SSE) with the metadata in the last that carries JSON: the chunk before
 * `[DONE]`, `message_stop`, the response inside `response.completed`, Gemini's last chunk, or an error. The end of a JSON
 * array gets it in its last element.
 */
export function withStreamMetadata(last: Uint8Array, metadata: unknown): Uint8Array {
  const bytes = Buffer.from(last)
  const found = bytes.lastIndexOf(DATA)
  // The first event has no line before it.
  if (found < 0 && !bytes.subarray(0, DATA.length - 1).equals(DATA.subarray(1)))
    return ARRAY_END.test(bytes.toString('latin1', bytes.length - 8)) ? inLastObject(bytes, metadata) : last
  const start = found < 0 ? DATA.length - 2 : found + DATA.length - 1
  const newline = bytes.indexOf('\n', start)
  const end = newline < 0 ? bytes.length : newline
  const event = parseJson(bytes.toString('utf8', start, end))
  if (!isObject(event)) return last
  const told = JSON.stringify(carrying(event, metadata))
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(told), bytes.subarray(end)])
}

/** Events of the Responses API hold the answer as a member, and the metadata belongs to the answer. */
function carrying(event: Json, metadata: unknown): Json {
  const { response } = event
  return isObject(response)
    ? { ...event, response: { ...response, [NAME]: metadata } }
    : { ...event, [NAME]: metadata }
}
