import { Hono } from 'hono'
import { backup, restore } from './http/admin/backup.ts'
import { addCredit, showCredit } from './http/admin/credits.ts'
import { verifyLedger } from './http/admin/ledger.ts'
import { status } from './http/admin/status.ts'
import type { Access } from './http/authenticate.ts'
import type { Gateway, RouteContext, RouteEnv } from './http/gateway.ts'
import { guard } from './http/guard.ts'
import { health, ready } from './http/health.ts'
import { failed, noRoute } from './http/no-route.ts'
import { configSchema, errorsPage } from './http/pages.ts'
import { listBudgets, putBudget, removeBudget } from './http/v1/budgets.ts'
import {
  countModels,
  listEmbeddingModels,
  listModels,
  listProviders,
  listUsableModels,
  modelEndpoints,
  oneModel,
  retrieveModel,
  zdrEndpoints,
} from './http/v1/catalog.ts'
import { credits } from './http/v1/credits.ts'
import { generation } from './http/v1/generation.ts'
import { ownKey } from './http/v1/key.ts'
import { changeKey, createKey, getKey, listKeys, rotateKey } from './http/v1/keys.ts'
import {
  changePreset,
  getPreset,
  getPresetVersion,
  listPresets,
  listPresetVersions,
  savePreset,
} from './http/v1/presets.ts'
import { explain } from './http/v1/route-explain.ts'
import { listWaybills, waybill } from './http/v1/waybills.ts'

type Handler = (gateway: Gateway, c: RouteContext) => Response | Promise<Response>

/** Open to everyone, outside the API. */
export const PAGES: readonly (readonly [path: string, handler: Handler])[] = [
  ['/health', health],
  ['/ready', ready],
  ['/schema.json', configSchema],
  ['/docs/errors.md', errorsPage],
]

/**
 * Every route of the API but inference, which `http/server.ts` serves without a framework. Paths are below `/api/v1`;
 * the third column says who may call.
 */
export const ROUTES: readonly (readonly [
  method: string,
  path: string,
  access: Access | 'public',
  handler: Handler,
])[] = [
  ['GET', '/models', 'public', listModels],
  ['GET', '/models/count', 'public', countModels],
  ['GET', '/embeddings/models', 'public', listEmbeddingModels],
  ['GET', '/models/user', 'member', listUsableModels],
  ['GET', '/models/:id', 'public', retrieveModel],
  ['GET', '/models/:author/:slug', 'public', retrieveModel],
  ['GET', '/models/:author/:slug/endpoints', 'public', modelEndpoints],
  ['GET', '/model/:author/:slug', 'public', oneModel],
  ['GET', '/endpoints/zdr', 'public', zdrEndpoints],
  ['GET', '/providers', 'public', listProviders],
  ['GET', '/key', 'member', ownKey],
  ['GET', '/auth/key', 'member', ownKey],
  ['GET', '/generation', 'member', generation],
  ['GET', '/waybills', 'member', listWaybills],
  ['GET', '/waybills/:id', 'member', waybill],
  ['POST', '/route/explain', 'member', explain],
  ['GET', '/credits', 'management', credits],
  ['GET', '/presets', 'member', listPresets],
  ['GET', '/presets/:slug', 'member', getPreset],
  ['PATCH', '/presets/:slug', 'member', changePreset],
  ['GET', '/presets/:slug/versions', 'member', listPresetVersions],
  ['GET', '/presets/:slug/versions/:version', 'member', getPresetVersion],
  ['POST', '/presets/:slug/chat/completions', 'member', savePreset],
  ['POST', '/presets/:slug/messages', 'member', savePreset],
  ['POST', '/presets/:slug/responses', 'member', savePreset],
  ['GET', '/budgets', 'management', listBudgets],
  ['PUT', '/budgets', 'management', putBudget],
  ['DELETE', '/budgets/:id', 'management', removeBudget],
  ['GET', '/keys', 'management', listKeys],
  ['POST', '/keys', 'management', createKey],
  ['GET', '/keys/:hash', 'management', getKey],
  ['PATCH', '/keys/:hash', 'management', changeKey],
  ['POST', '/keys/:hash/rotate', 'management', rotateKey],
  ['GET', '/admin/credits', 'operator', showCredit],
  ['POST', '/admin/credits', 'operator', addCredit],
  ['GET', '/admin/ledger/verify', 'operator', verifyLedger],
  ['GET', '/admin/status', 'operator', status],
  ['POST', '/admin/backup', 'operator', backup],
  ['POST', '/admin/restore', 'operator', restore],
]

/** The routes as a Hono application. */
export function createApp(gateway: Gateway): Hono<RouteEnv> {
  const app = new Hono<RouteEnv>()
  for (const [path, handler] of PAGES) app.get(path, (c) => handler(gateway, c))
  for (const [method, path, access, handler] of ROUTES)
    app.on(method, `/api/v1${path}`, guard(gateway, access), (c) => handler(gateway, c))
  app.notFound((c) => noRoute(gateway, c, methodsAt(c.req.path)))
  app.onError((error, c) => failed(gateway, c, error))
  return app
}

/** The methods that a path is served with; empty when it is nothing here. */
function methodsAt(path: string): string[] {
  const table = [
    ...PAGES.map(([page]) => ['GET', page] as const),
    ...ROUTES.map(([method, route]) => [method, `/api/v1${route}`] as const),
  ]
  const fits = (pattern: string) => new RegExp(`^${pattern.replace(/:[a-z]+/g, '[^/]+')}$`).test(path)
  return table.filter(([, pattern]) => fits(pattern)).map(([method]) => method)
}
