import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../lib/index.ts'
import { openStore, type Store } from '../store/index.ts'
import { Pruner } from './prune.ts'
import { candidateTables } from './query.ts'
import { WaybillTables } from './tables.ts'

const DAY = 86_400_000
const NOW = 1_800_000_000_000

let dataDir: string
let store: Store
let pruner: Pruner

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'waybill-prune-'))
  store = await openStore({ dataDir, clock: systemClock })
  pruner = new Pruner(store, { keptMs: () => null, now: () => NOW, failed: () => undefined })
})

afterEach(async () => {
  await pruner.stop()
  await store.close()
  rmSync(dataDir, { recursive: true, force: true })
})

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

describe('pruning', () => {
  it('forgets the details of old calls and keeps those of the others', async () => {
    await Promise.all([call('gen-a', NOW - 31 * DAY), call('gen-b', NOW - 29 * DAY), call('gen-c', NOW)])
    expect(await pruner.prune(NOW - 30 * DAY)).toBe(1)
    expect(await ids('waybills')).toEqual(['gen-b', 'gen-c'])
    expect(await ids('attempts')).toEqual(['gen-b.1', 'gen-c.1'])
    expect(await pruner.prune(NOW - 30 * DAY)).toBe(0)
  })

  it('goes on in steps until all are gone, and writes get in between', async () => {
    await Promise.all(Array.from({ length: 450 }, (_, i) => call(`gen-${i}`, NOW - 40 * DAY + i)))
    const pruned = pruner.prune(NOW - 30 * DAY)
    let written = 0
    const writing = setInterval(() => void call(`gen-new-${written}`, NOW).then(() => written++), 10)
    expect(await pruned).toBe(450)
    clearInterval(writing)
    expect(written).toBeGreaterThan(2)
    expect((await ids('waybills')).every((id) => id.startsWith('gen-new-'))).toBe(true)
  })

  it('forgets tables that no kept waybill refers to', async () => {
    const tables = new WaybillTables(store)
    const [old, young] = [
      { hash: 'old', data: '[]' },
      { hash: 'young', data: '[]' },
    ]
    tables.keep([old, young], NOW - 40 * DAY)
    tables.keep([young], NOW - 3 * DAY)
    tables.keep([young], NOW - 3 * DAY + 5)
    await pruner.prune(NOW - 30 * DAY)
    expect([...(await candidateTables(store, ['old', 'young'])).keys()]).toEqual(['young'])
  })
})
