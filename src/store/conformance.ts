import { type Kysely, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeSchema } from './conformance.schema.ts'
import { columnTypes } from './migrations/index.ts'
import type { Database } from './schema.ts'
import { type StatementRef, type Store, StoreError } from './store.ts'

/** A database of one's own that can be opened again after closing. */
interface Home {
  open(): Promise<Store>
  remove(): Promise<void>
}

/** Tables that only these tests use. */
interface Proving extends Database {
  proving: {
    id: string
    big: bigint | null
    small: number | null
    words: string | null
    bytes: Uint8Array | null
  }
}

const int8Max = 9_223_372_036_854_775_807n

/** What both engines must do alike. */
export function describeStore(name: string, makeHome: () => Promise<Home>): void {
  describe(name, () => {
    let home: Home
    let store: Store
    let db: Kysely<Proving>
    let insert: StatementRef
    let add: StatementRef

    const open = async (): Promise<void> => {
      store = await home.open()
      db = store.db as unknown as Kysely<Proving>
      insert = store.prepare('insert into proving (id, big, small, words, bytes) values (?, ?, ?, ?, ?)')
      add = store.prepare('update proving set big = big + ? where id = ?')
    }
    const put = (id: string, big: bigint | null = null) => [insert, [id, big, null, null, null]] as const
    const big = async (id: string) =>
      (await db.selectFrom('proving').select('big').where('id', '=', id).executeTakeFirst())?.big
    const failure = async (work: Promise<unknown>): Promise<StoreError> => {
      const error = await work.then(
        () => new Error('it was accepted'),
        (reason: unknown) => reason,
      )
      expect(error).toBeInstanceOf(StoreError)
      return error as StoreError
    }

    beforeAll(async () => {
      home = await makeHome()
      await open()
      const { text, int8, int4, blob, end } = columnTypes(store.engine)
      await db.schema
        .createTable('proving')
        .addColumn('id', text, (c) => c.primaryKey().notNull())
        .addColumn('big', int8, (c) => c.check(sql`big >= -1000000000000000000`))
        .addColumn('small', int4)
        .addColumn('words', text)
        .addColumn('bytes', blob)
        .modifyEnd(end)
        .execute()
    })
    afterAll(async () => {
      await store?.close()
      await home?.remove()
    })

    describe('values', () => {
      it('come back as they went in, with their types', async () => {
        const rows = [
          {
            id: 'max',
            big: int8Max,
            small: 2_147_483_647,
            words: 'Grüße, 世界 🚀 ‍👩‍👩‍👧 "\'\\ \n\t\u0001',
            bytes: new Uint8Array([0, 255, 39]),
          },
          {
            id: 'min',
            big: -1_000_000_000_000_000_000n,
            small: -2_147_483_648,
            words: '',
            bytes: new Uint8Array(0),
          },
          { id: 'null', big: null, small: null, words: null, bytes: null },
        ]
        await store.append(rows.map((row) => [insert, Object.values(row)] as const))
        const found = await db
          .selectFrom('proving')
          .selectAll()
          .where('id', 'in', ['max', 'min', 'null'])
          .orderBy('id')
          .execute()
        expect(found).toEqual(rows)
        expect(Object.getPrototypeOf(found[0]!.bytes)).toBe(Uint8Array.prototype)
        await db
          .insertInto('proving')
          .values({ ...rows[0]!, id: 'max again' })
          .execute()
        expect(
          await db.selectFrom('proving').selectAll().where('id', '=', 'max again').executeTakeFirst(),
        ).toEqual({ ...rows[0]!, id: 'max again' })
      })

      it('are bigint in sums and counts, of wide and narrow columns', async () => {
        await store.append([
          [insert, ['sum 1', 4_000_000_000_000_000_001n, 7, null, null]],
          [insert, ['sum 2', 5_000_000_000_000_000_001n, 8, null, null]],
        ])
        const row = await db
          .selectFrom('proving')
          .select(({ fn }) => [
            fn.sum('big').as('big'),
            fn.sum('small').as('small'),
            fn.countAll().as('rows'),
          ])
          .where('id', 'like', 'sum %')
          .executeTakeFirst()
        expect(row).toEqual({ big: 9_000_000_000_000_000_002n, small: 15n, rows: 2n })
      })

      it('are refused when they hold U+0000', async () => {
        expect((await failure(store.append([[insert, ['nul', null, null, 'a\0b', null]]]))).kind).toBe(
          'invalid',
        )
        expect(
          (
            await failure(
              db
                .insertInto('proving')
                .values({ id: 'nul', big: null, small: null, words: 'a\0b', bytes: null })
                .execute(),
            )
          ).kind,
        ).toBe('invalid')
        expect(await big('nul')).toBe(undefined)
      })

      it('are refused when they do not fit the column', async () => {
        const error = await failure(store.append([[insert, ['unfit', 'a word', null, null, null]]]))
        expect(['invalid', 'constraint']).toContain(error.kind)
      })
    })

    describe('a unit', () => {
      it('is applied completely or not at all', async () => {
        const error = await failure(store.append([put('whole 1'), put('whole 2'), put('whole 1')]))
        expect(error).toMatchObject({ kind: 'unique', step: 2 })
        expect(await big('whole 2')).toBe(undefined)
      })

      it('that breaks a check is told apart from a taken key', async () => {
        await store.append([put('checked', 0n)])
        const error = await failure(store.append([[add, [-1_000_000_000_000_000_001n, 'checked']]]))
        expect(error).toMatchObject({ kind: 'constraint', step: 0 })
        expect(await big('checked')).toBe(0n)
      })

      it('with a guard is undone when a step changes another number of rows', async () => {
        await store.append([put('guarded', 1n)])
        const error = await failure(
          store.append([
            [add, [1n, 'guarded'], 1],
            [add, [1n, 'nobody'], 1],
          ]),
        )
        expect(error).toMatchObject({ kind: 'guard', step: 1 })
        expect(await big('guarded')).toBe(1n)
        await store.append([
          [add, [1n, 'guarded'], 1],
          [add, [1n, 'nobody'], 0],
        ])
        expect(await big('guarded')).toBe(2n)
      })

      it('with unknown SQL is refused alone, and the statement stays refused', async () => {
        const wrong = store.prepare('insert into nowhere (id) values (?)')
        for (let i = 0; i < 2; i++) {
          const [first, second, third] = await Promise.allSettled([
            store.append([put(`beside ${i}`)]),
            store.append([[wrong, ['x']]]),
            store.append([put(`beside too ${i}`)]),
          ])
          expect([first?.status, second?.status, third?.status]).toEqual([
            'fulfilled',
            'rejected',
            'fulfilled',
          ])
          expect(second).toMatchObject({ reason: { kind: 'invalid', step: 0 } })
        }
      })

      it('with a parameter too few or too many is refused alone', async () => {
        const [few, beside, many] = await Promise.allSettled([
          store.append([[add, [1n]]]),
          store.append([put('beside few')]),
          store.append([[add, [1n, 'x', 'y']]]),
        ])
        expect(few).toMatchObject({ status: 'rejected', reason: { kind: 'invalid', step: 0 } })
        expect(beside.status).toBe('fulfilled')
        expect(many).toMatchObject({ status: 'rejected', reason: { kind: 'invalid', step: 0 } })
      })

      it('without steps succeeds', async () => {
        await store.append([])
      })
    })

    describe('a thousand concurrent units', () => {
      it('are all applied, in the order in which they came', async () => {
        await store.append([put('order', 0n)])
        const advance = store.prepare('update proving set big = ? where id = ? and big = ?')
        const units = Array.from({ length: 1000 }, (_, i) =>
          store.append([[advance, [BigInt(i + 1), 'order', BigInt(i)], 1], put(`order ${i}`)]),
        )
        await Promise.all(units)
        expect(await big('order')).toBe(1000n)
        const { rows } = await db
          .selectFrom('proving')
          .select(({ fn }) => fn.countAll().as('rows'))
          .where('id', 'like', 'order %')
          .executeTakeFirstOrThrow()
        expect(rows).toBe(1000n)
      })

      it('leave their neighbours alone when they fail', async () => {
        await store.append([put('sum of good', 0n), put('taken')])
        const faults = [put('taken'), [add, [1n, 'nobody'], 1], [add, [-int8Max, 'sum of good']]] as const
        const settled = await Promise.allSettled(
          Array.from({ length: 1000 }, (_, i) =>
            store.append(
              i % 7 === 3 ? [[add, [1n, 'sum of good']], faults[i % 3]!] : [[add, [1n, 'sum of good'], 1]],
            ),
          ),
        )
        const good = settled.filter((unit) => unit.status === 'fulfilled')
        settled.forEach((unit, i) => {
          expect(unit.status, `unit ${i}`).toBe(i % 7 === 3 ? 'rejected' : 'fulfilled')
        })
        expect(await big('sum of good')).toBe(BigInt(good.length))
      })

      it('never take a guarded amount below zero', async () => {
        await store.append([put('purse', 100n)])
        const spend = store.prepare('update proving set big = big - ? where id = ? and big >= ?')
        const settled = await Promise.allSettled(
          Array.from({ length: 300 }, () => store.append([[spend, [1n, 'purse', 1n], 1]], ['purse'])),
        )
        expect(settled.filter((unit) => unit.status === 'fulfilled').length).toBe(100)
        expect(await big('purse')).toBe(0n)
      })
    })

    describe('queries', () => {
      it('see every unit that was answered', async () => {
        await store.append([put('seen', 0n)])
        for (let i = 1n; i <= 20n; i++) {
          await store.append([[add, [1n, 'seen']]])
          expect(await big('seen')).toBe(i)
        }
      })

      it('and units apply in the order in which they are awaited', async () => {
        await db
          .insertInto('proving')
          .values({ id: 'mixed', big: 1n, small: null, words: null, bytes: null })
          .execute()
        await store.append([[add, [1n, 'mixed'], 1]])
        const updated = await db
          .updateTable('proving')
          .set({ big: sql`big * 10` })
          .where('id', '=', 'mixed')
          .executeTakeFirst()
        expect(updated.numUpdatedRows).toBe(1n)
        await store.append([[add, [5n, 'mixed'], 1]])
        expect(await big('mixed')).toBe(25n)
      })

      it('return what they changed', async () => {
        const row = await db
          .insertInto('proving')
          .values({ id: 'returned', big: 3n, small: 4, words: null, bytes: null })
          .returning(['big', 'small'])
          .executeTakeFirst()
        expect(row).toEqual({ big: 3n, small: 4 })
        const nothing = await db
          .insertInto('proving')
          .values({ id: 'returned', big: 0n, small: null, words: null, bytes: null })
          .onConflict((c) => c.doNothing())
          .executeTakeFirst()
        expect(nothing.numInsertedOrUpdatedRows).toBe(0n)
      })

      it('reject with the kind of the fault', async () => {
        const row = { id: 'twice', big: null, small: null, words: null, bytes: null }
        await db.insertInto('proving').values(row).execute()
        expect((await failure(db.insertInto('proving').values(row).execute())).kind).toBe('unique')
        expect((await failure(sql`select nothing from nowhere`.execute(db))).kind).toBe('invalid')
        expect(
          (
            await failure(
              db
                .insertInto('workspaces')
                .values({ id: 'w', organization_id: 'nobody', slug: 's', name: 'n', created_at: 0n })
                .execute(),
            )
          ).kind,
        ).toBe('constraint')
      })
    })

    describe('a transaction', () => {
      it('is undone when its function throws', async () => {
        const work = db.transaction().execute(async (tx) => {
          await tx
            .insertInto('proving')
            .values({ id: 'undone', big: null, small: null, words: null, bytes: null })
            .execute()
          expect(
            await tx.selectFrom('proving').select('id').where('id', '=', 'undone').executeTakeFirst(),
          ).toEqual({ id: 'undone' })
          throw new Error('changed my mind')
        })
        await expect(work).rejects.toThrow('changed my mind')
        expect(await big('undone')).toBe(undefined)
      })

      it('is not seen by others before it is committed', async () => {
        await store.append([put('isolated', 1n)])
        await db.transaction().execute(async (tx) => {
          await tx.updateTable('proving').set({ big: 2n }).where('id', '=', 'isolated').execute()
          expect(await big('isolated')).toBe(1n)
        })
        expect(await big('isolated')).toBe(2n)
      })

      it('loses no change of a unit that runs beside it', async () => {
        await store.append([put('raced', 0n)])
        const unit: Promise<void>[] = []
        await db.transaction().execute(async (tx) => {
          await tx.updateTable('proving').set({ big: sql`big + 1` }).where('id', '=', 'raced').execute()
          unit.push(store.append([[add, [10n, 'raced'], 1]]))
          await new Promise((resolve) => setTimeout(resolve, 30))
          await tx.updateTable('proving').set({ big: sql`big + 1` }).where('id', '=', 'raced').execute()
        })
        await Promise.all(unit)
        expect(await big('raced')).toBe(12n)
      })

      it('that only reads sees one moment, and holds nobody', async () => {
        await store.append([put('snapshot', 1n)])
        await db
          .transaction()
          .setAccessMode('read only')
          .setIsolationLevel('repeatable read')
          .execute(async (tx) => {
            const read = () =>
              tx.selectFrom('proving').select('big').where('id', '=', 'snapshot').executeTakeFirst()
            expect(await read()).toEqual({ big: 1n })
            await store.append([[add, [1n, 'snapshot']]])
            expect(await read()).toEqual({ big: 1n })
          })
        expect(await big('snapshot')).toBe(2n)
      })

      it('that only reads refuses to write', async () => {
        await store.append([put('only read', 1n)])
        const work = db
          .transaction()
          .setAccessMode('read only')
          .execute((tx) => tx.updateTable('proving').set({ big: 9n }).where('id', '=', 'only read').execute())
        await failure(work)
        expect(await big('only read')).toBe(1n)
      })

      it('takes part of itself back to a savepoint', async () => {
        const tx = await db.startTransaction().execute()
        await tx
          .insertInto('proving')
          .values({ id: 'kept', big: 1n, small: null, words: null, bytes: null })
          .execute()
        const marked = await tx.savepoint('here').execute()
        await marked
          .insertInto('proving')
          .values({ id: 'not kept', big: 1n, small: null, words: null, bytes: null })
          .execute()
        await (await marked.rollbackToSavepoint('here').execute()).commit().execute()
        expect(await big('kept')).toBe(1n)
        expect(await big('not kept')).toBe(undefined)
      })
    })

    describeSchema(() => store, failure)

    describe('closing and opening again', () => {
      it('finishes what was accepted, refuses what comes later, and keeps everything', async () => {
        const accepted = store.append([put('before closing', 42n)])
        await Promise.all([store.close(), accepted])
        await store.close()
        expect((await failure(store.append([put('after closing')]))).kind).toBe('unavailable')
        await open()
        expect(await big('before closing')).toBe(42n)
        expect(await big('order')).toBe(1000n)
        expect(await big('after closing')).toBe(undefined)
      })
    })
  })
}
