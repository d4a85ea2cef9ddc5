import type { Agent } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { type FreshDatabase, freshDatabase, hasPostgres } from '../harness/postgres.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import {
  callsIn,
  chargesIn,
  expectSound,
  type LedgerBook,
  postgresBook,
  sqliteBook,
  standing,
  standingIn,
  topUp,
} from './rig/books.ts'
import { ask, keepAlive, type Seen, sentence } from './rig/client.ts'
import { billing, configOf, type Mark, marked, markIn, rated } from './rig/provider.ts'

const CLIENTS = 200
const PARALLEL = 20
const MANY = 50
/** Nano-USD of one completion token. */
const TOKEN = 100_000n
const CREDIT = 1_000_000_000n
/** 100 completion tokens at $100 a million: each request may cost one cent and no more, its prompt is free. */
const CENT = 10_000_000n

/** Where the gateways of a test keep their money. */
interface Place {
  readonly gateways: readonly RunningGateway[]
  readonly book: LedgerBook
  close(): Promise<void>
}

async function embedded(config: string): Promise<Place> {
  const gateway = await startGateway({ config })
  const book = sqliteBook(gateway.dataDir)
  return {
    gateways: [gateway],
    book,
    close: async () => {
      await book.close()
      await gateway.remove()
    },
  }
}

async function onPostgres(config: string, processes: number): Promise<Place> {
  const database: FreshDatabase = await freshDatabase()
  const text = `database: "${database.url}"\n${config}`
  const gateways: RunningGateway[] = []
  for (let i = 0; i < processes; i++) gateways.push(await startGateway({ config: text }))
  const book = await postgresBook(database.url)
  return {
    gateways,
    book,
    close: async () => {
      await book.close()
      for (const gateway of gateways) await gateway.remove()
      await database.drop()
    },
  }
}

/** All clients at once, each with its own connections, spread over the gateways; every call's mark comes from `mark`. */
async function storm(
  gateways: readonly RunningGateway[],
  key: string,
  mark: (n: number) => Mark,
  parallel: number,
): Promise<{ readonly mark: Mark; readonly seen: Seen }[]> {
  const agents: Agent[] = []
  const calls: Promise<{ mark: Mark; seen: Seen }>[] = []
  for (let client = 0; client < CLIENTS; client++) {
    const agent = keepAlive(parallel)
    agents.push(agent)
    const { url } = gateways[client % gateways.length]!
    for (let i = 0; i < parallel; i++) {
      const own = mark(client * parallel + i)
      const stream = i % 2 === 0
      calls.push(ask({ url, key }, marked(own, { stream }), { agent }).then((seen) => ({ mark: own, seen })))
    }
  }
  const ended = await Promise.all(calls)
  for (const agent of agents) agent.destroy()
  return ended
}

/** Looks at the balance all the time, in the tables and through the API, until told to stop. */
function watch(place: Place, look: (now: { posted: bigint; held: bigint }) => void) {
  let running = true
  let looks = 0
  const gateway = place.gateways[0]!
  const inTables = (async () => {
    for (; running; looks++) {
      look(await standingIn(place.book))
      await new Promise((next) => setTimeout(next, 5))
    }
  })()
  const throughApi = (async () => {
    for (; running; looks++) {
      const now = await standing(gateway)
      look(now)
      expect(now.credited - now.used).toBe(now.posted)
      await new Promise((next) => setTimeout(next, 20))
    }
  })()
  return async () => {
    running = false
    await Promise.all([inTables, throughApi])
    return looks
  }
}

let place: Place | null = null
let provider: FakeUpstream | null = null

afterEach(async () => {
  await place?.close()
  await provider?.close()
  place = null
  provider = null
})

const jitter = ({ n }: Mark) => ({ delayMs: (n * 7) % 30 })
const priced = (url: string) => configOf([{ id: 'acme', url, prompt: '0' }])

const engines: [name: string, enough: boolean, open: (config: string) => Promise<Place>][] = [
  ['embedded', true, embedded],
  ['on Postgres', hasPostgres, (config) => onPostgres(config, 1)],
  ['on Postgres with two gateways', hasPostgres, (config) => onPostgres(config, 2)],
]

describe.each(engines)(`${CLIENTS} clients × ${PARALLEL} requests against $1.00, %s`, (_, enough, open) => {
  it.skipIf(!enough)(
    'spend all of it and not a nano-dollar more when each call costs what it may',
    async () => {
      provider = await billing(jitter)
      place = await open(priced(provider.url))
      await topUp(place.gateways[0]!, '1.00')
      const answers = await contest((n) => ({ n, prompt: 3, completion: 100 }))
      const after = await standing(place.gateways[0]!)
      expect(answers.filter(({ seen }) => seen.complete)).toHaveLength(Number(CREDIT / CENT))
      expect(after).toMatchObject({ posted: 0n, held: 0n, used: CREDIT })
    },
    120_000,
  )

  it.skipIf(!enough)(
    'spend what was served and not a nano-dollar more when calls cost less than they may',
    async () => {
      provider = await billing(jitter)
      place = await open(priced(provider.url))
      await topUp(place.gateways[0]!, '1.00')
      const answers = await contest((n) => ({ n, prompt: n % 7, completion: (n * 13) % 60 }))
      const after = await standing(place.gateways[0]!)
      // Where all ask before the first has ended, no more than these find credit that is free.
      expect(answers.filter(({ seen }) => seen.complete).length).toBeGreaterThanOrEqual(Number(CREDIT / CENT))
      expect(after.held).toBe(0n)
      expect(after.used).toBeLessThanOrEqual(CREDIT)
      await serveWhatIsFree(place)
    },
    120_000,
  )

  it.skipIf(!enough)(
    'never pass the daily limit of a key either',
    async () => {
      provider = await billing(jitter)
      place = await open(priced(provider.url))
      const [gateway] = place.gateways
      await topUp(gateway!, '1.00')
      const made = await gateway!.call(
        'POST',
        '/keys',
        { name: 'capped', limit: 0.1, limit_reset: 'daily' },
        gateway!.operatorKey,
      )
      expect(made.status).toBe(201)
      const capped = await gateway!.call('GET', '/key', undefined, made.body.key)
      expect(capped.body.data.limit_remaining).toBe(0.1)
      const answers = await contest((n) => ({ n, prompt: 3, completion: 100 }), { key: made.body.key })
      expect(answers.filter(({ seen }) => seen.complete)).toHaveLength(10)
      const refused = answers.find(({ seen }) => seen.status === 402)!
      expect(sentence(refused.seen)).toMatch(/daily limit of \$0\.10? of the key "capped"/)
      const after = await gateway!.call('GET', '/key', undefined, made.body.key)
      expect(after.body.data).toMatchObject({ usage_daily: 0.1, limit_remaining: 0 })
      expect((await standing(gateway!)).used).toBe(CREDIT / 10n)
    },
    120_000,
  )
})

describe(`${CLIENTS} clients × ${MANY} requests against $1.00, on Postgres with four gateways`, () => {
  it.skipIf(!hasPostgres)(
    'spend what was served, never a nano-dollar more in any state that was committed, and leave nothing locked up',
    async () => {
      provider = await billing(jitter)
      place = await onPostgres(priced(provider.url), 4)
      const { gateways, book } = place
      await topUp(gateways[0]!, '1.00')
      await markLowWater(book)
      const mixed = (n: number) => ({ n, prompt: n % 7, completion: (n * 13) % 60 })
      const answers = await contest(mixed, { parallel: MANY })
      expect(answers.filter(({ seen }) => seen.complete).length).toBeGreaterThanOrEqual(Number(CREDIT / CENT))
      expect(answers.filter(({ seen }) => seen.status === 402).length).toBeGreaterThan(0)
      const [water] = await book.rows('select lowest, changes from low_water')
      expect(BigInt(String(water!['lowest']))).toBeGreaterThanOrEqual(0n)
      expect(Number(water!['changes'])).toBeGreaterThan(0)
      await serveWhatIsFree(place)
    },
    180_000,
  )
})

/** What is free must be served at once, at whichever gateway: nothing is locked up by what is over. */
async function serveWhatIsFree({ gateways }: Place): Promise<void> {
  const key = gateways[0]!.key
  for (const [i, gateway] of gateways.entries()) {
    const { available, held } = await standing(gateway)
    expect(held).toBe(0n)
    const most = Math.min(100, Number(available / TOKEN))
    if (most === 0) return
    const last = marked({ n: 1_000_000 + i, prompt: 0, completion: most }, { max_tokens: most })
    const seen = await ask({ url: gateway.url, key }, last)
    expect(seen.status, `${available} free: ${sentence(seen)}`).toBe(200)
    expect(seen.costNanos).toBe(BigInt(most) * TOKEN)
  }
}

/** Keeps the lowest free credit of all states that are committed: a trigger sees each, where polling sees some. */
async function markLowWater(book: LedgerBook): Promise<void> {
  await book.rows(`create table low_water as
    select posted_nanos - held_nanos as lowest, 0 as changes from accounts where id = 'org:default:credit'`)
  await book.rows(`create function mark_low_water() returns trigger language plpgsql as $$ begin
    update low_water set lowest = least(lowest, new.posted_nanos - new.held_nanos), changes = changes + 1;
    return null; end $$`)
  await book.rows(`create trigger low_water after update on accounts for each row
    when (new.id = 'org:default:credit') execute function mark_low_water()`)
}

/** One storm, watched; afterwards the three books must agree. */
async function contest(
  mark: (n: number) => Mark,
  { key = place!.gateways[0]!.key, parallel = PARALLEL }: { key?: string; parallel?: number } = {},
) {
  const { gateways, book } = place!
  let lowest = CREDIT
  const stop = watch(place!, ({ posted, held }) => {
    expect(held).toBeGreaterThanOrEqual(0n)
    if (posted - held < lowest) lowest = posted - held
  })
  const answers = await storm(gateways, key, mark, parallel)
  const looks = await stop()
  expect(looks).toBeGreaterThan(20)
  expect(lowest).toBeGreaterThanOrEqual(0n)

  // This process is the provider too: where it is too slow to tell a usage in time, the gateway counts for itself.
  const calls = await callsIn(book)
  const counted = ({ id }: Seen) => calls.get(id)?.source === 'estimated'
  for (const { mark: own, seen } of answers) {
    expect([200, 402]).toContain(seen.status)
    if (seen.status === 402) {
      const afford = /requested up to 100 tokens, but can only afford (\d+)/.exec(sentence(seen))?.[1]
      expect(Number(afford), sentence(seen)).toBeLessThan(100)
      continue
    }
    expect(seen.complete).toBe(true)
    if (!counted(seen)) expect(seen.costNanos).toBe(rated({ ...own, prompt: 0 }))
  }
  const served = answers.filter(({ seen }) => seen.complete)
  expect(served.filter(({ seen }) => counted(seen)).length).toBeLessThanOrEqual(served.length / 4)
  const sum = (nanos: Iterable<bigint>) => [...nanos].reduce((total, each) => total + each, 0n)
  const charges = await chargesIn(book)
  const now = await standing(gateways[0]!)
  const billed = served.map(({ mark: own, seen }) =>
    counted(seen) ? charges.get(seen.id)! : rated({ ...own, prompt: 0 }),
  )
  const asked = new Set(provider!.requests.map(({ body }) => markIn(body).n))
  expect(asked).toEqual(new Set(served.map(({ mark: own }) => own.n)))
  expect(provider!.requests).toHaveLength(served.length)
  expect(sum(charges.values())).toBe(now.used)
  expect(sum(billed)).toBe(now.used)
  expect(now.credited - now.used).toBe(now.posted)
  for (const { seen } of served) expect(charges.get(seen.id) ?? 0n).toBe(seen.costNanos)
  for (const gateway of gateways) await expectSound(gateway)
  return answers
}
