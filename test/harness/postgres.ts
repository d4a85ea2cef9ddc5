import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import { findTool } from './machine.ts'

/** Where the process of the test run answers for its Postgres (test/harness/postgres-setup.ts). */
export const SOCKET_VARIABLE = 'WAYBILL_TEST_POSTGRES_SOCKET'

/** Whether this machine has Postgres: `describe.skipIf(!hasPostgres)('…')`. */
export const hasPostgres: boolean = findTool('postgres') !== undefined

/** An empty database of one's own in the Postgres of the test run. */
export interface FreshDatabase {
  /** `postgres://…`, as the server's `database` setting takes it. */
  readonly url: string
  /** Ends all its connections and deletes it. */
  drop(): Promise<void>
}

let counter = 0

async function serverUrl(): Promise<string> {
  const path = process.env[SOCKET_VARIABLE]
  if (!path)
    throw new Error('No Postgres for this process: run it under vitest, which starts one (vitest.config.ts).')
  const answer = JSON.parse(await text(connect(path))) as { url?: string; error?: string }
  if (!answer.url) throw new Error(answer.error)
  return answer.url
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/**
 * Creates an empty database (about 50 ms; the first call of a test run starts Postgres, about 2 s). Throws when
 * Postgres is missing or doesn't start.
 */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = await serverUrl()
  const name = `test_${process.pid}_${++counter}`
  await execute(server, `CREATE DATABASE ${name} TEMPLATE template0`)
  const address = new URL(server)
  address.pathname = `/${name}`
  return { url: address.href, drop: () => execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
}
