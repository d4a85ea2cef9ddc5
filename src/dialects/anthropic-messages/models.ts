/** Efforts from weakest to strongest, as `output_config.effort` spells them. */
const ALL_EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const

/** What a model takes, as far as models of this API differ. */
export interface Traits {
  /** False when the name tells nothing: then nothing that the client asks for may be second-guessed. */
  readonly known: boolean
  /** How it reasons: not at all, by a budget of tokens, by budget or by itself, only by itself. */
  readonly thinking: 'none' | 'budget' | 'either' | 'adaptive'
  /** How reasoning is turned off: by not asking, by `disabled`, by `between_tools`; `never`: it can't be. */
  readonly off: 'omit' | 'disabled' | 'between_tools' | 'never'
  /** Values of `output_config.effort`; empty when it takes none. */
  readonly efforts: readonly string[]
  /** Takes temperature, top_p and top_k. */
  readonly sampling: boolean
  /** Takes temperature and top_p in one request. */
  readonly bothSamplings: boolean
  /** Can be made to call a tool. */
  readonly forcedTools: boolean
  /** Takes `output_config.format` and strict tools. */
  readonly schemas: boolean
  /** Goes on with a last turn of the assistant; from 4.6 on such requests answer 400. */
  readonly prefix: boolean
}

/** Models of others behind the same API, and deployments with names of their own: the API's oldest common ground. */
const UNKNOWN: Traits = {
  known: false,
  thinking: 'budget',
  off: 'omit',
  efforts: [],
  sampling: true,
  bothSamplings: true,
  forcedTools: true,
  schemas: false,
  prefix: false,
}

/**
 * What the model of this name takes. Unheard-of versions are taken to be like the newest known.
 * Source: Anthropic's pages on thinking, effort and structured outputs and its migration guides up to Claude 5.5.
 */
export function traitsOf(upstreamId: string): Traits {
  const model = parse(upstreamId.toLowerCase())
  if (model === null) return UNKNOWN
  const { family, version } = model
  const deepest = family === 'fable' || family === 'mythos'
  return {
    known: true,
    thinking: version < 307 ? 'none' : version < 406 ? 'budget' : version < 407 ? 'either' : 'adaptive',
    off: version < 500 ? 'omit' : offOf(family, version, deepest),
    efforts: effortsOf(family, version),
    sampling: version < 407,
    bothSamplings: version < 401,
    forcedTools: version < (deepest ? 501 : 505),
    schemas: version >= 405,
    prefix: version < 406,
  }
}

function offOf(family: string, version: number, deepest: boolean): Traits['off'] {
  if (deepest || (family === 'opus' && version >= 505)) return 'never'
  return family === 'sonnet' && version >= 505 ? 'between_tools' : 'disabled'
}

function effortsOf(family: string, version: number): readonly string[] {
  if (version >= 407) return ALL_EFFORTS
  if (version >= 406) return ALL_EFFORTS.filter((effort) => effort !== 'xhigh')
  return family === 'opus' && version >= 405 ? ALL_EFFORTS.slice(0, 3) : []
}

/** `claude-opus-4-6-v1` → opus 406: the minor version as two digits. Dates are no versions. */
function parse(id: string): { family: string; version: number } | null {
  const named = /claude-([a-z]+)-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?/.exec(id)
  if (named !== null) return { family: named[1]!, version: versionOf(named[2], named[3]) }
  const numbered = /claude-v?(\d{1,2})(?!\d)(?:[-.:](\d{1,2})(?!\d))?(?:-([a-z]+))?/.exec(id)
  if (numbered !== null) return { family: numbered[3] ?? '', version: versionOf(numbered[1], numbered[2]) }
  const family = /claude-(opus|sonnet|haiku|fable|mythos)/.exec(id)?.[1]
  return family === undefined ? null : { family, version: 505 }
}

const versionOf = (major: string | undefined, minor: string | undefined): number =>
  Number(major ?? 0) * 100 + Number(minor ?? 0)

/** The effort of the list that is nearest to the asked one; the weaker of two equally near ones. */
export function nearestEffort(asked: string, efforts: readonly string[]): string {
  if (efforts.includes(asked)) return asked
  const order: readonly string[] = ['minimal', ...ALL_EFFORTS]
  const place = Math.max(0, order.indexOf(asked))
  const near = (effort: string) => Math.abs(order.indexOf(effort) - place)
  return efforts.toSorted((a, b) => near(a) - near(b))[0] ?? asked
}
