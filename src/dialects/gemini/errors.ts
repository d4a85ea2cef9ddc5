import {
  ERRORS,
  type ErrorCode,
  type ErrorMetadata,
  errorPage,
  type GatewayError,
  type UpstreamError,
} from '../../chat/index.ts'
import { count, isObject, type Json, list, object, parseJson, text } from '../json.ts'
import { decodeError as decodeCommon, decodeErrorObject as decodeObject } from '../openai-chat/errors.ts'
import type { HeaderReader } from '../retry-after.ts'

/**
 * What a failure of Google's API means: its envelope `{error: {code, message, status, details}}`, alone or in a list (a
 * stream that is not SSE), whatever the content type says. The wait of a 429 stands in the body (`RetryInfo`). Never throws.
 */
export function decodeError(
  status: number,
  header: HeaderReader,
  body: string,
  nowMs: number,
): UpstreamError {
  const parsed = parseJson(body)
  const envelope = object(Array.isArray(parsed) ? parsed[0] : parsed)
  const error = object(envelope?.['error'])
  // A stream that could not begin may say so below a good status.
  const code = count(error?.['code'])
  const meant = status < 400 && code !== null && code >= 400 ? code : status
  return refine({ ...decodeCommon(meant, header, body, nowMs), status }, error, meant)
}

/** An `error` inside a stream or a 200 body. */
export function decodeErrorObject(error: unknown): UpstreamError {
  const status = object(error)?.['code']
  return refine(decodeObject(error), object(error), typeof status === 'number' ? status : 0)
}

/** Google's own words are more exact than the HTTP status. */
function refine(known: UpstreamError, error: Json | null, status: number): UpstreamError {
  const reason = reasonOf(error)
  const code = codeOf(known, error, reason, status)
  return { ...known, code, providerCode: reason ?? known.providerCode }
}

function codeOf(known: UpstreamError, error: Json | null, reason: string | null, status: number): ErrorCode {
  if (reason === 'API_KEY_INVALID' || reason === 'API_KEY_SERVICE_BLOCKED') return 'provider_auth'
  if (error?.['status'] === 'FAILED_PRECONDITION' && status === 400) {
    // No billing account, or a region that is not served: the account's trouble, not the request's.
    return /billing/i.test(known.message) ? 'provider_payment' : 'provider_auth'
  }
  return status === 499 || error?.['status'] === 'CANCELLED' ? 'provider_unavailable' : known.code
}

/** The reason of the first ErrorInfo, e.g. `API_KEY_INVALID`. */
function reasonOf(error: Json | null): string | null {
  for (const detail of list(error?.['details'])) {
    const reason = text(object(detail)?.['reason'])
    if (reason !== null && /^\w{1,64}$/.test(reason)) return reason
  }
  return null
}

/** The error of a prompt that was refused before anything was written. */
export function blocked(feedback: Json): UpstreamError {
  const reason = text(feedback['blockReason'])
  const said = text(feedback['blockReasonMessage'])
  return {
    code: 'content_policy_violation',
    status: 200,
    message: said ?? `The provider refused the prompt (${reason ?? 'blocked'}).`,
    providerCode: reason,
    retryAfterMs: null,
  }
}

const STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  402: 'FAILED_PRECONDITION',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  501: 'UNIMPLEMENTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

/** Google's error envelope. The generation's id and the metadata go into an `ErrorInfo`, the wait into a `RetryInfo`. */
export function encodeError(error: GatewayError, id: string | null): { status: number; body: Json } {
  const metadata = id === null ? error.metadata : { ...error.metadata, generation_id: id }
  const wire = encodeErrorObject(error.code, error.message, metadata, error.retryAfterMs)
  return { status: error.status, body: { error: wire } }
}

/** The `error` member of an envelope or of the last event of a stream. */
export function encodeErrorObject(
  code: ErrorCode,
  message: string,
  metadata: ErrorMetadata,
  retryAfterMs: number | null,
): Json {
  const { status, type } = ERRORS[code]
  const details: Json[] = [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: code.toUpperCase(),
      domain: 'waybill',
      metadata: strings({ error_type: type, ...metadata, doc: errorPage(code) }),
    },
  ]
  if (retryAfterMs !== null) {
    const retryDelay = `${Math.max(1, Math.ceil(retryAfterMs / 1000))}s`
    details.push({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay })
  }
  return {
    code: status,
    message,
    status: STATUSES[status] ?? (status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL'),
    details,
  }
}

/** `ErrorInfo.metadata` holds text only. */
function strings(metadata: Json): Json {
  const told: Json = {}
  for (const [key, value] of Object.entries(metadata)) {
    if (value === undefined || value === null) continue
    told[key] = isObject(value) || Array.isArray(value) ? JSON.stringify(value) : String(value)
  }
  return told
}
