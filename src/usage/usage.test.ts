import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freshDatabase, hasPostgres } from '../../test/harness/postgres.ts'
import { NO_USAGE } from '../chat/index.ts'
import { systemClock } from '../lib/index.ts'
import { type GenerationRow, openStore, type Store } from '../store/index.ts'
import { Pruner } from './prune.ts'
import { candidateTables, generations } from './query.ts'
import { type CallFacts, type EndFacts, usageRecord } from './record.ts'
import { WaybillTables } from './tables.ts'

const DAY = 86_400_000
const NOW = 1_800_000_000_000

const engines = [
  {
    name: 'SQLite',
    there: true,
    open: async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'waybill-usage-'))
      const store = await openStore({ dataDir, clock: systemClock })
      return { store, remove: async () => rmSync(dataDir, { recursive: true, force: true }) }
    },
  },
  {
    name: 'Postgres',
    there: hasPostgres,
    open: async () => {
      const { url, drop } = await freshDatabase()
      return {
        store: await openStore({ database: url, dataDir: '', poolSize: 4, clock: systemClock }),
        remove: drop,
      }
    },
  },
]

let store: Store

async function call(id: string, at: number): Promise<void> {
  const insert = store.prepare(
    'insert into waybills (id, organization_id, created_at, data) values (?, ?, ?, ?)',
  )
  const attempt = store.prepare(
    `insert into attempts (id, generation_id, organization_id, n, endpoint_id, provider, model, outcome, started_at,
      duration_ms) values (?, ?, 'default', 1, 'e', 'p', 'm', 'ok', ?, 1)`,
  )
  await store.append([
    [insert, [id, 'default', BigInt(at), '{}']],
    [attempt, [`${id}.1`, id, BigInt(at)]],
  ])
}

const ids = async (table: 'waybills' | 'attempts') =>
  (await store.db.selectFrom(table).select('id').orderBy('id').execute()).map(({ id }) => id)

async function generation(id: string, more: Partial<GenerationRow> = {}): Promise<void> {
  const row = {
    ...usageRecord(CALL, [], END, null).generation,
    id,
    model: 'acme/one',
    ...more,
  }
  await store.db.insertInto('generations').values(row).execute()
}

const CALL: CallFacts = {
  id: 'gen-0',
  organizationId: 'default',
  workspaceId: 'default',
  creatorUserId: null,
  keyHash: 'key',
  surface: 'chat',
  requestedModel: 'acme/alias',
  streamed: true,
  simulated: false,
  createdAt: NOW,
  gatewayUs: 400,
  appTitle: null,
  appUrl: null,
  userAgent: null,
  externalUser: null,
  sessionId: null,
}
const END: EndFacts = {
  result: 'complete',
  usage: NO_USAGE,
  served: null,
  finishReason: 'stop',
  nativeFinishReason: null,
  errorCode: null,
}

describe.each(engines)('with $name', ({ there, open }) => {
  describe.skipIf(!there)('the records of calls', () => {
    let remove: () => Promise<unknown>
    let pruner: Pruner

    beforeEach(async () => {
      const opened = await open()
      store = opened.store
      remove = opened.remove
      pruner = new Pruner(store, { keptMs: () => null, now: () => NOW, failed: () => undefined })
    })

    afterEach(async () => {
      await pruner.stop()
      await store.close()
      await remove()
    })

    it('are listed newest first, page by page, and by what they were', async () => {
      await generation('gen-1', { created_at: 1n })
      await generation('gen-2', { created_at: 2n, result: 'failed', error_code: 'server', key_hash: 'other' })
      await generation('gen-3', { created_at: 2n, model: 'acme/two', requested_model: 'acme/two' })
      await generation('gen-4', { created_at: 3n, organization_id: 'other' })
      const list = async (more: object = {}) =>
        (await generations(store, { organizationId: 'default', limit: 10, ...more })).map(({ id }) => id)
      expect(await list()).toEqual(['gen-3', 'gen-2', 'gen-1'])
      expect(await list({ limit: 1 })).toEqual(['gen-3'])
      expect(await list({ before: 'gen-3' })).toEqual(['gen-2', 'gen-1'])
      expect(await list({ before: 'gen-2' })).toEqual(['gen-1'])
      expect(await list({ result: 'failed' })).toEqual(['gen-2'])
      expect(await list({ keyHash: 'other' })).toEqual(['gen-2'])
      expect(await list({ errorCodes: ['server', 'unavailable'] })).toEqual(['gen-2'])
      expect(await list({ errorCodes: [null] })).toEqual(['gen-3', 'gen-1'])
      expect(await list({ errorCodes: ['server', null] })).toEqual(['gen-3', 'gen-2', 'gen-1'])
      expect(await list({ errorCodes: [] })).toEqual([])
      expect(await list({ model: 'acme/alias' })).toEqual(['gen-2', 'gen-1'])
      expect(await list({ model: 'acme/two' })).toEqual(['gen-3'])
    })

    it('lose their details with age, and only with age', async () => {
      await Promise.all([call('gen-a', NOW - 31 * DAY), call('gen-b', NOW - 29 * DAY), call('gen-c', NOW)])
      expect(await pruner.prune(NOW - 30 * DAY)).toBe(1)
      expect(await ids('waybills')).toEqual(['gen-b', 'gen-c'])
      expect(await ids('attempts')).toEqual(['gen-b.1', 'gen-c.1'])
      expect(await pruner.prune(NOW - 30 * DAY)).toBe(0)
    })

    it('are pruned in steps until all are done, and writes get in between', async () => {
      await Promise.all(Array.from({ length: 450 }, (_, i) => call(`gen-${i}`, NOW - 40 * DAY + i)))
      let done = false
      const pruned = pruner.prune(NOW - 30 * DAY).finally(() => {
        done = true
      })
      let written = 0
      for (; !done; written++) await call(`gen-new-${written}`, NOW)
      expect(await pruned).toBe(450)
      expect(written).toBeGreaterThan(2)
      expect((await ids('waybills')).every((id) => id.startsWith('gen-new-'))).toBe(true)
    })

    it('keep the tables that a kept waybill refers to, and no others', async () => {
      const tables = new WaybillTables(store)
      const [old, young] = [
        { hash: 'old', data: '[]' },
        { hash: 'young', data: '[]' },
      ]
      tables.keep([old, young], NOW - 40 * DAY)
      tables.keep([young], NOW - 3 * DAY)
      tables.keep([young], NOW - 3 * DAY + 5)
      const seen = () => store.db.selectFrom('waybill_tables').select('seen_at').orderBy('hash').execute()
      const midnight = (at: number) => ({ seen_at: BigInt(at - (at % DAY)) })
      await expect.poll(seen).toEqual([midnight(NOW - 40 * DAY), midnight(NOW - 3 * DAY)])
      await pruner.prune(NOW - 30 * DAY)
      expect([...(await candidateTables(store, ['old', 'young'])).keys()]).toEqual(['young'])
    })
  })
})
