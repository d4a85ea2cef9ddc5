import type { Endpoint } from '../catalog/index.ts'
import type { UpstreamError } from '../chat/index.ts'
import type { Attempt } from './attempt.ts'
import type { RelayDeps } from './types.ts'

/** Tells routing's health book how a try ended; `attempt` is null where the endpoint could not even be asked. */
export function reportHealth(
  deps: RelayDeps,
  endpoint: Endpoint,
  attempt: Attempt | null,
  how: {
    readonly result: 'ok' | 'failed' | 'cancelled'
    readonly error: UpstreamError | null
    readonly stream: boolean
    /** Not the first try of its request. */
    readonly retry: boolean
  },
): void {
  const { result, error, stream, retry } = how
  const seen = attempt?.pipe?.seen
  deps.health.record(
    endpoint.id,
    attempt?.trace.credentialId ?? null,
    {
      result,
      code: error?.code ?? null,
      retryAfterMs: error?.retryAfterMs ?? null,
      ttftMs: stream ? firstTokenOf(attempt, error) : null,
      durationMs: attempt?.trace.durationMs ?? 0,
      outputTokens: seen?.usage?.completionTokens ?? deps.estimateTokens(seen?.outputBytes ?? 0),
      providerId: endpoint.providerId,
      retry,
      status: attempt?.trace.status ?? null,
    },
    deps.clock.tick(),
  )
}

/** ms to the first token of a stream, or, after a timeout, those waited in vain. */
function firstTokenOf(attempt: Attempt | null, error: UpstreamError | null): number | null {
  if (attempt === null) return null
  const { ttftMs, durationMs } = attempt.trace
  return ttftMs ?? (error?.code === 'provider_timeout' ? durationMs : null)
}
