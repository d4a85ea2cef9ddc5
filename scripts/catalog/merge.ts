import type { SourceId } from './download.ts'
import type { ModelName } from './names.ts'
import type { Observation, Price } from './observation.ts'
import { PROVIDERS } from './providers.ts'

/** All that the sources say about one endpoint: a model at a provider under one tag. */
export interface Group {
  readonly id: string
  readonly model: string
  readonly provider: string
  readonly tag: string
  readonly quantization: string
  readonly observations: readonly Observation[]
}

/** Which of two disagreeing prices is right, and why. Holds for exactly the values that were compared. */
export interface Override {
  readonly endpoint: string
  readonly take: SourceId
  /** Price by source as it was when the decision was made: see `priceText`. */
  readonly values: Readonly<Record<string, string>>
  readonly reason: string
  readonly decided: string
}

export interface Disagreement {
  readonly endpoint: string
  readonly values: Readonly<Record<string, string>>
}

type Named = Observation & { readonly named: ModelName }

/**
 * Brings observations of one endpoint together.
 * @param nameOf the normaliser of names.ts
 */
export function groupObservations(
  observations: readonly Observation[],
  nameOf: (provider: string, upstreamId: string) => ModelName,
): Group[] {
  const named: Named[] = observations.map((seen) => ({
    ...seen,
    named: nameOf(seen.provider, seen.upstreamId),
  }))
  const groups = Map.groupBy(
    named.filter((seen) => seen.named.suffix !== 'regional'),
    groupId,
  )
  for (const seen of named.filter(({ named: { suffix } }) => suffix === 'regional')) spread(seen, groups)
  return [...groups].map(([id, members]) => {
    const [first] = members as [Named]
    return {
      id,
      model: first.named.model,
      provider: first.provider,
      tag: tagOf(first),
      quantization: first.named.quantization,
      observations: members,
    }
  })
}

function tagOf({ provider, named }: Named): string {
  const parts = [named.suffix, named.quantization === 'unknown' ? null : named.quantization]
  const suffix = parts.filter((part) => typeof part === 'string').join('-')
  return suffix ? `${provider}/${suffix}` : provider
}

const groupId = (seen: Named): string => `${seen.named.model}@${tagOf(seen)}`

/** "regional" is a source's word for every place but the global profile: it speaks about each of those endpoints. */
function spread(seen: Named, groups: Map<string, Named[]>): void {
  for (const members of groups.values()) {
    const [first] = members
    if (first?.provider !== seen.provider || first.named.model !== seen.named.model) continue
    if (first.named.suffix !== 'global' && first.named.suffix !== 'us-gov') members.push(seen)
  }
}

/** Whose word on a price goes first: the fresher list. */
export const PRICE_ORDER: readonly Observation['source'][] = [
  'pi-ai',
  'model-prices',
  'genai-prices',
  'models.dev',
  'curated',
]

const COMPARED = ['input', 'output', 'cacheRead', 'cacheWrite'] as const

/** Figures of a price in one line, e.g. `0.3/2.5 read 0.03`. */
export function priceText(price: Price): string {
  const { input, output, cacheRead, cacheWrite } = price
  const read = cacheRead === undefined ? '' : ` read ${cacheRead}`
  return `${input}/${output}${read}${cacheWrite === undefined ? '' : ` write ${cacheWrite}`}`
}

const apart = (a: number | undefined, b: number | undefined): boolean =>
  a !== undefined && b !== undefined && Math.abs(a - b) > 0.01 * Math.max(a, b)

const disagree = (a: Price, b: Price): boolean => COMPARED.some((kind) => apart(a[kind], b[kind]))

/**
 * Chooses the price of an endpoint. The freshest source wins when all that speak agree within 1 %; where they don't, an
 * override must say who is right. models.dev is left out beside pi-ai, which is a later copy of the same list.
 * @returns the price and its source, or the disagreement that nobody has decided
 */
export function choosePrice(
  group: Group,
  overrides: readonly Override[],
): { price: Price | null; source: Observation['source'] | null } | Disagreement {
  const said = new Map<Observation['source'], Price>()
  for (const source of PRICE_ORDER) {
    const price = cheapestTalk(group.observations.filter((seen) => seen.source === source))
    if (price && !(source === 'models.dev' && said.has('pi-ai'))) said.set(source, price)
  }
  const [first] = said
  if (!first) return { price: null, source: null }
  const [source, price] = first
  if (![...said.values()].some((other) => disagree(price, other))) return { price: fill(price, said), source }
  const values = Object.fromEntries([...said].map(([id, value]) => [id, priceText(value)]))
  const override = overrides.find(({ endpoint }) => endpoint === group.id)
  const chosen = override && sameValues(override.values, values) ? said.get(override.take) : undefined
  if (!override || !chosen) return { endpoint: group.id, values }
  return { price: chosen, source: override.take }
}

const sameValues = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean =>
  Object.keys(a).length === Object.keys(b).length &&
  Object.entries(a).every(([key, value]) => b[key] === value)

/** Several ids of one endpoint in one source (an alias and a dated name): the dearer speaks. */
function cheapestTalk(observations: readonly Observation[]): Price | undefined {
  const prices = observations.flatMap(({ price }) => (price ? [price] : []))
  return prices.sort((a, b) => b.output - a.output || b.input - a.input)[0]
}

/** Takes kinds that the chosen source leaves open (one-hour writes, reasoning, calls) from one that agrees with it. */
function fill(price: Price, said: ReadonlyMap<Observation['source'], Price>): Price {
  let full = price
  for (const other of said.values()) full = { ...other, ...full, tiers: full.tiers ?? other.tiers ?? [] }
  return full
}

/** Models that answer with vectors; told by name, since lists of chat models leave them out. */
export const EMBEDDINGS = /embed|^voyage\/|^baai\/bge-|gte-|e5-/

const isPartner = ({ provider, observations }: Group): boolean => {
  const partners = PROVIDERS[provider]?.partners
  return partners !== undefined && observations.every(({ upstreamId }) => partners.test(upstreamId))
}

/**
 * Whether the provider still serves the endpoint: listed by the freshest source that lists the provider. A list of
 * tool-calling models says nothing about models that call no tools; those are looked up in the next fresher list.
 */
export function isServed(
  group: Group,
  listed: ReadonlyMap<Observation['source'], ReadonlySet<string>>,
): boolean {
  const from = (source: SourceId) => group.observations.find((seen) => seen.source === source)
  if (from('pi-ai')) return true
  const withdrawn = group.observations.find((seen) => seen.retired)
  if (withdrawn && !(withdrawn.source === 'models.dev' && from('mastra'))) return false
  if (EMBEDDINGS.test(group.model)) return true
  if (isPartner(group)) return from('models.dev') !== undefined || from('genai-prices') !== undefined
  if (listed.get('pi-ai')?.has(group.provider) && from('models.dev')?.tools) return false
  if (listed.get('mastra')?.has(group.provider)) return from('mastra') !== undefined
  if (from('model-prices')) return true
  if (listed.get('models.dev')?.has(group.provider)) return from('models.dev') !== undefined
  return true
}
