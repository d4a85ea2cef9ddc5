import { randomUUID } from 'node:crypto'
import { type MemberRow, type Store, StoreError, type WorkspaceMemberRow } from '../store/index.ts'

/** Most members of an organization. */
export const MOST_MEMBERS = 10_000

/** People of an organization, the oldest first. */
export async function listMembers(store: Store, organizationId: string): Promise<MemberRow[]> {
  return store.db
    .selectFrom('members')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** A new member; undefined when the address is taken. @param now ms since the epoch */
export async function addMember(
  store: Store,
  wanted: Omit<MemberRow, 'id' | 'created_at'>,
  now: number,
): Promise<MemberRow | undefined> {
  const id = `user_${randomUUID().replaceAll('-', '')}`
  try {
    const row = { ...wanted, id, created_at: BigInt(now) }
    return await store.db.insertInto('members').values(row).returningAll().executeTakeFirst()
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'unique') return undefined
    throw error
  }
}

/** Takes a person out of the organization and its workspaces. @returns whether there was one */
export async function removeMember(store: Store, organizationId: string, id: string): Promise<boolean> {
  return store.db.transaction().execute(async (tx) => {
    const gone = await tx
      .deleteFrom('members')
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    if (gone.numDeletedRows === 0n) return false
    await tx
      .deleteFrom('workspace_members')
      .where('organization_id', '=', organizationId)
      .where('user_id', '=', id)
      .execute()
    return true
  })
}

/** A member of a workspace with the role in the organization. */
export interface WorkspaceMember extends WorkspaceMemberRow {
  readonly role: string
}

/** The members of a workspace, the oldest first. */
export async function workspaceMembers(
  store: Store,
  organizationId: string,
  workspaceId: string,
): Promise<WorkspaceMember[]> {
  return store.db
    .selectFrom('workspace_members')
    .innerJoin('members', 'members.id', 'workspace_members.user_id')
    .selectAll('workspace_members')
    .select('members.role')
    .where('workspace_members.organization_id', '=', organizationId)
    .where('workspace_members.workspace_id', '=', workspaceId)
    .orderBy('workspace_members.created_at')
    .orderBy('workspace_members.id')
    .execute()
}

/**
 * Adds people of the organization to a workspace; those who are in it already stay as they are.
 * @returns the ids that are no members of the organization; then nothing has been changed
 */
export async function joinWorkspace(
  store: Store,
  organizationId: string,
  workspaceId: string,
  userIds: readonly string[],
  now: number,
): Promise<string[]> {
  const wanted = [...new Set(userIds)]
  const known = await store.db
    .selectFrom('members')
    .select('id')
    .where('organization_id', '=', organizationId)
    .where('id', 'in', wanted)
    .execute()
  const strangers = wanted.filter((id) => !known.some((member) => member.id === id))
  if (strangers.length > 0) return strangers
  const rows = wanted.map((user_id) => ({
    id: randomUUID(),
    organization_id: organizationId,
    workspace_id: workspaceId,
    user_id,
    created_at: BigInt(now),
  }))
  await store.db
    .insertInto('workspace_members')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['workspace_id', 'user_id']).doNothing())
    .execute()
  return []
}

/** @returns how many have left */
export async function leaveWorkspace(
  store: Store,
  organizationId: string,
  workspaceId: string,
  userIds: readonly string[],
): Promise<number> {
  const { numDeletedRows } = await store.db
    .deleteFrom('workspace_members')
    .where('organization_id', '=', organizationId)
    .where('workspace_id', '=', workspaceId)
    .where('user_id', 'in', [...userIds])
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}
