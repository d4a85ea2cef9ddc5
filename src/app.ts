import { Hono } from 'hono'
import { explainLedger, listJournals } from './http/admin/audit.ts'
import { backup, restore } from './http/admin/backup.ts'
import { addCredit, showCredit } from './http/admin/credits.ts'
import { verifyLedger } from './http/admin/ledger.ts'
import { status } from './http/admin/status.ts'
import type { Access } from './http/authenticate.ts'
import type { Gateway, RouteContext, RouteEnv } from './http/gateway.ts'
import { guard } from './http/guard.ts'
import { health, ready } from './http/health.ts'
import { idempotent } from './http/idempotency.ts'
import { failed, noRoute } from './http/no-route.ts'
import { configSchema, errorsPage } from './http/pages.ts'
import { activity } from './http/v1/activity.ts'
import { muteAlert, muteKind, showAlerts, testAlerts } from './http/v1/alerts.ts'
import { analyticsMeta, queryAnalytics } from './http/v1/analytics.ts'
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
import { listFeedback, submitFeedback } from './http/v1/feedback.ts'
import { generation, generationContent } from './http/v1/generation.ts'
import { ownKey } from './http/v1/key.ts'
import { changeKey, createKey, deleteKey, getKey, listKeys, rotateKey } from './http/v1/keys.ts'
import {
  addMember,
  addWorkspaceMembers,
  listMembers,
  listWorkspaceMembers,
  removeMember,
  removeWorkspaceMembers,
} from './http/v1/members.ts'
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
import {
  getWorkspaceBudget,
  listWorkspaceBudgets,
  putWorkspaceBudget,
  removeWorkspaceBudget,
} from './http/v1/workspace-budgets.ts'
import {
  createWorkspace,
  deleteWorkspace,
  getWorkspace,
  listWorkspaces,
  updateWorkspace,
} from './http/v1/workspaces.ts'

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
  ['GET', '/generation/content', 'member', generationContent],
  ['GET', '/generation/feedback', 'management', listFeedback],
  ['POST', '/generation/feedback', 'management', submitFeedback],
  ['GET', '/waybills', 'member', listWaybills],
  ['GET', '/waybills/:id', 'member', waybill],
  ['POST', '/route/explain', 'member', explain],
  ['GET', '/credits', 'management', credits],
  ['GET', '/activity', 'management', activity],
  ['GET', '/analytics/meta', 'management', analyticsMeta],
  ['POST', '/analytics/query', 'management', queryAnalytics],
  ['GET', '/presets', 'member', listPresets],
  ['GET', '/presets/:slug', 'member', getPreset],
  ['PATCH', '/presets/:slug', 'member', changePreset],
  ['GET', '/presets/:slug/versions', 'member', listPresetVersions],
  ['GET', '/presets/:slug/versions/:version', 'member', getPresetVersion],
  ['POST', '/presets/:slug/chat/completions', 'member', savePreset],
  ['POST', '/presets/:slug/messages', 'member', savePreset],
  ['POST', '/presets/:slug/responses', 'member', savePreset],
  ['GET', '/alerts', 'management', showAlerts],
  ['POST', '/alerts/test', 'operator', testAlerts],
  ['POST', '/alerts/mute', 'management', muteKind],
  ['POST', '/alerts/:id/mute', 'management', muteAlert],
  ['GET', '/budgets', 'management', listBudgets],
  ['PUT', '/budgets', 'management', putBudget],
  ['DELETE', '/budgets/:id', 'management', removeBudget],
  ['GET', '/keys', 'management', listKeys],
  ['POST', '/keys', 'management', createKey],
  ['GET', '/keys/:hash', 'management', getKey],
  ['PATCH', '/keys/:hash', 'management', changeKey],
  ['DELETE', '/keys/:hash', 'management', deleteKey],
  ['POST', '/keys/:hash/rotate', 'management', rotateKey],
  ['GET', '/workspaces', 'management', listWorkspaces],
  ['POST', '/workspaces', 'management', createWorkspace],
  ['GET', '/workspaces/:id', 'management', getWorkspace],
  ['PATCH', '/workspaces/:id', 'management', updateWorkspace],
  ['DELETE', '/workspaces/:id', 'management', deleteWorkspace],
  ['GET', '/workspaces/:id/members', 'management', listWorkspaceMembers],
  ['POST', '/workspaces/:id/members/add', 'management', addWorkspaceMembers],
  ['POST', '/workspaces/:id/members/remove', 'management', removeWorkspaceMembers],
  ['GET', '/workspaces/:id/budgets', 'management', listWorkspaceBudgets],
  ['GET', '/workspaces/:id/budgets/:interval', 'management', getWorkspaceBudget],
  ['PUT', '/workspaces/:id/budgets/:interval', 'management', putWorkspaceBudget],
  ['DELETE', '/workspaces/:id/budgets/:interval', 'management', removeWorkspaceBudget],
  ['GET', '/organization/members', 'management', listMembers],
  ['POST', '/organization/members', 'management', addMember],
  ['DELETE', '/organization/members/:id', 'management', removeMember],
  ['GET', '/admin/credits', 'operator', showCredit],
  ['POST', '/admin/credits', 'operator', addCredit],
  ['GET', '/admin/ledger/verify', 'operator', verifyLedger],
  ['GET', '/admin/ledger/explain/:id', 'operator', explainLedger],
  ['GET', '/admin/ledger/journals', 'operator', listJournals],
  ['GET', '/admin/status', 'operator', status],
  ['POST', '/admin/backup', 'operator', backup],
  ['POST', '/admin/restore', 'operator', restore],
]

/** What is sent by POST and changes nothing: there is nothing to do only once. */
const QUESTIONS: ReadonlySet<string> = new Set(['/route/explain', '/analytics/query'])

/** The routes as a Hono application. */
export function createApp(gateway: Gateway): Hono<RouteEnv> {
  const app = new Hono<RouteEnv>()
  const once = (path: string) => (QUESTIONS.has(path) ? [] : [idempotent(gateway)])
  for (const [path, handler] of PAGES) app.get(path, (c) => handler(gateway, c))
  for (const [method, path, access, handler] of ROUTES)
    app.on(method, `/api/v1${path}`, guard(gateway, access), ...once(path), (c) => handler(gateway, c))
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
