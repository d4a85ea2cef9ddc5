import { ERRORS, type ErrorCode } from '../chat/index.ts'
import type { Plan } from './plan.types.ts'

/** A try as it stands while the request runs. */
export interface Try {
  readonly endpointId: string
  /** Display name. */
  readonly provider: string
  /** Catalog id. */
  readonly model: string
  readonly outcome: 'pending' | 'ok' | 'failed' | 'cancelled'
  /** HTTP status of the provider, null when none came. */
  readonly status: number | null
  readonly errorCode: ErrorCode | null
}

const UNSAFE = /[^\x21-\x7e]|[;,]/
const EACH_UNSAFE = /[^\x21-\x7e]|[;,]/g

/**
 * The waybill in one line of printable ASCII, for a response header:
 * `groq; model=acme/one; route=load-balance; candidates=4/7; attempts=2; failed=deepinfra:503`. The first word is the tag
 * of the endpoint that answers (`none`: nobody does), `via` says when a router or alias was named, candidates are those that could serve and all.
 */
export function waybillLine(plan: Plan, tries: readonly Try[]): string {
  const last = tries.at(-1)
  const answers = last !== undefined && last.outcome !== 'failed'
  let line = answers ? `${safe(tagOf(last.endpointId))}; model=${safe(last.model)}` : 'none'
  line += `${viaOf(plan)}; route=${plan.strategy.replaceAll(', ', '+')}; candidates=${plan.order.length}/${plan.candidates.length}; attempts=${tries.length}`
  let failed = ''
  for (const { endpointId, outcome, status, errorCode } of tries) {
    if (outcome !== 'failed') continue
    failed += `${failed === '' ? '; failed=' : ','}${safe(tagOf(endpointId))}:${reason(status, errorCode)}`
  }
  return line + failed
}

function tagOf(endpointId: string): string {
  return endpointId.slice(endpointId.lastIndexOf('@') + 1)
}

/** The status a provider refused with; where it had none, or said 200 and broke off, the error's code. */
function reason(status: number | null, code: ErrorCode | null): string {
  return status !== null && status >= 400 ? String(status) : (code ?? 'failed')
}

function safe(name: string): string {
  return UNSAFE.test(name) ? name.replace(EACH_UNSAFE, '_') : name
}

/** How the first name led to models, when that was not directly. */
function viaOf({ routes }: Plan): string {
  const via = routes?.[0]?.via ?? 'direct'
  return via === 'direct' ? '' : `; via=${via}`
}

/** OpenRouter's `openrouter_metadata`. Source: its router metadata documentation and OpenAPI schema `OpenRouterMetadata`. */
export interface RouterMetadata {
  /** The first model as the client named it. */
  readonly requested: string
  readonly strategy: 'direct' | 'auto' | 'free' | 'latest' | 'alias' | 'fallback'
  readonly region: null
  readonly summary: string
  /** Number of the try that answered, or was the last; 0: no provider was reached. */
  readonly attempt: number
  readonly is_byok: boolean
  readonly endpoints: {
    readonly total: number
    readonly available: readonly {
      readonly provider: string
      readonly model: string
      readonly selected: boolean
    }[]
  }
  readonly attempts?: readonly {
    readonly provider: string
    readonly model: string
    readonly status: number
  }[]
  readonly params?: { readonly dropped_parameters: readonly string[] }
  /** ms of the try that answered. */
  readonly generation_time?: number
}

/** What the metadata tells besides plan and tries. */
export interface MetadataFacts {
  /** Null when the request never came as far as a plan. */
  readonly plan: Plan | null
  readonly tries: readonly Try[]
  readonly requested: readonly string[]
  readonly isByok: boolean
  /** ms from the dispatch of the last try to its end; null without one. */
  readonly durationMs: number | null
  readonly dropped: readonly string[]
}

/** The waybill in OpenRouter's form, for clients that send `X-OpenRouter-Metadata: enabled`. */
export function routerMetadata(facts: MetadataFacts): RouterMetadata {
  const { plan, tries, dropped, durationMs } = facts
  const last = tries.at(-1)
  const selected = last !== undefined && last.outcome !== 'failed' ? last.endpointId : null
  return {
    requested: facts.requested[0] ?? '',
    strategy: routingStrategy(facts),
    region: null,
    summary: plan === null ? 'none' : waybillLine(plan, tries),
    attempt: tries.length,
    is_byok: facts.isByok,
    endpoints: {
      total: plan?.candidates.length ?? 0,
      available: (plan?.order ?? []).map(({ id, providerName, modelId }) => ({
        provider: providerName,
        model: modelId,
        selected: id === selected,
      })),
    },
    ...(tries.length > 0 && { attempts: tries.map(attempt) }),
    ...(dropped.length > 0 && { params: { dropped_parameters: dropped } }),
    ...(durationMs !== null && { generation_time: Math.round(durationMs) }),
  }
}

function attempt({ provider, model, outcome, status, errorCode }: Try) {
  const known = outcome === 'failed' && (status === null || status < 400) && errorCode !== null
  return { provider, model, status: known ? ERRORS[errorCode].status : (status ?? 0) }
}

/** In OpenRouter's words how the name led to endpoints. */
function routingStrategy({ requested, plan }: MetadataFacts): RouterMetadata['strategy'] {
  const via = plan?.routes?.[0]?.via ?? 'direct'
  return requested.length > 1 && via !== 'auto' && via !== 'free' ? 'fallback' : via
}
