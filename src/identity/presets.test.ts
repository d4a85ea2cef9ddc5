import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { freshDatabase, hasPostgres } from '../../test/harness/postgres.ts'
import { openStore, type Store } from '../store/index.ts'
import { MOST_VERSIONS, PresetBook, type PresetOwner } from './presets.ts'

const owner: PresetOwner = {
  organizationId: 'default',
  workspaceId: 'default',
  creatorUserId: null,
  creatorId: 'key-hash',
}
const content = (temperature: number) => ({ systemPrompt: null, config: { temperature } })

let now = 1_000
const clock = { now: () => now, tick: () => now }

describe('with SQLite', () => {
  describeBook(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'presets-'))
    const store = await openStore({ database: null, dataDir: directory, clock })
    return { store, remove: () => rm(directory, { recursive: true }) }
  })
})

describe.skipIf(!hasPostgres)('with Postgres', () => {
  describeBook(async () => {
    const { url, drop } = await freshDatabase()
    return { store: await openStore({ database: url, dataDir: '', poolSize: 4, clock }), remove: drop }
  })
})

function describeBook(open: () => Promise<{ store: Store; remove: () => Promise<void> }>): void {
  let store: Store
  let remove: () => Promise<void>

  beforeEach(async () => {
    ;({ store, remove } = await open())
  })
  afterEach(async () => {
    await store.close()
    await remove()
  })

  test('numbers versions, and requests get the last one', async () => {
    const book = await PresetBook.open(store, clock)
    const made = await book.save(owner, 'mail', content(0))
    expect(made).toMatchObject({
      slug: 'mail',
      status: 'active',
      designated: { version: 1, creatorId: 'key-hash' },
    })
    now += 5
    await book.save(owner, 'mail', content(1))
    expect(book.find('default', 'mail')).toMatchObject({
      id: made!.id,
      createdAt: made!.createdAt,
      updatedAt: made!.updatedAt + 5,
      designated: { version: 2, config: { temperature: 1 } },
    })
    const { versions, total } = await book.versions(book.find('default', 'mail')!, 0, 10)
    expect([total, ...versions.map(({ version }) => version)]).toEqual([2, 2, 1])
    expect((await book.version(made!, 1))?.config).toEqual({ temperature: 0 })
    expect(await book.version(made!, 3)).toBeUndefined()
  })

  test('goes back to an earlier version and changes what it is told', async () => {
    const book = await PresetBook.open(store, clock)
    await book.save(owner, 'mail', content(0))
    await book.save(owner, 'mail', content(1))
    const changed = await book.change('default', 'mail', { version: 1, status: 'disabled', name: 'Mail' })
    expect(changed).toMatchObject({ name: 'Mail', status: 'disabled', designated: { version: 1 } })
    expect(await book.change('default', 'mail', { version: 9 })).toBeUndefined()
    expect(await book.change('default', 'post', {})).toBeUndefined()
    await book.save(owner, 'mail', content(2))
    expect(book.find('default', 'mail')).toMatchObject({ name: 'Mail', designated: { version: 3 } })
  })

  test('keeps organizations apart', async () => {
    const book = await PresetBook.open(store, clock)
    await book.save(owner, 'mail', content(0))
    await book.save({ ...owner, organizationId: 'other' }, 'mail', content(1))
    expect(book.find('default', 'mail')?.designated.config).toEqual({ temperature: 0 })
    expect(book.find('other', 'mail')?.designated.config).toEqual({ temperature: 1 })
    expect(book.list('third')).toEqual([])
  })

  test('is there again after a start, and sees what another node made', async () => {
    const book = await PresetBook.open(store, clock)
    const other = await PresetBook.open(store, clock)
    await book.save(owner, 'mail', content(0))
    expect(other.find('default', 'mail')).toBeUndefined()
    await other.refresh()
    const seen = other.find('default', 'mail')
    expect(seen).toEqual(book.find('default', 'mail'))
    await other.refresh()
    expect(other.find('default', 'mail')?.designated).toBe(seen?.designated)
    await book.change('default', 'mail', { status: 'archived' })
    await other.refresh()
    expect(other.find('default', 'mail')?.status).toBe('archived')
    expect((await PresetBook.open(store, clock)).list('default')).toHaveLength(1)
  })

  test('makes one version of each of many saves at once, up to the limit', async () => {
    const book = await PresetBook.open(store, clock)
    const saves = Array.from({ length: 12 }, (_, i) => book.save(owner, 'mail', content(i)))
    const numbers = (await Promise.all(saves)).map((preset) => preset?.designated.version)
    expect(numbers.sort((a, b) => a! - b!)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1))
    await store.db
      .updateTable('preset_versions')
      .set({ version: MOST_VERSIONS })
      .where('version', '=', 12)
      .execute()
    expect(await book.save(owner, 'mail', content(0))).toBeNull()
  })
}
