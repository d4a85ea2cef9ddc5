/**
 * Makes src/catalog/seed from pinned packages: `node scripts/generate-catalog.ts [--cache DIR]`. Fetches them with their
 * registries' clients, checks their hashes, reads facts only, brings spellings of one model together, and fails when
 * two sources disagree on a price by more than 1 % and scripts/catalog/overrides.json does not say who is right.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contentHash } from '../src/catalog/hash.ts'
import type { SeedEndpoint, SeedModel } from '../src/catalog/seed-format.ts'
import { findProvider } from '../src/providers/index.ts'
import { buildEndpoint, CODES, type Draft, shared } from './catalog/build.ts'
import { buildModel } from './catalog/build-model.ts'
import { CURATED } from './catalog/curated.ts'
import { fetchPackage, SOURCES, type SourceId } from './catalog/download.ts'
import { type Disagreement, type Group, groupObservations, isServed, type Override } from './catalog/merge.ts'
import { MOVED, MOVING, OTHER_KINDS } from './catalog/name-rules.ts'
import { createNormaliser } from './catalog/names.ts'
import type { Observation } from './catalog/observation.ts'
import { AGGREGATORS, PROVIDERS } from './catalog/providers.ts'
import * as read from './catalog/read.ts'
import { readModelsDev } from './catalog/read-models-dev.ts'

const SEED = join(import.meta.dirname, '../src/catalog/seed')
/** Prices are read as of the freshest source's date, so that the outcome does not depend on the day of the run. */
const AS_OF = SOURCES['pi-ai'].asOf

function loadOverrides(): { prices: Override[] } {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'catalog/overrides.json'), 'utf8'))
}

async function observe(folders: Readonly<Record<SourceId, string>>): Promise<Observation[]> {
  const all = [
    ...read.readPi(folders['pi-ai']),
    ...(await read.readGenai(folders['genai-prices'], AS_OF)),
    ...read.readMastra(folders.mastra),
    ...readModelsDev(folders['models.dev']),
    ...read.readModelPrices(folders['model-prices']),
    ...(await read.readTokenlens(folders.tokenlens)),
    ...CURATED,
  ]
  return all.filter(
    ({ provider, upstreamId }) =>
      !MOVING.some((pattern) => pattern.test(upstreamId)) &&
      !OTHER_KINDS.test(upstreamId.toLowerCase()) &&
      !(
        provider === 'openrouter' &&
        (/^~|^openrouter\/|:batch$/.test(upstreamId) || !upstreamId.includes('/'))
      ),
  )
}

function listedBy(observations: readonly Observation[]): Map<Observation['source'], Set<string>> {
  const groups = Map.groupBy(observations, (seen) => seen.source)
  return new Map([...groups].map(([source, seen]) => [source, new Set(seen.map(({ provider }) => provider))]))
}

/** A router's list price is one of many prices: it is taken where the maker's own endpoint costs the same. */
function withRouterPrice(draft: Draft, drafts: readonly Draft[]): Draft {
  if (!AGGREGATORS.has(draft.provider) || !draft.price || draft.model.endsWith(':free')) return draft
  const hosts = drafts.filter(
    (other) => other.model === draft.model && other.price && !AGGREGATORS.has(other.provider),
  )
  const { prompt, completion } = draft.price
  if (hosts.some(({ price }) => price?.prompt === prompt && price.completion === completion)) return draft
  const { price: _, caching: __, ...rest } = draft
  return { ...rest, from: `-${draft.from.slice(1)}` }
}

function fail(disagreements: readonly Disagreement[]): never {
  const lines = disagreements.map((one) => `  ${JSON.stringify(one)}`)
  console.error(`${lines.length} prices differ by more than 1 % between sources and no override decides:`)
  console.error(
    `${lines.join('\n')}\nRead both, then add to prices in scripts/catalog/overrides.json: take, reason, decided.`,
  )
  process.exit(1)
}

function draftAll(groups: readonly Group[], overrides: readonly Override[]): Draft[] {
  const byModel = Map.groupBy(groups, (group) => group.model)
  const undecided: Disagreement[] = []
  const drafts: Draft[] = []
  for (const group of groups) {
    const family = byModel.get(group.model.replace(/:free$/, '')) ?? [group]
    const made = buildEndpoint(
      group,
      [...shared(family), ...family.flatMap((one) => one.observations)],
      overrides,
    )
    if (made && 'values' in made) undecided.push(made)
    else if (made) drafts.push(made)
    else console.warn(`left out, nobody knows its context: ${group.id}`)
  }
  const unused = overrides.filter(({ endpoint }) => !groups.some(({ id }) => id === endpoint))
  for (const { endpoint } of unused) console.warn(`override without endpoint: ${endpoint}`)
  if (undecided.length > 0) fail(undecided)
  return drafts.map((draft) => withRouterPrice(draft, drafts))
}

function finish(drafts: readonly Draft[], parameters: string[][]): SeedEndpoint[] {
  const known = new Map<string, number>()
  const intern = (names: readonly string[]): number => {
    const key = names.join()
    if (!known.has(key)) known.set(key, parameters.push([...names]) - 1)
    return known.get(key) ?? 0
  }
  return drafts.map(({ group: _, parameters: names, ...rest }) => ({ ...rest, parameters: intern(names) }))
}

/** What the model's own maker calls it besides the name that is sent: dated ids, older spellings. */
function otherNames(drafts: readonly Draft[]): string[] {
  const sent = new Set(drafts.map(({ upstream }) => upstream.toLowerCase()))
  const names = drafts.flatMap(({ group, provider }) =>
    provider === 'amazon-bedrock' || AGGREGATORS.has(provider) || group.tag !== provider
      ? []
      : group.observations.map(({ upstreamId }) => upstreamId.toLowerCase()),
  )
  return [...new Set(names)].filter((name) => !sent.has(name) && !name.includes('/')).sort()
}

/** Names are the registry's; an endpoint that speaks another format than its provider would never be reached. */
function registered(id: string, dialect: string): { name: string; dialect: string } {
  const provider = findProvider(id)
  if (provider?.id !== id) throw new Error(`src/providers has no provider ${id}`)
  if (provider.dialect !== dialect)
    throw new Error(`${id} speaks ${provider.dialect}, the catalog says ${dialect}`)
  return { name: provider.name, dialect }
}

/** JSON with one row a line: diffs of the seed read as changes of models and endpoints. */
function write(file: string, head: object, key: string, rows: readonly object[]): void {
  const open = JSON.stringify(head).slice(0, -1)
  writeFileSync(
    join(SEED, file),
    `${open},"${key}":[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]}\n`,
  )
}

async function main(): Promise<void> {
  const flag = process.argv.indexOf('--cache')
  const cache = (flag > 0 && process.argv[flag + 1]) || join(tmpdir(), 'waybill-catalog')
  const ids = Object.keys(SOURCES) as SourceId[]
  const folders = Object.fromEntries(ids.map((id) => [id, fetchPackage(id, cache)])) as Record<
    SourceId,
    string
  >
  const { prices: overrides } = loadOverrides()
  const observations = await observe(folders)
  const nameOf = createNormaliser(await read.readKnownIds(folders))
  const groups = groupObservations(
    observations.filter(({ source }) => source !== 'tokenlens'),
    nameOf,
  )
  const listed = listedBy(observations)
  const drafts = draftAll(
    groups.filter((group) => isServed(group, listed)),
    overrides,
  )
  const dated = Map.groupBy(observations, (seen) => nameOf(seen.provider, seen.upstreamId).model)
  const routerNames = new Map(
    observations
      .filter((seen) => seen.provider === 'openrouter' && seen.name)
      .map((seen) => [seen.upstreamId, seen.name]),
  )
  const models: SeedModel[] = [...Map.groupBy(drafts, (draft) => draft.model)]
    .map(([id, members]) => {
      const moved = Object.entries(MOVED).flatMap(([alias, target]) => (target === id ? [alias] : []))
      const aliases = [...moved, ...otherNames(members)]
      const model = buildModel(id, members, dated.get(id) ?? [], routerNames.get(id))
      return aliases.length > 0 ? { ...model, aliases } : model
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const key = (row: SeedEndpoint) => `${row.model}@${row.provider}/${row.suffix ?? ''}`
  const parameters: string[][] = []
  const endpoints = finish(drafts, parameters).sort((a, b) => (key(a) < key(b) ? -1 : 1))
  const sources = Object.fromEntries(
    Object.entries(CODES).map(([id, code]) => {
      const pin = SOURCES[id as SourceId]
      return [
        code,
        pin
          ? { name: `${pin.package} ${pin.version}`, asOf: pin.asOf }
          : { name: 'waybill', asOf: '2026-11-24' },
      ]
    }),
  )
  const providers = Object.fromEntries(
    Object.entries(PROVIDERS).map(([id, { dialect }]) => [id, registered(id, dialect)]),
  )
  mkdirSync(SEED, { recursive: true })
  const version = `seed-${AS_OF}-${contentHash(JSON.stringify([models, endpoints]))}`
  write('models.json', { version, sources }, 'models', models)
  write('endpoints.json', { providers, parameters }, 'endpoints', endpoints)
  report(models, endpoints)
}

function report(models: readonly SeedModel[], endpoints: readonly SeedEndpoint[]): void {
  const direct = endpoints.filter(({ provider }) => !AGGREGATORS.has(provider))
  const served = new Set(direct.map(({ model }) => model))
  const priced = direct.filter(({ price }) => price).length
  console.log(
    `${models.length} models (${served.size} direct), ${new Set(direct.map((e) => e.provider)).size} providers,`,
  )
  console.log(
    `${direct.length} endpoints (${priced} priced), ${endpoints.length - direct.length} at aggregators`,
  )
  console.log(`${models.filter((model) => !model.created).length} models without a date of release`)
}

await main()
