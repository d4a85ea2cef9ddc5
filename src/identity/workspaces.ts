import { randomUUID } from 'node:crypto'
import { type Store, StoreError, type WorkspaceRow } from '../store/index.ts'

/** A part of an organization with keys, members and budgets of its own. */
export interface Workspace {
  /** As rows of the database refer to it. */
  readonly id: string
  readonly organizationId: string
  readonly slug: string
  readonly name: string
  readonly description: string | null
  readonly createdBy: string | null
  /** ms since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number | null
}

export type WorkspaceChange = Partial<Pick<Workspace, 'slug' | 'name' | 'description'>>

/** Most workspaces of an organization. */
export const MOST_WORKSPACES = 1_000

/** The workspace that every installation begins with, in the database. */
const FIRST = 'default'
/** The same for clients, which may insist on UUIDs (RFC 9562, version 8). Rows keep the short id, so that none had to be rewritten. */
const FIRST_UUID = '00000000-0000-8000-8000-000000000001'

/** A workspace's id as clients see it, a UUID. */
export function shownWorkspaceId(id: string): string {
  return id === FIRST ? FIRST_UUID : id
}

/** The other way round; anything else as it is. */
export function storedWorkspaceId(ref: string): string {
  return ref === FIRST_UUID ? FIRST : ref
}

/** Those of an organization, the oldest first. */
export async function listWorkspaces(store: Store, organizationId: string): Promise<Workspace[]> {
  const rows = await store.db
    .selectFrom('workspaces')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .where('deleted_at', 'is', null)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return rows.map(fromRow)
}

/** The workspace with this id (either form) or slug, within the organization; undefined when there is none. */
export async function findWorkspace(
  store: Store,
  organizationId: string,
  ref: string,
): Promise<Workspace | undefined> {
  const id = storedWorkspaceId(ref)
  const rows = await store.db
    .selectFrom('workspaces')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .where('deleted_at', 'is', null)
    .where((e) => e.or([e('id', '=', id), e('slug', '=', ref)]))
    .execute()
  const row = rows.find((one) => one.id === id) ?? rows[0]
  return row && fromRow(row)
}

/** A new workspace; undefined when its slug is taken. @param now ms since the epoch */
export async function createWorkspace(
  store: Store,
  wanted: Pick<Workspace, 'organizationId' | 'slug' | 'name' | 'description' | 'createdBy'>,
  now: number,
): Promise<Workspace | undefined> {
  const row: WorkspaceRow = {
    id: randomUUID(),
    organization_id: wanted.organizationId,
    slug: wanted.slug,
    name: wanted.name,
    description: wanted.description,
    created_by: wanted.createdBy,
    created_at: BigInt(now),
    updated_at: null,
    deleted_at: null,
  }
  return free(store.db.insertInto('workspaces').values(row).returningAll().executeTakeFirst())
}

/** Changes what is given; undefined when the new slug is taken. */
export async function changeWorkspace(
  store: Store,
  { id }: Workspace,
  change: WorkspaceChange,
  now: number,
): Promise<Workspace | undefined> {
  const set = { ...change, updated_at: BigInt(now) }
  return free(
    store.db.updateTable('workspaces').set(set).where('id', '=', id).returningAll().executeTakeFirst(),
  )
}

/**
 * Ends a workspace, unless keys of it still work; those that were switched off or have expired end with it. Its slug is
 * free again, its history stays. @returns how many keys still work; 0: it is gone
 */
export async function removeWorkspace(store: Store, { id }: Workspace, now: number): Promise<number> {
  const at = BigInt(now)
  return store.db.transaction().execute(async (tx) => {
    const { count } = await tx
      .selectFrom('api_keys')
      .select((e) => e.fn.countAll<bigint>().as('count'))
      .where('workspace_id', '=', id)
      .where('deleted_at', 'is', null)
      .where('disabled', '=', 0)
      .where((e) => e.or([e('expires_at', 'is', null), e('expires_at', '>', at)]))
      .executeTakeFirstOrThrow()
    if (count > 0n) return Number(count)
    await tx
      .updateTable('api_keys')
      .set({ deleted_at: at, updated_at: at })
      .where('workspace_id', '=', id)
      .where('deleted_at', 'is', null)
      .execute()
    await tx.deleteFrom('workspace_members').where('workspace_id', '=', id).execute()
    await tx
      .updateTable('workspaces')
      .set({ deleted_at: at, slug: `~${id}` })
      .where('id', '=', id)
      .execute()
    return 0
  })
}

/** True for the workspace that an organization cannot be without. */
export function isFirstWorkspace({ id }: Workspace): boolean {
  return id === FIRST
}

async function free(work: Promise<WorkspaceRow | undefined>): Promise<Workspace | undefined> {
  try {
    const row = await work
    return row && fromRow(row)
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'unique') return undefined
    throw error
  }
}

function fromRow(row: WorkspaceRow): Workspace {
  return {
    id: row.id,
    organizationId: row.organization_id,
    slug: row.slug,
    name: row.name,
    description: row.description,
    createdBy: row.created_by,
    createdAt: Number(row.created_at),
    updatedAt: row.updated_at === null ? null : Number(row.updated_at),
  }
}
