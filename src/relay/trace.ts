import type { Endpoint } from '../catalog/index.ts'
import type { Dropped, ErrorCode, FinishReason, UpstreamError, Usage } from '../chat/index.ts'
import type { RescueWay } from '../dialects/index.ts'
import type { Clock } from '../lib/index.ts'

/** One upstream try, filled in as it goes; whoever settles reads it, so it is complete before the settle begins. */
export interface AttemptTrace {
  /** 1-based. */
  readonly n: number
  readonly endpointId: string
  readonly providerId: string
  /** Display name. */
  readonly provider: string
  /** Catalog id. */
  readonly model: string
  credentialId: string | null
  /** `pending` until it has ended; `cancelled`: ended by the client or by us without a fault of the provider. */
  outcome: 'pending' | 'ok' | 'failed' | 'cancelled'
  errorCode: ErrorCode | null
  /** HTTP status of the provider, null when none came. */
  status: number | null
  providerCode: string | null
  /** ms since the epoch at dispatch. */
  readonly startedAt: number
  /** Monotonic ms at dispatch. */
  readonly startedTick: number
  /** ms from dispatch to the head of the answer. */
  headMs: number | null
  /** ms from dispatch to the first content (whole replies: to the first byte). */
  ttftMs: number | null
  /** ms from dispatch to the end. */
  durationMs: number
  upstreamId: string | null
  finishReason: FinishReason | null
  nativeFinishReason: string | null
  usage: Usage | null
  /** Parameters that the endpoint could not take. */
  dropped: readonly Dropped[]
  /** Set when it went on with an answer that had broken: how, and how much had been delivered, bytes of text. */
  seam: { readonly way: RescueWay; readonly at: number } | null
}

/** Of a try that begins now. */
export function newTrace(
  n: number,
  endpoint: Endpoint,
  credentialId: string | null,
  clock: Clock,
): AttemptTrace {
  return {
    n,
    endpointId: endpoint.id,
    providerId: endpoint.providerId,
    provider: endpoint.providerName,
    model: endpoint.modelId,
    credentialId,
    outcome: 'pending',
    errorCode: null,
    status: null,
    providerCode: null,
    startedAt: clock.now(),
    startedTick: clock.tick(),
    headMs: null,
    ttftMs: null,
    durationMs: 0,
    upstreamId: null,
    finishReason: null,
    nativeFinishReason: null,
    usage: null,
    dropped: [],
    seam: null,
  }
}

/** A failed try with what the provider said: lives as long as the request, never stored. */
export interface Failure {
  /** Position of the endpoint in the plan's order. */
  readonly index: number
  readonly provider: string
  readonly model: string
  readonly error: UpstreamError
}
