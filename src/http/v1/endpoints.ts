import type { Catalog, Endpoint, Model } from '../../catalog/index.ts'
import type { EndpointStats } from '../../routing/index.ts'
import {
  type ArchitectureBody,
  architectureBody,
  describe,
  findModel,
  type PricingBody,
  pricingBody,
  topEndpoint,
} from './model.ts'

/** An entry of `GET /models/{author}/{slug}/endpoints`. Source: OpenRouter's `PublicEndpoint` schema, SDK 1.3.19. */
export interface EndpointBody extends EndpointStats {
  /** `Provider | model`. */
  readonly name: string
  readonly model_id: string
  readonly model_name: string
  readonly provider_name: string
  /** What `provider.order`, `only` and `ignore` match. */
  readonly tag: string
  readonly quantization: string
  readonly context_length: number
  readonly max_completion_tokens: number | null
  readonly max_prompt_tokens: number | null
  readonly pricing: PricingBody
  readonly supported_parameters: readonly string[]
  readonly supports_implicit_caching: boolean
  readonly supports_tool_choice: {
    readonly auto: boolean
    readonly none: boolean
    readonly required: boolean
    readonly function: boolean
  }
  /** 0: as usual; below zero: degraded. */
  readonly status: number
}

export interface EndpointsBody {
  readonly data: {
    readonly id: string
    readonly name: string
    readonly created: number
    readonly description: string
    readonly architecture: ArchitectureBody
    readonly endpoints: readonly EndpointBody[]
  }
}

/** What is measured about endpoints, as far as the caller may see it. */
export interface LiveStats {
  /** Percentiles of latency and throughput are for callers with a key; uptime is for everyone. */
  readonly authenticated: boolean
  /** Figures of an endpoint by its id; undefined when it was never used. */
  stats(endpointId: string): EndpointStats | undefined
}

const SILENT: EndpointStats = {
  uptime_last_5m: null,
  uptime_last_30m: null,
  uptime_last_1d: null,
  latency_last_30m: null,
  throughput_last_30m: null,
}

/** Uptime (per cent over 30 minutes) below which an endpoint is shown as degraded, with OpenRouter's status number. */
const DEGRADED: readonly (readonly [below: number, status: number])[] = [
  [50, -5],
  [80, -3],
  [95, -2],
]

/**
 * `GET /models/{author}/{slug}/endpoints`: where a model runs, cheapest first, endpoints without a price last.
 * @throws GatewayError `not_found` with the closest ids
 */
export function endpointsBody(
  catalog: Catalog,
  author: string,
  slug: string,
  live: LiveStats,
): EndpointsBody {
  const { model, endpoints } = findModel(catalog, `${author}/${slug}`)
  return {
    data: {
      id: model.id,
      name: model.name,
      created: model.created,
      description: describe(model, endpoints, topEndpoint(endpoints)),
      architecture: architectureBody(model),
      endpoints: [...endpoints].sort(byPrice).map((endpoint) => endpointBody(model, endpoint, live)),
    },
  }
}

/** `GET /endpoints/zdr`: every endpoint that is known to keep no prompts, model by model, simulated ones left out. */
export function zdrEndpointsBody(
  catalog: Catalog,
  live: LiveStats,
  keepsNothing: (endpoint: Endpoint) => boolean,
): { readonly data: readonly EndpointBody[] } {
  return {
    data: catalog.all.flatMap(({ model, endpoints }) =>
      endpoints
        .filter((endpoint) => !endpoint.simulated && keepsNothing(endpoint))
        .map((endpoint) => endpointBody(model, endpoint, live)),
    ),
  }
}

function byPrice(a: Endpoint, b: Endpoint): number {
  if (a.tariff === null || b.tariff === null) return Number(a.tariff === null) - Number(b.tariff === null)
  const difference = a.tariff.prompt + a.tariff.completion - b.tariff.prompt - b.tariff.completion
  return difference < 0n ? -1 : difference > 0n ? 1 : a.tag < b.tag ? -1 : 1
}

function endpointBody(model: Model, endpoint: Endpoint, live: LiveStats): EndpointBody {
  const stats = live.stats(endpoint.id) ?? SILENT
  const tools = endpoint.supportedParameters.includes('tool_choice')
  const uptime = stats.uptime_last_30m
  return {
    name: `${endpoint.providerName} | ${model.id}`,
    model_id: model.id,
    model_name: model.name,
    provider_name: endpoint.providerName,
    tag: endpoint.tag,
    quantization: endpoint.quantization,
    context_length: endpoint.contextLength,
    max_completion_tokens: endpoint.maxOutput,
    max_prompt_tokens: endpoint.maxPrompt,
    pricing: pricingBody(endpoint.tariff),
    supported_parameters: endpoint.supportedParameters,
    supports_implicit_caching: endpoint.implicitCaching,
    supports_tool_choice: { auto: tools, none: tools, required: tools, function: tools },
    status: uptime === null ? 0 : (DEGRADED.find(([below]) => uptime < below)?.[1] ?? 0),
    uptime_last_5m: stats.uptime_last_5m,
    uptime_last_30m: uptime,
    uptime_last_1d: stats.uptime_last_1d,
    latency_last_30m: live.authenticated ? stats.latency_last_30m : null,
    throughput_last_30m: live.authenticated ? stats.throughput_last_30m : null,
  }
}
