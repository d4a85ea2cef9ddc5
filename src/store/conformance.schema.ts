import { type Kysely, sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { migrate } from './migrate.ts'
import { migrations } from './migrations/index.ts'
import type { Store, StoreError } from './store.ts'

/** What the tables and their constraints must do alike on both engines. */
export function describeSchema(
  store: () => Store,
  failure: (work: Promise<unknown>) => Promise<StoreError>,
): void {
  describe('the schema', () => {
    it('has a default organization and the accounts of the platform', async () => {
      expect(await store().db.selectFrom('organizations').select(['id', 'credits']).execute()).toEqual([
        { id: 'default', credits: 'default' },
      ])
      expect(await store().db.selectFrom('workspaces').select(['id', 'organization_id']).execute()).toEqual([
        { id: 'default', organization_id: 'default' },
      ])
      const accounts = await store()
        .db.selectFrom('accounts')
        .select('id')
        .where('organization_id', 'is', null)
        .orderBy('id')
        .execute()
      expect(accounts.map((account) => account.id)).toEqual([
        'platform:insurance',
        'platform:writeoff',
        'rev:usage',
        'world:manual',
      ])
    })

    it('keeps an account with a floor from falling below zero, and only that', async () => {
      const move = store().prepare(
        'update accounts set posted_nanos = posted_nanos + ?, held_nanos = held_nanos + ? where id = ?',
      )
      await store().append([[move, [100n, 100n, 'org:default:credit'], 1]])
      expect((await failure(store().append([[move, [0n, 1n, 'org:default:credit']]]))).kind).toBe(
        'constraint',
      )
      expect((await failure(store().append([[move, [-1n, 0n, 'org:default:credit']]]))).kind).toBe(
        'constraint',
      )
      await store().append([
        [move, [-100n, -100n, 'org:default:credit'], 1],
        [move, [-5n, 0n, 'rev:usage'], 1],
      ])
    })

    it('never changes or deletes a journal or an entry', async () => {
      const journal = {
        id: 'c:1',
        chain: 'c',
        seq: 1n,
        kind: 'topup',
        reference: 'r',
        organization_id: null,
        at: 0n,
        memo: null,
        prev_hash: '',
        hash: '',
      }
      await store().db.insertInto('journals').values(journal).execute()
      await store()
        .db.insertInto('entries')
        .values({ journal_id: 'c:1', line: 0, account_id: 'rev:usage', amount_nanos: 1n })
        .execute()
      for (const attempt of [
        () => store().db.updateTable('journals').set({ hash: 'forged' }).execute(),
        () => store().db.deleteFrom('journals').execute(),
        () => store().db.updateTable('entries').set({ amount_nanos: 2n }).execute(),
        () => store().db.deleteFrom('entries').execute(),
      ]) {
        const error = await failure(attempt())
        expect(error.kind).toBe('constraint')
        expect(error.message).toContain('append-only')
      }
      expect(await store().db.selectFrom('journals').selectAll().execute()).toEqual([journal])
    })

    it('takes one journal a kind and reference', async () => {
      const journal = {
        id: 'c:2',
        chain: 'c',
        seq: 2n,
        kind: 'topup',
        reference: 'r',
        organization_id: null,
        at: 0n,
        memo: null,
        prev_hash: '',
        hash: '',
      }
      expect((await failure(store().db.insertInto('journals').values(journal).execute())).kind).toBe('unique')
    })

    it('is brought up to date once', async () => {
      await migrate(store().db, store().engine, 1)
      expect(
        await store()
          .db.selectFrom('settings')
          .select('value')
          .where('name', '=', 'schema_version')
          .execute(),
      ).toEqual([{ value: String(migrations.length) }])
    })

    it('stays as it was when a migration fails', async () => {
      const failing = {
        name: 'failing',
        up: async (tx: Kysely<never>) => {
          await sql`create table half (id text)`.execute(tx)
          throw new Error('half way')
        },
      }
      await expect(migrate(store().db, store().engine, 1, [...migrations, failing])).rejects.toThrow(
        'half way',
      )
      expect((await failure(sql`select * from half`.execute(store().db))).kind).toBe('invalid')
    })

    it('of a later program is refused with a sentence', async () => {
      const error = await failure(migrate(store().db, store().engine, 1, []))
      expect(error.message).toContain(
        `schema version ${migrations.length}, this waybill knows versions up to 0: start the newer waybill`,
      )
    })
  })
}
