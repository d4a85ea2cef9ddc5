import type { Tariff } from '../chat/index.ts'
import type { Catalog, Endpoint, Model } from './catalog.ts'
import { createCatalog } from './create.ts'
import { distillableOf } from './license.ts'
import { FREE } from './tariff.ts'

/** A model that the operator declares under a provider: new, or in place of what the seed says. */
export interface ConfiguredModel {
  readonly providerId: string
  readonly providerName: string
  readonly dialect: string
  /** `author/name`. */
  readonly id: string
  readonly upstreamId: string
  /** Tokens; null keeps what is known. */
  readonly contextLength: number | null
  readonly maxOutput: number | null
  /** null keeps the known price of this model at this provider; without one the price is unknown, never zero. */
  readonly tariff: Tariff | null
  /** Declared to cost nothing: a tariff of zeros, version `free`. */
  readonly free: boolean
  /** `tools`, `structured_outputs`, `vision`, `reasoning`, …: empty keeps what is known. */
  readonly capabilities: readonly string[]
  /** A test model: listed and marked, never chosen by routers or fallbacks. */
  readonly simulated?: boolean
}

/** Parameters that every server of chat models takes. */
const COMMON = ['frequency_penalty', 'max_tokens', 'presence_penalty', 'seed', 'stop', 'temperature', 'top_p']

/** What a declared capability adds to an endpoint. */
const CAPABILITIES: Readonly<
  Record<string, { parameters?: readonly string[]; input?: string; output?: string }>
> = {
  tools: { parameters: ['tools', 'tool_choice', 'parallel_tool_calls'] },
  structured_outputs: { parameters: ['response_format', 'structured_outputs'] },
  reasoning: { parameters: ['reasoning', 'include_reasoning'] },
  vision: { input: 'image' },
  files: { input: 'file' },
  audio: { input: 'audio' },
  video: { input: 'video' },
  audio_output: { output: 'audio' },
  image_output: { output: 'image' },
  embeddings: { output: 'embeddings' },
}

/** A snapshot in which the endpoints of some providers, by id, are asked in another dialect than the seed says. */
export function withDialects(catalog: Catalog, dialects: ReadonlyMap<string, string>): Catalog {
  if (dialects.size === 0) return catalog
  const endpoints = catalog.endpoints.map((endpoint) => {
    const dialect = dialects.get(endpoint.providerId)
    return dialect === undefined ? endpoint : { ...endpoint, dialect }
  })
  return createCatalog({ models: catalog.models, endpoints })
}

/**
 * A new snapshot with the models of the configuration: each takes the place of all endpoints that its model has at its
 * provider, and inherits from them (else from the model's other endpoints) what the configuration leaves open.
 * @param asOf date of the configuration, for the provenance of its facts (YYYY-MM-DD)
 */
export function withConfigured(
  catalog: Catalog,
  configured: readonly ConfiguredModel[],
  asOf = 'configuration',
): Catalog {
  if (configured.length === 0) return catalog
  const source = { name: 'configuration', asOf }
  const models = new Map(catalog.models.map((model) => [model.id, model]))
  const declared = new Map<string, Endpoint>()
  const replaced = new Set<string>()
  for (const wish of configured) {
    const known = catalog.resolve(wish.id)
    const modelId = known?.model.id ?? wish.id
    const own = known?.endpoints.filter((endpoint) => endpoint.providerId === wish.providerId) ?? []
    const base = own.find((endpoint) => endpoint.tag === wish.providerId) ?? own[0]
    for (const endpoint of own) replaced.add(endpoint.id)
    const endpoint = toEndpoint(wish, modelId, base, known?.endpoints[0], source)
    declared.set(endpoint.id, endpoint)
    models.set(modelId, widened(models.get(modelId) ?? newModel(wish), endpoint))
  }
  const kept = catalog.endpoints.filter(
    (endpoint) => !replaced.has(endpoint.id) && !declared.has(endpoint.id),
  )
  return createCatalog({ models: [...models.values()], endpoints: [...kept, ...declared.values()] })
}

function toEndpoint(
  wish: ConfiguredModel,
  modelId: string,
  base: Endpoint | undefined,
  sibling: Endpoint | undefined,
  source: { readonly name: string; readonly asOf: string },
): Endpoint {
  const { simulated = false, capabilities } = wish
  const like = base ?? sibling
  const declared = capabilities.length > 0 || like === undefined
  return {
    id: `${modelId}@${wish.providerId}`,
    modelId,
    providerId: wish.providerId,
    providerName: wish.providerName,
    tag: wish.providerId,
    upstreamId: wish.upstreamId,
    dialect: wish.dialect,
    contextLength: wish.contextLength ?? like?.contextLength ?? 0,
    maxOutput: wish.maxOutput ?? base?.maxOutput ?? null,
    maxPrompt: base?.maxPrompt ?? null,
    quantization: base?.quantization ?? 'unknown',
    tariff: wish.free ? FREE : (wish.tariff ?? base?.tariff ?? null),
    supportedParameters: declared ? parametersOf(capabilities) : like.supportedParameters,
    inputModalities: declared ? modalitiesOf(capabilities, 'input') : like.inputModalities,
    outputModalities: declared ? modalitiesOf(capabilities, 'output') : like.outputModalities,
    implicitCaching: capabilities.includes('prompt_caching') || (base?.implicitCaching ?? false),
    simulated,
    reasoning: declared ? capabilities.includes('reasoning') : like.reasoning,
    source,
    provenance: { price: source, limits: source, modalities: source, parameters: source },
  }
}

function parametersOf(capabilities: readonly string[]): string[] {
  if (capabilities.includes('embeddings')) return []
  const added = capabilities.flatMap((name) => CAPABILITIES[name]?.parameters ?? [])
  return [...new Set([...COMMON, ...added])].sort()
}

function modalitiesOf(capabilities: readonly string[], side: 'input' | 'output'): string[] {
  const added = capabilities.flatMap((name) => CAPABILITIES[name]?.[side] ?? [])
  if (side === 'output' && added.includes('embeddings')) return ['embeddings']
  return [...new Set(['text', ...added])]
}

/** A model that nobody else knows: its facts are those of its endpoint. */
function newModel({ id, contextLength, maxOutput }: ConfiguredModel): Model {
  return {
    id,
    canonicalSlug: id,
    name: id,
    description: `${id}, declared in the configuration.`,
    created: 0,
    contextLength: contextLength ?? 0,
    maxOutput,
    inputModalities: [],
    outputModalities: [],
    tokenizer: 'Other',
    instructType: null,
    huggingFaceId: null,
    knowledgeCutoff: null,
    expirationDate: null,
    supportedParameters: [],
    reasoning: false,
    distillable: distillableOf(id),
    aliases: [],
  }
}

/** The model with what an endpoint adds to it. */
function widened(model: Model, endpoint: Endpoint): Model {
  const union = (a: readonly string[], b: readonly string[]) => [...new Set([...a, ...b])]
  return {
    ...model,
    contextLength: Math.max(model.contextLength, endpoint.contextLength),
    maxOutput: model.maxOutput ?? endpoint.maxOutput,
    inputModalities: union(model.inputModalities, endpoint.inputModalities),
    outputModalities: union(model.outputModalities, endpoint.outputModalities),
    supportedParameters: union(model.supportedParameters, endpoint.supportedParameters).sort(),
    reasoning: model.reasoning || endpoint.reasoning,
  }
}
