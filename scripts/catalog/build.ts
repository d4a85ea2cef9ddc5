import type { SeedEndpoint } from '../../src/catalog/seed-format.ts'
import { picoPerToken, type TariffText, type TierText } from '../../src/catalog/tariff.ts'
import { dialectOf, findProvider } from '../../src/providers/index.ts'
import type { SourceId } from './download.ts'
import { choosePrice, type Disagreement, EMBEDDINGS, type Group, type Override } from './merge.ts'
import type { Observation, Price, PriceTier } from './observation.ts'
import { type Abilities, CONTEXTS, supportedParameters } from './parameters.ts'
import { AGGREGATORS, PROVIDERS } from './providers.ts'

/** One-letter codes of sources in the seed; `c` is our own knowledge (parameters.ts, providers' references). */
export const CODES: Readonly<Record<SourceId | 'curated', string>> = {
  'pi-ai': 'p',
  'genai-prices': 'g',
  mastra: 'm',
  'models.dev': 'd',
  'model-prices': 'x',
  tokenlens: 't',
  curated: 'c',
}

/** Freshest first; the order in which a fact other than a price is looked up. */
const FACT_ORDER: readonly Observation['source'][] = [
  'pi-ai',
  'models.dev',
  'genai-prices',
  'mastra',
  'model-prices',
  'tokenlens',
  'curated',
]

/** An endpoint before its parameters are interned. */
export type Draft = Omit<SeedEndpoint, 'parameters'> & {
  readonly parameters: readonly string[]
  readonly group: Group
}

/** The first source in order that states a fact, with its code; `-` when none does. */
export function look<T>(
  seen: readonly Observation[],
  read: (seen: Observation) => T | undefined,
): [T | undefined, string] {
  for (const source of FACT_ORDER) {
    for (const observation of seen) {
      const value = observation.source === source ? read(observation) : undefined
      if (value !== undefined) return [value, CODES[source]]
    }
  }
  return [undefined, '-']
}

/** Models that OpenAI serves through the Responses API only. */
const RESPONSES_ONLY = /^openai\/(o\d-pro|o\d-deep-research|gpt-[\d.]+-pro|gpt-[\d.]+-codex|codex-mini)/

/** Formats whose models cache only what a marker asks for. */
const ASKED_TO_CACHE: ReadonlySet<string> = new Set([
  'anthropic-messages',
  'bedrock-converse',
  'bedrock-invoke',
  'vertex-messages',
])

function dialectFor({ model, provider }: Group, usual: string, upstream: string): string {
  if (RESPONSES_ONLY.test(model) && ['openai', 'azure'].includes(provider)) return 'openai-responses'
  const definition = findProvider(provider)
  return definition === undefined ? usual : dialectOf(definition, upstream)
}

/** Facts that a model has in common at all its hosts, for hosts whose lists are short; a router speaks last. */
export function shared(groups: readonly Group[]): Observation[] {
  const hosts = groups.filter(({ provider }) => !AGGREGATORS.has(provider))
  return (hosts.length > 0 ? hosts : groups).flatMap(({ observations }) => observations)
}

/**
 * Makes one endpoint from all that is said about it.
 * @param siblings observations of the same model at other providers
 * @returns null when nobody knows how long its context is; a Disagreement when prices differ undecided
 */
export function buildEndpoint(
  group: Group,
  siblings: readonly Observation[],
  overrides: readonly Override[],
): Draft | Disagreement | null {
  const own = group.observations
  const embeds = EMBEDDINGS.test(group.model)
  const [context, limitsFrom] = either(
    look(own, (o) => o.context),
    () => smallest(siblings, group.model),
  )
  if (context === undefined) return null
  const chosen = choosePrice(group, overrides)
  if ('endpoint' in chosen) return chosen
  const price = chosen.price && toTariff(chosen.price, embeds, group)
  const [maxOutput] = look(own, (o) => o.maxOutput)
  const [maxPrompt] = look(own, (o) => o.maxPrompt)
  const [input, modalitiesFrom] = either(richest(own, group), () => richest(siblings, group))
  const usual = PROVIDERS[group.provider]?.dialect ?? 'openai-chat'
  const upstream = upstreamId(group)
  const actual = dialectFor(group, usual, upstream)
  const { can, from } = abilities(own, siblings)
  const parameters = embeds ? [] : supportedParameters(group.provider, actual, can)
  return {
    model: group.model,
    provider: group.provider,
    ...(group.tag === group.provider ? {} : { suffix: group.tag.slice(group.provider.length + 1) }),
    upstream,
    ...(actual === usual ? {} : { dialect: actual }),
    context,
    ...(maxOutput === undefined || embeds ? {} : { maxOutput: Math.min(maxOutput, context) }),
    ...(maxPrompt === undefined || maxPrompt >= context ? {} : { maxPrompt }),
    ...(group.quantization === 'unknown' ? {} : { quantization: group.quantization }),
    ...(price ? { price } : {}),
    parameters,
    input: modalities(input ?? ['text'], usual, price !== null && hasAudioPrice([...own, ...siblings])),
    output: embeds ? 'embeddings' : 'text',
    ...(can.reasoning && !embeds ? { reasoning: true as const } : {}),
    ...(price?.cacheRead && !ASKED_TO_CACHE.has(actual) ? { caching: true as const } : {}),
    from: [
      price && chosen.source ? CODES[chosen.source] : '-',
      limitsFrom,
      input ? modalitiesFrom : 'c',
      from,
    ].join(''),
    group,
  }
}

const either = <T>(
  first: [T | undefined, string],
  second: () => [T | undefined, string],
): [T | undefined, string] => (first[0] === undefined ? second() : first)

/** The least context that a sibling offers: a host that does not say gets no more than the others. */
function smallest(siblings: readonly Observation[], model: string): [number | undefined, string] {
  const curated = CONTEXTS.find(([pattern]) => pattern.test(model))?.[1]
  if (curated) return [curated, CODES.curated]
  const known = siblings
    .filter((seen) => seen.context !== undefined)
    .sort((a, b) => (a.context ?? 0) - (b.context ?? 0))
  return [known[0]?.context, known[0] ? CODES[known[0].source] : '-']
}

/** pi-ai tells text and image apart only: models.dev, which knows files, audio and video, goes first here. */
function richest(seen: readonly Observation[], { model }: Group): [readonly string[] | undefined, string] {
  const from = (source: Observation['source']) =>
    seen.find((o) => o.source === source && o.input !== undefined)
  const best = from('models.dev') ?? from('pi-ai') ?? from('curated')
  const listed = best?.input?.filter((kind) => !(model.startsWith('openai/') && kind === 'video'))
  return [listed, best ? CODES[best.source] : '-']
}

/** Audio in at another price than text has no place in a tariff: such an endpoint does not offer it. */
const hasAudioPrice = (seen: readonly Observation[]): boolean =>
  seen.some(({ audioPriced }) => audioPriced === true)

export const ORDER = ['text', 'image', 'file', 'audio', 'video']

function modalities(list: readonly string[], dialect: string, audioPriced: boolean): string {
  const keeps = (kind: string) =>
    !(kind === 'audio' && audioPriced) && !(kind === 'video' && dialect !== 'gemini')
  return ORDER.filter((kind) => (kind === 'text' || list.includes(kind)) && keeps(kind)).join(',')
}

function abilities(
  own: readonly Observation[],
  siblings: readonly Observation[],
): { can: Abilities; from: string } {
  const flag = (read: (o: Observation) => boolean | undefined): [boolean | undefined, string] =>
    either(look(own, read), () => look(siblings, read))
  const [tools, toolsFrom] = flag((o) => o.tools)
  const [structured, structuredFrom] = look(own, (o) => (o.source === 'pi-ai' ? undefined : o.structured))
  const temperature = ![...own, ...siblings].some((o) => o.source === 'pi-ai' && o.temperature === false)
  const can = {
    tools: tools ?? false,
    reasoning: flag((o) => o.reasoning)[0] ?? false,
    structured: structured ?? false,
    temperature,
  }
  return { can, from: structured ? structuredFrom : toolsFrom === '-' ? 'c' : toolsFrom }
}

/** The id to send: the provider's own short name before dated ones, the classic form at Bedrock. */
function upstreamId({ provider, observations }: Group): string {
  const fresh = FACT_ORDER.find((source) => observations.some((seen) => seen.source === source)) ?? 'pi-ai'
  const real = observations.filter((seen) => !/^regional\./.test(seen.upstreamId))
  const ids = real.filter((seen) => seen.source === fresh || !real.some((o) => o.source === fresh))
  const sorted = ids.map((seen) => seen.upstreamId)
  sorted.sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
  return (provider === 'amazon-bedrock' ? sorted.at(-1) : sorted[0]) ?? ''
}

/** Figures as sources compute them carry noise (0.30000000000000004): nine digits are exact for every list. */
const figure = (usd: number): string => picoPerToken(Number(usd.toPrecision(9)).toFixed(9)).toString()

const KINDS = [
  ['input', 'prompt'],
  ['output', 'completion'],
  ['cacheRead', 'cacheRead'],
  ['cacheWrite', 'cacheWrite'],
  ['cacheWrite1h', 'cacheWrite1h'],
] as const

function kinds(price: Partial<Price> | PriceTier): Record<string, string> {
  const text: Record<string, string> = {}
  for (const [from, to] of KINDS) if (price[from] !== undefined) text[to] = figure(price[from])
  return text
}

/** A price of ours, or null where a kind that every call uses is zero or unsaid: unknown, not free. */
function toTariff(price: Price, embeds: boolean, group: Group): TariffText | null {
  const free = group.observations.some((seen) => seen.upstreamId.endsWith(':free'))
  if (!free && (price.input <= 0 || (!embeds && price.output <= 0))) return null
  const text = kinds(embeds ? { input: price.input, output: 0 } : price)
  if (price.reasoning !== undefined) text['reasoning'] = figure(price.reasoning)
  if (price.request !== undefined) text['request'] = (picoPerToken(String(price.request)) * 1000n).toString()
  const tiers = (price.tiers ?? []).map(
    (tier) => ({ minPromptTokens: tier.above, ...kinds(tier) }) as TierText,
  )
  return { ...text, ...(tiers.length > 0 ? { tiers } : {}) } as unknown as TariffText
}
