import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase, hasPostgres } from '../../../test/harness/postgres.ts'
import { createPostgres, type PostgresServer } from '../../../test/harness/postgres-server.ts'
import { systemClock } from '../../lib/index.ts'
import { openStore } from '../open.ts'
import type { Store } from '../store.ts'
import { numberPlaceholders } from './placeholders.ts'

const open: Store[] = []

async function openNode(url: string): Promise<Store> {
  const store = await openStore({ database: url, dataDir: '', poolSize: 4, clock: systemClock })
  open.push(store)
  return store
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((store) => store.close()))
})

describe('placeholders', () => {
  it('are numbered, except where they are text, names or comments', () => {
    expect(numberPlaceholders(`select ?, '?''?', "?" -- ?\n, ? /* ? */`)).toBe(
      `select $1, '?''?', "?" -- ?\n, $2 /* ? */`,
    )
  })
})

describe.skipIf(!hasPostgres)('several nodes on one Postgres', () => {
  let database: { url: string; drop(): Promise<void> }
  beforeAll(async () => {
    database = await freshDatabase()
  })
  afterAll(() => database.drop())

  it('may start at once', async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => openNode(database.url)))
    const rows = await stores[0]!.db.selectFrom('organizations').selectAll().execute()
    expect(rows.length).toBe(1)
  })

  it('never spend more than there is, whatever the order of their locks', { timeout: 30_000 }, async () => {
    const nodes = await Promise.all([openNode(database.url), openNode(database.url), openNode(database.url)])
    const accounts = Array.from({ length: 8 }, (_, i) => `purse ${i}`)
    const insert = nodes[0]!.prepare(
      'insert into accounts (id, organization_id, posted_nanos, held_nanos, floor) values (?, null, ?, 0, ?)',
    )
    await nodes[0]!.append([
      ...accounts.map((id) => [insert, [id, 50n, 1]] as const),
      [insert, ['shop', 0n, 0]],
    ])
    const sql = 'update accounts set posted_nanos = posted_nanos + ? where id = ?'
    const keyed = (i: number) => i % 2 === 0
    const settled = await Promise.allSettled(
      Array.from({ length: 900 }, (_, i) => {
        const node = nodes[i % 3]!
        const move = node.prepare(sql)
        const purse = accounts[(i * 7) % 8]!
        const steps = [[move, [-1n, purse], 1] as const, [move, [1n, 'shop'], 1] as const]
        return node.append(i % 3 === 1 ? steps.reverse() : steps, keyed(i) ? [purse, 'shop'] : undefined)
      }),
    )
    const spent = settled.filter((unit) => unit.status === 'fulfilled').length
    for (const unit of settled)
      if (unit.status === 'rejected') expect(unit.reason).toMatchObject({ kind: 'constraint' })
    const rows = await nodes[0]!.db
      .selectFrom('accounts')
      .select(['id', 'posted_nanos'])
      .where('id', 'in', [...accounts, 'shop'])
      .execute()
    for (const row of rows) expect(row.posted_nanos).toBe(row.id === 'shop' ? BigInt(spent) : 0n)
    expect(spent).toBe(400)
  })
})

describe.skipIf(!hasPostgres)('a Postgres that goes away', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await createPostgres()
  })
  afterAll(() => server?.remove())

  it('fails units and queries with a sentence, applies each completely or not at all, and is used again by itself', {
    timeout: 60_000,
  }, async () => {
    const store = await openNode(server.url('postgres'))
    const insert = store.prepare('insert into settings (name, value) values (?, ?)')
    const answered: string[] = []
    const refused: string[] = []
    let running = true
    const workers = Array.from({ length: 8 }, async (_, worker) => {
      for (let n = 0; running; n++) {
        const name = `${worker}/${n}`
        await store
          .append([
            [insert, [name, 'a'], 1],
            [insert, [`${name}'`, 'b'], 1],
          ])
          .then(
            () => answered.push(name),
            (error) => {
              expect(error).toMatchObject({ name: 'StoreError', kind: 'unavailable' })
              refused.push(name)
              return sleep(20)
            },
          )
      }
    })
    for (let crash = 0; crash < 3; crash++) {
      await sleep(200)
      await server.stop('immediate')
      const name = `${crash}/down`
      await expect(store.append([[insert, [name, 'a'], 1]])).rejects.toMatchObject({ kind: 'unavailable' })
      refused.push(name)
      await expect(store.db.selectFrom('settings').selectAll().execute()).rejects.toMatchObject({
        kind: 'unavailable',
      })
      const before = answered.length
      await server.start()
      const returned = performance.now()
      while (answered.length === before && performance.now() - returned < 5_000) await sleep(20)
      expect(answered.length).toBeGreaterThan(before)
    }
    running = false
    await Promise.all(workers)
    const rows = await store.db.selectFrom('settings').select('name').where('name', 'like', '%/%').execute()
    const names = new Set(rows.map((row) => row.name))
    for (const name of answered) expect(names.has(name) && names.has(`${name}'`), name).toBe(true)
    for (const name of refused) expect(names.has(name) || names.has(`${name}'`), name).toBe(false)
  })

  it('is named when the program starts without it', async () => {
    await expect(openNode('postgres://nobody@127.0.0.1:1/none')).rejects.toMatchObject({
      kind: 'unavailable',
    })
  })

  it('leaves backups to its own tools', async () => {
    const store = await openNode(server.url('postgres'))
    await expect(store.backup('/tmp/x')).rejects.toThrow('pg_dump')
  })
})
