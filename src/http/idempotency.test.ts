import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase, hasPostgres } from '../../test/harness/postgres.ts'
import { GatewayError } from '../chat/index.ts'
import { systemClock } from '../lib/index.ts'
import { openStore, type Store } from '../store/index.ts'
import type { Gateway, RouteEnv } from './gateway.ts'
import { idempotent } from './idempotency.ts'
import { asGatewayError } from './reply.ts'

const HOUR = 3_600_000

const engines = [
  {
    name: 'SQLite',
    there: true,
    open: async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'waybill-once-'))
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

let store: Store
let now = 1_800_000_000_000
/** What the route does; counts itself. */
let work: () => Response | Promise<Response>
let done = 0

function app(): Hono<RouteEnv> {
  const gateway = {
    store,
    clock: { now: () => now },
    bodies: { read: async (incoming: { body: string }) => Buffer.from(incoming.body) },
  } as unknown as Gateway
  const routes = new Hono<RouteEnv>()
  routes.use(async (c, next) => {
    c.set('caller', { kind: 'operator', organizationId: 'default', workspaceId: 'default' })
    await next()
  })
  routes.all('/thing', idempotent(gateway), async () => {
    done++
    return work()
  })
  routes.onError((error, c) => {
    const { status, message } = asGatewayError(error)
    return c.json({ message }, status as 400)
  })
  return routes
}

async function send(key: string | null, body = '{}', credential = 'secret', method = 'POST') {
  const headers = {
    authorization: `Bearer ${credential}`,
    ...(key !== null && { 'idempotency-key': key }),
  }
  const request = new Request('http://x/thing', { method, headers })
  const response = await app().fetch(request, { incoming: { headers, body } })
  const text = await response.text()
  return { status: response.status, text, replayed: response.headers.get('idempotency-replayed') }
}

describe.each(engines.filter(({ there }) => there))('an Idempotency-Key on $name', ({ open }) => {
  let remove: () => Promise<unknown>

  beforeAll(async () => {
    const opened = await open()
    store = opened.store
    remove = opened.remove
  })

  afterAll(async () => {
    await store.close()
    await remove()
  })

  it('makes a write happen once a day', async () => {
    work = () => Response.json({ made: done }, { status: 201 })
    done = 0
    const first = await send('day')
    now += 23 * HOUR
    expect(await send('day')).toEqual({ ...first, replayed: 'true' })
    expect(done).toBe(1)
    now += 2 * HOUR
    expect((await send('day')).replayed).toBeNull()
    expect(done).toBe(2)
  })

  it('is another one by another method or credential, and nothing without the header', async () => {
    done = 0
    await send('one')
    await send('one', '{}', 'other')
    await send('one', '{}', 'secret', 'PUT')
    await send(null)
    await send(null)
    expect(done).toBe(5)
    await send('one', '{}', 'secret', 'GET')
    await send('one', '{}', 'secret', 'GET')
    expect(done).toBe(7)
  })

  it('is 409 while the first one runs, and goes on being it when that was cut off', async () => {
    let finish = () => {}
    let begun = () => {}
    const running = new Promise<void>((resolve) => {
      begun = resolve
    })
    work = () => {
      begun()
      return new Promise((resolve) => {
        finish = () => resolve(Response.json({ made: true }))
      })
    }
    const first = send('slow')
    await running
    expect(await send('slow')).toMatchObject({ status: 409, text: expect.stringContaining('still running') })
    expect((await send('slow', '{"other":1}')).status).toBe(422)
    now += 10 * 60_000
    expect(await send('slow')).toMatchObject({ status: 409, text: expect.stringContaining('was cut off') })
    finish()
    expect((await first).status).toBe(200)
    expect(await send('slow')).toMatchObject({ status: 200, replayed: 'true' })
  })

  it('is free again when nothing was done', async () => {
    work = () => {
      throw new GatewayError('invalid_request', 'no')
    }
    expect((await send('free')).status).toBe(400)
    work = () => {
      throw new Error('boom')
    }
    expect((await send('free', '{"b":2}')).status).toBe(500)
    work = () => Response.json({ made: true })
    expect(await send('free')).toMatchObject({ status: 200, replayed: null })
  })

  it('is refused when it is no such key', async () => {
    expect((await send('a b')).status).toBe(400)
    expect((await send('x'.repeat(256))).status).toBe(400)
  })

  it('keeps answers unreadable without the credential', async () => {
    work = () => Response.json({ key: 'sk-wb-v1-told-only-once' })
    await send('sealed')
    const rows = await store.db.selectFrom('idempotency').selectAll().execute()
    const kept = JSON.stringify(
      rows.map((row) => Buffer.from(row.answer ?? []).toString('latin1')),
      null,
      1,
    )
    expect(kept).not.toContain('told-only-once')
    expect(
      JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toContain('secret')
  })
})
