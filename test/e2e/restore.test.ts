import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import { chargesIn, expectSound, sqliteBook, standing, topUp } from './rig/books.ts'
import { ask, keepAlive, type Seen } from './rig/client.ts'
import { billing, configOf, marked, rated } from './rig/provider.ts'

vi.setConfig({ testTimeout: 60_000 })

const BIN = fileURLToPath(new URL('../../bin/waybill.js', import.meta.url))
const CLIENTS = 8
const CHARGE = rated({ n: 0, prompt: 20, completion: 10 })

let provider: FakeUpstream
let gateway: RunningGateway
let directory: string
let marks = 0

beforeAll(async () => {
  provider = await billing(({ n }) => ({ delayMs: n % 10 }))
  directory = mkdtempSync(join(tmpdir(), 'waybill-backup-'))
  gateway = await startGateway({ config: configOf([{ id: 'acme', url: provider.url }]) })
  await topUp(gateway, 100)
})

afterAll(async () => {
  await gateway.remove()
  await provider.close()
  rmSync(directory, { recursive: true, force: true })
})

interface Told {
  readonly code: number | null
  readonly out: string
  readonly error: string
}

/** Runs `waybill …` as a user would, in a process of its own. */
function waybill(...args: string[]): Promise<Told> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      env: { PATH: process.env['PATH'] ?? '', HOME: directory },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let error = ''
    child.stdout.on('data', (text) => {
      out += text
    })
    child.stderr.on('data', (text) => {
      error += text
    })
    child.once('close', (code) => resolve({ code, out, error }))
  })
}

async function load(until: AbortSignal): Promise<Seen[]> {
  const agent = keepAlive()
  const seen: Seen[] = []
  const client = async () => {
    while (!until.aborted) {
      const stream = ++marks % 2 === 0
      const one = await ask(gateway, marked({ n: marks, prompt: 20, completion: 10 }, { stream }), { agent })
      seen.push(one)
      if (!one.complete) await new Promise((next) => setTimeout(next, 10))
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  agent.destroy()
  return seen
}

async function charges(dataDir: string): Promise<Map<string, bigint>> {
  const book = sqliteBook(dataDir)
  try {
    return await chargesIn(book)
  } finally {
    await book.close()
  }
}

/** Changes rows of a closed database past the triggers that guard them. */
function tamper(file: string, statement: string): void {
  const db = new Database(file)
  for (const { name } of db.prepare("select name from sqlite_master where type = 'trigger'").all() as {
    name: string
  }[])
    db.exec(`drop trigger "${name}"`)
  expect(db.prepare(statement).run().changes).toBe(1)
  db.pragma('wal_checkpoint(truncate)')
  db.close()
}

const file = (name: string) => join(directory, name)

describe('a backup', () => {
  it('is taken under load without a failed request, and its ledger is whole', async () => {
    const stop = new AbortController()
    const loading = load(stop.signal)
    await new Promise((next) => setTimeout(next, 200))
    for (const name of ['first.db', 'second.db']) {
      const told = await waybill('backup', file(name), '--data', gateway.dataDir, '--json')
      expect(told, told.error).toMatchObject({ code: 0 })
      expect(JSON.parse(told.out)).toEqual({ file: file(name) })
    }
    stop.abort()
    const seen = await loading
    expect(seen.every(({ complete }) => complete)).toBe(true)
    const again = await waybill('backup', file('first.db'), '--data', gateway.dataDir)
    expect(again.code).not.toBe(0)
    expect(again.error).toContain('exists already')
    await expectSound(gateway)
  }, 60_000)

  it('is restored while the gateway serves: what came after it is gone, calls go on, the ledger is sound', async () => {
    const before = await charges(gateway.dataDir)
    const stop = new AbortController()
    const loading = load(stop.signal)
    const told = await waybill('restore', file('first.db'), '--data', gateway.dataDir, '--json')
    expect(told, told.error).toMatchObject({ code: 0 })
    expect(JSON.parse(told.out)).toEqual({ file: file('first.db'), restored: true })
    const restoredAt = performance.now()
    while (
      !(await ask(gateway, marked({ n: ++marks, prompt: 20, completion: 10 }))).complete &&
      performance.now() - restoredAt < 5_000
    );
    stop.abort()
    const seen = await loading
    // Calls that came meanwhile were told to try again; none was cut or answered without a charge.
    for (const one of seen) expect([200, 503]).toContain(one.status)
    for (const one of seen) if (one.status === 200) expect(one.complete).toBe(true)
    const now = await standing(gateway)
    expect(now.held).toBe(0n)
    await expectSound(gateway)
    const after = await charges(gateway.dataDir)
    // Calls that were open in the backup have ended by the rules of a crash, all others as they did.
    const interrupted = [...after.values()].filter((nanos) => nanos !== CHARGE)
    expect(interrupted.length).toBeLessThanOrEqual(CLIENTS)
    for (const nanos of interrupted) expect(nanos).toBeLessThan(CHARGE)
    expect([...before.keys()].filter((id) => after.has(id)).length).toBeGreaterThan(0)
    expect([...before.keys()].filter((id) => !after.has(id)).length).toBeGreaterThan(0)
    // What was there stays beside it.
    expect(existsSync(join(gateway.dataDir, 'waybill.db.before-restore'))).toBe(true)
  }, 60_000)

  it('that was tampered with is refused, and nothing changes', async () => {
    copyFileSync(file('second.db'), file('tampered.db'))
    tamper(
      file('tampered.db'),
      "update accounts set posted_nanos = posted_nanos + 1 where id = 'org:default:credit'",
    )
    const before = await standing(gateway)
    const told = await waybill('restore', file('tampered.db'), '--data', gateway.dataDir)
    expect(told.code).not.toBe(0)
    expect(told.error).toMatch(/faulty: .*org:default:credit/)
    expect(await standing(gateway)).toEqual(before)
    expect((await ask(gateway, marked({ n: 0, prompt: 20, completion: 10 }))).complete).toBe(true)
  })

  it('that is no database is refused', async () => {
    const told = await waybill('restore', fileURLToPath(import.meta.url), '--data', gateway.dataDir)
    expect(told.code).not.toBe(0)
    expect(told.error).not.toContain('    at ')
    expect((await ask(gateway, marked({ n: 0, prompt: 20, completion: 10 }))).complete).toBe(true)
  })
})

describe('a stopped data directory', () => {
  it('is verified and restored without a server', async () => {
    const used = (await standing(gateway)).used
    await gateway.stop()
    const sound = await waybill('ledger', 'verify', '--data', gateway.dataDir, '--json')
    expect(sound, sound.error).toMatchObject({ code: 0 })
    expect(JSON.parse(sound.out)).toMatchObject({
      ok: true,
      posted_nano: String(100_000_000_000n - used),
      held_nano: '0',
      holds_open: 0,
      faults: [],
    })
    const restored = await waybill('restore', file('second.db'), '--data', gateway.dataDir)
    expect(restored, restored.error).toMatchObject({ code: 0 })
    const tampered = await waybill('restore', file('tampered.db'), '--data', gateway.dataDir)
    expect(tampered.code).not.toBe(0)
    expect(tampered.error).toMatch(/org:default:credit/)
    gateway = await gateway.restart()
    await expectSound(gateway)
    expect((await ask(gateway, marked({ n: 0, prompt: 20, completion: 10 }))).complete).toBe(true)
    await gateway.stop()
  }, 60_000)

  it('is found stopped although the process id that its server had is in use again', async () => {
    const runtime = { url: 'http://127.0.0.1:9', pid: process.pid, operator_key: 'x', version: '0' }
    writeFileSync(join(gateway.dataDir, 'runtime.json'), JSON.stringify(runtime))
    const told = await waybill('ledger', 'verify', '--data', gateway.dataDir, '--json')
    expect(told, told.error).toMatchObject({ code: 0 })
    expect(JSON.parse(told.out).ok).toBe(true)
    rmSync(join(gateway.dataDir, 'runtime.json'))
  })

  it.each([
    [
      'an entry',
      "update entries set amount_nanos = amount_nanos - 1 where (journal_id, line) = (select journal_id, line from entries where account_id = 'org:default:credit' limit 1)",
      /entries? .*|journal.*/i,
    ],
    [
      'a balance',
      "update accounts set posted_nanos = posted_nanos + 5 where id = 'org:default:credit'",
      /org:default:credit/,
    ],
    [
      'a held sum',
      "update accounts set held_nanos = held_nanos + 5 where id = 'org:default:credit'",
      /org:default:credit/,
    ],
    [
      'a charge that is taken away',
      "delete from journals where id = (select max(id) from journals where kind = 'charge')",
      /journal|entr|chain/i,
    ],
    [
      'a usage row',
      "update generations set cost_nanos = cost_nanos + 1 where id = (select max(id) from generations where result = 'complete')",
      /gen-/,
    ],
  ])('whose rows were edited (%s) is found faulty, and the row is named', async (_, statement, row) => {
    const copy = mkdtempSync(join(tmpdir(), 'waybill-tampered-'))
    try {
      copyFileSync(join(gateway.dataDir, 'waybill.db'), join(copy, 'waybill.db'))
      tamper(join(copy, 'waybill.db'), statement)
      const json = await waybill('ledger', 'verify', '--data', copy, '--json')
      expect(json.code).toBe(1)
      const report = JSON.parse(json.out) as { ok: boolean; faults: { row: string; detail: string }[] }
      expect(report.ok).toBe(false)
      expect(report.faults.map((fault) => fault.row).join('\n')).toMatch(row)
      const text = await waybill('ledger', 'verify', '--data', copy)
      expect(text.code).toBe(1)
      expect(text.out).toMatch(row)
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  })
})
