import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase, hasPostgres } from '../../test/harness/postgres.ts'
import { systemClock } from '../lib/index.ts'
import { openStore, type Store } from '../store/index.ts'
import {
  addMember,
  joinWorkspace,
  leaveWorkspace,
  listMembers,
  removeMember,
  workspaceMembers,
} from './members.ts'
import {
  changeWorkspace,
  createWorkspace,
  findWorkspace,
  listWorkspaces,
  removeWorkspace,
  shownWorkspaceId,
  storedWorkspaceId,
} from './workspaces.ts'

const NOW = 1_800_000_000_000
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const engines = [
  {
    name: 'SQLite',
    there: true,
    open: async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'waybill-workspaces-'))
      const remove = async () => rmSync(dataDir, { recursive: true, force: true })
      return { store: await openStore({ dataDir, clock: systemClock }), remove }
    },
  },
  {
    name: 'Postgres',
    there: hasPostgres,
    open: async () => {
      const { url, drop } = await freshDatabase()
      const options = { database: url, dataDir: '', poolSize: 4, clock: systemClock }
      return { store: await openStore(options), remove: drop }
    },
  },
]

describe.each(engines.filter(({ there }) => there))('on $name', ({ open }) => {
  let store: Store
  let remove: () => Promise<unknown>

  beforeAll(async () => {
    const opened = await open()
    store = opened.store
    remove = opened.remove
    await store.db
      .insertInto('organizations')
      .values({ id: 'other', name: 'Other', credits: 'default', created_at: BigInt(NOW) })
      .execute()
  })

  afterAll(async () => {
    await store.close()
    await remove()
  })

  const make = (slug: string, organizationId = 'default') =>
    createWorkspace(
      store,
      { organizationId, slug, name: slug.toUpperCase(), description: null, createdBy: 'user-1' },
      NOW,
    )

  async function key(workspaceId: string, hash: string, more: object = {}): Promise<void> {
    const { sql } = await import('kysely')
    await sql`insert into api_keys (hash, organization_id, workspace_id, name, label, kind, disabled,
      include_byok_in_limit, created_at, updated_at) values (${hash}, 'default', ${workspaceId}, 'n', 'l',
      'inference', 0, 0, ${BigInt(NOW)}, ${BigInt(NOW)})`.execute(store.db)
    if (Object.keys(more).length > 0)
      await store.db.updateTable('api_keys').set(more).where('hash', '=', hash).execute()
  }

  describe('a workspace', () => {
    it('is shown under a UUID, the first one too, and found by it', async () => {
      const made = await make('lab')
      for (const { id } of await listWorkspaces(store, 'default')) {
        expect(shownWorkspaceId(id)).toMatch(UUID)
        expect(storedWorkspaceId(shownWorkspaceId(id))).toBe(id)
        expect((await findWorkspace(store, 'default', shownWorkspaceId(id)))?.id).toBe(id)
      }
      expect((await findWorkspace(store, 'default', 'lab'))?.id).toBe(made!.id)
      expect((await findWorkspace(store, 'default', 'default'))?.slug).toBe('default')
    })

    it('has a slug of its own within its organization, and is nothing to another one', async () => {
      expect(await make('lab')).toBeUndefined()
      const theirs = await make('lab', 'other')
      expect(theirs?.slug).toBe('lab')
      expect(await findWorkspace(store, 'default', theirs!.id)).toBeUndefined()
      const mine = await make('mine')
      expect(await changeWorkspace(store, mine!, { slug: 'lab' }, NOW)).toBeUndefined()
      expect(await changeWorkspace(store, mine!, { name: 'Ours' }, NOW + 5)).toMatchObject({
        name: 'Ours',
        slug: 'mine',
        updatedAt: NOW + 5,
      })
    })

    it('stays while keys of it work; those that do not are deleted with it', async () => {
      const team = (await make('team'))!
      await key(team.id, 'works')
      await key(team.id, 'off', { disabled: 1 })
      await key(team.id, 'over', { expires_at: BigInt(NOW - 1) })
      expect(await removeWorkspace(store, team, NOW)).toBe(1)
      expect((await findWorkspace(store, 'default', 'team'))?.id).toBe(team.id)
      await store.db.updateTable('api_keys').set({ disabled: 1 }).where('hash', '=', 'works').execute()
      expect(await removeWorkspace(store, team, NOW)).toBe(0)
      expect(await findWorkspace(store, 'default', team.id)).toBeUndefined()
      const left = await store.db
        .selectFrom('api_keys')
        .select('hash')
        .where('workspace_id', '=', team.id)
        .where('deleted_at', 'is', null)
        .execute()
      expect(left).toEqual([])
      expect((await make('team'))?.id).not.toBe(team.id)
    })
  })

  describe('a member', () => {
    const member = (email: string, organization_id = 'default', role = 'member') =>
      addMember(store, { organization_id, email, first_name: null, last_name: null, role }, NOW)

    it('has one address in an organization', async () => {
      const made = await member('a@example.org')
      expect(made?.id).toMatch(/^user_[0-9a-f]{32}$/)
      expect(await member('a@example.org')).toBeUndefined()
      expect(await member('a@example.org', 'other')).toBeDefined()
      expect(await listMembers(store, 'default')).toHaveLength(1)
    })

    it('joins workspaces of the own organization only, once, and leaves them with it', async () => {
      const { id: workspace } = (await make('crew'))!
      const mine = (await member('b@example.org', 'default', 'admin'))!.id
      const theirs = (await member('c@example.org', 'other'))!.id
      const join = (ids: string[]) => joinWorkspace(store, 'default', workspace, ids, NOW)
      expect(await join([mine, theirs])).toEqual([theirs])
      expect(await workspaceMembers(store, 'default', workspace)).toEqual([])
      expect(await join([mine, mine])).toEqual([])
      expect(await join([mine])).toEqual([])
      expect(await workspaceMembers(store, 'default', workspace)).toMatchObject([
        { user_id: mine, role: 'admin' },
      ])
      expect(await workspaceMembers(store, 'other', workspace)).toEqual([])
      expect(await leaveWorkspace(store, 'other', workspace, [mine])).toBe(0)
      expect(await leaveWorkspace(store, 'default', workspace, [mine, theirs])).toBe(1)
      await join([mine])
      expect(await removeMember(store, 'other', mine)).toBe(false)
      expect(await removeMember(store, 'default', mine)).toBe(true)
      expect(await workspaceMembers(store, 'default', workspace)).toEqual([])
    })
  })
})
