import type { SeedModel } from '../../src/catalog/seed-format.ts'
import { authorName, tokenizerOf } from './authors.ts'
import { CODES, type Draft, look, ORDER, shared } from './build.ts'
import type { Observation } from './observation.ts'

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
