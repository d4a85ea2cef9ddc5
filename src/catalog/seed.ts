import { readFileSync } from 'node:fs'
import type { Endpoint, Model } from './catalog.ts'
import { distillableOf } from './license.ts'
import type { SeedEndpoint, SeedEndpoints, SeedModel, SeedModels, SeedSource } from './seed-format.ts'
import { readTariff } from './tariff.ts'

/** The catalog that ships with the program. */
export interface Seed {
  /** Content-derived, with the date of the freshest source. */
  readonly version: string
  readonly models: readonly Model[]
  readonly endpoints: readonly Endpoint[]
}

/** Reads seed/models.json and seed/endpoints.json beside this file, about 0.5 MB. */
export function loadSeed(): Seed {
  const read = (file: string) =>
    JSON.parse(readFileSync(new URL(`seed/${file}`, import.meta.url), 'utf8')) as unknown
  return readSeed(read('models.json') as SeedModels, read('endpoints.json') as SeedEndpoints)
}

/** Turns the two files into models and endpoints; repeated lists become one shared array. */
export function readSeed(models: SeedModels, endpoints: SeedEndpoints): Seed {
  const shared = new Map<string, readonly string[]>()
  const list = (text: string): readonly string[] => {
    const known = shared.get(text) ?? Object.freeze(text.split(','))
    shared.set(text, known)
    return known
  }
  const made = endpoints.endpoints.map((row) => readEndpoint(row, endpoints, models.sources, list))
  const parameters = new Map<string, Set<string>>()
  for (const { modelId, supportedParameters } of made) {
    const union = parameters.get(modelId) ?? new Set()
    for (const name of supportedParameters) union.add(name)
    parameters.set(modelId, union)
  }
  return {
    version: models.version,
    models: models.models.map((row) =>
      readModel(row, models.sources, [...(parameters.get(row.id) ?? [])].sort(), list),
    ),
    endpoints: made,
  }
}

function readEndpoint(
  row: SeedEndpoint,
  { providers, parameters }: SeedEndpoints,
  sources: Readonly<Record<string, SeedSource>>,
  list: (text: string) => readonly string[],
): Endpoint {
  const tag = row.suffix === undefined ? row.provider : `${row.provider}/${row.suffix}`
  const id = `${row.model}@${tag}`
  const [price, limits, modalities, abilities] = [...row.from].map((code) => sources[code] ?? null)
  return {
    id,
    modelId: row.model,
    providerId: row.provider,
    providerName: providers[row.provider]?.name ?? row.provider,
    tag,
    upstreamId: row.upstream,
    dialect: row.dialect ?? providers[row.provider]?.dialect ?? 'openai-chat',
    contextLength: row.context,
    maxOutput: row.maxOutput ?? null,
    maxPrompt: row.maxPrompt ?? null,
    quantization: row.quantization ?? 'unknown',
    tariff: row.price ? readTariff(id, row.price) : null,
    supportedParameters: parameters[row.parameters] ?? [],
    inputModalities: list(row.input),
    outputModalities: list(row.output),
    implicitCaching: row.caching === true,
    simulated: false,
    reasoning: row.reasoning === true,
    source: price ?? limits ?? UNSOURCED,
    provenance: {
      price: price ?? null,
      limits: limits ?? null,
      modalities: modalities ?? null,
      parameters: abilities ?? null,
    },
  }
}

const UNSOURCED: SeedSource = { name: 'unknown', asOf: '1970-01-01' }

function readModel(
  row: SeedModel,
  sources: Readonly<Record<string, SeedSource>>,
  supportedParameters: readonly string[],
  list: (text: string) => readonly string[],
): Model {
  const [name, release, limits, modalities, cutoff] = [...row.from].map((code) => sources[code] ?? null)
  return {
    id: row.id,
    canonicalSlug: row.id,
    name: row.name,
    description: describe(row),
    created: row.created ?? 0,
    contextLength: row.context,
    maxOutput: row.maxOutput ?? null,
    inputModalities: list(row.input),
    outputModalities: list(row.output),
    tokenizer: row.tokenizer,
    instructType: null,
    huggingFaceId: row.huggingFaceId ?? null,
    knowledgeCutoff: row.cutoff ?? null,
    expirationDate: null,
    supportedParameters,
    reasoning: row.reasoning === true,
    distillable: distillableOf(row.id),
    aliases: row.aliases ?? [],
    provenance: {
      name: name ?? null,
      release: release ?? null,
      limits: limits ?? null,
      modalities: modalities ?? null,
      cutoff: cutoff ?? null,
    },
  }
}

/** Digits in groups of three; Intl takes longer to wake than the whole seed. */
const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',')

/** One sentence of facts; prose of others is not ours to copy. */
function describe({ name, context, input, output, reasoning }: SeedModel): string {
  const takes = input.replaceAll(',', ', ')
  const kind =
    output === 'embeddings'
      ? 'turns them into embeddings'
      : reasoning
        ? 'reasons before it answers'
        : 'answers in text'
  return `${name} takes ${takes} of up to ${grouped(context)} tokens and ${kind}.`
}
