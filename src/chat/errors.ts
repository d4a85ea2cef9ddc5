/**
 * Every way a request can fail. One table: HTTP status, OpenRouter `error_type`, whether another endpoint may help
 * (`fallback`), and whether it counts against the endpoint's health.
 * Source of statuses and types: OpenRouter's error documentation (error_type table, 2026-08).
 */
export const ERRORS = {
  // caused by the request
  invalid_request: { status: 400, type: 'invalid_request', fallback: false, health: false },
  invalid_model: { status: 400, type: 'invalid_request', fallback: false, health: false },
  context_length_exceeded: { status: 400, type: 'context_length_exceeded', fallback: true, health: false },
  max_tokens_exceeded: { status: 400, type: 'max_tokens_exceeded', fallback: true, health: false },
  content_policy_violation: { status: 400, type: 'content_policy_violation', fallback: true, health: false },
  authentication: { status: 401, type: 'authentication', fallback: false, health: false },
  payment_required: { status: 402, type: 'payment_required', fallback: false, health: false },
  permission_denied: { status: 403, type: 'permission_denied', fallback: false, health: false },
  moderation: { status: 403, type: 'permission_denied', fallback: true, health: false },
  not_found: { status: 404, type: 'not_found', fallback: false, health: false },
  no_endpoints: { status: 404, type: 'not_found', fallback: false, health: false },
  method_not_allowed: { status: 405, type: 'invalid_request', fallback: false, health: false },
  request_timeout: { status: 408, type: 'timeout', fallback: false, health: false },
  conflict: { status: 409, type: 'invalid_request', fallback: false, health: false },
  payload_too_large: { status: 413, type: 'payload_too_large', fallback: true, health: false },
  unprocessable: { status: 422, type: 'unprocessable', fallback: true, health: false },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_exceeded', fallback: true, health: false },
  // caused by us
  not_implemented: { status: 501, type: 'server', fallback: false, health: false },
  server: { status: 500, type: 'server', fallback: false, health: false },
  unavailable: { status: 503, type: 'provider_unavailable', fallback: false, health: false },
  loop_detected: { status: 508, type: 'server', fallback: false, health: false },
  // caused by a provider
  provider_auth: { status: 502, type: 'provider_unavailable', fallback: true, health: true },
  provider_payment: { status: 502, type: 'provider_unavailable', fallback: true, health: true },
  provider_not_found: { status: 502, type: 'provider_unavailable', fallback: true, health: true },
  provider_unavailable: { status: 502, type: 'provider_unavailable', fallback: true, health: true },
  provider_protocol: { status: 502, type: 'provider_unavailable', fallback: true, health: true },
  provider_overloaded: { status: 503, type: 'provider_overloaded', fallback: true, health: true },
  provider_timeout: { status: 504, type: 'timeout', fallback: true, health: true },
  /** The stream ended or stalled after content was sent. */
  provider_cut: { status: 502, type: 'provider_unavailable', fallback: true, health: true },
  /** A second endpoint could not go on with a broken answer: its own does not begin with what was delivered. */
  answer_diverged: { status: 502, type: 'provider_unavailable', fallback: true, health: false },
} as const satisfies Record<string, { status: number; type: string; fallback: boolean; health: boolean }>

export type ErrorCode = keyof typeof ERRORS

/** Where an error code is explained: a path below the gateway's own address, which serves the page. */
export function errorPage(code: ErrorCode): string {
  return `/docs/errors.md#${code}`
}

/** Extra facts for `error.metadata`; never holds a prompt, a key or a header value of ours. */
export type ErrorMetadata = Readonly<Record<string, unknown>>

/** The one error type that is rendered to clients. `message` says cause and fix in one or two sentences. */
export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly metadata: ErrorMetadata
  /** ms until a retry makes sense; becomes Retry-After. */
  readonly retryAfterMs: number | null

  constructor(
    code: ErrorCode,
    message: string,
    extra: { metadata?: ErrorMetadata; retryAfterMs?: number | null; cause?: unknown } = {},
  ) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause })
    this.name = 'GatewayError'
    this.code = code
    this.metadata = extra.metadata ?? {}
    this.retryAfterMs = extra.retryAfterMs ?? null
  }

  /** HTTP status to answer with. */
  get status(): number {
    return ERRORS[this.code].status
  }
}
