import type { ErrorCode, UpstreamError } from '../../chat/index.ts'
import { type Json, object, parseJson, text } from '../json.ts'
import { decodeError as decodePlainError } from '../openai-chat/errors.ts'
import type { HeaderReader } from '../retry-after.ts'

/** What each exception means. Source: API references of Bedrock's runtime and AWS's page on common errors. */
const EXCEPTIONS: Readonly<Record<string, ErrorCode>> = {
  ThrottlingException: 'rate_limit_exceeded',
  TooManyRequestsException: 'rate_limit_exceeded',
  ServiceQuotaExceededException: 'rate_limit_exceeded',
  ModelNotReadyException: 'provider_overloaded',
  ServiceUnavailableException: 'provider_overloaded',
  ServiceUnavailable: 'provider_overloaded',
  ModelTimeoutException: 'provider_timeout',
  ModelErrorException: 'provider_unavailable',
  ModelStreamErrorException: 'provider_unavailable',
  InternalServerException: 'provider_unavailable',
  InternalFailure: 'provider_unavailable',
  ResourceNotFoundException: 'provider_not_found',
  UnknownOperationException: 'provider_not_found',
  AccessDeniedException: 'provider_auth',
  ExpiredTokenException: 'provider_auth',
  UnrecognizedClientException: 'provider_auth',
  InvalidClientTokenId: 'provider_auth',
  InvalidSignatureException: 'provider_auth',
  SignatureDoesNotMatch: 'provider_auth',
  IncompleteSignature: 'provider_auth',
  IncompleteSignatureException: 'provider_auth',
  MissingAuthenticationToken: 'provider_auth',
  MissingAuthenticationTokenException: 'provider_auth',
  NotAuthorized: 'provider_auth',
  OptInRequired: 'provider_auth',
}

/** What words of a message mean, whatever the exception is called. */
const WORDS: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /input is too long|prompt is too long|too many (input )?tokens|exceeds? (the )?(context|maximum (context|input|number of tokens))|context (limit|window|length)/i,
    'context_length_exceeded',
  ],
  [/max(imum)?[ _]?tokens.{0,60}(exceed|too (large|high)|less than)/i, 'max_tokens_exceeded'],
  [
    /model identifier is invalid|on-demand throughput isn.t supported|end of its life|access to the model|model access is denied|model .{0,80}not found|marked by provider as legacy/i,
    'provider_not_found',
  ],
]

/**
 * What an HTTP failure of Bedrock means: by the exception's name in `x-amzn-errortype` or `__type`, else by status and
 * words as with any other provider. Never throws. `nowMs` is the clock for HTTP dates.
 */
export function decodeError(
  status: number,
  header: HeaderReader,
  body: string,
  nowMs: number,
): UpstreamError {
  const parsed = object(parseJson(body))
  // Some of AWS's own front servers write `Message`.
  const message = text(parsed?.['message']) ?? text(parsed?.['Message'])
  const plain = decodePlainError(status, header, message === null ? body : JSON.stringify({ message }), nowMs)
  const name = nameOf(header('x-amzn-errortype')) ?? nameOf(parsed?.['__type']) ?? nameOf(parsed?.['code'])
  return name === null ? { ...plain, code: byWords(status, plain.message) ?? plain.code } : known(name, plain)
}

/** An exception inside a stream: its name from the frame's headers, its message from the payload. */
export function decodeException(name: string, payload: Json): UpstreamError {
  const message = text(payload['message']) ?? text(payload['Message']) ?? ''
  const body = message === '' ? '' : JSON.stringify({ message })
  const status = name.startsWith('validation') ? 400 : 500
  const plain = decodePlainError(status, () => undefined, body, 0)
  const said = message === '' ? `The provider broke off its answer (${name}).` : plain.message
  return { ...known(capital(name), plain), status: 200, message: said }
}

function known(name: string, plain: UpstreamError): UpstreamError {
  const { message, status } = plain
  const code =
    byWords(name === 'AccessDeniedException' ? 400 : status, message) ?? EXCEPTIONS[name] ?? plain.code
  return { ...plain, code, providerCode: name }
}

/** A throttled or failed call may mention tokens and models too: words count where the request is at fault. */
function byWords(status: number, message: string): ErrorCode | null {
  if (status !== 400 && status !== 404 && status !== 422) return null
  return WORDS.find(([pattern]) => pattern.test(message))?.[1] ?? null
}

/** `ThrottlingException:http://…` and `com.amazon.coral#ThrottlingException` → `ThrottlingException`. */
function nameOf(value: unknown): string | null {
  const name = text(value)?.split(':')[0]?.split('#').at(-1)?.trim() ?? ''
  return /^[A-Za-z][A-Za-z0-9]{0,63}$/.test(name) ? name : null
}

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1)
