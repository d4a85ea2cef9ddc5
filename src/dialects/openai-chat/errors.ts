import { ERRORS, type ErrorCode, errorPage, type GatewayError, type UpstreamError } from '../../chat/index.ts'
import { count, isObject, type Json, object, parseJson, text } from '../json.ts'
import { type HeaderReader, retryAfter } from '../retry-after.ts'
import type { WireError } from './wire.ts'

/** A provider's message longer than this is cut: it is shown to a client, not archived. */
const MAX_MESSAGE = 2_000
const MAX_CODE = 64

/**
 * What a provider's HTTP failure means. Reads every spelling found in recorded traffic: `{error:{…}}` (OpenAI, Groq,
 * Together, Google as object or one-element array), `{error:"…"}` (xAI, Ollama), `{message}` (Cohere, AWS, Mistral),
 * `{detail}` (Mistral, FastAPI servers), OpenRouter's wrapped `metadata.raw`, plain text and HTML. Never throws.
 * `nowMs` is the clock for HTTP dates.
 */
export function decodeError(
  status: number,
  header: HeaderReader,
  body: string,
  nowMs: number,
): UpstreamError {
  const parsed = parseJson(body)
  const envelope = Array.isArray(parsed) ? parsed[0] : parsed
  const known = isObject(envelope) ? readBody(envelope) : { message: plainText(body), codes: [] }
  return {
    code: classify(status, known.codes, known.message),
    status,
    message: known.message === '' ? `The provider answered with status ${status}.` : known.message,
    providerCode: providerCode(known.codes),
    retryAfterMs: retryAfter(header, known.error ?? null, known.message, nowMs),
  }
}

/**
 * An `error` inside a stream or a 200 body: same reading without headers. A numeric `code` or `status_code` is taken as
 * the status it stands for.
 */
export function decodeErrorObject(error: unknown): UpstreamError {
  const known = readBody({ error })
  const inner = object(error) ?? {}
  const status = httpStatus(inner['code']) ?? httpStatus(inner['status_code']) ?? httpStatus(inner['status'])
  const metadata = object(inner['metadata'])
  const type = text(metadata?.['error_type'])
  return {
    code: byErrorType(type) ?? classify(status ?? 502, known.codes, known.message),
    status: 200,
    message: known.message === '' ? 'The provider reported an error inside its answer.' : known.message,
    providerCode: text(metadata?.['provider_code']) ?? providerCode(known.codes),
    retryAfterMs: retryAfter(() => undefined, inner, known.message, 0),
  }
}

/** The error envelope of OpenRouter: integer `code` beside `metadata.error_type`; `id` goes into the metadata. */
export function encodeError(error: GatewayError, id: string | null): { status: number; body: Json } {
  const metadata: Json = { ...error.metadata }
  if (id !== null) metadata['generation_id'] = id
  return { status: error.status, body: { error: encodeStreamError(error.code, error.message, metadata) } }
}

/** The `error` member of an answer, or of a chunk that ends a stream. */
export function encodeStreamError(code: ErrorCode, message: string, metadata: Json): WireError {
  const { status, type } = ERRORS[code]
  return {
    code: status,
    message,
    metadata: { error_type: type, error_code: code, ...metadata, doc: errorPage(code) },
  }
}

interface Known {
  readonly message: string
  /** Codes, types and statuses as found, most telling first; may hold numbers as text. */
  readonly codes: readonly string[]
  readonly error?: Json
}

function readBody(envelope: Json): Known {
  const raw = envelope['error'] ?? envelope['detail'] ?? envelope
  if (typeof raw === 'string') return { message: clip(raw), codes: codesOf(envelope), error: envelope }
  const error = isObject(raw) ? raw : Array.isArray(raw) && isObject(raw[0]) ? raw[0] : envelope
  const metadata = object(error['metadata'])
  const nested = text(metadata?.['raw'])
  const message =
    text(error['message']) ?? text(error['msg']) ?? text(envelope['message']) ?? text(error['error']) ?? ''
  return {
    // OpenRouter hides the provider's words behind a general sentence.
    message: clip(nested !== null && message === 'Provider returned error' ? nested : message),
    codes: [...codesOf(error), ...codesOf(envelope)],
    error,
  }
}

function codesOf(source: Json): string[] {
  const inner = object(source['innererror'])
  const found = [
    source['code'],
    source['type'],
    source['status'],
    source['error_type'],
    source['__type'],
    inner?.['code'],
  ]
  return found
    .map((code) => (typeof code === 'number' ? String(code) : text(code)))
    .filter((code) => code !== null)
}

const GENERIC = /^(error|unknown_error|invalid_request_error|\d+)$/

function providerCode(codes: readonly string[]): string | null {
  const telling = codes.find((code) => !GENERIC.test(code)) ?? codes[0]
  return telling === undefined || !/^[\w.:/-]+$/.test(telling) ? null : telling.slice(0, MAX_CODE)
}

const RULES: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /context[_ -]?(length|window)|maximum context|too_many_prompt_tokens|TOO_MANY_TOKENS|(prompt|input|messages?) (is|are) too (long|large)|exceed\w* (the )?(model'?s? )?(maximum|max|available|total) (context|input|number of input|token)|input token count|total length of (all )?messages/i,
    'context_length_exceeded',
  ],
  [
    /insufficient[_ ]?(quota|balance|credit|fund)|billing_(hard_limit|not_active)|credit balance|payment_required|(requires|need) more credits/i,
    'provider_payment',
  ],
  [
    /content[_ -]?(policy|filter|management)|ResponsibleAIPolicyViolation|safety system|flagged/i,
    'content_policy_violation',
  ],
  [
    /invalid[_ ]api[_ ]?key|api key not valid|API_KEY_INVALID|incorrect api key|invalid_authentication|authentication_error|unauthenticated|ExpiredToken|UnrecognizedClient|security token/i,
    'provider_auth',
  ],
  [
    /max(imum)?[_ ](completion[_ ]|output[_ ]|new[_ ])?tokens.{0,60}(too large|exceed|at most|must be|less than)|max_tokens_exceeded/i,
    'max_tokens_exceeded',
  ],
  [/overloaded|over capacity|capacity_exceeded|at capacity/i, 'provider_overloaded'],
  [/rate[_ ]?limit|too many requests|RESOURCE_EXHAUSTED|throttl/i, 'rate_limit_exceeded'],
  [
    /model[_ ]?not[_ ]?found|model_not_exist|DeploymentNotFound|does not exist|unknown model|no such model|not_found_error/i,
    'provider_not_found',
  ],
]

/** Statuses whose own meaning is weaker than what code and message say. */
function classify(status: number, codes: readonly string[], message: string): ErrorCode {
  const said = `${codes.join(' ')} ${message}`
  const rule = (...codes: ErrorCode[]) =>
    RULES.find(([pattern, code]) => codes.includes(code) && pattern.test(said))?.[1]
  switch (status) {
    case 400:
    case 422:
      return (
        rule(
          'context_length_exceeded',
          'provider_payment',
          'content_policy_violation',
          'provider_auth',
          'max_tokens_exceeded',
          'provider_not_found',
        ) ?? (status === 422 ? 'unprocessable' : 'invalid_request')
      )
    case 401:
      return 'provider_auth'
    case 402:
      return 'provider_payment'
    case 403:
      return rule('provider_payment', 'content_policy_violation') ?? 'provider_auth'
    case 404:
    case 405:
    case 410:
      return 'provider_not_found'
    case 408:
    case 504:
    case 524:
      return 'provider_timeout'
    case 413:
      return rule('context_length_exceeded') ?? 'payload_too_large'
    case 429:
      return rule('provider_payment', 'provider_overloaded') ?? 'rate_limit_exceeded'
    case 498: // Groq: flex tier capacity exceeded
    case 529:
      return 'provider_overloaded'
    case 503:
      return rule('rate_limit_exceeded') ?? 'provider_overloaded'
    default:
      if (status >= 500) {
        return (
          rule('context_length_exceeded', 'provider_overloaded', 'rate_limit_exceeded') ??
          'provider_unavailable'
        )
      }
      return status >= 400 ? 'invalid_request' : 'provider_protocol'
  }
}

/** An OpenRouter-shaped upstream already says what it means. */
function byErrorType(type: string | null): ErrorCode | null {
  const codes: Readonly<Record<string, ErrorCode>> = {
    context_length_exceeded: 'context_length_exceeded',
    max_tokens_exceeded: 'max_tokens_exceeded',
    content_policy_violation: 'content_policy_violation',
    authentication: 'provider_auth',
    payment_required: 'provider_payment',
    rate_limit_exceeded: 'rate_limit_exceeded',
    provider_overloaded: 'provider_overloaded',
    timeout: 'provider_timeout',
  }
  return type === null ? null : (codes[type] ?? null)
}

function httpStatus(value: unknown): number | null {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : count(value)
  return status !== null && status >= 400 && status <= 599 ? status : null
}

function clip(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message
}

/** The words of a body that is not JSON; of HTML only its title. */
function plainText(body: string): string {
  if (!/^\s*</.test(body)) return clip(body.trim())
  return clip(/<title>([^<]{1,200})<\/title>/i.exec(body)?.[1]?.trim() ?? '')
}
