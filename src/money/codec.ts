import { hash } from 'node:crypto'
import type { Tariff, TariffTier, Usage } from '../chat/index.ts'
import type { AlertRow, AttemptRow, GenerationRow, HoldRow } from '../store/index.ts'
import type { SettleRecord, SettleResult } from './ledger.ts'
import type { Alert, Hold, HoldState } from './state.ts'

const INT4_MAX = 2_147_483_647
const INT4_COLUMNS = [
  'latency_ms',
  'generation_ms',
  'gateway_us',
  'prompt_tokens',
  'completion_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'reasoning_tokens',
] as const satisfies readonly (keyof GenerationRow)[]

/** A tariff as JSON text; bigint as decimal strings, keys in a fixed order. */
export function encodeTariff(tariff: Tariff): string {
  const { version, prompt, completion, cacheRead, cacheWrite, cacheWrite1h, reasoning, request, tiers } =
    tariff
  return JSON.stringify(
    { version, prompt, completion, cacheRead, cacheWrite, cacheWrite1h, reasoning, request, tiers },
    (_, value) => (typeof value === 'bigint' ? value.toString() : value),
  )
}

/** The inverse of `encodeTariff`. */
export function decodeTariff(text: string): Tariff {
  const raw = JSON.parse(text) as Record<string, string | null> & { tiers: Record<string, string | number>[] }
  const price = (name: string): bigint => BigInt(raw[name] ?? 0)
  const optional = (name: string): bigint | null => (raw[name] == null ? null : BigInt(raw[name]))
  return {
    version: raw['version'] ?? '',
    prompt: price('prompt'),
    completion: price('completion'),
    cacheRead: optional('cacheRead'),
    cacheWrite: optional('cacheWrite'),
    cacheWrite1h: optional('cacheWrite1h'),
    reasoning: optional('reasoning'),
    request: price('request'),
    tiers: raw.tiers.map(decodeTier),
  }
}

function decodeTier(raw: Record<string, string | number>): TariffTier {
  const { minPromptTokens, ...prices } = raw
  const entries = Object.entries(prices).map(([name, value]) => [name, BigInt(value)])
  return { minPromptTokens: Number(minPromptTokens), ...Object.fromEntries(entries) }
}

/** A hold as its row: limits as the list of their keys, tariffs as versions by endpoint (the prices stand in `tariffs`). */
export function holdRow(hold: Hold): HoldRow {
  return {
    id: hold.id,
    organization_id: hold.owner.organizationId,
    workspace_id: hold.owner.workspaceId,
    creator_user_id: hold.owner.creatorUserId,
    key_hash: hold.owner.keyHash,
    state: hold.state,
    account_id: hold.accountId,
    amount_nanos: hold.amount,
    limits: `[${hold.limits.join(',')}]`,
    tariffs: encodeVersions(hold.tariffs),
    attempt: hold.attempt,
    endpoint_id: hold.endpointId,
    usage: encodeUsage(hold.usage),
    node: hold.node,
    created_at: BigInt(hold.createdAt),
    expires_at: BigInt(hold.expiresAt),
  }
}

function encodeVersions(tariffs: Hold['tariffs']): string {
  const versions: Record<string, string | null> = {}
  for (const [endpointId, tariff] of tariffs) versions[endpointId] = tariff === null ? null : tariff.version
  return JSON.stringify(versions)
}

export function encodeUsage(usage: Usage | null): string | null {
  return usage === null ? null : JSON.stringify(usage)
}

/** The versions that a hold row froze, by endpoint. */
export function frozenVersions(row: HoldRow): [endpointId: string, version: string | null][] {
  return Object.entries(JSON.parse(row.tariffs) as Record<string, string | null>)
}

/** The inverse of `holdRow`, with the tariffs looked up by version and endpoint. */
export function decodeHold(
  row: HoldRow,
  tariff: (version: string, endpointId: string) => Tariff | null,
): Hold {
  return {
    id: row.id,
    owner: {
      organizationId: row.organization_id,
      workspaceId: row.workspace_id,
      creatorUserId: row.creator_user_id,
      keyHash: row.key_hash,
    },
    state: row.state as HoldState,
    accountId: row.account_id,
    amount: row.amount_nanos,
    limits: (JSON.parse(row.limits) as unknown[]).map((key) => JSON.stringify(key)),
    tariffs: new Map(
      frozenVersions(row).map(([id, version]) => [id, version === null ? null : tariff(version, id)]),
    ),
    attempt: row.attempt,
    endpointId: row.endpoint_id,
    usage: row.usage === null ? null : (JSON.parse(row.usage) as Usage),
    node: row.node,
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
  }
}

/** An alert as its row, still to be delivered. Its id is that of the fact: told twice, it is the same. */
export function alertRow({ owner, scope, scopeId, span, windowStart, threshold, ...told }: Alert): AlertRow {
  const fact = JSON.stringify([scope, scopeId, span, windowStart, threshold.toString(), told.cause])
  return {
    id: `alert-${hash('sha256', fact, 'hex').slice(0, 24)}`,
    organization_id: owner.organizationId,
    workspace_id: owner.workspaceId ?? null,
    creator_user_id: owner.creatorUserId ?? null,
    scope,
    scope_id: scopeId,
    span,
    window_start: BigInt(windowStart),
    threshold,
    cap_nanos: told.capNanos,
    amount_nanos: told.amountNanos,
    cause: told.cause,
    created_at: BigInt(told.at),
    sent: 0,
  }
}

/**
 * The rows as they are written: cost columns from the decided charge, counts forced into the columns' range (a
 * provider's nonsense must not make the unit fail).
 */
export function fillRecord(record: SettleRecord | null, hold: Hold, result: SettleResult): SettleRecord {
  const version = hold.endpointId === null ? null : (hold.tariffs.get(hold.endpointId)?.version ?? null)
  const { generation, attempts, waybill } = record ?? bareRecord(hold)
  const filled: { -readonly [K in keyof GenerationRow]: GenerationRow[K] } = {
    ...generation,
    cost_nanos: result.chargedNanos,
    upstream_prompt_nanos: result.upstreamPromptNanos,
    upstream_completion_nanos: result.upstreamCompletionNanos,
    tariff_version: version,
  }
  for (const column of INT4_COLUMNS) {
    const value = filled[column]
    if (value !== null) filled[column] = int4(value)
  }
  return { generation: filled, attempts: fillAttempts(attempts, hold, result), waybill }
}

function fillAttempts(rows: readonly AttemptRow[], hold: Hold, result: SettleResult): AttemptRow[] {
  const served = rows.findLastIndex((row) => row.endpoint_id === hold.endpointId && row.outcome !== 'failed')
  const cost =
    result.upstreamPromptNanos === null || result.upstreamCompletionNanos === null
      ? null
      : result.upstreamPromptNanos + result.upstreamCompletionNanos
  return rows.map((row, i) => ({
    ...row,
    ttft_ms: row.ttft_ms === null ? null : int4(row.ttft_ms),
    duration_ms: int4(row.duration_ms),
    cost_nanos: i === served ? cost : row.cost_nanos,
  }))
}

function int4(value: number): number {
  if (!(value > 0)) return 0
  return value > INT4_MAX ? INT4_MAX : Math.round(value)
}

/** What is known of a request whose process did not live to describe it. */
function bareRecord(hold: Hold): SettleRecord {
  const { usage, endpointId } = hold
  const at = endpointId?.lastIndexOf('@') ?? -1
  const model = endpointId === null ? 'unknown' : at < 0 ? endpointId : endpointId.slice(0, at)
  const generation: GenerationRow = {
    id: hold.id,
    organization_id: hold.owner.organizationId,
    workspace_id: hold.owner.workspaceId,
    creator_user_id: hold.owner.creatorUserId,
    key_hash: hold.owner.keyHash,
    model,
    requested_model: model,
    provider: endpointId === null ? null : providerOf(endpointId),
    endpoint_id: endpointId,
    upstream_id: null,
    surface: 'chat',
    streamed: 1,
    simulated: hold.accountId.endsWith(':test') ? 1 : 0,
    cancelled: 1,
    is_byok: 0,
    result: 'failed',
    finish_reason: null,
    native_finish_reason: null,
    error_code: 'interrupted',
    created_at: BigInt(hold.createdAt),
    latency_ms: null,
    generation_ms: null,
    gateway_us: null,
    prompt_tokens: usage?.promptTokens ?? 0,
    completion_tokens: usage?.completionTokens ?? 0,
    cache_read_tokens: usage?.cacheReadTokens ?? 0,
    cache_write_tokens: (usage?.cacheWriteTokens ?? 0) + (usage?.cacheWrite1hTokens ?? 0),
    reasoning_tokens: usage?.reasoningTokens ?? 0,
    usage_source: usage?.source ?? 'estimated',
    cost_nanos: null,
    upstream_prompt_nanos: null,
    upstream_completion_nanos: null,
    tariff_version: null,
    attempts: hold.attempt,
    app_title: null,
    app_url: null,
    user_agent: null,
    external_user: null,
    session_id: null,
  }
  return { generation, attempts: [], waybill: null }
}

/** The provider in an endpoint id `<model>@<provider>[/suffix]`. */
export function providerOf(endpointId: string): string {
  const tag = endpointId.slice(endpointId.lastIndexOf('@') + 1)
  const slash = tag.indexOf('/')
  return slash < 0 ? tag : tag.slice(0, slash)
}
