import type { Catalog, Endpoint, Model } from '../../catalog/index.ts'
import { GatewayError, type Tariff } from '../../chat/index.ts'
import { picoToDecimal } from '../../money/index.ts'

/** Prices in USD per token (per call for `request`) as exact decimal strings; UNKNOWN_PRICE where nobody knows. */
export interface PricingBody {
  readonly prompt: string
  readonly completion: string
  readonly request?: string
  readonly input_cache_read?: string
  readonly input_cache_write?: string
  readonly input_cache_write_1h?: string
  readonly internal_reasoning?: string
  /** Prices by size of the prompt; later entries win. */
  readonly overrides?: readonly Readonly<Record<string, string | number>>[]
}

export interface ArchitectureBody {
  readonly modality: string
  readonly input_modalities: readonly string[]
  readonly output_modalities: readonly string[]
  readonly tokenizer: string
  readonly instruct_type: string | null
}

/** A row of `GET /models`. Source: OpenRouter's `Model` schema (2026-08) and the keys its SDK 1.3.19 requires. */
export interface ModelBody {
  readonly id: string
  readonly canonical_slug: string
  readonly hugging_face_id: string | null
  readonly name: string
  readonly created: number
  readonly description: string
  readonly context_length: number | null
  readonly knowledge_cutoff: string | null
  readonly expiration_date: string | null
  readonly architecture: ArchitectureBody
  readonly pricing: PricingBody
  readonly top_provider: {
    readonly context_length: number | null
    readonly max_completion_tokens: number | null
    readonly is_moderated: boolean
  }
  readonly per_request_limits: null
  readonly supported_parameters: readonly string[]
  readonly default_parameters: null
  readonly supported_voices: null
  readonly links: { readonly details: string }
  /** On the row of an alias: the model that it stands for. */
  readonly alias_target?: { readonly name: string; readonly slug: string }
}

/**
 * What stands where a price is not known. The schema wants a string and "0" would say "free"; OpenRouter writes -1 for
 * prices that cannot be told beforehand, so clients that add prices up already have to look for it.
 */
export const UNKNOWN_PRICE = '-1'

/** A tariff as OpenRouter's `pricing`; null is an unknown price. */
export function pricingBody(tariff: Tariff | null): PricingBody {
  if (tariff === null) return { prompt: UNKNOWN_PRICE, completion: UNKNOWN_PRICE }
  const overrides = tariff.tiers.map(({ minPromptTokens, ...prices }) => ({
    min_prompt_tokens: minPromptTokens,
    ...pricesBody(prices),
  }))
  return {
    prompt: picoToDecimal(tariff.prompt),
    completion: picoToDecimal(tariff.completion),
    request: picoToDecimal(tariff.request),
    ...pricesBody({ ...tariff, prompt: null, completion: null }),
    ...(overrides.length > 0 ? { overrides } : {}),
  }
}

const PRICE_KEYS = [
  ['prompt', 'prompt'],
  ['completion', 'completion'],
  ['cacheRead', 'input_cache_read'],
  ['cacheWrite', 'input_cache_write'],
  ['cacheWrite1h', 'input_cache_write_1h'],
  ['reasoning', 'internal_reasoning'],
] as const

type Prices = { readonly [K in (typeof PRICE_KEYS)[number][0]]?: bigint | null }

function pricesBody(prices: Prices): Record<string, string> {
  const body: Record<string, string> = {}
  for (const [kind, key] of PRICE_KEYS) {
    const price = prices[kind]
    if (price !== undefined && price !== null) body[key] = picoToDecimal(price)
  }
  return body
}

export function architectureBody(
  model: Pick<Model, 'inputModalities' | 'outputModalities' | 'tokenizer' | 'instructType'>,
): ArchitectureBody {
  return {
    modality: `${model.inputModalities.join('+')}->${model.outputModalities.join('+')}`,
    input_modalities: model.inputModalities,
    output_modalities: model.outputModalities,
    tokenizer: model.tokenizer,
    instruct_type: model.instructType,
  }
}

/** The endpoint whose price and limits stand for its model: the cheapest with a known price, else the first. */
export function topEndpoint(endpoints: readonly Endpoint[]): Endpoint | undefined {
  let top: Endpoint | undefined
  for (const endpoint of endpoints) if (top === undefined || sum(endpoint) < sum(top)) top = endpoint
  return top
}

function sum({ tariff }: Endpoint): bigint {
  return tariff === null ? UNPRICED : tariff.prompt + tariff.completion
}

/** Above any price: what has none comes last. */
export const UNPRICED = 1n << 100n

/** A model as `GET /models` shows it. */
export function modelBody(model: Model, endpoints: readonly Endpoint[]): ModelBody {
  const top = topEndpoint(endpoints)
  return {
    id: model.id,
    canonical_slug: model.canonicalSlug,
    hugging_face_id: model.huggingFaceId,
    name: model.name,
    created: model.created,
    description: describe(model, endpoints, top),
    context_length: model.contextLength || null,
    knowledge_cutoff: model.knowledgeCutoff,
    expiration_date: model.expirationDate,
    architecture: architectureBody(model),
    pricing: pricingBody(top?.tariff ?? null),
    top_provider: {
      context_length: top?.contextLength || null,
      max_completion_tokens: top?.maxOutput ?? null,
      is_moderated: false,
    },
    per_request_limits: null,
    supported_parameters: model.supportedParameters,
    default_parameters: null,
    supported_voices: null,
    links: { details: `/api/v1/models/${model.canonicalSlug}/endpoints` },
  }
}

/** The description, with what a client must know before it trusts the price. */
export function describe(model: Model, endpoints: readonly Endpoint[], top: Endpoint | undefined): string {
  if (isSimulated(endpoints))
    return `${model.description} Simulated: for tests, never billed as real use.`.trim()
  if (top !== undefined && top.tariff !== null) return model.description
  const note = 'Its price is not known (-1): keys without a USD limit in unlimited organizations can use it.'
  return `${model.description} ${note}`.trim()
}

/** Whether a model only serves tests (`sim/*`): listed, but not counted among models. */
export function isSimulated(endpoints: readonly Endpoint[]): boolean {
  return endpoints.length > 0 && endpoints.every((endpoint) => endpoint.simulated)
}

/**
 * `GET /model/{author}/{slug}`: follows aliases and variant suffixes.
 * @throws GatewayError `not_found` with the closest ids
 */
export function oneModelBody(catalog: Catalog, author: string, slug: string): { data: ModelBody } {
  const { model, endpoints } = findModel(catalog, `${author}/${slug}`)
  return { data: modelBody(model, endpoints) }
}

/**
 * `GET /models/{id}`, where clients of OpenAI look one model up: the row of the list with OpenAI's two fields.
 * Source: OpenAI's reference, "The model object".
 */
export function retrievedBody(model: Model, endpoints: readonly Endpoint[]) {
  const owner = model.id.slice(0, model.id.indexOf('/'))
  return { ...modelBody(model, endpoints), object: 'model', owned_by: owner }
}

/** The model that a path names. Throws GatewayError `not_found` with the closest ids. */
export function findModel(catalog: Catalog, name: string) {
  const resolved = catalog.resolve(name)
  if (resolved) return resolved
  const close = catalog.suggest(name, 3)
  const hint = close.length > 0 ? ` Did you mean ${close.join(', ')}?` : ' GET /api/v1/models lists all.'
  throw new GatewayError('not_found', `There is no model "${name.slice(0, 200)}".${hint}`, {
    metadata: { suggestions: close },
  })
}
