import type { ErrorCode, UpstreamError } from '../../chat/index.ts'
import { decodeError as decodePlainError } from '../openai-chat/errors.ts'
import type { HeaderReader } from '../retry-after.ts'

/** Source: Cohere's page on errors; it uses statuses that others give another meaning. */
const STATUSES: Readonly<Record<number, ErrorCode>> = {
  498: 'content_policy_violation',
  499: 'provider_timeout',
  501: 'provider_not_found',
}

/** What an HTTP failure of Cohere means. Never throws. `nowMs` is the clock for HTTP dates. */
export function decodeError(
  status: number,
  header: HeaderReader,
  body: string,
  nowMs: number,
): UpstreamError {
  const plain = decodePlainError(status, header, body, nowMs)
  const atFault = status === 400 || status === 422
  return { ...plain, code: STATUSES[status] ?? (atFault ? tooMany(plain.message) : null) ?? plain.code }
}

/** Both limits are called `too many tokens`. */
function tooMany(message: string): ErrorCode | null {
  if (/max tokens must be/i.test(message)) return 'max_tokens_exceeded'
  return /too many tokens/i.test(message) ? 'context_length_exceeded' : null
}
