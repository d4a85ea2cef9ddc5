import type { UpstreamError } from '../../chat/index.ts'
import { decodeError as decodeMessagesError } from '../anthropic-messages/errors.ts'
import { decodeError as decodeGoogleError } from '../gemini/errors.ts'
import { object, parseJson } from '../json.ts'
import type { HeaderReader } from '../retry-after.ts'

/** Claude's own errors come in Anthropic's envelope, those of the platform before it in Google's. Never throws. */
export function decodeError(
  status: number,
  header: HeaderReader,
  body: string,
  nowMs: number,
): UpstreamError {
  const parsed = parseJson(body)
  const envelope = object(Array.isArray(parsed) ? parsed[0] : parsed)
  const decode = envelope?.['type'] === 'error' ? decodeMessagesError : decodeGoogleError
  return decode(status, header, body, nowMs)
}
