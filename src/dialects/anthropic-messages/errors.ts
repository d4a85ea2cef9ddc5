import { ERRORS, type ErrorCode, errorPage, type GatewayError, type UpstreamError } from '../../chat/index.ts'
import { isObject, type Json, object, parseJson, text } from '../json.ts'
import { type HeaderReader, retryAfter } from '../retry-after.ts'
import type { WireFailure } from './wire.ts'

const MAX_MESSAGE = 2_000
const MAX_CODE = 64

/** Error types of the API and what they mean to us. Source: Anthropic's page on errors. */
const TYPES: Readonly<Record<string, ErrorCode>> = {
  invalid_request_error: 'invalid_request',
  authentication_error: 'provider_auth',
  billing_error: 'provider_payment',
  permission_error: 'provider_auth',
  not_found_error: 'provider_not_found',
  request_too_large: 'payload_too_large',
  rate_limit_error: 'rate_limit_exceeded',
  timeout_error: 'provider_timeout',
  api_error: 'provider_unavailable',
  overloaded_error: 'provider_overloaded',
}

/** What the words of an `invalid_request_error` tell beyond its type. */
const WORDS: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /prompt is too long|context (window|limit|length)|exceed\w* (the )?(maximum )?context|input is too long/i,
    'context_length_exceeded',
  ],
  [/max_tokens: .{0,40}>|max_tokens.{0,60}(exceed|maximum allowed|must be less)/i, 'max_tokens_exceeded'],
  [/credit balance|billing|purchase credits/i, 'provider_payment'],
  [/content filtering policy|usage policy|blocked by/i, 'content_policy_violation'],
]

/** Meaning of a status whose body says nothing. */
function byStatus(status: number): ErrorCode {
  switch (status) {
    case 401:
    case 403:
      return 'provider_auth'
    case 402:
      return 'provider_payment'
    case 404:
    case 405:
    case 410:
      return 'provider_not_found'
    case 408:
    case 504:
      return 'provider_timeout'
    case 413:
      return 'payload_too_large'
    case 422:
      return 'unprocessable'
    case 429:
      return 'rate_limit_exceeded'
    case 503:
    case 529:
      return 'provider_overloaded'
    default:
      if (status >= 500) return 'provider_unavailable'
      return status >= 400 ? 'invalid_request' : 'provider_protocol'
  }
}

/** What an HTTP failure of the provider means. Never throws; `nowMs` is the clock for dates in headers. */
export function decodeError(
  status: number,
  header: HeaderReader,
  body: string,
  nowMs: number,
): UpstreamError {
  const parsed = parseJson(body)
  const envelope = object(Array.isArray(parsed) ? parsed[0] : parsed)
  const error = object(envelope?.['error']) ?? envelope
  const said = clip(text(error?.['message']) ?? text(envelope?.['message']) ?? plain(parsed, body))
  const type = text(error?.['type'])
  return {
    code: classify(status, type, said),
    status,
    message: said === '' ? `The provider answered with status ${status}.` : said,
    providerCode: codeName(type),
    retryAfterMs: retryAfter(header, error, said, nowMs),
  }
}

/** The `error` event of a stream, which comes with status 200. */
export function decodeStreamError(event: Json): UpstreamError {
  const error = object(event['error']) ?? event
  const said = clip(text(error['message']) ?? '')
  const type = text(error['type'])
  return {
    code: classify(502, type, said),
    status: 200,
    message: said === '' ? 'The provider reported an error inside its answer.' : said,
    providerCode: codeName(type),
    retryAfterMs: retryAfter(() => undefined, error, said, 0),
  }
}

function classify(status: number, type: string | null, said: string): ErrorCode {
  const known = type === null ? undefined : TYPES[type]
  const code = known ?? byStatus(status)
  if (code !== 'invalid_request' && code !== 'payload_too_large') return code
  return WORDS.find(([pattern]) => pattern.test(said))?.[1] ?? code
}

const codeName = (type: string | null): string | null =>
  type === null || !/^[\w.:/-]+$/.test(type) ? null : type.slice(0, MAX_CODE)

const clip = (message: string): string =>
  message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message

/** The words of a body that is no JSON; of HTML only its title. */
function plain(parsed: unknown, body: string): string {
  if (isObject(parsed)) return ''
  if (!/^\s*</.test(body)) return body.trim()
  return /<title>([^<]{1,200})<\/title>/i.exec(body)?.[1]?.trim() ?? ''
}

/** `error.type` for a status, as Anthropic's clients expect it. Source: OpenRouter's Messages errors. */
function envelopeType(status: number): string {
  switch (status) {
    case 401:
      return 'authentication_error'
    case 402:
      return 'billing_error'
    case 403:
      return 'permission_error'
    case 404:
      return 'not_found_error'
    case 429:
      return 'rate_limit_error'
    case 503:
    case 529:
      return 'overloaded_error'
    case 504:
      return 'timeout_error'
    default:
      return status < 500 ? 'invalid_request_error' : 'api_error'
  }
}

/** An error in Anthropic's envelope, with OpenRouter's `error_type`; `id` of the generation is the request id. */
export function encodeError(error: GatewayError, id: string | null): { status: number; body: WireFailure } {
  return { status: error.status, body: failure(error.code, error.message, error.metadata, id) }
}

/** The envelope alone: the body of a failed call, the data of an `error` event. */
export function failure(
  code: ErrorCode,
  message: string,
  metadata: Readonly<Record<string, unknown>>,
  id: string | null,
): WireFailure {
  const { status, type } = ERRORS[code]
  return {
    type: 'error',
    error: {
      type: envelopeType(status),
      message,
      error_type: type,
      error_code: code,
      ...(Object.keys(metadata).length > 0 && { metadata }),
      doc: errorPage(code),
    },
    request_id: id,
  }
}
