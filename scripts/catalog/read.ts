import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { SourceId } from './download.ts'
import type { Observation, Price, PriceTier } from './observation.ts'
import { PROVIDERS, UPSTREAM_IDS } from './providers.ts'
import { type GenaiModel, genaiPrice, pricesAudio } from './read-genai.ts'
import { type Json, positive, readJson, said } from './said.ts'

interface PiModel {
  id: string
  name: string
  type: string
  api: string
  reasoning?: boolean
  input: string[]
  cost: { input: number; output: number; cacheRead: number; cacheWrite: number; tiers?: PiTier[] }
  contextWindow?: number
  maxTokens?: number
  compat?: { supportsTemperature?: boolean; supportsStrictMode?: boolean }
}
type PiTier = {
  inputTokensAbove: number
  input: number
  output: number
  cacheRead: number
  cacheWrite: number
}

function piPrice(id: string, cost: PiModel['cost']): Price | undefined {
  if (!(cost.input > 0 || cost.output > 0)) return id.endsWith(':free') ? { input: 0, output: 0 } : undefined
  const tiers = cost.tiers?.map((tier) =>
    said<PriceTier>({
      above: tier.inputTokensAbove,
      input: tier.input,
      output: tier.output,
      cacheRead: positive(tier.cacheRead),
      cacheWrite: positive(tier.cacheWrite),
    }),
  )
  const { input, output } = cost
  return said<Price>({
    input,
    output,
    cacheRead: positive(cost.cacheRead),
    cacheWrite: positive(cost.cacheWrite),
    tiers,
  })
}

/** pi-ai: one JSON file a provider, models grouped by wire format; lists models that call tools. */
export function readPi(folder: string): Observation[] {
  return Object.entries(PROVIDERS).flatMap(([provider, { pi }]) => {
    if (!pi) return []
    const file = readJson(join(folder, 'dist/providers/data', `${pi}.json`)) as Record<
      string,
      Record<string, PiModel>
    >
    return Object.values(file)
      .flatMap((models) => Object.values(models))
      .filter((model) => model.type === 'chat')
      .map((model) =>
        said<Observation>({
          source: 'pi-ai',
          provider,
          upstreamId: model.id,
          name: model.name,
          price: piPrice(model.id, model.cost),
          context: positive(model.contextWindow),
          maxOutput: positive(model.maxTokens),
          input: model.input,
          output: ['text'],
          reasoning: model.reasoning === true,
          tools: true,
          temperature: model.compat?.supportsTemperature === false ? false : undefined,
        }),
      )
  })
}

/** genai-prices: an ES module with its table inside; asked through its own lookup. */
export async function readGenai(folder: string, asOf: string): Promise<Observation[]> {
  const module = (await import(pathToFileURL(join(folder, 'dist/index.js')).href)) as {
    findProvider(options: { providerId: string }): { models: GenaiModel[] } | undefined
  }
  const models = (id: string) => (id === '' ? [] : (module.findProvider({ providerId: id })?.models ?? []))
  const observe = (provider: string, model: GenaiModel): Observation =>
    said<Observation>({
      source: 'genai-prices',
      provider,
      upstreamId: UPSTREAM_IDS[provider]?.[model.id] ?? model.id,
      name: model.name,
      price: genaiPrice(model, asOf),
      context: positive(model.context_window),
      retired: model.deprecated === true ? true : undefined,
      audioPriced: pricesAudio(model) ? true : undefined,
    })
  // Who serves partners has its own models listed under another provider already.
  return Object.entries(PROVIDERS).flatMap(([provider, { genai, partners = /^/ }]) =>
    models(genai ?? '')
      .filter(({ id }) => partners.test(id))
      .map((model) => observe(provider, model)),
  )
}

/** OpenRouter's ids as the packages know them, freshest first: the spellings users expect. */
export async function readKnownIds(folders: Readonly<Record<SourceId, string>>): Promise<string[]> {
  const pi = Object.values(
    readJson(join(folders['pi-ai'], 'dist/providers/data/openrouter.json')) as Record<string, Json>,
  )
  const mastra = readJson(join(folders.mastra, 'dist/provider-registry.json'))['models'] as Record<
    string,
    string[]
  >
  const genai = (await import(pathToFileURL(join(folders['genai-prices'], 'dist/index.js')).href)) as {
    findProvider(options: { providerId: string }): { models: GenaiModel[] } | undefined
  }
  return [
    ...pi.flatMap((models) => Object.values(models).map((model) => (model as PiModel).id)),
    ...(mastra['openrouter'] ?? []),
    ...(genai.findProvider({ providerId: 'openrouter' })?.models ?? []).map((model) => model.id),
  ]
    .filter((id) => id.includes('/') && !id.startsWith('~') && !id.startsWith('openrouter/'))
    .map((id) => id.replace(/:[a-z]+$/, ''))
}

/** mastra: which ids a provider lists, and which of them take schemas, files and a temperature. */
export function readMastra(folder: string): Observation[] {
  const lists = readJson(join(folder, 'dist/provider-registry.json'))['models'] as Record<string, string[]>
  return Object.entries(PROVIDERS).flatMap(([provider, { dev }]) => {
    const ids = dev && dev !== 'openrouter' ? (lists[dev] ?? []) : []
    if (ids.length === 0) return []
    const file = join(folder, 'dist/capabilities', `${dev}.json`)
    const sets = existsSync(file) ? (readJson(file) as Record<string, string[]>) : {}
    return ids.map((upstreamId) =>
      said<Observation>({
        source: 'mastra',
        provider,
        upstreamId,
        structured: sets['structuredOutput']?.includes(upstreamId),
        temperature: sets['temperature']?.includes(upstreamId),
      }),
    )
  })
}

type Rates = {
  input: number
  output: number
  cache_read?: number
  cache_write?: number
  tiers?: RateTier[]
  valid_from: string
  cache_write_1h_multiple?: number
}
type RateTier = { above: number; input?: number; output?: number; cache_read?: number; cache_write?: number }

/** model-prices: dated price lists of first parties, and which models are withdrawn. */
export function readModelPrices(folder: string): Observation[] {
  const file = readJson(join(folder, 'model_prices/snapshot.json'))
  const prices = file['prices'] as Record<string, Record<string, { standard?: { rates: Rates | null }[] }>>
  const status = file['status'] as Record<string, Record<string, string>>
  return Object.entries(PROVIDERS).flatMap(([provider, { mp }]) =>
    Object.entries((mp && prices[mp]) || {}).map(([upstreamId, { standard = [] }]) => {
      const rates = standard.at(-1)?.rates
      const state = status[mp ?? '']?.[upstreamId]
      return said<Observation>({
        source: 'model-prices',
        provider,
        upstreamId,
        price: rates ? ratesPrice(rates) : undefined,
        retired: state === 'removed' ? true : undefined,
        released: standard.find((entry) => entry.rates)?.rates?.valid_from.slice(0, 10),
      })
    }),
  )
}

function ratesPrice(rates: Rates): Price | undefined {
  if (!(rates.input > 0 || rates.output > 0)) return undefined
  const convert = (from: Partial<Rates>) => ({
    input: from.input,
    output: from.output,
    cacheRead: positive(from.cache_read),
    cacheWrite: positive(from.cache_write),
  })
  const tiers = rates.tiers?.map((tier) => said<PriceTier>({ above: tier.above, ...convert(tier) }))
  return said<Price>({ ...convert(rates), input: rates.input, output: rates.output, tiers })
}

/** tokenlens: an old copy of models.dev that still carries release dates. */
export async function readTokenlens(folder: string): Promise<Observation[]> {
  const names = readdirSync(join(folder, 'dist/providers')).filter((file) => file.endsWith('.js'))
  const observations: Observation[] = []
  for (const [provider, { dev }] of Object.entries({ ...PROVIDERS, openrouter: { dev: 'openrouter' } })) {
    if (!dev || !names.includes(`${dev}.js`)) continue
    const module = (await import(pathToFileURL(join(folder, 'dist/providers', `${dev}.js`)).href)) as Json
    const { models } = Object.values(module)[0] as {
      models: Record<string, { release_date?: string; knowledge?: string }>
    }
    for (const [upstreamId, model] of Object.entries(models)) {
      const { release_date: released, knowledge } = model
      observations.push(said<Observation>({ source: 'tokenlens', provider, upstreamId, released, knowledge }))
    }
  }
  return observations
}
