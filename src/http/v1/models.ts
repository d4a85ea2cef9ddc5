import type { Catalog, Endpoint, Model } from '../../catalog/index.ts'
import { picoToUsdPerMillion } from '../../money/index.ts'
import type { EndpointStats } from '../../routing/index.ts'
import { type ModelBody, modelBody, topEndpoint } from './model.ts'
import { type ModelsQuery, type Range, readModelsQuery, type Sort } from './models-query.ts'

/** What the list knows beyond the catalog. Everything but the time may be absent: such filters then match nothing, such orders change nothing. */
export interface ModelsLive {
  /** Unix seconds. */
  readonly nowSeconds: number
  /** Figures of an endpoint; undefined when it was never used. */
  stats?(endpointId: string): EndpointStats | undefined
  /** Calls of a model: in the last 7 days and ever. */
  calls?(modelId: string): { readonly week: number; readonly ever: number } | undefined
  /** Endpoints that are known to keep no prompts, for `zdr`. */
  keepsNothing?(endpoint: Endpoint): boolean
  /** Which endpoints the caller may use (`/models/user`); models left without one are not listed. */
  usable?(endpoint: Endpoint): boolean
}

export interface ModelsBody {
  readonly data: readonly ModelBody[]
  /** Models that match, on all pages. */
  readonly total_count: number
  readonly links: { readonly next: string | null }
}

interface Row {
  readonly model: Model
  readonly endpoints: readonly Endpoint[]
  readonly top: Endpoint | undefined
}

/**
 * `GET /models` and `GET /models/user`. Without `offset` and `limit` the whole list; newest first unless sorted.
 * @param query the URL's query
 * @param path of the request, for `links.next`
 * @returns the body, and whether the client asked for RSS (see modelsRss)
 * @throws GatewayError `invalid_request` with a sentence about the wrong parameter
 */
export function modelsBody(
  catalog: Catalog,
  query: URLSearchParams,
  live: ModelsLive,
  path = '/api/v1/models',
): { readonly body: ModelsBody; readonly rss: ModelsQuery['rss'] } {
  const asked = readModelsQuery(query)
  const rows = rowsOf(catalog, live).filter((row) => matches(row, asked, live))
  sortRows(rows, asked.sort ?? 'newest', live)
  const { page } = asked
  const shown = page === null ? rows : rows.slice(page.offset, page.offset + page.limit)
  const more = page !== null && page.offset + page.limit < rows.length
  return {
    body: {
      data: shown.map(({ model, endpoints }) => modelBody(model, endpoints)),
      total_count: rows.length,
      links: { next: more ? nextLink(path, query, page.offset + page.limit, page.limit) : null },
    },
    rss: asked.rss,
  }
}

function rowsOf(catalog: Catalog, live: ModelsLive): Row[] {
  return catalog.models.flatMap((model) => {
    const all = catalog.resolve(model.id)?.endpoints ?? []
    const endpoints = live.usable ? all.filter((endpoint) => live.usable?.(endpoint)) : all
    return endpoints.length === 0 ? [] : [{ model, endpoints, top: topEndpoint(endpoints) }]
  })
}

function nextLink(path: string, query: URLSearchParams, offset: number, limit: number): string {
  const next = new URLSearchParams(query)
  next.set('offset', String(offset))
  next.set('limit', String(limit))
  return `${path}?${next}`
}

function matches({ model, endpoints, top }: Row, asked: ModelsQuery, live: ModelsLive): boolean {
  const author = model.id.slice(0, model.id.indexOf('/')).toLowerCase()
  return (
    every(asked.supportedParameters, model.supportedParameters) &&
    every(asked.inputModalities, model.inputModalities) &&
    (asked.outputModalities === null ||
      asked.outputModalities.some((kind) => model.outputModalities.includes(kind))) &&
    (asked.text === null || says(model, asked.text)) &&
    (asked.context === null || model.contextLength >= asked.context) &&
    inside(usdPerMillion(top?.tariff?.prompt), asked.price) &&
    inside(usdPerMillion(top?.tariff?.completion), asked.outputPrice) &&
    (asked.arch === null || model.tokenizer.toLowerCase() === asked.arch) &&
    (asked.authors.length === 0 || asked.authors.includes(author)) &&
    (asked.providers.length === 0 || endpoints.some((endpoint) => isAt(endpoint, asked.providers))) &&
    (asked.distillable === null || (model.distillable ?? null) === asked.distillable) &&
    (!asked.zdr || endpoints.some((endpoint) => live.keepsNothing?.(endpoint) === true)) &&
    (asked.region === null || endpoints.some((endpoint) => isIn(endpoint, asked.region))) &&
    inside(ageInDays(model, live.nowSeconds), asked.ageDays) &&
    asksOnlyKnown(asked)
  )
}

const every = (wanted: readonly string[], has: readonly string[]): boolean =>
  wanted.every((name) => has.includes(name))

function says({ id, name, description }: Model, text: string): boolean {
  const said = `${id} ${name} ${description}`.toLowerCase()
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => said.includes(word))
}

const isAt = ({ providerId, providerName, tag }: Endpoint, wanted: readonly string[]): boolean =>
  [providerId, providerName.toLowerCase(), tag].some((name) => wanted.includes(name))

/** Bound to a geography by its tag (`amazon-bedrock/eu`, `google-vertex/europe-west4`). */
function isIn({ tag }: Endpoint, region: 'eu' | 'us' | null): boolean {
  const suffix = tag.slice(tag.indexOf('/') + 1)
  return tag.includes('/') && (region === 'eu' ? /^eu(-|rope|$)/ : /^us(-(?!gov)|$)/).test(suffix)
}

const usdPerMillion = (price: bigint | undefined): number | null =>
  price === undefined ? null : Number(picoToUsdPerMillion(price))

const ageInDays = ({ created }: Model, now: number): number | null =>
  created > 0 ? (now - created) / 86_400 : null

/** Whether a figure is within bounds; what nobody knows is within none but the open ones. */
function inside(figure: number | null, { min, max }: Range): boolean {
  if (min === null && max === null) return true
  return figure !== null && (min === null || figure >= min) && (max === null || figure <= max)
}

/** Filters by what no source of ours tells (categories, benchmarks): they match nothing. */
function asksOnlyKnown({ category, intelligence, coding, agentic, toolSuccess }: ModelsQuery): boolean {
  const ranges = [intelligence, coding, agentic, toolSuccess]
  return category === null && ranges.every(({ min, max }) => min === null && max === null)
}

/** Sorts in place: larger keys first, models without the datum last, then by id. */
function sortRows(rows: Row[], sort: Sort, live: ModelsLive): void {
  const keys = new Map(rows.map((row) => [row, keyOf(row, sort, live)]))
  rows.sort((a, b) => {
    const [x, y] = [keys.get(a) ?? null, keys.get(b) ?? null]
    if (x === null || y === null)
      return Number(x === null) - Number(y === null) || (a.model.id < b.model.id ? -1 : 1)
    return y - x || (a.model.id < b.model.id ? -1 : 1)
  })
}

function keyOf({ model, endpoints, top }: Row, sort: Sort, live: ModelsLive): number | null {
  const best = (read: (stats: EndpointStats) => number | undefined): number | null => {
    const figures = endpoints.flatMap(({ id }) => {
      const stats = live.stats?.(id)
      return (stats && read(stats)) ?? []
    })
    return figures.length === 0 ? null : Math.max(...figures)
  }
  const negative = (figure: number | null | undefined) =>
    figure === null || figure === undefined ? null : -figure
  switch (sort) {
    case 'newest':
      return model.created || null
    case 'most-popular':
      return live.calls?.(model.id)?.ever ?? null
    case 'top-weekly':
      return live.calls?.(model.id)?.week ?? null
    case 'pricing-low-to-high':
      return negative(usdPerMillion(top?.tariff?.prompt))
    case 'pricing-high-to-low':
      return usdPerMillion(top?.tariff?.prompt)
    case 'context-high-to-low':
      return model.contextLength || null
    case 'throughput-high-to-low':
      return best((stats) => stats.throughput_last_30m?.p50)
    case 'latency-low-to-high':
      return best((stats) => negative(stats.latency_last_30m?.p50) ?? undefined)
    case 'intelligence-high-to-low':
    case 'coding-high-to-low':
    case 'agentic-high-to-low':
    case 'design-arena-elo-high-to-low':
      return null
    default:
      return sort satisfies never
  }
}
