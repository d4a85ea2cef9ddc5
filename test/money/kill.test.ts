import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/lib/index.ts'
import { type Ledger, openLedger } from '../../src/money/index.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { freshDatabase, hasPostgres } from '../harness/postgres.ts'
import { alertsAgree, RULES, topUp } from './world.ts'

const CYCLES = Number(process.env['WAYBILL_KILL_CYCLES'] ?? 30)
const CHILD = fileURLToPath(new URL('./kill.child.ts', import.meta.url))
/** 2,000 nano-dollars a token, as the child's tariff says. */
const PER_TOKEN = 2_000n
const CHECK_EVERY = 10

/** Where a ledger lives, as `openStore` takes it. */
interface Place {
  readonly dataDir: string
  readonly database?: string
}

describe('a killed process', () => {
  it(`loses and doubles nothing that a client saw complete, ${CYCLES} times, embedded`, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'waybill-kill-'))
    try {
      await killLoop({ dataDir }, CYCLES)
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  }, 3_600_000)

  const few = Math.ceil(CYCLES / 5)
  it.skipIf(!hasPostgres)(
    `nor, ${few} times, on Postgres`,
    async () => {
      const database = await freshDatabase()
      try {
        await killLoop({ dataDir: '', database: database.url }, few)
      } finally {
        await database.drop()
      }
    },
    3_600_000,
  )
})

async function killLoop(place: Place, cycles: number): Promise<void> {
  await withLedger(place, async (ledger) => await topUp(ledger, 10n ** 15n))
  let total = 0
  const seen = new Map<string, bigint>()
  for (let cycle = 1; cycle <= cycles; cycle++) {
    await liveAndDie({ place, cycle }, seen)
    if (cycle % CHECK_EVERY !== 0 && cycle !== cycles) continue
    await check(place, seen)
    total += seen.size
    seen.clear()
  }
  expect(total).toBeGreaterThan(cycles)
}

/** One life: some requests, then SIGKILL at a random moment. */
async function liveAndDie(
  life: { readonly place: Place; readonly cycle: number },
  seen: Map<string, bigint>,
): Promise<void> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(life.place), String(life.cycle)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let failure = ''
  child.stdout.on('data', (chunk: Buffer) => {
    if (output === '') setTimeout(() => child.kill('SIGKILL'), Math.random() * 150)
    output += chunk
  })
  child.stderr.on('data', (chunk: Buffer) => {
    failure += chunk
  })
  await new Promise((ended) => child.once('close', ended))
  expect(child.signalCode, failure).toBe('SIGKILL')
  // The first line says `ready`; one cut in the middle was not seen whole.
  for (const line of output.split('\n').slice(1, -1)) {
    const [id = '', tokens = '0'] = line.split(' ')
    expect(seen.has(id)).toBe(false)
    seen.set(id, BigInt(tokens) * PER_TOKEN)
  }
}

/** Recovery, then the books: every answer that was seen complete has exactly its charge. */
async function check(place: Place, seen: ReadonlyMap<string, bigint>): Promise<void> {
  await withLedger(place, async (ledger, store) => {
    // The lease of a killed node would take its time to run out.
    await store.db.deleteFrom('nodes').where('id', 'like', 'child-%').execute()
    await ledger.recover(Date.now())
    expect(await ledger.recover(Date.now())).toEqual({ released: 0, settled: 0 })
    expect(await ledger.verify()).toMatchObject({ ok: true, faults: [], held_nano: '0', holds_open: 0 })
    await alertsAgree(store)
    const ids = [...seen.keys()]
    for (let at = 0; at < ids.length; at += 500) {
      const rows = await store.db
        .selectFrom('journals')
        .innerJoin('entries', 'entries.journal_id', 'journals.id')
        .select(['journals.reference', 'entries.amount_nanos'])
        .where('journals.kind', '=', 'charge')
        .where('journals.reference', 'in', ids.slice(at, at + 500))
        .where('entries.account_id', '=', 'org:default:credit')
        .execute()
      const charges = rows.map((row) => `${row.reference} ${-row.amount_nanos}`).sort()
      const expected = ids.slice(at, at + 500).map((id) => `${id} ${seen.get(id)}`)
      expect(charges).toEqual(expected.sort())
    }
  })
}

async function withLedger(place: Place, use: (ledger: Ledger, store: Store) => Promise<void>): Promise<void> {
  const store = await openStore({ ...place, clock: systemClock })
  const ledger = await openLedger(store, { clock: systemClock, node: 'parent', alerts: () => RULES })
  try {
    await use(ledger, store)
  } finally {
    await ledger.close()
    await store.close()
  }
}
