import { createHash } from 'node:crypto'
import { z } from 'zod'
import { GatewayError } from '../../chat/index.ts'
import {
  changeWorkspace,
  createWorkspace as create,
  findWorkspace,
  isFirstWorkspace,
  listWorkspaces as list,
  MOST_WORKSPACES,
  removeWorkspace,
  shownWorkspaceId,
  type Workspace,
  type WorkspaceChange,
} from '../../identity/index.ts'
import { type Gateway, organizationOf, type RouteContext } from '../gateway.ts'
import { readBody } from '../validate.ts'
import { page } from './page.ts'

const name = z.string().min(1).max(100)
const slug = z
  .string()
  .min(1)
  .max(50)
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'use lower-case letters and digits, joined by single dashes')
const description = z.string().max(500).nullable().optional()

/** Settings of OpenRouter's workspaces that nothing here acts on: only the value that means "off" is taken. */
const SWITCHED_OFF = {
  default_image_model: z.string().nullable().optional(),
  default_provider_sort: z.string().nullable().optional(),
  default_text_model: z.string().nullable().optional(),
  disabled_server_tools: z.array(z.string()).nullable().optional(),
  io_logging_api_key_ids: z.array(z.number()).nullable().optional(),
  io_logging_sampling_rate: z.number().optional(),
  is_data_discount_logging_enabled: z.boolean().optional(),
  is_observability_broadcast_enabled: z.boolean().optional(),
  is_observability_io_logging_enabled: z.boolean().optional(),
}

const Create = z.strictObject({ name, slug, description, ...SWITCHED_OFF })
const Change = z.strictObject({
  name: name.optional(),
  slug: slug.optional(),
  description,
  ...SWITCHED_OFF,
})

/** The caller's workspace with this id or slug. Throws GatewayError `not_found`. */
export async function workspaceAt(gateway: Gateway, c: RouteContext, ref: string): Promise<Workspace> {
  const found = await findWorkspace(gateway.store, organizationOf(c.get('caller')), ref)
  if (found !== undefined) return found
  throw new GatewayError(
    'not_found',
    `There is no workspace "${ref.slice(0, 64)}". List them with GET /api/v1/workspaces.`,
  )
}

/** `GET /workspaces` */
export async function listWorkspaces(gateway: Gateway, c: RouteContext): Promise<Response> {
  return c.json(page(c, await list(gateway.store, organizationOf(c.get('caller'))), workspaceObject))
}

/** `POST /workspaces` */
export async function createWorkspace(gateway: Gateway, c: RouteContext): Promise<Response> {
  const body = await readBody(gateway, c, Create)
  refuseSettings(body)
  const caller = c.get('caller')
  const organizationId = organizationOf(caller)
  if ((await list(gateway.store, organizationId)).length >= MOST_WORKSPACES)
    throw new GatewayError('invalid_request', `An organization has at most ${MOST_WORKSPACES} workspaces.`)
  const wanted = {
    organizationId,
    slug: body.slug,
    name: body.name,
    description: body.description ?? null,
    createdBy: caller.kind === 'key' ? caller.key.creatorUserId : null,
  }
  const made = await create(gateway.store, wanted, gateway.clock.now())
  return c.json({ data: workspaceObject(made ?? taken(body.slug)) }, 201)
}

/** `GET /workspaces/{id}` */
export async function getWorkspace(gateway: Gateway, c: RouteContext): Promise<Response> {
  return c.json({ data: workspaceObject(await workspaceAt(gateway, c, c.req.param('id') ?? '')) })
}

/** `PATCH /workspaces/{id}` */
export async function updateWorkspace(gateway: Gateway, c: RouteContext): Promise<Response> {
  const workspace = await workspaceAt(gateway, c, c.req.param('id') ?? '')
  const body = await readBody(gateway, c, Change)
  refuseSettings(body)
  const change: WorkspaceChange = {
    ...(body.name !== undefined && { name: body.name }),
    ...(body.slug !== undefined && { slug: body.slug }),
    ...(body.description !== undefined && { description: body.description }),
  }
  if (isFirstWorkspace(workspace) && change.slug !== undefined && change.slug !== workspace.slug)
    throw new GatewayError('invalid_request', 'The first workspace keeps its slug; its name can be changed.')
  const changed = await changeWorkspace(gateway.store, workspace, change, gateway.clock.now())
  return c.json({ data: workspaceObject(changed ?? taken(body.slug ?? '')) })
}

/** `DELETE /workspaces/{id}`: refused while keys of it work; its budgets end with it. */
export async function deleteWorkspace(gateway: Gateway, c: RouteContext): Promise<Response> {
  const workspace = await workspaceAt(gateway, c, c.req.param('id') ?? '')
  if (isFirstWorkspace(workspace))
    throw new GatewayError('invalid_request', 'The first workspace of an installation cannot be deleted.')
  const active = await removeWorkspace(gateway.store, workspace, gateway.clock.now())
  if (active > 0)
    throw new GatewayError(
      'invalid_request',
      `The workspace "${workspace.slug}" has ${active} active ${active === 1 ? 'key' : 'keys'}. Disable or delete them first: GET /api/v1/keys?workspace_id=${workspace.id}`,
    )
  await gateway.keys.refresh()
  for (const budget of gateway.budgets.of(workspace.organizationId))
    if (budget.scope === 'workspace' && budget.scopeId === workspace.id)
      await gateway.budgets.remove(workspace.organizationId, budget.id)
  return c.json({ deleted: true })
}

/** A setting that would change nothing must not look as if it did. Throws GatewayError `not_implemented`. */
function refuseSettings(body: object): void {
  for (const [field, value] of Object.entries(body)) {
    if (!Object.hasOwn(SWITCHED_OFF, field)) continue
    const off =
      value === null || value === undefined || value === false || (Array.isArray(value) && value.length === 0)
    // A sampling rate says nothing while the logging that it samples is off.
    if (!off && field !== 'io_logging_sampling_rate')
      throw new GatewayError(
        'not_implemented',
        `"${field}" is not served by this version: leave it out or switch it off. Settings of requests go into presets (/api/v1/presets).`,
        { metadata: { param: field } },
      )
  }
}

function taken(slug: string): never {
  throw new GatewayError('invalid_request', `The slug "${slug}" is taken by another workspace.`, {
    metadata: { param: 'slug' },
  })
}

function workspaceObject(workspace: Workspace): Record<string, unknown> {
  const id = shownWorkspaceId(workspace.id)
  return {
    id,
    slug: workspace.slug,
    name: workspace.name,
    description: workspace.description,
    created_at: new Date(workspace.createdAt).toISOString(),
    created_by: workspace.createdBy,
    updated_at: workspace.updatedAt === null ? null : new Date(workspace.updatedAt).toISOString(),
    default_guardrail_id: guardrailId(id),
    default_image_model: null,
    default_provider_sort: null,
    default_text_model: null,
    disabled_server_tools: null,
    include_byok_in_budgets: false,
    io_logging_api_key_ids: null,
    io_logging_sampling_rate: 0,
    is_data_discount_logging_enabled: false,
    is_observability_broadcast_enabled: false,
    is_observability_io_logging_enabled: false,
  }
}

/** Clients want the UUID of a default guardrail: one of its own, the same each time. */
function guardrailId(workspaceId: string): string {
  const hex = createHash('sha256').update(`guardrail of ${workspaceId}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
