import type { ErrorCode } from '../chat/index.ts'
import { availability, exclusions } from './availability.ts'
import type { Draft } from './filter.ts'
import type { ExclusionReason, Plan, PlanRequest, RoutingSnapshot } from './plan.types.ts'
import { figure } from './words.ts'

type Refusal = NonNullable<Plan['refusal']>

/** Reasons that the client's own wishes caused, so that changing the request helps. */
const WISHES: ReadonlySet<ExclusionReason> = new Set([
  'require_parameters',
  'max_price',
  'only',
  'ignore',
  'order_without_fallbacks',
  'quantization',
  'service_tier',
  'distillation',
  'context_length',
  'max_output',
  'input_modality',
  'output_modality',
])

/** A model that nobody knows: 400, with the closest names; a variant that it does not have: 404, with the model itself. */
export function unknownModel(name: string, request: PlanRequest, snapshot: RoutingSnapshot): Refusal {
  const base = /^(.+?):(free|extended|thinking)\b/i.exec(name)
  const known = base === null ? undefined : snapshot.resolve(base[1]!)
  if (base !== null && known !== undefined) {
    const { id } = known.model
    const variant = base[2]!.toLowerCase()
    return refuse(
      'no_endpoints',
      `${id} has no :${variant} variant here: no endpoint of it ${VARIANTS[variant]}. Use ${id}, or choose another model.`,
      availability(variant === 'free' ? 'free_variant_ended' : 'no_endpoints', 'not_found', 404, request, {
        fallback_models: [id],
      }),
    )
  }
  const close = snapshot.suggest(name).slice(0, 3)
  const hint = close.length === 0 ? '' : ` Did you mean ${either(close)}?`
  return refuse(
    'invalid_model',
    `${name.slice(0, 200)} is not a valid model ID.${hint} GET /api/v1/models lists them all.`,
    availability('model_not_found', 'invalid_request', 400, request, { fallback_models: close }),
  )
}

const VARIANTS: Readonly<Record<string, string>> = {
  free: 'costs nothing',
  extended: 'has a wider context',
  thinking: 'reasons',
}

/** A router found no model for the request. Source of the wording of the case: OpenRouter's auto router. */
export function nothingToRoute(
  drafts: readonly Draft[],
  request: PlanRequest,
  snapshot: RoutingSnapshot,
): Refusal {
  const reasons = countReasons(drafts)
  const keyless = reasons.get('no_credential') ?? 0
  const fix =
    drafts.length === 0
      ? 'Allow more models in the plugin "auto-router", or name one.'
      : (reasons.get('key_policy') ?? 0) === drafts.length
        ? 'The lists of key and installation leave none of them.'
        : keyless === drafts.length
          ? 'None of their providers has a key here: GET /api/v1/models/user lists the models that can be used.'
          : 'Relax the request, or name a model of GET /api/v1/models/user.'
  const reach = snapshot.models?.().length ?? 0
  return refuse(
    'no_endpoints',
    `No models match your request and model restrictions: ${either(request.models.slice(0, 5), 'and')} looked at ${figure(new Set(drafts.map((d) => d.endpoint.modelId)).size)} of ${figure(reach)} models. ${fix}`,
    availability('constraint_filtered', 'not_found', 404, request, { ...exclusions(drafts) }),
  )
}

/** A request without any model. */
export function noModel(request: PlanRequest): Refusal {
  return refuse(
    'invalid_model',
    'The request names no model. Set "model" to an id of GET /api/v1/models.',
    availability('model_not_found', 'invalid_request', 400, request, {}),
  )
}

/** Every candidate was left out: says why, and what would help. */
export function nobodyLeft(
  drafts: readonly Draft[],
  request: PlanRequest,
  snapshot: RoutingSnapshot,
): Refusal {
  const models = either(request.models.slice(0, 5), 'and')
  if (drafts.length === 0) {
    return refuse(
      'no_endpoints',
      `No provider of this gateway serves ${models}. Add an endpoint for it under providers in waybill.yaml, or choose another model.`,
      availability('no_endpoints', 'not_found', 404, request, {}),
    )
  }
  const considered = drafts.filter((d) => d.excluded !== 'simulated')
  const reasons = countReasons(considered.length > 0 ? considered : drafts)
  return (
    otherKind(drafts, reasons, models, request) ??
    keyMissing(drafts, reasons, models, request, snapshot) ??
    tooLong(drafts, reasons, models, request) ??
    allExcluded(drafts, reasons, models, request)
  )
}

/** Embeddings asked of a model that writes, or the other way round: says where to go instead. */
function otherKind(
  drafts: readonly Draft[],
  reasons: ReadonlyMap<ExclusionReason, number>,
  models: string,
  request: PlanRequest,
): Refusal | null {
  if (reasons.size !== 1 || !reasons.has('output_modality')) return null
  const embeds = request.outputModalities.includes('embeddings')
  const onlyEmbeds = drafts.every(({ endpoint }) => endpoint.outputModalities.includes('embeddings'))
  if (!embeds && !onlyEmbeds) return null
  return refuse(
    'invalid_request',
    embeds
      ? `${models} gives no embeddings. GET /api/v1/embeddings/models lists the models that do.`
      : `${models} gives embeddings and does not write. Send it to POST /api/v1/embeddings, or choose a model of GET /api/v1/models.`,
    availability('wrong_endpoint', 'invalid_request', 400, request, { ...exclusions(drafts) }),
  )
}

/** What the caller's filters let pass lacks only a key: names the variables to set. */
function keyMissing(
  drafts: readonly Draft[],
  reasons: ReadonlyMap<ExclusionReason, number>,
  models: string,
  request: PlanRequest,
  snapshot: RoutingSnapshot,
): Refusal | null {
  if (!reasons.has('no_credential')) return null
  const names = new Set<string>()
  const variables = new Set<string>()
  for (const d of drafts) {
    if (d.excluded !== 'no_credential') continue
    names.add(d.endpoint.providerName)
    for (const variable of snapshot.credentialHint(d.endpoint.providerId)) variables.add(variable)
  }
  const shown = [...variables].slice(0, 6)
  const providers = either([...names].slice(0, 6))
  const fix =
    shown.length === 0
      ? `Add an api_key for ${providers} under providers in waybill.yaml.`
      : `Set ${either(shown)} in the environment of the server, or an api_key under providers in waybill.yaml.`
  return refuse(
    'no_endpoints',
    `No key is configured for a provider of ${models} (served by ${providers}). ${fix}`,
    availability('no_endpoints', 'not_found', 404, request, {
      ...exclusions(drafts),
      affected_providers: [...names],
      constraint: { field: 'credentials', detail: shown.join(', ') },
    }),
  )
}

/** The prompt, or the output asked for, is all that stands in the way: the errors that clients know for it. */
function tooLong(
  drafts: readonly Draft[],
  reasons: ReadonlyMap<ExclusionReason, number>,
  models: string,
  request: PlanRequest,
): Refusal | null {
  const output = request.maxOutputTokens
  if (reasons.size === 1 && reasons.has('context_length')) {
    const most = largest(drafts, (d) => d.endpoint.maxPrompt ?? d.endpoint.contextLength)
    const asked =
      output === null
        ? `the prompt has about ${figure(request.promptTokens)}`
        : `the request needs about ${figure(request.promptTokens + output)} (${figure(request.promptTokens)} of prompt, ${figure(output)} of output)`
    return refuse(
      'context_length_exceeded',
      `The maximum context length of ${models} is ${figure(most)} tokens, but ${asked}. Shorten the prompt, lower max_tokens, or choose a model with a larger context.`,
      availability('constraint_filtered', 'context_length_exceeded', 400, request, {
        ...exclusions(drafts),
        constraint: { field: 'context_length', detail: String(most) },
      }),
    )
  }
  if (output === null || reasons.size !== 1 || !reasons.has('max_output')) return null
  const most = largest(drafts, (d) => d.endpoint.maxOutput ?? 0)
  return refuse(
    'max_tokens_exceeded',
    `${models} gives at most ${figure(most)} tokens of output, but max_tokens asks for ${figure(output)}. Lower max_tokens.`,
    availability('constraint_filtered', 'max_tokens_exceeded', 400, request, {
      ...exclusions(drafts),
      constraint: { field: 'max_tokens', detail: String(most) },
    }),
  )
}

function allExcluded(
  drafts: readonly Draft[],
  reasons: ReadonlyMap<ExclusionReason, number>,
  models: string,
  request: PlanRequest,
): Refusal {
  const told = new Map<string, number>()
  for (const d of drafts) {
    if (d.detail !== null) told.set(d.detail, (told.get(d.detail) ?? 0) + 1)
  }
  const all = [...told].sort((a, b) => b[1] - a[1])
  const lines = all.slice(0, 4).map(([detail, n]) => (n === 1 ? detail : `${detail} (${n} endpoints)`))
  if (all.length > lines.length) lines.push(`and ${all.length - lines.length} more reasons`)
  const wished = [...reasons.keys()].every((reason) => WISHES.has(reason))
  const limited = reasons.has('key_policy')
  const code = reasons.has('data_policy')
    ? 'privacy_restricted'
    : wished || limited
      ? 'constraint_filtered'
      : 'no_endpoints'
  const fix = wished
    ? 'Relax the request, or choose another model.'
    : limited
      ? 'Choose another model, or have the list changed.'
      : '`waybill route explain` shows every endpoint.'
  return refuse(
    'no_endpoints',
    `No endpoint of ${models} can take this request: ${lines.join('; ')}. ${fix}`,
    availability(code, 'not_found', 404, request, {
      ...exclusions(drafts),
      affected_providers: [...new Set(drafts.map((d) => d.endpoint.providerName))].slice(0, 20),
    }),
  )
}

function refuse(code: ErrorCode, message: string, metadata: Refusal['metadata']): Refusal {
  return { code, message, metadata, retryAfterMs: null }
}

function countReasons(drafts: readonly Draft[]): Map<ExclusionReason, number> {
  const counts = new Map<ExclusionReason, number>()
  for (const d of drafts) {
    if (d.excluded !== null) counts.set(d.excluded, (counts.get(d.excluded) ?? 0) + 1)
  }
  return counts
}

function largest(drafts: readonly Draft[], value: (d: Draft) => number): number {
  return drafts.reduce((most, d) => Math.max(most, value(d)), 0)
}

/** `a`, `a or b`, `a, b or c`. */
function either(names: readonly string[], word = 'or'): string {
  const last = names.at(-1) ?? ''
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} ${word} ${last}`
}
