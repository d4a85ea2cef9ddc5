import type { Usage } from '../chat/index.ts'
import type { AttemptRow, GenerationRow, WaybillRow } from '../store/index.ts'

/** What is known of a request before anything was sent upstream. */
export interface CallFacts {
  readonly id: string
  readonly organizationId: string
  readonly workspaceId: string
  readonly creatorUserId: string | null
  readonly keyHash: string
  readonly surface: string
  readonly requestedModel: string
  readonly streamed: boolean
  readonly simulated: boolean
  /** ms since the epoch. */
  readonly createdAt: number
  /** Time the gateway took until the first dispatch, microseconds. */
  readonly gatewayUs: number | null
  readonly appTitle: string | null
  readonly appUrl: string | null
  readonly userAgent: string | null
  readonly externalUser: string | null
  readonly sessionId: string | null
}

/** One upstream try, as the relay saw it. Times in ms. */
export interface AttemptFacts {
  readonly n: number
  readonly endpointId: string
  readonly provider: string
  readonly model: string
  readonly tariffVersion: string | null
  readonly outcome: 'ok' | 'failed' | 'cancelled'
  readonly errorCode: string | null
  readonly status: number | null
  readonly providerCode: string | null
  readonly startedAt: number
  readonly ttftMs: number | null
  readonly durationMs: number
  readonly upstreamId: string | null
}

export interface EndFacts {
  readonly result: 'complete' | 'client_gone' | 'failed'
  readonly usage: Usage
  /** The attempt that served, or null. */
  readonly served: AttemptFacts | null
  readonly finishReason: string | null
  readonly nativeFinishReason: string | null
  readonly errorCode: string | null
}

/** The rows that become durable together with the charge; cost columns are the ledger's to fill. */
export interface UsageRecord {
  readonly generation: GenerationRow
  readonly attempts: readonly AttemptRow[]
  readonly waybill: WaybillRow | null
}

/** Turns what happened into rows. Pure; holds counts, timings and codes, never text of prompts, answers or upstream errors. */
export function usageRecord(
  call: CallFacts,
  attempts: readonly AttemptFacts[],
  end: EndFacts,
  waybill: string | null,
): UsageRecord {
  const { served, usage } = end
  return {
    generation: {
      id: call.id,
      organization_id: call.organizationId,
      workspace_id: call.workspaceId,
      creator_user_id: call.creatorUserId,
      key_hash: call.keyHash,
      model: served?.model ?? call.requestedModel,
      requested_model: call.requestedModel,
      provider: served?.provider ?? null,
      endpoint_id: served?.endpointId ?? null,
      upstream_id: served?.upstreamId ?? null,
      surface: call.surface,
      streamed: call.streamed ? 1 : 0,
      simulated: call.simulated ? 1 : 0,
      cancelled: end.result === 'client_gone' ? 1 : 0,
      is_byok: 0,
      result: end.result,
      finish_reason: end.finishReason,
      native_finish_reason: end.nativeFinishReason,
      error_code: end.errorCode,
      created_at: BigInt(call.createdAt),
      latency_ms: served?.ttftMs == null ? null : Math.round(served.ttftMs),
      generation_ms: served === null ? null : Math.round(served.durationMs),
      gateway_us: call.gatewayUs,
      prompt_tokens: usage.promptTokens,
      completion_tokens: usage.completionTokens,
      cache_read_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheWriteTokens + usage.cacheWrite1hTokens,
      reasoning_tokens: usage.reasoningTokens,
      usage_source: usage.source,
      cost_nanos: null,
      upstream_prompt_nanos: null,
      upstream_completion_nanos: null,
      tariff_version: served?.tariffVersion ?? null,
      attempts: attempts.length,
      app_title: call.appTitle,
      app_url: call.appUrl,
      user_agent: call.userAgent,
      external_user: call.externalUser,
      session_id: call.sessionId,
    },
    attempts: attempts.map((attempt) => attemptRow(call, attempt)),
    waybill:
      waybill === null
        ? null
        : {
            id: call.id,
            organization_id: call.organizationId,
            created_at: BigInt(call.createdAt),
            data: waybill,
          },
  }
}

function attemptRow(call: CallFacts, attempt: AttemptFacts): AttemptRow {
  return {
    id: `${call.id}.${attempt.n}`,
    generation_id: call.id,
    organization_id: call.organizationId,
    n: attempt.n,
    endpoint_id: attempt.endpointId,
    provider: attempt.provider,
    model: attempt.model,
    tariff_version: attempt.tariffVersion,
    outcome: attempt.outcome,
    error_code: attempt.errorCode,
    status: attempt.status,
    provider_code: attempt.providerCode,
    started_at: BigInt(attempt.startedAt),
    ttft_ms: attempt.ttftMs === null ? null : Math.round(attempt.ttftMs),
    duration_ms: Math.round(attempt.durationMs),
    cost_nanos: null,
  }
}
