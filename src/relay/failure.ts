import { type ErrorCode, GatewayError, type UpstreamError } from '../chat/index.ts'
import type { Failure } from './trace.ts'
import type { TransportError } from './transport.ts'

/** Most of a provider's own words that are passed on, characters. */
const RAW_LIMIT = 4_096
const QUOTE_LIMIT = 500
/** Nobody is told to wait longer, ms. */
const MAX_RETRY_AFTER_MS = 600_000

/** An error found by us about a provider; `status` 0: it did not answer. */
export function fault(code: ErrorCode, message: string, status = 0): UpstreamError {
  return { code, status, message, providerCode: null, retryAfterMs: null }
}

/** What a failure below HTTP means. `inBody`: the answer had begun. */
export function faultOfTransport(error: TransportError, connected: boolean, inBody: boolean): UpstreamError {
  switch (error.fault) {
    case 'connect_timeout':
      return fault('provider_timeout', error.message)
    case 'protocol':
      return fault('provider_protocol', 'The answer is not valid HTTP.', inBody ? 200 : 0)
    case 'closed':
      return fault('unavailable', error.message)
    case 'limit':
      return fault('provider_overloaded', error.message)
    case 'connect':
      return fault('provider_unavailable', `No connection could be made${codeOf(error)}.`)
    case 'reset':
      if (inBody) return fault('provider_cut', 'The connection broke in the middle of the answer.', 200)
      return fault(
        'provider_unavailable',
        connected ? 'The connection was closed before an answer.' : 'No connection could be made.',
      )
    default:
      return error.fault satisfies never
  }
}

/**
 * What the client is told after the last failure. `error.metadata` names the provider, gives its words once (`raw`) and
 * lists the failures before it; Retry-After is the shortest that any provider gave.
 */
export function clientError(failures: readonly Failure[], midStream = false): GatewayError {
  const last = failures.at(-1)
  if (last === undefined) return new GatewayError('unavailable', 'No endpoint could be tried.')
  const { error, provider } = last
  const earlier = failures.slice(0, -1).map((failure) => ({
    provider: failure.provider,
    model: failure.model,
    code: failure.error.code,
    status: failure.error.status === 0 ? null : failure.error.status,
  }))
  const hints = failures.flatMap((failure) => failure.error.retryAfterMs ?? [])
  const retryable = error.code === 'rate_limit_exceeded' || error.code === 'provider_overloaded'
  return new GatewayError(error.code, sentence(error, provider, failures.length, midStream), {
    metadata: {
      provider_name: provider,
      ...(hasWords(error) ? { raw: error.message.slice(0, RAW_LIMIT) } : {}),
      ...(error.status === 0 ? {} : { upstream_status: error.status }),
      ...(error.providerCode === null ? {} : { provider_code: error.providerCode }),
      ...(earlier.length === 0 ? {} : { previous_errors: earlier }),
    },
    retryAfterMs: retryable && hints.length > 0 ? Math.min(...hints, MAX_RETRY_AFTER_MS) : null,
  })
}

/** A store that fails: paid answers stop rather than go out unbooked. */
export function storeError(cause: unknown): GatewayError {
  return new GatewayError(
    'unavailable',
    'The ledger could not be written, so the answer was withheld and not charged. Try again in a moment.',
    { cause, retryAfterMs: 1_000 },
  )
}

/** Refusals of our own keys may quote them or name our accounts: such words stay here. */
function hasWords(error: UpstreamError): boolean {
  return error.message !== '' && error.code !== 'provider_auth' && error.code !== 'provider_payment'
}

function sentence(error: UpstreamError, provider: string, tries: number, midStream: boolean): string {
  const what = cause(error, provider)
  if (midStream) return `${what} The answer is incomplete and was not charged; send the request again.`
  return tries > 1 ? `${what} All ${tries} attempts failed; metadata.previous_errors lists the others.` : what
}

function cause(error: UpstreamError, provider: string): string {
  const said = error.status === 0 ? '' : ` (${error.status})`
  switch (error.code) {
    case 'rate_limit_exceeded':
      return `${provider} limits the rate of this model${said}. Wait as Retry-After says, or name further models in "models".`
    case 'provider_overloaded':
      return `${provider} is overloaded${said}. Try again shortly, or name further models in "models".`
    case 'provider_auth':
      return `${provider} refused the gateway's key${said}. The operator has to replace it.`
    case 'provider_payment':
      return `${provider} wants payment from the operator of this gateway${said}. The operator has to top up that account.`
    case 'provider_not_found':
      return `${provider} does not know this model${said}. The operator should check its upstream_id.`
    case 'provider_timeout':
      return `${provider} did not answer in time. ${error.message}`
    case 'provider_protocol':
      return `${provider} answered in a way that can't be read${said}.`
    case 'provider_cut':
      return `${provider} broke off: ${error.message}`
    case 'provider_unavailable':
      return `${provider} failed${said}. Try again, or name further models in "models".`
    default:
      // Caused by the request: only the provider's own words say what to change.
      return error.status === 0
        ? error.message
        : `${provider} refused the request${said}: ${error.message.slice(0, QUOTE_LIMIT)}`
  }
}

/** The system's word for what went wrong, in parentheses: ECONNREFUSED and the like tell where to look. */
function codeOf({ cause }: TransportError): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return /^[A-Z][A-Z0-9_]{2,40}$/.test(code) ? ` (${code})` : ''
}
