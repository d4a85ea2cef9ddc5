import { AUTHORS, FAMILIES, QUANTIZATIONS, REGIONS, RENAMED, SAME, SERVICE_SUFFIXES } from './name-rules.ts'

/** What a provider's model name means. */
export interface ModelName {
  /** `author/name` as users type it; the same for one model at every host. */
  readonly model: string
  /** OpenRouter's quantization word, `unknown` when the name does not tell. */
  readonly quantization: string
  /** Region or service tier that the name carries (`us`, `turbo`): becomes the endpoint tag's suffix. */
  readonly suffix: string | null
}

/**
 * A key under which spellings of one name meet: case, separators and the dash before a version do not count
 * (`claude-opus-4-5` = `Claude-Opus-4.5`, `qwen2.5` = `qwen-2.5`), sizes and dates do (`1.7b` ≠ `17b`).
 */
export function spelling(id: string): string {
  return id
    .toLowerCase()
    .replace(/[\s._]+/g, '-')
    .replace(/([a-z]{3,})(?=\d)/g, '$1-')
    .replace(/-+/g, '-')
}

/**
 * Makes a normaliser for names of models.
 * @param knownIds canonical `author/name` ids that users already know (OpenRouter's list); a name that is spelled
 *   differently takes the spelling of the list.
 * @returns a function of provider slug and the provider's model id. It merges spellings, never models: size, date,
 *   base/instruct and generation stay part of the name; quantization and service tier are taken off into their fields.
 */
export function createNormaliser(
  knownIds: Iterable<string>,
): (provider: string, upstreamId: string) => ModelName {
  const known = new Map<string, string>()
  for (const id of knownIds) if (!known.has(spelling(id))) known.set(spelling(id), id)
  return (provider, upstreamId) => {
    const { region, rest } = takeRegion(provider, upstreamId)
    const renamed = RENAMED[provider]?.[rest]
    if (renamed) return { model: renamed, quantization: 'unknown', suffix: region }
    const { author, name } = splitAuthor(provider, unwrap(rest))
    const exact = find(known, author, name)
    if (exact) return { model: exact, quantization: 'unknown', suffix: region }
    const { bare, quantization, service } = takeSuffixes(provider, name)
    return {
      model: find(known, author, bare) ?? `${authorOf(author, bare)}/${bare}`,
      quantization,
      suffix: region ?? service,
    }
  }
}

/** A region that the id of a model carries in front (Amazon's inference profiles). */
function takeRegion(provider: string, id: string): { region: string | null; rest: string } {
  const match = provider === 'amazon-bedrock' ? REGIONS.exec(id) : null
  return match ? { region: match[1] ?? null, rest: id.slice(match[0].length) } : { region: null, rest: id }
}

/** Takes off what the provider's id scheme wraps around a name. */
function unwrap(id: string): string {
  return id
    .replace(/^accounts\/[^/]+\/(models|routers)\//, '')
    .replace(/^@cf\//, '')
    .replace(/@(default|\d{8})$/, '')
    .replace(/(\d)[p_](\d)/g, '$1.$2')
    .replace(/-v?\d+:\d+$/, '')
}

function splitAuthor(provider: string, id: string): { author: string | null; name: string } {
  const slash = id.lastIndexOf('/')
  if (slash >= 0) return { author: id.slice(0, slash).toLowerCase(), name: id.slice(slash + 1).toLowerCase() }
  const dot = provider === 'amazon-bedrock' ? id.indexOf('.') : -1
  if (dot > 0) return { author: id.slice(0, dot).toLowerCase(), name: id.slice(dot + 1).toLowerCase() }
  return { author: null, name: id.toLowerCase() }
}

/** Peels quantization and the provider's own service tiers off the end, in any order. */
function takeSuffixes(
  provider: string,
  name: string,
): { bare: string; quantization: string; service: string | null } {
  let bare = name
  let quantization = 'unknown'
  const service: string[] = []
  for (;;) {
    const cut = bare.lastIndexOf('-')
    const last = bare.slice(cut + 1)
    const quantized = QUANTIZATIONS[last]
    if (cut > 0 && quantized) quantization = quantized
    else if (cut > 0 && SERVICE_SUFFIXES[provider]?.includes(last)) service.unshift(last)
    else return { bare, quantization, service: service.length > 0 ? service.join('-') : null }
    bare = bare.slice(0, cut)
  }
}

/** The canonical author: the host's spelling is translated, the family of the name decides where there is none. */
function authorOf(author: string | null, name: string): string {
  const family = FAMILIES.find(([pattern]) => pattern.test(name))?.[1]
  if (author === null) return family ?? 'unknown'
  const translated = AUTHORS[author] ?? author
  return translated === 'meta' ? (family ?? translated) : translated
}

function find(known: ReadonlyMap<string, string>, author: string | null, name: string): string | undefined {
  const candidate = `${authorOf(author, name)}/${name}`
  for (const [pattern, target] of SAME) {
    if (!pattern.test(candidate)) continue
    const model = candidate.replace(pattern, target)
    return known.get(spelling(model)) ?? model
  }
  return known.get(spelling(candidate))
}
