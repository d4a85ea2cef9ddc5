import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { freshDatabase, hasPostgres } from './postgres.ts'
import { createPostgres } from './postgres-server.ts'

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

describe.skipIf(!hasPostgres)('the Postgres of a test run', () => {
  it('hands out databases that do not see each other, and takes them back with open connections', async () => {
    const [one, two] = await Promise.all([freshDatabase(), freshDatabase()])
    await query(one.url, 'CREATE TABLE t (n int)')
    await expect(query(two.url, 'SELECT * FROM t')).rejects.toThrow('does not exist')
    const left = new pg.Client({ connectionString: one.url })
    left.on('error', () => {})
    await left.connect()
    await one.drop()
    await expect(query(one.url, 'SELECT 1')).rejects.toThrow('does not exist')
    await two.drop()
  })

  it('writes durably, as in production', async () => {
    const database = await freshDatabase()
    expect(await query(database.url, 'SHOW fsync')).toEqual([{ fsync: 'on' }])
    expect(await query(database.url, 'SHOW synchronous_commit')).toEqual([{ synchronous_commit: 'on' }])
    await database.drop()
  })

  it('keeps what was committed when a server of its own crashes', async () => {
    const server = await createPostgres()
    try {
      await query(server.url('postgres'), 'CREATE TABLE t (n int)')
      await query(server.url('postgres'), 'INSERT INTO t VALUES (7)')
      await server.stop('immediate')
      await expect(query(server.url('postgres'), 'SELECT 1')).rejects.toThrow()
      await server.start()
      expect(await query(server.url('postgres'), 'SELECT n FROM t')).toEqual([{ n: 7 }])
    } finally {
      await server.remove()
    }
  })
})
