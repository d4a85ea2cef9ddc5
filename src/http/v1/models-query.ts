import { GatewayError } from '../../chat/index.ts'

/** Orders of `GET /models`. Source: OpenRouter's OpenAPI file (2026-08). */
const SORTS = [
  'most-popular',
  'newest',
  'top-weekly',
  'pricing-low-to-high',
  'pricing-high-to-low',
  'context-high-to-low',
  'throughput-high-to-low',
  'latency-low-to-high',
  'intelligence-high-to-low',
  'coding-high-to-low',
  'agentic-high-to-low',
  'design-arena-elo-high-to-low',
] as const
export type Sort = (typeof SORTS)[number]

const CATEGORIES = [
  'programming',
  'roleplay',
  'marketing',
  'marketing/seo',
  'technology',
  'science',
  'translation',
  'legal',
  'finance',
  'health',
  'trivia',
  'academia',
] as const

const INPUTS = ['text', 'image', 'file', 'audio', 'video'] as const
const OUTPUTS = [
  'text',
  'image',
  'embeddings',
  'audio',
  'video',
  'rerank',
  'speech',
  'transcription',
] as const

/** Lower and upper bound, both inclusive; null is open. */
export interface Range {
  readonly min: number | null
  readonly max: number | null
}

/** The query of `GET /models`, checked. null: not asked for. */
export interface ModelsQuery {
  readonly category: string | null
  readonly supportedParameters: readonly string[]
  readonly inputModalities: readonly string[]
  /** null: any. */
  readonly outputModalities: readonly string[] | null
  readonly text: string | null
  readonly context: number | null
  /** USD per million tokens. */
  readonly price: Range
  readonly outputPrice: Range
  readonly arch: string | null
  readonly authors: readonly string[]
  readonly providers: readonly string[]
  readonly distillable: boolean | null
  readonly zdr: boolean
  readonly region: 'eu' | 'us' | null
  readonly ageDays: Range
  readonly intelligence: Range
  readonly coding: Range
  readonly agentic: Range
  readonly toolSuccess: Range
  readonly sort: Sort | null
  /** null: the whole list. */
  readonly page: { readonly offset: number; readonly limit: number } | null
  /** null: JSON. */
  readonly rss: { readonly chatLinks: boolean } | null
}

/** Rows of a page unless asked otherwise, and at most. */
const DEFAULT_LIMIT = 500
const MAX_LIMIT = 1000

/**
 * Reads the query of `GET /models`. Unknown parameters are ignored, as OpenRouter does; an empty value is none.
 * @throws GatewayError `invalid_request` with a sentence that names the parameter and what it takes
 */
export function readModelsQuery(query: URLSearchParams): ModelsQuery {
  const range = (name: string, most = Number.POSITIVE_INFINITY, whole = false): Range => {
    const [min, max] = [number(query, `min_${name}`, most, whole), number(query, `max_${name}`, most, whole)]
    if (min !== null && max !== null && min > max) throw bad(`min_${name}`, `at most max_${name} (${max})`)
    return { min, max }
  }
  const offset = number(query, 'offset', Number.MAX_SAFE_INTEGER, true)
  const limit = number(query, 'limit', MAX_LIMIT, true, 1)
  return {
    category: oneOf(query, 'category', CATEGORIES),
    supportedParameters: list(query, 'supported_parameters'),
    inputModalities: list(query, 'input_modalities', INPUTS),
    outputModalities: outputModalities(query, 'text'),
    text: given(query, 'q'),
    context: number(query, 'context', Number.MAX_SAFE_INTEGER, true, 1),
    price: range('price'),
    outputPrice: range('output_price'),
    arch: given(query, 'arch')?.toLowerCase() ?? null,
    authors: list(query, 'model_authors'),
    providers: list(query, 'providers'),
    distillable: flag(query, 'distillable'),
    zdr: oneOf(query, 'zdr', ['true']) !== null,
    region: oneOf(query, 'region', ['eu', 'us']),
    ageDays: range('age_days', Number.MAX_SAFE_INTEGER, true),
    intelligence: range('intelligence_index'),
    coding: range('coding_index'),
    agentic: range('agentic_index'),
    toolSuccess: range('tool_success_rate', 1),
    sort: oneOf(query, 'sort', SORTS),
    page: offset === null && limit === null ? null : { offset: offset ?? 0, limit: limit ?? DEFAULT_LIMIT },
    rss: flag(query, 'use_rss') ? { chatLinks: flag(query, 'use_rss_chat_links') === true } : null,
  }
}

/** The `output_modalities` asked for; null for `all`. */
export function outputModalities(query: URLSearchParams, fallback: 'all' | 'text'): readonly string[] | null {
  const asked = list(query, 'output_modalities', [...OUTPUTS, 'all'])
  if (asked.length === 0) return fallback === 'all' ? null : ['text']
  return asked.includes('all') ? null : asked
}

function given(query: URLSearchParams, name: string): string | null {
  const value = query.get(name)?.trim()
  return value === undefined || value === '' ? null : value
}

function list(query: URLSearchParams, name: string, allowed?: readonly string[]): string[] {
  const values = (given(query, name) ?? '').split(',').flatMap((part) => part.trim().toLowerCase() || [])
  const wrong = allowed && values.find((value) => !allowed.includes(value))
  if (allowed && wrong !== undefined)
    throw bad(name, `a comma-separated list of ${allowed.join(', ')}`, wrong)
  return values
}

function oneOf<T extends string>(query: URLSearchParams, name: string, allowed: readonly T[]): T | null {
  const value = given(query, name)
  if (value === null) return null
  const found = allowed.find((word) => word === value)
  if (found === undefined)
    throw bad(name, allowed.length === 1 ? `"${allowed[0]}"` : `one of ${allowed.join(', ')}`, value)
  return found
}

function flag(query: URLSearchParams, name: string): boolean | null {
  const value = oneOf(query, name, ['true', 'false'])
  return value === null ? null : value === 'true'
}

function number(query: URLSearchParams, name: string, most: number, whole = false, least = 0): number | null {
  const value = given(query, name)
  if (value === null) return null
  const figure = Number(value)
  if (Number.isFinite(figure) && figure >= least && figure <= most && (!whole || Number.isInteger(figure)))
    return figure
  const end = most < Number.MAX_SAFE_INTEGER ? ` to ${most}` : ' up'
  throw bad(name, `${whole ? 'a whole number' : 'a number'} from ${least}${end}`, value)
}

function bad(name: string, takes: string, value?: string): GatewayError {
  const found = value === undefined ? '' : `, not "${value.slice(0, 80)}"`
  return new GatewayError('invalid_request', `Query parameter "${name}" must be ${takes}${found}.`, {
    metadata: { parameter: name },
  })
}
