import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type CrashResult, crashPage } from '../crash/page.ts'
import { seeded } from '../fixtures.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { hasPostgres } from '../harness/postgres.ts'
import { createPostgres, type PostgresServer } from '../harness/postgres-server.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import {
  callsIn,
  chargesIn,
  expectSound,
  type LedgerBook,
  postgresBook,
  sqliteBook,
  standing,
  topUp,
} from './rig/books.ts'
import { ask, keepAlive, type Seen } from './rig/client.ts'
import { billing, configOf, type Mark, marked, rated } from './rig/provider.ts'

const CYCLES = Number(process.env['WAYBILL_KILL_CYCLES'] ?? 100)
const SEED = Number(process.env['WAYBILL_KILL_SEED'] ?? Date.now() % 1_000_000)
const CHECK_EVERY = Math.max(10, Math.ceil(CYCLES / 50))
const TIMEOUT_MS = Math.max(600_000, CYCLES * 15_000)
const CLIENTS = 24
/** The kill comes so many ms after the first request at most. */
const LIFE_MS = 450
/** Above what any of these calls may be charged: its hold. */
const HOLD = 11_000_000n
const USD = 1_000_000_000n
/** Some calls reach it within a few lives. */
const CAP_CENTS = 4
const CREDIT_USD = Math.max(1_000, CYCLES * 10)
const CREDIT = BigInt(CREDIT_USD) * USD
const PAGE = new URL('../../docs/reference/crash.md', import.meta.url)

/** Compiled code is kept between the lives: a start takes half the time. */
const compiled = mkdtempSync(join(tmpdir(), 'waybill-compiled-'))
const env = { NODE_COMPILE_CACHE: compiled }

let provider: FakeUpstream
let gateway: RunningGateway | null = null
const results: CrashResult[] = []

beforeAll(async () => {
  provider = await billing(({ n }) => ({ delayMs: (n * 7) % 40, gapMs: n % 3 === 0 ? 15 : 0 }))
})

afterEach(async () => {
  await gateway?.remove()
  gateway = null
})

afterAll(async () => {
  await provider.close()
  rmSync(compiled, { recursive: true, force: true })
  if (process.env['WAYBILL_CRASH_PAGE'] !== '1' || results.length === 0) return
  const load = loadavg()[1]!.toFixed(0)
  const where = `${cpus().length} × ${cpus()[0]?.model.replace(/ \d.*/, '')} at a load of ${load}, Node ${process.version}`
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  const when = new Date().toISOString().slice(0, 10)
  writeFileSync(PAGE, crashPage(results, { seed: SEED, commit, when, where }))
})

/** The clients' own book over all lives of a gateway. */
class Clients {
  readonly seen: { readonly mark: Mark; readonly seen: Seen }[] = []
  left = 0
  refused = 0
  readonly #random = seeded(SEED)
  #next = 0

  random(below: number): number {
    return Math.floor(this.#random() * below)
  }

  /** Asks with all clients without pause until `stop` is aborted and the last answer has ended. */
  async ask(running: RunningGateway, capped: Capped, stop: AbortSignal): Promise<void> {
    const agent = keepAlive()
    const client = async () => {
      while (!stop.aborted) {
        const mark = { n: ++this.#next, prompt: this.random(50), completion: this.random(100) }
        const stream = mark.n % 2 === 0
        const leaves = mark.n % 7 === 0
        const to = mark.n % 6 === 0 ? { url: running.url, key: capped.key } : running
        const leaveAfter = stream ? this.random(3) : this.random(40)
        const options = { agent, ...(leaves && { leaveAfter, onLeave: () => void this.left++ }) }
        const seen = await ask(to, marked(mark, { stream }), options)
        if (seen.status === 402) this.refused++
        this.seen.push({ mark, seen })
        if (seen.status !== 200) await sleep(10)
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, client))
    agent.destroy()
  }
}

/** A key with a cap that its clients reach; the cap is raised now and then. */
class Capped {
  readonly key: string
  readonly #hash: string
  #cents = CAP_CENTS

  private constructor(key: string, hash: string) {
    this.key = key
    this.#hash = hash
  }

  static async make(running: RunningGateway): Promise<Capped> {
    const body = { name: 'capped', limit: CAP_CENTS / 100 }
    const made = await running.call('POST', '/keys', body, running.operatorKey)
    expect(made.status).toBe(201)
    return new Capped(made.body.key, made.body.data.hash)
  }

  async checkAndRaise(running: RunningGateway): Promise<void> {
    const { body } = await running.call('GET', '/key', undefined, this.key)
    expect(body.data.limit).toBe(this.#cents / 100)
    expect(body.data.usage).toBeLessThanOrEqual(this.#cents / 100)
    expect(body.data.limit_remaining).toBeGreaterThanOrEqual(0)
    this.#cents += CAP_CENTS
    const raise = { limit: this.#cents / 100 }
    const raised = await running.call('PATCH', `/keys/${this.#hash}`, raise, running.operatorKey)
    expect(raised.status).toBe(200)
  }
}

/** The three books after some kills; the gateway runs again and has recovered. */
async function reconcile(running: RunningGateway, clients: Clients, open: () => Promise<LedgerBook>) {
  expect(await expectSound(running)).toMatchObject({ held: 0n, open: 0 })
  const book = await open()
  const charges = await chargesIn(book)
  const calls = await callsIn(book)
  await book.close()
  let complete = 0
  for (const { mark, seen } of clients.seen) {
    if (!seen.complete) continue
    complete++
    expect(seen.costNanos, `${seen.id} ${mark.n} ${seen.text}`).toBe(rated(mark))
    expect(charges.get(seen.id) ?? 0n, seen.id).toBe(rated(mark))
    expect(calls.get(seen.id)).toMatchObject({ result: 'complete', upstreamId: `up-${mark.n}` })
  }
  const served = new Map(provider.requests.map(({ body }) => [/mark (\d+)/.exec(body)![1], body]))
  let used = 0n
  let interrupted = 0
  for (const [id, nanos] of charges) {
    used += nanos
    const call = calls.get(id)!
    expect(call.cost, id).toBe(nanos)
    expect(nanos, id).toBeLessThanOrEqual(HOLD)
    if (call.result === 'failed') interrupted++
    // A call that ended in its life was billed by its provider, and by nothing else.
    else if (call.source !== 'estimated') {
      const mark = /mark (\d+) (\d+) (\d+)/.exec(served.get(call.upstreamId!.slice(3))!)!
      expect(nanos, id).toBe(rated({ n: 0, prompt: Number(mark[2]), completion: Number(mark[3]) }))
    }
  }
  expect(charges.size).toBeLessThanOrEqual(provider.requests.length)
  expect(await standing(running)).toMatchObject({ used, held: 0n, posted: CREDIT - used })
  return { complete, interrupted }
}

describe('a gateway that is killed', () => {
  it(
    `${CYCLES} times, loses and doubles nothing that a client saw complete, embedded (seed ${SEED})`,
    async () => {
      const clients = new Clients()
      gateway = await startGateway({ config: configOf([{ id: 'acme', url: provider.url }]), env })
      const { dataDir } = gateway
      await topUp(gateway, CREDIT_USD)
      const capped = await Capped.make(gateway)
      const started = performance.now()
      await gateway.stop()
      gateway = await gateway.restart()
      let told = { complete: 0, interrupted: 0 }
      for (let cycle = 1; cycle <= CYCLES; cycle++) {
        const stop = new AbortController()
        const asking = clients.ask(gateway, capped, stop.signal)
        await sleep(clients.random(LIFE_MS))
        await gateway.kill()
        stop.abort()
        await asking
        gateway = await gateway.restart()
        expect((await standing(gateway)).held).toBe(0n)
        if (cycle % CHECK_EVERY !== 0 && cycle !== CYCLES) continue
        told = await reconcile(gateway, clients, async () => sqliteBook(dataDir))
        await capped.checkAndRaise(gateway)
      }
      expect(told.complete).toBeGreaterThan(CYCLES)
      expect(told.interrupted).toBeGreaterThan(0)
      record({ store: 'embedded', kills: CYCLES, databaseStops: 0 }, { clients, told, started })
    },
    TIMEOUT_MS,
  )

  const few = Math.ceil(CYCLES / 5)
  it.skipIf(!hasPostgres)(
    `${few} times, and its Postgres with it, loses and doubles nothing either (seed ${SEED})`,
    async () => {
      const postgres: PostgresServer = await createPostgres()
      try {
        const clients = new Clients()
        const url = postgres.url('postgres')
        const config = `database: "${url}"\n${configOf([{ id: 'acme', url: provider.url }])}`
        gateway = await startGateway({ config, env })
        await topUp(gateway, CREDIT_USD)
        const capped = await Capped.make(gateway)
        const started = performance.now()
        let told = { complete: 0, interrupted: 0 }
        for (let cycle = 1; cycle <= few; cycle++) {
          const stop = new AbortController()
          const asking = clients.ask(gateway, capped, stop.signal)
          await sleep(clients.random(LIFE_MS))
          if (cycle % 5 === 0) {
            await postgres.stop('immediate')
            await postgres.start()
            await served(clients, 5_000)
          }
          await gateway.kill()
          stop.abort()
          await asking
          // The lease of a killed node would take its 30 s to run out.
          const book = await postgresBook(url)
          await book.rows('delete from nodes')
          await book.close()
          gateway = await gateway.restart()
          expect((await standing(gateway)).held).toBe(0n)
          if (cycle % CHECK_EVERY !== 0 && cycle !== few) continue
          told = await reconcile(gateway, clients, () => postgresBook(url))
          await capped.checkAndRaise(gateway)
        }
        expect(told.complete).toBeGreaterThan(few)
        const databaseStops = Math.floor(few / 5)
        record({ store: 'Postgres', kills: few, databaseStops }, { clients, told, started })
      } finally {
        await gateway?.remove()
        gateway = null
        await postgres.remove()
      }
    },
    TIMEOUT_MS,
  )
})

function record(
  about: Pick<CrashResult, 'store' | 'kills' | 'databaseStops'>,
  run: {
    readonly clients: Clients
    readonly told: Pick<CrashResult, 'complete' | 'interrupted'>
    readonly started: number
  },
): void {
  const { seen, left, refused } = run.clients
  expect(left).toBeGreaterThan(0)
  expect(refused).toBeGreaterThan(0)
  const seconds = (performance.now() - run.started) / 1000
  results.push({ ...about, ...run.told, asked: seen.length, left, refused, seconds })
}

/** Waits until an answer is complete that was asked for now; fails after `withinMs`. */
async function served({ seen }: Clients, withinMs: number): Promise<void> {
  const from = seen.length
  const deadline = performance.now() + withinMs
  while (!seen.slice(from).some((each) => each.seen.complete)) {
    expect(performance.now(), 'nothing is served after Postgres came back').toBeLessThan(deadline)
    await sleep(20)
  }
}
