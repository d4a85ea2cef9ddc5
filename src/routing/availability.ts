import type { Draft } from './filter.ts'
import type { ExclusionReason, PlanRequest } from './plan.types.ts'

/** How our reasons are called in the `availability` object of an error. Source: OpenRouter's availability errors. */
const EXCLUDED_BY: Record<ExclusionReason, string> = {
  no_credential: 'no_credential',
  no_dialect: 'no_dialect',
  unknown_price: 'unknown_price',
  context_length: 'context_length',
  max_output: 'max_tokens',
  input_modality: 'input_modalities',
  output_modality: 'output_modalities',
  require_parameters: 'require_parameters',
  max_price: 'max_price',
  only: 'allowed_providers',
  ignore: 'ignored_providers',
  order_without_fallbacks: 'allowed_providers',
  quantization: 'quantization',
  data_policy: 'data_policy',
  key_policy: 'key_policy',
  service_tier: 'service_tier',
  distillation: 'distillable_text',
  simulated: 'simulated',
}

/** The list that left an endpoint out, in its sentence. */
const POLICY_LIST = /(allowed|ignored)_(models|providers)/

/** The metadata of a refusal: our type of error, and the facts in OpenRouter's `availability` object. */
export function availability(
  code: string,
  errorType: string,
  status: number,
  request: PlanRequest,
  facts: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return {
    error_type: errorType,
    availability: {
      code,
      http_status: status,
      retryable: false,
      retry_after: null,
      requested_models: request.models.slice(0, 20).map((name) => name.slice(0, 200)),
      ...facts,
    },
  }
}

/** Most endpoints whose reason an error names. */
const TOLD = 30

/** Why each endpoint was left out, for programs and people. */
function excludedEndpoints(drafts: readonly Draft[]): Readonly<Record<string, unknown>>[] {
  return drafts
    .filter((d) => d.excluded !== null)
    .slice(0, TOLD)
    .map((d) => ({ model: d.endpoint.modelId, tag: d.endpoint.tag, reason: d.excluded, detail: d.detail }))
}

/** What the exclusions come to, and each of them. */
export function exclusions(drafts: readonly Draft[]): Readonly<Record<string, unknown>> {
  return { excluded_by: excludedBy(drafts), excluded_endpoints: excludedEndpoints(drafts) }
}

function excludedBy(drafts: readonly Draft[]): string[] {
  const names = new Set<string>()
  for (const d of drafts) {
    if (d.excluded === 'data_policy') {
      names.add(d.detail!.includes('zdr') ? 'data_policy:zdr' : 'data_policy:training')
    } else if (d.excluded === 'key_policy') {
      names.add(POLICY_LIST.exec(d.detail!)?.[0] ?? EXCLUDED_BY.key_policy)
    } else if (d.excluded !== null) names.add(EXCLUDED_BY[d.excluded])
  }
  return [...names]
}
