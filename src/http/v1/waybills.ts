import { ERRORS, GatewayError } from '../../chat/index.ts'
import { nanosToDecimal, picoToUsdPerMillion } from '../../money/index.ts'
import { readWaybill, type WaybillCandidate, type WaybillRecord, waybillTables } from '../../routing/index.ts'
import type { GenerationRow } from '../../store/index.ts'
import {
  candidateTables,
  type GenerationDetail,
  type GenerationFilter,
  generations,
} from '../../usage/index.ts'
import { type Gateway, organizationOf, type RouteContext } from '../gateway.ts'
import { findGeneration, generationObject } from './generation.ts'
import { costObject, usedIn } from './receipt.ts'

const MAX_PAGE = 500
/** What a call is recorded with whose gateway did not live to see its end. */
const INTERRUPTED = 'interrupted'
const RESULTS = ['complete', 'failed', 'client_gone']

/** `GET /waybills/{id}`: why a call went where it went and what it cost: candidates, tries, arithmetic. */
export async function waybill(gateway: Gateway, c: RouteContext): Promise<Response> {
  const detail = await findGeneration(gateway, c, c.req.param('id') ?? '')
  const read = detail.waybill === null ? null : await readStored(gateway, detail.waybill)
  const { generation: row } = detail
  return c.json({
    data: {
      id: row.id,
      created_at: new Date(Number(row.created_at)).toISOString(),
      requested: read?.requested ?? [row.requested_model],
      resolved: read?.resolved ?? [],
      via: read?.via ?? null,
      because: read?.because ?? null,
      strategy: read?.strategy ?? null,
      result: row.result,
      gateway_ms: row.gateway_us === null ? null : row.gateway_us / 1000,
      prompt_tokens_expected: read?.promptTokens ?? null,
      max_tokens: read?.maxOutputTokens ?? null,
      considered: read?.considered ?? null,
      candidates: read?.candidates.map(candidateObject) ?? null,
      attempts: attemptObjects(detail, read),
      dropped_parameters: read?.dropped ?? null,
      cost: await costObject(gateway, row, usedIn(detail)),
      key: keyOf(gateway, row),
      generation: generationObject(detail),
    },
  })
}

async function readStored(gateway: Gateway, data: string): Promise<WaybillRecord | null> {
  return readWaybill(data, await candidateTables(gateway.store, waybillTables(data)))
}

function candidateObject(candidate: WaybillCandidate): Record<string, unknown> {
  const { endpoint, model, provider, tag, excluded, reason, weight, prompt, completion, comparable } =
    candidate
  const perMillion = (picos: bigint | null) => (picos === null ? null : picoToUsdPerMillion(picos))
  return {
    rank: candidate.rank === null ? null : candidate.rank + 1,
    model,
    provider,
    tag,
    endpoint,
    excluded,
    reason,
    price_per_million: perMillion(comparable),
    input_per_million: perMillion(prompt),
    output_per_million: perMillion(completion),
    context_length: candidate.contextLength === 0 ? null : candidate.contextLength,
    weight,
  }
}

/** From the waybill; after its retention, or when it is missing, from the usage rows while those are kept. */
function attemptObjects(detail: GenerationDetail, read: WaybillRecord | null): Record<string, unknown>[] {
  if (read !== null)
    return read.attempts.map((attempt, i) => ({
      n: i + 1,
      provider: attempt.provider,
      model: attempt.model,
      endpoint: attempt.endpointId,
      outcome: attempt.outcome,
      status: attempt.status,
      start_ms: attempt.startMs,
      ttft_ms: attempt.ttftMs,
      duration_ms: attempt.durationMs,
      output_tokens: attempt.outputTokens,
      rescued_by: attempt.seam,
      rescued_at: attempt.seamAt ?? null,
    }))
  return detail.attempts.map((row) => ({
    n: row.n,
    provider: row.provider,
    model: row.model,
    endpoint: row.endpoint_id,
    outcome: row.outcome === 'failed' ? (row.error_code ?? 'failed') : row.outcome,
    status: row.status,
    start_ms: Number(row.started_at - detail.generation.created_at),
    ttft_ms: row.ttft_ms,
    duration_ms: row.duration_ms,
    output_tokens: null,
    rescued_by: null,
    rescued_at: null,
  }))
}

function keyOf(gateway: Gateway, { key_hash: hash }: GenerationRow): Record<string, unknown> {
  return { hash, name: gateway.keys.byHash(hash)?.name ?? null }
}

/**
 * `GET /waybills`: the last calls, newest first. An API key sees its own; a management key and the operator those of
 * the whole organization. Query: `limit` (1–500, default 50), `before` (an id), `model`, `result`, `status` (`404`, `5xx`),
 * `key` (name or hash).
 */
export async function listWaybills(gateway: Gateway, c: RouteContext): Promise<Response> {
  const rows = await generations(gateway.store, filterOf(gateway, c))
  return c.json({ data: rows.map((row) => listed(gateway, row)) })
}

function filterOf(gateway: Gateway, c: RouteContext): GenerationFilter {
  const caller = c.get('caller')
  const own = caller.kind === 'key' && caller.key.kind === 'inference' ? caller.key.hash : undefined
  const limit = Number(c.req.query('limit') ?? 50)
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
    throw new GatewayError('invalid_request', `"limit" must be a whole number from 1 to ${MAX_PAGE}.`)
  const result = c.req.query('result')
  if (result !== undefined && !RESULTS.includes(result))
    throw new GatewayError('invalid_request', `"result" must be one of ${RESULTS.join(', ')}.`)
  const [model, before, status] = [c.req.query('model'), c.req.query('before'), c.req.query('status')]
  const keyHash = own ?? wantedKey(gateway, c)
  return {
    organizationId: organizationOf(caller),
    limit,
    ...(keyHash !== undefined && { keyHash }),
    ...(model !== undefined && { model }),
    ...(result !== undefined && { result }),
    ...(status !== undefined && { errorCodes: codesOf(status) }),
    ...(before !== undefined && { before }),
  }
}

/** Error codes of a status or a class of them; a call without an error has the status 200. */
function codesOf(status: string): (string | null)[] {
  if (!/^[1-5](xx|\d\d)$/.test(status))
    throw new GatewayError(
      'invalid_request',
      '"status" must be a status such as 404, or a class such as 5xx.',
    )
  const fits = (code: number) => new RegExp(`^${status.replace('xx', '\\d\\d')}$`).test(String(code))
  const codes: (string | null)[] = Object.entries(ERRORS)
    .filter(([, error]) => fits(error.status))
    .map(([code]) => code)
  if (fits(200)) codes.push(null)
  if (fits(500)) codes.push(INTERRUPTED)
  return codes
}

/** Of a recorded error; 200: none. */
function statusOf(errorCode: string | null): number {
  return errorCode === null ? 200 : (ERRORS[errorCode as keyof typeof ERRORS]?.status ?? 500)
}

function wantedKey(gateway: Gateway, c: RouteContext): string | undefined {
  const wanted = c.req.query('key')
  if (wanted === undefined) return undefined
  const keys = gateway.keys.list(organizationOf(c.get('caller')))
  const found = keys.find(({ hash, name }) => hash === wanted || name === wanted)
  if (found === undefined)
    throw new GatewayError('not_found', `No key has the name or hash "${wanted.slice(0, 64)}".`)
  return found.hash
}

function listed(gateway: Gateway, row: GenerationRow): Record<string, unknown> {
  return {
    id: row.id,
    created_at: new Date(Number(row.created_at)).toISOString(),
    surface: row.surface,
    requested_model: row.requested_model,
    model: row.model,
    provider: row.provider,
    streamed: row.streamed !== 0,
    simulated: row.simulated !== 0,
    result: row.result,
    status: statusOf(row.error_code),
    error_code: row.error_code,
    finish_reason: row.finish_reason,
    attempts: row.attempts,
    prompt_tokens: row.prompt_tokens,
    completion_tokens: row.completion_tokens,
    cost_usd: row.cost_nanos === null ? null : nanosToDecimal(row.cost_nanos),
    latency_ms: row.latency_ms,
    generation_ms: row.generation_ms,
    key: keyOf(gateway, row),
  }
}
