import { GatewayError } from '../../chat/index.ts'
import { shownWorkspaceId } from '../../identity/index.ts'
import { picoToDecimal } from '../../money/index.ts'
import type { GenerationRow } from '../../store/index.ts'
import { type GenerationDetail, generationDetail } from '../../usage/index.ts'
import { type Gateway, organizationOf, type RouteContext } from '../gateway.ts'
import { usdNumberOrNull } from '../money.ts'
import { receiptOf, usedIn } from './receipt.ts'

const ROUTERS = /^(openrouter|waybill)\/(auto|free)/

/** `GET /generation?id=`: counts, timings and cost of one call, in OpenRouter's shape. */
export async function generation(gateway: Gateway, c: RouteContext): Promise<Response> {
  const detail = await findGeneration(gateway, c, c.req.query('id') ?? '')
  const discount =
    (await receiptOf(gateway, detail.generation, usedIn(detail)))?.receipt.discountPicos ?? null
  return c.json({ data: { ...generationObject(detail), cache_discount: discountOf(detail, discount) } })
}

/** What caching saved, USD; negative when writing cost more than reading saved, null when nothing was cached. */
function discountOf({ generation: row }: GenerationDetail, picos: bigint | null): number | null {
  if (picos === null || row.cache_read_tokens + row.cache_write_tokens === 0) return null
  return picos < 0n ? -Number(picoToDecimal(-picos)) : Number(picoToDecimal(picos))
}

/** `GET /generation/content`: never anything, since nothing of it is kept. */
export async function generationContent(gateway: Gateway, c: RouteContext): Promise<Response> {
  const { generation: row } = await findGeneration(gateway, c, c.req.query('id') ?? '')
  throw new GatewayError(
    'not_found',
    `Prompts and answers are never stored here, so there is no content of ${row.id}. Counts, timings and cost: GET /api/v1/generation?id=${row.id}`,
  )
}

/** A call of the caller's organization. Throws GatewayError `invalid_request` or `not_found`. */
export async function findGeneration(
  gateway: Gateway,
  c: RouteContext,
  id: string,
): Promise<GenerationDetail> {
  if (!/^gen-[0-9A-Za-z-]{1,64}$/.test(id))
    throw new GatewayError('invalid_request', '"id" must be a generation id such as gen-1732370000-Ab12…')
  const detail = await generationDetail(gateway.store, organizationOf(c.get('caller')), id)
  if (detail === undefined)
    throw new GatewayError(
      'not_found',
      `No generation ${id} in this organization. Calls appear when they have ended.`,
    )
  return detail
}

/** The usage row of a call in OpenRouter's shape. */
export function generationObject({ generation: row, attempts }: GenerationDetail): Record<string, unknown> {
  return {
    id: row.id,
    upstream_id: row.upstream_id,
    request_id: null,
    model: row.model,
    provider_name: row.provider,
    created_at: new Date(Number(row.created_at)).toISOString(),
    api_type: row.surface === 'embeddings' ? 'embeddings' : 'completions',
    streamed: row.streamed !== 0,
    cancelled: row.cancelled !== 0,
    finish_reason: row.finish_reason,
    native_finish_reason: row.native_finish_reason,
    latency: row.latency_ms,
    generation_time: row.generation_ms,
    moderation_latency: null,
    ...tokenFields(row),
    usage: usdNumberOrNull(row.cost_nanos),
    total_cost: usdNumberOrNull(row.cost_nanos),
    cost_known: row.cost_nanos !== null,
    upstream_inference_cost: upstreamCost(row),
    is_byok: row.is_byok !== 0,
    simulated: row.simulated !== 0,
    usage_source: row.usage_source,
    error_code: row.error_code,
    app_id: null,
    origin: row.app_url ?? '',
    http_referer: row.app_url,
    user_agent: row.user_agent,
    external_user: row.external_user,
    router: ROUTERS.exec(row.requested_model)?.[0] ?? null,
    preset_id: null,
    session_id: row.session_id,
    workspace_id: shownWorkspaceId(row.workspace_id),
    data_region: 'global',
    service_tier: null,
    web_search_engine: null,
    response_cache_source_id: null,
    provider_responses: attempts.map((attempt) => ({
      provider_name: attempt.provider,
      status: attempt.status,
      latency: attempt.ttft_ms ?? attempt.duration_ms,
      is_byok: false,
      endpoint_id: attempt.endpoint_id,
      model_permaslug: attempt.model,
      outcome: attempt.outcome,
      error_code: attempt.error_code,
    })),
  }
}

function tokenFields(row: GenerationRow): Record<string, number | null> {
  return {
    tokens_prompt: row.prompt_tokens,
    tokens_completion: row.completion_tokens,
    native_tokens_prompt: row.prompt_tokens,
    native_tokens_completion: row.completion_tokens,
    native_tokens_reasoning: row.reasoning_tokens,
    native_tokens_cached: row.cache_read_tokens,
    native_tokens_completion_images: null,
    num_media_prompt: null,
    num_media_completion: null,
    num_input_audio_prompt: null,
    num_search_results: null,
    num_fetches: null,
  }
}

function upstreamCost(row: GenerationRow): number | null {
  const { upstream_prompt_nanos: prompt, upstream_completion_nanos: completion } = row
  return usdNumberOrNull(prompt === null || completion === null ? null : prompt + completion)
}
