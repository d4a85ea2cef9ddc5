import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../lib/index.ts'
import { migrations } from '../migrations/index.ts'
import { restoreSqlite } from '../open.ts'
import type { Store } from '../store.ts'
import { refuseOldSqlite } from './database.ts'
import { openSqliteStore } from './sqlite.store.ts'

const child = fileURLToPath(new URL('./child.testing.ts', import.meta.url))

let dataDir: string
const open: Store[] = []

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'waybill-sqlite-'))
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((store) => store.close()))
  rmSync(dataDir, { recursive: true, force: true })
})

async function openStore(more: { lockWaitMs?: number; transactionLimitMs?: number } = {}): Promise<Store> {
  const store = await openSqliteStore({ dataDir, clock: systemClock, ...more })
  open.push(store)
  return store
}

/** Another process that opens the directory and appends numbered settings, saying each number once it is durable. */
function startChild(dir = dataDir) {
  const process_ = spawn(process.execPath, [child, dir], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: process_.stdout })
  return { process: process_, lines }
}

const setting = 'insert into settings (name, value) values (?, ?)'

describe('the data directory', () => {
  it('and its files are for their owner only', async () => {
    const dir = join(dataDir, 'made', 'below')
    const store = await openSqliteStore({ dataDir: dir, clock: systemClock })
    await store.append([[store.prepare(setting), ['a', 'b']]])
    expect(statSync(dir).mode & 0o777).toBe(0o700)
    for (const name of ['waybill.db', 'waybill.db-wal', 'waybill.db-shm', 'lock.db', 'lock.pid']) {
      expect(statSync(join(dir, name)).mode & 0o777, name).toBe(0o600)
    }
    await store.close()
  })

  it('that another process uses is refused, naming its pid, and is free when that process is killed', async () => {
    const { process: other, lines } = startChild()
    await once(lines, 'line')
    await expect(openStore({ lockWaitMs: 100 })).rejects.toThrow(
      `another waybill (pid ${other.pid}) uses this data directory`,
    )
    await expect(restoreSqlite(join(dataDir, 'waybill.db'), dataDir)).rejects.toThrow(
      /running server|another waybill/,
    )
    const waiting = openStore({ lockWaitMs: 5_000 })
    await sleep(100)
    other.kill('SIGKILL')
    expect((await waiting).engine).toBe('sqlite')
  })

  it('is refused to a second store of the same process', async () => {
    await openStore()
    await expect(openStore({ lockWaitMs: 50 })).rejects.toThrow(`(pid ${process.pid})`)
    await expect(openStore({ lockWaitMs: 50 })).rejects.toThrow(`(pid ${process.pid})`)
  })

  it('is free again after a refused start', async () => {
    const first = await openStore()
    await sql`update settings set value = '999' where name = 'schema_version'`.execute(first.db)
    await first.close()
    await expect(openStore()).rejects.toThrow('the database has schema version 999')
    await expect(openStore()).rejects.toThrow('the database has schema version 999')
  })
})

describe('a database file that is damaged', () => {
  it('is named, and the directory is free again', async () => {
    writeFileSync(join(dataDir, 'waybill.db'), 'no database at all'.repeat(1000))
    for (let i = 0; i < 2; i++) {
      await expect(openStore({ lockWaitMs: 50 })).rejects.toThrow(/cannot be opened: file is not a database/)
    }
  })
})

describe('a process that is killed', () => {
  it('loses nothing that was answered, and leaves no gaps', { timeout: 60_000 }, async () => {
    let answered = 0
    for (let cycle = 0; cycle <= 20; cycle++) {
      const { process: other, lines } = startChild()
      const [found] = await once(lines, 'line')
      const { rows, last, check } = JSON.parse(found)
      expect(check).toBe('ok')
      expect(last).toBe(rows)
      expect(rows).toBeGreaterThanOrEqual(answered)
      lines.on('line', (line) => {
        answered = Math.max(answered, Number(line))
      })
      await sleep(Math.random() * 60)
      other.kill('SIGKILL')
      await once(lines, 'close')
    }
    expect(answered).toBeGreaterThan(100)
  })
})

describe('a disk that is full', () => {
  it('stops all writes until resume, applies none of them, and takes them again afterwards', async () => {
    const store = await openStore()
    const insert = store.prepare(setting)
    await store.append([[insert, ['before', 'x']]])
    const pages = await sql<{ page_count: bigint }>`select page_count from pragma_page_count`.execute(
      store.db,
    )
    const limit = Number(pages.rows[0]!.page_count) + 2
    await sql`pragma max_page_count = ${sql.raw(String(limit))}`.execute(store.db)
    const large = 'x'.repeat(100_000)
    const results = await Promise.allSettled([
      store.append([[insert, ['same group', 'x']]]),
      store.append([[insert, ['too large', large]]]),
      store.append([[insert, ['behind', 'x']]]),
      store.db.insertInto('settings').values({ name: 'query behind', value: 'x' }).execute(),
    ])
    for (const result of results) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { name: 'StoreError', kind: 'unavailable' },
      })
    }
    expect((results[1] as PromiseRejectedResult).reason.message).toMatch(/full/)
    await expect(store.append([[insert, ['later', 'x']]])).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(store.db.transaction().execute(async () => {})).rejects.toMatchObject({
      kind: 'unavailable',
    })
    const names = () =>
      store.db
        .selectFrom('settings')
        .select('name')
        .where('name', '!=', 'schema_version')
        .orderBy('name')
        .execute()
    expect(await names()).toEqual([{ name: 'before' }])
    store.resume()
    await store.append([[insert, ['resumed', 'x']]])
    await sql`pragma max_page_count = 4294967294`.execute(store.db)
    await store.append([[insert, ['too large', large]]])
    expect(await names()).toEqual([{ name: 'before' }, { name: 'resumed' }, { name: 'too large' }])
  })
})

describe('the writer', () => {
  it('keeps units, queries and transactions in the order in which they were given', async () => {
    const store = await openStore()
    const append = store.prepare('update settings set value = value || ? where name = ?')
    await store.db.insertInto('settings').values({ name: 'order', value: '' }).execute()
    const change = (letter: string) => ({ value: sql<string>`value || ${letter}` })
    for (let i = 0; i < 30; i++) {
      const unit = store.append([[append, ['a', 'order'], 1]])
      const query = store.db.updateTable('settings').set(change('b')).where('name', '=', 'order').execute()
      await (i % 2 ? unit : query)
      const before = store.append([[append, ['c', 'order'], 1]])
      await store.db.transaction().execute(async (tx) => {
        await tx.updateTable('settings').set(change('d')).where('name', '=', 'order').execute()
        void store.append([[append, ['f', 'order'], 1]])
        await tx.updateTable('settings').set(change('e')).where('name', '=', 'order').execute()
      })
      await Promise.all([unit, query, before])
    }
    await store.append([])
    const row = await store.db
      .selectFrom('settings')
      .select('value')
      .where('name', '=', 'order')
      .executeTakeFirst()
    expect(row?.value).toBe('abcdef'.repeat(30))
  })

  it('undoes a transaction that takes too long, and goes on with what waited behind it', async () => {
    const store = await openStore({ transactionLimitMs: 100 })
    const insert = store.prepare(setting)
    const slow = store.db.transaction().execute(async (tx) => {
      await tx.insertInto('settings').values({ name: 'slow', value: 'x' }).execute()
      await sleep(300)
    })
    await sleep(20)
    const behind = store.append([[insert, ['behind', 'x']]])
    await expect(slow).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('too long'),
    })
    await behind
    const names = await store.db
      .selectFrom('settings')
      .select('name')
      .where('name', 'in', ['slow', 'behind'])
      .execute()
    expect(names).toEqual([{ name: 'behind' }])
  })

  it('answers queries on two threads while a transaction waits', async () => {
    const store = await openStore()
    await store.db.transaction().execute(async (tx) => {
      await tx.updateTable('organizations').set({ name: 'x' }).execute()
      const reads = Array.from({ length: 50 }, () => store.db.selectFrom('accounts').selectAll().execute())
      expect((await Promise.all(reads)).every((rows) => rows.length === 7)).toBe(true)
    })
  })

  it('refuses a query that returns too many rows', async () => {
    const store = await openStore()
    const query = sql`select value from generate_series(1, 200001)`
      .execute(store.db)
      .catch(() =>
        sql`select 1 from (with recursive n(i) as (select 1 union all select i + 1 from n where i < 200001) select i from n)`.execute(
          store.db,
        ),
      )
    await expect(query).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('ask in pages'),
    })
  })
})

describe('a backup', () => {
  it('taken under load is one sound moment, and brings the database back', { timeout: 30_000 }, async () => {
    const store = await openStore()
    const [insert, change] = [
      store.prepare(setting),
      store.prepare('update settings set value = ? where name = ?'),
    ]
    await store.append([
      [insert, ['left', '0']],
      [insert, ['right', '0']],
    ])
    let running = true
    const load = (async () => {
      for (let i = 1; running; i++)
        await store.append([
          [change, [String(i), 'left'], 1],
          [change, [String(i), 'right'], 1],
        ])
      return 0
    })()
    await sleep(20)
    const file = join(dataDir, 'copy.db')
    await store.backup(file)
    running = false
    await load
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await expect(store.backup(file)).rejects.toThrow('exists already')
    await store.append([[insert, ['after the backup', 'x']]])
    await expect(restoreSqlite(file, dataDir)).rejects.toThrow('another waybill')
    await store.close()
    expect(await restoreSqlite(file, dataDir)).toEqual({ schemaVersion: migrations.length })
    const again = await openStore()
    const rows = await again.db
      .selectFrom('settings')
      .selectAll()
      .where('name', '!=', 'schema_version')
      .orderBy('name')
      .execute()
    expect(rows.map((row) => row.name)).toEqual(['left', 'right'])
    expect(rows[0]!.value).toBe(rows[1]!.value)
    expect(Number(rows[0]!.value)).toBeGreaterThan(0)
    expect(existsSync(join(dataDir, 'waybill.db.before-restore'))).toBe(true)
  })

  it('that is damaged, foreign, newer or missing is refused and changes nothing', async () => {
    const store = await openStore()
    await store.append([[store.prepare(setting), ['here', 'x']]])
    const file = join(dataDir, 'copy.db')
    await store.backup(file)
    await sql`update settings set value = '999' where name = 'schema_version'`.execute(store.db)
    const newer = join(dataDir, 'newer.db')
    await store.backup(newer)
    await sql`update settings set value = ${String(migrations.length)} where name = 'schema_version'`.execute(
      store.db,
    )
    await store.close()
    const damaged = join(dataDir, 'damaged.db')
    const bytes = readFileSync(file)
    bytes.fill(0x5a, 8192, 8192 + 4096 * 8)
    writeFileSync(damaged, bytes)
    const foreign = join(dataDir, 'foreign.db')
    writeFileSync(foreign, 'no database at all'.repeat(1000))
    await expect(restoreSqlite(damaged, dataDir)).rejects.toThrow(/damaged|not a waybill database/)
    await expect(restoreSqlite(foreign, dataDir)).rejects.toThrow('not a waybill database')
    await expect(restoreSqlite(newer, dataDir)).rejects.toThrow('schema version 999')
    await expect(restoreSqlite(join(dataDir, 'none.db'), dataDir)).rejects.toThrow('does not exist')
    copyFileSync(file, join(dataDir, 'live.db'))
    writeFileSync(join(dataDir, 'live.db-wal'), 'x')
    await expect(restoreSqlite(join(dataDir, 'live.db'), dataDir)).rejects.toThrow('running server')
    const again = await openStore()
    expect(
      await again.db.selectFrom('settings').select('value').where('name', '=', 'here').execute(),
    ).toEqual([{ value: 'x' }])
  })
})

describe('SQLite', () => {
  it('is refused when it is older than the fix of the write-ahead log', () => {
    for (const version of ['3.51.2', '3.40.1', '3.9.9', '2.99.99']) {
      expect(() => refuseOldSqlite(version), version).toThrow('reinstall better-sqlite3')
    }
    for (const version of ['3.51.3', '3.51.10', '3.54.1', '4.0.0']) refuseOldSqlite(version)
  })
})
