import { type ChatRequest, NO_USAGE } from '../chat/index.ts'
import type { ApiKey } from '../identity/index.ts'
import type { MeterEnd, SettleRecord } from '../money/index.ts'
import type { AttemptTrace } from '../relay/index.ts'
import { encodeWaybill, type Plan } from '../routing/index.ts'
import { type AttemptFacts, type EndFacts, usageRecord } from '../usage/index.ts'
import type { Call } from './call.ts'
import { contextTokens } from './tokens.ts'

/** What the meter asks for when a request ends: its usage row, attempts and waybill. */
export function recordOf(
  call: Call,
  key: ApiKey,
  chat: ChatRequest,
  plan: Plan,
): (end: MeterEnd) => SettleRecord {
  return (end) => {
    const attempts = call.trace.map((attempt) => attemptFacts(attempt, plan))
    const dropped = call.trace.at(-1)?.dropped.map(({ parameter }) => parameter) ?? []
    const told = call.trace.map((attempt) => ({
      endpointId: attempt.endpointId,
      outcome: attempt.outcome === 'failed' ? (attempt.errorCode ?? 'failed') : attempt.outcome,
      status: attempt.status,
      startMs: attempt.startedAt - call.createdAt,
      ttftMs: attempt.ttftMs,
      durationMs: attempt.durationMs,
      outputTokens: attempt.usage?.completionTokens ?? 0,
      seam: attempt.seam?.way ?? null,
      ...(attempt.seam !== null && { seamAt: attempt.seam.at }),
    }))
    const waybill = encodeWaybill({
      plan,
      attempts: told,
      dropped,
      usage: end.type === 'settled' ? end.outcome.usage : null,
      promptTokens: contextTokens(chat),
      maxOutputTokens: chat.maxOutputTokens,
    })
    call.gateway.tables.keep(waybill.tables, call.createdAt)
    return usageRecord(
      call.facts(key, chat, plan),
      attempts,
      endFacts(end, attempts, call.trace),
      waybill.data,
    )
  }
}

function endFacts(
  end: MeterEnd,
  attempts: readonly AttemptFacts[],
  trace: readonly AttemptTrace[],
): EndFacts {
  if (end.type === 'released')
    return {
      result: end.reason === 'client_gone' ? 'client_gone' : 'failed',
      usage: NO_USAGE,
      served: null,
      finishReason: null,
      nativeFinishReason: null,
      errorCode: end.reason === 'client_gone' ? null : end.reason,
    }
  const { attempt, result, usage } = end.outcome
  const served = trace[attempt - 1]
  return {
    result,
    usage,
    served: whole(attempts[attempt - 1] ?? null, attempts, trace),
    finishReason: result === 'failed' ? 'error' : (served?.finishReason ?? null),
    nativeFinishReason: name(served?.nativeFinishReason, 64),
    errorCode: served?.errorCode ?? null,
  }
}

/** Times of an answer that was rescued count from the try that began it: that is what its client waited for. */
function whole(
  served: AttemptFacts | null,
  attempts: readonly AttemptFacts[],
  trace: readonly AttemptTrace[],
): AttemptFacts | null {
  const seam = trace.findIndex((attempt) => attempt.seam !== null)
  const began = seam < 0 ? undefined : attempts.slice(0, seam).findLast(({ ttftMs }) => ttftMs !== null)
  if (served === null || began === undefined) return served
  const durationMs = served.startedAt + served.durationMs - began.startedAt
  return { ...served, ttftMs: began.ttftMs, durationMs }
}

function attemptFacts(attempt: AttemptTrace, plan: Plan): AttemptFacts {
  const endpoint = plan.order.find((candidate) => candidate.id === attempt.endpointId)
  return {
    n: attempt.n,
    endpointId: attempt.endpointId,
    provider: attempt.provider,
    model: attempt.model,
    tariffVersion: endpoint?.tariff?.version ?? null,
    outcome: attempt.outcome === 'pending' ? 'cancelled' : attempt.outcome,
    errorCode: attempt.errorCode,
    status: attempt.status,
    providerCode: name(attempt.providerCode, 64),
    startedAt: attempt.startedAt,
    ttftMs: attempt.ttftMs,
    durationMs: attempt.durationMs,
    upstreamId: name(attempt.upstreamId, 128),
  }
}

/** A provider's id or code when it is one; a sentence in its place may quote the conversation and is not kept. */
function name(value: string | null | undefined, length: number): string | null {
  return value !== null && value !== undefined && /^[\w.:/+=-]+$/.test(value) ? value.slice(0, length) : null
}
