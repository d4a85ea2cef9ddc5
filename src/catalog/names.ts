import type { Model, Resolved } from './catalog.ts'

/** A model's name taken apart: the line it belongs to and its place in that line. */
interface Lineage {
  /** Author and name without version, date and stage: `anthropic/claude-opus`. */
  readonly family: string
  /** As a decimal number (4.20 comes before 4.3); 0 without one. */
  readonly version: number
  /** Digits of a date in the name (`2512`, `0324`); 0 without one. */
  readonly date: number
}

/** Words that tell a stage of a release, not another line of models. */
const STAGES: ReadonlySet<string> = new Set(['preview', 'latest', 'exp', 'experimental', 'beta'])

/** Parameters and contexts, as names write them: `70b`, `8x22b`, `a22b`, `e4b`, `2.4t`, `16k`. */
const SIZE = /^(\d+x)?[a-z]?\d+(\.\d+)?[bmtk]$/

/** `4`, `v3.2`; `o3`, `k3` (one letter before it); `qwen3.5` (a word before it); `4o`, `4.6v` (a letter after it). */
const VERSION = /^(?:v|([a-z]+))?(\d+(?:\.\d+)?)([a-z])?$/

/** Line and version of a model id (lower case, without variants); null for an id without author. */
export function lineageOf(id: string): Lineage | null {
  const slash = id.indexOf('/')
  if (slash < 1) return null
  const words: string[] = []
  let version: string | null = null
  let date = ''
  for (const part of id.slice(slash + 1).split('-')) {
    if (STAGES.has(part)) continue
    if (/^(\d{4}|\d{6}|\d{8}|0\d)$/.test(part) || (date !== '' && /^\d\d$/.test(part))) {
      date += part
      continue
    }
    const match = SIZE.test(part) ? null : VERSION.exec(part)
    if (match === null) words.push(part)
    else if (version !== null && /^\d$/.test(part)) version += version.includes('.') ? part : `.${part}`
    else {
      const [, before, figure = '', after] = match
      version ??= figure
      if (before !== undefined && (before.length > 1 || words.length === 0)) words.push(before)
      if (after !== undefined) words.push(after)
    }
  }
  if (words.length === 0) return null
  return {
    family: id.slice(0, slash + 1) + words.join('-'),
    version: Number(version ?? 0),
    date: Number(date),
  }
}

interface Member extends Lineage {
  readonly id: string
  readonly created: number
}

/**
 * The newest model of every line, by the alias `~author/family-latest` (lower case). Newest is the latest release
 * date; a model that nobody dates takes its place only with a higher version. Variants, test models and models that do
 * not write text are no members.
 */
export function latestModels(all: readonly Resolved[]): Map<string, Resolved> {
  const families = new Map<string, { member: Member; resolved: Resolved }[]>()
  for (const resolved of all) {
    const { id, created, outputModalities } = resolved.model
    if (id.includes(':') || !outputModalities.includes('text')) continue
    if (resolved.endpoints.length === 0 || resolved.endpoints.every((endpoint) => endpoint.simulated))
      continue
    const lineage = lineageOf(id.toLowerCase())
    if (lineage === null) continue
    const entry = { member: { ...lineage, id, created }, resolved }
    const line = families.get(lineage.family)
    if (line === undefined) families.set(lineage.family, [entry])
    else line.push(entry)
  }
  const latest = new Map<string, Resolved>()
  for (const [family, line] of families) {
    const dated = line.filter(({ member }) => member.created > 0).sort((a, b) => newer(b.member, a.member))[0]
    const undated = line
      .filter(({ member }) => member.created === 0)
      .sort((a, b) => newer(b.member, a.member))[0]
    const newest =
      dated === undefined || (undated !== undefined && undated.member.version > dated.member.version)
        ? undated
        : dated
    if (newest !== undefined) latest.set(`~${family}-latest`, newest.resolved)
  }
  return latest
}

function newer(a: Member, b: Member): number {
  return a.created - b.created || a.version - b.version || a.date - b.date || (a.id < b.id ? 1 : -1)
}

/** Authors as other catalogs and older slugs spell them → as this one does. */
const AUTHORS: Readonly<Record<string, string>> = {
  'deepseek-ai': 'deepseek',
  gemini: 'google',
  vertex_ai: 'google',
  mistral: 'mistralai',
  moonshot: 'moonshotai',
  xai: 'x-ai',
  zai: 'z-ai',
  'zai-org': 'z-ai',
  thudm: 'z-ai',
  minimaxai: 'minimax',
  alibaba: 'qwen',
  dashscope: 'qwen',
  bytedance: 'bytedance-seed',
}

/**
 * A key under which spellings of one name meet, so that old slugs lead on: `claude-3-5-sonnet`, `claude-3.5-sonnet` and
 * `claude-sonnet-3.5` are one; so are spellings of the author. Sizes, dates, generations and stages stay part of the
 * name: what they tell apart is never brought together.
 */
export function redirectKey(name: string): string {
  const lower = name
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, '-')
  const slash = lower.indexOf('/')
  const author = slash < 0 ? '' : lower.slice(0, slash)
  const words = lower
    .slice(slash + 1)
    .replace(/(^|-)(\d)-(\d)(?=-|$)/g, '$1$2.$3')
    .replace(/([a-z]{3,})-?(\d+(?:\.\d+)?)(?=-|$)/g, '$1-$2')
    .split('-')
    .filter((word) => word !== '')
    .sort()
  return `${AUTHORS[name.slice(0, Math.max(slash, 0)).toLowerCase()] ?? author}/${words.join('-')}`
}

/** Every model by `redirectKey`; null where two models share one. */
export function redirectsOf(all: readonly Resolved[]): Map<string, Resolved | null> {
  const redirects = new Map<string, Resolved | null>()
  const claim = (name: string, resolved: Resolved) => {
    const key = redirectKey(name)
    const holder = redirects.get(key)
    redirects.set(key, holder === undefined || holder === resolved ? resolved : null)
  }
  for (const resolved of all)
    if (!resolved.model.id.includes(':')) for (const name of namesOf(resolved.model)) claim(name, resolved)
  return redirects
}

/** The names that an older spelling may stand for, each with and without its author. */
function namesOf({ id, canonicalSlug, aliases }: Model): string[] {
  const names = [id, canonicalSlug, ...aliases.filter((alias) => alias.includes('/'))]
  return names.flatMap((name) => [name, name.slice(name.indexOf('/') + 1)])
}
