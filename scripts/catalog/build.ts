import type { SeedEndpoint, SeedModel } from '../../src/catalog/seed-format.ts'
import { picoPerToken, type TariffText, type TierText } from '../../src/catalog/tariff.ts'
import { authorName, tokenizerOf } from './authors.ts'
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
const FACT_ORDER: readonly SourceId[] = [
  'pi-ai',
  'models.dev',
  'genai-prices',
  'mastra',
  'model-prices',
  'tokenlens',
]

/** An endpoint before its parameters are interned. */
export type Draft = Omit<SeedEndpoint, 'parameters'> & {
  readonly parameters: readonly string[]
  readonly group: Group
}

/** The first source in order that states a fact, with its code; `-` when none does. */
function look<T>(
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
  const dialect =
    RESPONSES_ONLY.test(group.model) && group.provider !== 'openrouter' ? 'openai-responses' : undefined
  const usual = PROVIDERS[group.provider]?.dialect ?? 'openai-chat'
  const actual =
    usual === 'openai-chat' && ['openai', 'azure'].includes(group.provider) ? (dialect ?? usual) : usual
  const { can, from } = abilities(own, siblings)
  const parameters = embeds ? [] : supportedParameters(group.provider, actual, can)
  return {
    model: group.model,
    provider: group.provider,
    ...(group.tag === group.provider ? {} : { suffix: group.tag.slice(group.provider.length + 1) }),
    upstream: upstreamId(group),
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
    ...(price?.cacheRead && !['anthropic-messages', 'bedrock-converse'].includes(actual)
      ? { caching: true as const }
      : {}),
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
  const from = (source: SourceId) => seen.find((o) => o.source === source && o.input !== undefined)
  const best = from('models.dev') ?? from('pi-ai')
  const listed = best?.input?.filter((kind) => !(model.startsWith('openai/') && kind === 'video'))
  return [listed, best ? CODES[best.source] : '-']
}

/** Audio in at another price than text has no place in a tariff: such an endpoint does not offer it. */
const hasAudioPrice = (seen: readonly Observation[]): boolean =>
  seen.some(({ audioPriced }) => audioPriced === true)

const ORDER = ['text', 'image', 'file', 'audio', 'video']

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

/** Makes the model of its endpoints. `dated` are observations of the model anywhere, also old ones. */
export function buildModel(
  id: string,
  drafts: readonly Draft[],
  dated: readonly Observation[],
  routerName: string | undefined,
): SeedModel {
  const [author = '', slug = ''] = id.split(/\/(.*)/s)
  const own = shared(drafts.map(({ group }) => group))
  const [name, nameFrom] = routerName
    ? [routerName, 'p']
    : look(own, (seen) => seen.name?.replace(/ \([^)]*\)$/, ''))
  const [released, releasedFrom] = releaseOf(id, dated)
  const [cutoff, cutoffFrom] = look(dated, (seen) => seen.knowledge)
  const union = (read: (draft: Draft) => string) => {
    const all = new Set(drafts.flatMap((draft) => read(draft).split(',')))
    return [...ORDER, 'embeddings'].filter((kind) => all.has(kind)).join(',')
  }
  const widest = drafts.reduce((best, draft) => (draft.context > best.context ? draft : best))
  const maxOutput = Math.max(0, ...drafts.map((draft) => draft.maxOutput ?? 0))
  const huggingFaceId = drafts.find((draft) => draft.provider === 'huggingface')?.upstream
  return {
    id,
    name: name?.includes(': ') ? name.trim() : `${authorName(author)}: ${(name ?? titled(slug)).trim()}`,
    ...(released ? { created: Date.parse(released) / 1000 } : {}),
    context: widest.context,
    ...(maxOutput > 0 ? { maxOutput } : {}),
    input: union((draft) => draft.input),
    output: union((draft) => draft.output),
    tokenizer: tokenizerOf(id),
    ...(huggingFaceId ? { huggingFaceId } : {}),
    ...(cutoff ? { cutoff } : {}),
    ...(drafts.some((draft) => draft.reasoning) ? { reasoning: true as const } : {}),
    from: [nameFrom, releasedFrom, widest.from[1], drafts[0]?.from[2], cutoffFrom].join(''),
  }
}

const titled = (slug: string): string =>
  slug.replace(/(^|-)([a-z])/g, (_, dash, letter) => (dash ? ' ' : '') + letter.toUpperCase())

/** The day of release: the earliest that a source knows, else the date in the name. */
function releaseOf(id: string, dated: readonly Observation[]): [string | undefined, string] {
  const known = dated
    .filter((seen) => seen.released)
    .sort((a, b) => ((a.released ?? '') < (b.released ?? '') ? -1 : 1))
  const first = known.find((seen) => seen.source === 'tokenlens') ?? known[0]
  if (first) return [first.released, CODES[first.source]]
  const day = /-(20\d\d)-?(\d\d)-?(\d\d)(?:$|-)/.exec(id)
  if (day) return [`${day[1]}-${day[2]}-${day[3]}`, 'c']
  const month = /-(2[3-9])(0[1-9]|1[0-2])(?:$|-)/.exec(id)
  return month ? [`20${month[1]}-${month[2]}-01`, 'c'] : [undefined, '-']
}
