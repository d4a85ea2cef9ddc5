import { GatewayError, type UpstreamError } from '../../chat/index.ts'
import { decodeException } from '../bedrock-converse/errors.ts'
import type { Frame } from '../dialect.ts'
import { isObject, object, parseJson, text } from '../json.ts'

const utf8 = new TextDecoder()

/** What one message of the event stream says: an event of the Messages API as JSON text, or that the answer failed. */
export type Chunk = { readonly json: string } | { readonly error: UpstreamError }

/**
 * Takes the Messages event out of a message of the stream, where it travels as base64; null for messages of other kinds.
 * Throws GatewayError `provider_protocol` for a message that holds neither event nor exception.
 */
export function readChunk({ headers, payload }: Frame & { kind: 'aws-eventstream' }): Chunk | null {
  const parsed = parseJson(utf8.decode(payload))
  const failure = headers[':exception-type'] ?? headers[':error-code']
  if (failure !== undefined) {
    return { error: decodeException(failure, object(parsed) ?? { message: headers[':error-message'] }) }
  }
  if (headers[':event-type'] !== 'chunk') return null
  const bytes = isObject(parsed) ? text(parsed['bytes']) : null
  if (bytes === null) {
    throw new GatewayError('provider_protocol', 'The provider sent an event that holds nothing.')
  }
  return { json: Buffer.from(bytes, 'base64').toString('utf8') }
}

/** A guardrail that stepped in says so beside the message, and the reason to stop then is only the model's. */
export const GUARDRAIL_ACTION = 'amazon-bedrock-guardrailAction'
export const intervened = (event: unknown): boolean => object(event)?.[GUARDRAIL_ACTION] === 'INTERVENED'
