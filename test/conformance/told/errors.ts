import { type RecordedCase, responseBytes } from '../../fixtures.ts'
import type { Failure, Json } from '../answer.ts'

/** What the status of a provider's failure means to a client, as status and `error_type`. Source: OpenRouter's error documentation. */
const BY_STATUS: Readonly<Record<number, readonly [status: number, type: string]>> = {
  400: [400, 'invalid_request'],
  // Our key was refused, our account is empty, our configuration names a model that is gone: not the client's fault.
  401: [502, 'provider_unavailable'],
  402: [502, 'provider_unavailable'],
  403: [502, 'provider_unavailable'],
  404: [502, 'provider_unavailable'],
  413: [413, 'payload_too_large'],
  429: [429, 'rate_limit_exceeded'],
  500: [502, 'provider_unavailable'],
  502: [502, 'provider_unavailable'],
  503: [503, 'provider_overloaded'],
  529: [503, 'provider_overloaded'],
}

/** Words and codes that mean more than the status beside them. */
const BY_WORDS: readonly (readonly [RegExp, status: number, type: string])[] = [
  [/maximum context length|too many tokens|messages is too long/i, 400, 'context_length_exceeded'],
  [/content_filter|content management policy/i, 400, 'content_policy_violation'],
  [/insufficient_quota/, 502, 'provider_unavailable'],
  [/incorrect api key|api key not valid|invalid api key/i, 502, 'provider_unavailable'],
  [/overloaded/i, 503, 'provider_overloaded'],
]

function meaning(status: number, words: string): readonly [number, string] {
  const known = BY_WORDS.find(([pattern]) => pattern.test(words))
  return known === undefined ? BY_STATUS[status]! : [known[1], known[2]]
}

/** A provider's HTTP error, read from status, headers and body. */
export function failureOf(recorded: RecordedCase): Failure {
  const { status: said, headers } = recorded.response
  const body = responseBytes(recorded).toString()
  const [status, type] = meaning(said, body)
  const waits = status === 429 || status === 503
  return { status, type, retryAfter: waits ? waitOf(headers, body) : null }
}

/** Seconds, rounded up as the header has them; Google says it in the body, others in words. */
function waitOf(headers: Readonly<Record<string, string>>, body: string): number | null {
  const precise = Number(headers['retry-after-ms'] ?? 0)
  const seconds = precise > 0 ? precise / 1000 : Number(headers['retry-after'] ?? Number.NaN)
  const spoken = /"retryDelay": ?"([\d.]+)s"|try again in ([\d.]+)s/.exec(body)
  const wait = Number.isNaN(seconds) ? Number(spoken?.[1] ?? spoken?.[2] ?? Number.NaN) : seconds
  return Number.isNaN(wait) ? null : Math.max(1, Math.ceil(wait))
}

/** An error inside a 200 answer, by its code or words; nothing else said: the provider failed. */
export function failureInside(error: Json): Failure {
  const code = Number(error['status_code'] ?? error['code'] ?? 502)
  const [status, type] = meaning(Number.isNaN(code) ? 502 : code, JSON.stringify(error))
  return { status, type, retryAfter: null }
}
