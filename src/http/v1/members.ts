import { z } from 'zod'
import { GatewayError } from '../../chat/index.ts'
import {
  addMember as add,
  joinWorkspace,
  leaveWorkspace,
  listMembers as list,
  MOST_MEMBERS,
  removeMember as remove,
  shownWorkspaceId,
  type WorkspaceMember,
  workspaceMembers,
} from '../../identity/index.ts'
import type { MemberRow } from '../../store/index.ts'
import { type Gateway, organizationOf, type RouteContext } from '../gateway.ts'
import { readBody } from '../validate.ts'
import { page } from './page.ts'
import { workspaceAt } from './workspaces.ts'

const personName = z.string().min(1).max(100).nullable().optional()

const Add = z.strictObject({
  email: z.email().max(254),
  first_name: personName,
  last_name: personName,
  role: z.enum(['org:admin', 'org:member']).optional(),
})

const People = z.strictObject({ user_ids: z.array(z.string().min(1).max(128)).min(1).max(100) })

/** `GET /organization/members` */
export async function listMembers(gateway: Gateway, c: RouteContext): Promise<Response> {
  return c.json(page(c, await list(gateway.store, organizationOf(c.get('caller'))), memberObject))
}

/** `POST /organization/members`, ours: makes a person known, to be put into workspaces and named by keys and budgets. */
export async function addMember(gateway: Gateway, c: RouteContext): Promise<Response> {
  const body = await readBody(gateway, c, Add)
  const organization = organizationOf(c.get('caller'))
  if ((await list(gateway.store, organization)).length >= MOST_MEMBERS)
    throw new GatewayError('invalid_request', `An organization has at most ${MOST_MEMBERS} members.`)
  const wanted = {
    organization_id: organization,
    email: body.email.toLowerCase(),
    first_name: body.first_name ?? null,
    last_name: body.last_name ?? null,
    role: body.role === 'org:admin' ? 'admin' : 'member',
  }
  const made = await add(gateway.store, wanted, gateway.clock.now())
  if (made === undefined)
    throw new GatewayError('conflict', `${wanted.email} is a member already.`, {
      metadata: { param: 'email' },
    })
  return c.json({ data: memberObject(made) }, 201)
}

/** `DELETE /organization/members/{id}`, ours: leaves all workspaces too; the person's keys stay. */
export async function removeMember(gateway: Gateway, c: RouteContext): Promise<Response> {
  if (!(await remove(gateway.store, organizationOf(c.get('caller')), c.req.param('id') ?? '')))
    throw new GatewayError(
      'not_found',
      'No member with this id. List them with GET /api/v1/organization/members.',
    )
  return c.json({ deleted: true })
}

/** `GET /workspaces/{id}/members` */
export async function listWorkspaceMembers(gateway: Gateway, c: RouteContext): Promise<Response> {
  const { organizationId, id } = await workspaceAt(gateway, c, c.req.param('id') ?? '')
  return c.json(page(c, await workspaceMembers(gateway.store, organizationId, id), workspaceMemberObject))
}

/** `POST /workspaces/{id}/members/add`: all of them, or none when one is not of the organization. */
export async function addWorkspaceMembers(gateway: Gateway, c: RouteContext): Promise<Response> {
  const { organizationId, id } = await workspaceAt(gateway, c, c.req.param('id') ?? '')
  const { user_ids } = await readBody(gateway, c, People)
  const { store } = gateway
  const before = new Set((await workspaceMembers(store, organizationId, id)).map((one) => one.user_id))
  const strangers = await joinWorkspace(store, organizationId, id, user_ids, gateway.clock.now())
  if (strangers.length > 0)
    throw new GatewayError(
      'not_found',
      `No member of the organization: ${strangers.slice(0, 5).join(', ')}. List them with GET /api/v1/organization/members.`,
    )
  const now = await workspaceMembers(store, organizationId, id)
  const data = now.filter((one) => user_ids.includes(one.user_id))
  return c.json({
    added_count: data.filter((one) => !before.has(one.user_id)).length,
    data: data.map(workspaceMemberObject),
  })
}

/** `POST /workspaces/{id}/members/remove` */
export async function removeWorkspaceMembers(gateway: Gateway, c: RouteContext): Promise<Response> {
  const { organizationId, id } = await workspaceAt(gateway, c, c.req.param('id') ?? '')
  const { user_ids } = await readBody(gateway, c, People)
  return c.json({ removed_count: await leaveWorkspace(gateway.store, organizationId, id, user_ids) })
}

function memberObject(member: MemberRow): Record<string, unknown> {
  return {
    id: member.id,
    email: member.email,
    first_name: member.first_name,
    last_name: member.last_name,
    role: member.role === 'admin' ? 'org:admin' : 'org:member',
  }
}

function workspaceMemberObject(member: WorkspaceMember): Record<string, unknown> {
  return {
    id: member.id,
    workspace_id: shownWorkspaceId(member.workspace_id),
    user_id: member.user_id,
    role: member.role === 'admin' ? 'admin' : 'member',
    created_at: new Date(Number(member.created_at)).toISOString(),
  }
}
