import { providers } from '../../providers/index.ts'
import { formatOfRequest } from '../client-format.ts'
import { keepsNothing } from '../data-policy.ts'
import type { Gateway, RouteContext } from '../gateway.ts'
import { incomingOf } from '../guard.ts'
import { anthropicModel, anthropicModels, googleModel, googleModels } from './discovery.ts'
import { endpointsBody, zdrEndpointsBody } from './endpoints.ts'
import { findModel, oneModelBody, retrievedBody } from './model.ts'
import { type ModelsLive, modelsBody } from './models.ts'
import { modelsCountBody } from './models-count.ts'
import { modelsRss } from './models-rss.ts'
import { providersBody } from './providers.ts'
import { routerModel, virtualModels } from './virtual-models.ts'

/**
 * `GET /models`: the whole catalog, filtered and sorted as the query says; without a query, routers and aliases of the
 * newest models too. Anthropic's and Google's clients, known by their headers or prefix, get the shapes that they read.
 */
export function listModels(gateway: Gateway, c: RouteContext): Response {
  const { searchParams } = new URL(c.req.url)
  const text = () =>
    gateway.snapshot.catalog.models.filter((model) => model.outputModalities.includes('text'))
  const format = formatOfRequest(incomingOf(c)).id
  if (format === 'anthropic-messages') return c.json(anthropicModels(text(), searchParams))
  if (format === 'gemini') return c.json(googleModels(text(), searchParams))
  return models(gateway, c, {})
}

/** `GET /embeddings/models`: the models that give embeddings. */
export function listEmbeddingModels(gateway: Gateway, c: RouteContext): Response {
  return models(gateway, c, {}, { output_modalities: 'embeddings' })
}

/** `GET /models/user`: what the caller can reach with this installation's credentials. */
export function listUsableModels(gateway: Gateway, c: RouteContext): Response {
  const { targets } = gateway.snapshot
  return models(gateway, c, { usable: (endpoint) => targets.reaches(endpoint.providerId) })
}

/** `GET /models/count` */
export function countModels(gateway: Gateway, c: RouteContext): Response {
  return c.json(modelsCountBody(gateway.snapshot.catalog, new URL(c.req.url).searchParams))
}

/** `GET /model/{author}/{slug}` */
export function oneModel(gateway: Gateway, c: RouteContext): Response {
  const { catalog } = gateway.snapshot
  const router = routerModel(catalog, `${param(c, 'author')}/${param(c, 'slug')}`)
  return c.json(
    router === undefined ? oneModelBody(catalog, param(c, 'author'), param(c, 'slug')) : { data: router },
  )
}

/** `GET /models/{id}`, the slash in it as it is or escaped: one model in the shape of the list that the client reads. */
export function retrieveModel(gateway: Gateway, c: RouteContext): Response {
  const id = c.req.param('id') ?? `${param(c, 'author')}/${param(c, 'slug')}`
  const { model, endpoints } = findModel(gateway.snapshot.catalog, id)
  const format = formatOfRequest(incomingOf(c)).id
  if (format === 'anthropic-messages') return c.json(anthropicModel(model))
  if (format === 'gemini') return c.json(googleModel(model))
  return c.json(retrievedBody(model, endpoints))
}

/** `GET /models/{author}/{slug}/endpoints`: percentiles of latency and throughput are for callers with a key. */
export function modelEndpoints(gateway: Gateway, c: RouteContext): Response {
  const { catalog } = gateway.snapshot
  return c.json(endpointsBody(catalog, param(c, 'author'), param(c, 'slug'), liveStats(gateway, c)))
}

/** `GET /endpoints/zdr` */
export function zdrEndpoints(gateway: Gateway, c: RouteContext): Response {
  const { snapshot } = gateway
  return c.json(
    zdrEndpointsBody(snapshot.catalog, liveStats(gateway, c), (endpoint) => keepsNothing(snapshot, endpoint)),
  )
}

function liveStats(gateway: Gateway, c: RouteContext) {
  const now = gateway.clock.tick()
  return {
    authenticated: c.get('caller') !== undefined,
    stats: (endpointId: string) => gateway.health.stats(endpointId, now),
  }
}

/** `GET /providers` */
export function listProviders(gateway: Gateway, c: RouteContext): Response {
  return c.json(providersBody(providers, gateway.snapshot.catalog.endpoints))
}

function models(
  gateway: Gateway,
  c: RouteContext,
  more: Partial<ModelsLive>,
  filter: Readonly<Record<string, string>> = {},
): Response {
  const url = new URL(c.req.url)
  for (const [name, value] of Object.entries(filter)) url.searchParams.set(name, value)
  const now = gateway.clock.tick()
  const live: ModelsLive = {
    nowSeconds: Math.floor(gateway.clock.now() / 1000),
    stats: (endpointId) => gateway.health.stats(endpointId, now),
    keepsNothing: (endpoint) => keepsNothing(gateway.snapshot, endpoint),
    ...more,
  }
  const { catalog } = gateway.snapshot
  const { body, rss } = modelsBody(catalog, url.searchParams, live, url.pathname)
  if (rss === null) {
    if (url.searchParams.size > 0 || more.usable !== undefined) return c.json(body)
    const data = [...body.data, ...virtualModels(catalog)]
    return c.json({ ...body, data, total_count: data.length })
  }
  return c.body(modelsRss(body.data, url.origin, rss.chatLinks), 200, {
    'content-type': 'application/rss+xml; charset=utf-8',
  })
}

function param(c: RouteContext, name: string): string {
  return c.req.param(name) ?? ''
}
