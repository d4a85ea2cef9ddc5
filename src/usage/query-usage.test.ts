import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase, hasPostgres } from '../../test/harness/postgres.ts'
import { NO_USAGE } from '../chat/index.ts'
import { systemClock } from '../lib/index.ts'
import { type GenerationRow, openStore, type Store } from '../store/index.ts'
import { METRICS } from './query-fields.ts'
import { bucketsOf, type Granularity } from './query-time.ts'
import { queryUsage, type UsageQuery } from './query-usage.ts'
import { usageRecord } from './record.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Clocks change in Europe and America within this range. */
const RANGE = { start: Date.UTC(2026, 9, 20), end: Date.UTC(2026, 10, 5) }
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
  'Africa/Cairo',
  'America/Santiago',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
]

const BASE: GenerationRow = usageRecord(
  {
    id: 'gen-0',
    organizationId: 'default',
    workspaceId: 'default',
    creatorUserId: null,
    keyHash: 'key-a',
    surface: 'chat',
    requestedModel: 'acme/one',
    streamed: false,
    simulated: false,
    createdAt: RANGE.start,
    gatewayUs: null,
    appTitle: null,
    appUrl: null,
    userAgent: null,
    externalUser: null,
    sessionId: null,
  },
  [],
  {
    result: 'complete',
    usage: NO_USAGE,
    served: null,
    finishReason: 'stop',
    nativeFinishReason: null,
    errorCode: null,
  },
  null,
).generation

const calls: GenerationRow[] = []
function call(more: Partial<GenerationRow>): void {
  calls.push({ ...BASE, id: `gen-${calls.length}`, ...more })
}

// Each third of an hour, so that every border of every zone has calls on both sides.
for (let at = RANGE.start; at < RANGE.end; at += HOUR / 3)
  call({
    created_at: BigInt(at),
    model: calls.length % 3 === 0 ? 'acme/one' : 'acme/two',
    key_hash: calls.length % 2 === 0 ? 'key-a' : 'key-b',
    provider: calls.length % 5 === 0 ? null : 'acme',
    cost_nanos: calls.length % 7 === 0 ? null : BigInt(calls.length) * 1_000_003n,
    prompt_tokens: calls.length,
    completion_tokens: 2,
    cache_read_tokens: calls.length % 4,
    latency_ms: calls.length % 11 === 0 ? null : calls.length % 100,
    generation_ms: 500,
  })
call({ created_at: BigInt(RANGE.start), simulated: 1, cost_nanos: 1n })
call({ created_at: BigInt(RANGE.start), organization_id: 'other', cost_nanos: 1n })
call({ created_at: BigInt(RANGE.end), cost_nanos: 1n })
const real = calls.slice(0, -3)

const engines = [
  {
    name: 'SQLite',
    there: true,
    open: async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'waybill-query-'))
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

describe.each(engines)('usage on $name', ({ there, open }) => {
  describe.skipIf(!there)('is counted', () => {
    let store: Store
    let remove: () => Promise<unknown>

    beforeAll(async () => {
      const opened = await open()
      store = opened.store
      remove = opened.remove
      for (let i = 0; i < calls.length; i += 200)
        await store.db
          .insertInto('generations')
          .values(calls.slice(i, i + 200))
          .execute()
    })

    afterAll(async () => {
      await store?.close()
      await remove?.()
    })

    const ask = (more: Partial<UsageQuery> = {}) =>
      queryUsage(store, {
        organizationId: 'default',
        range: RANGE,
        buckets: null,
        metrics: ['total_usage', 'request_count', 'tokens_total', 'cached_tokens'],
        dimensions: [],
        filters: [],
        simulated: false,
        limit: 10_000,
        ...more,
      })

    const sum = (values: readonly (bigint | null)[]) => values.reduce<bigint>((a, b) => a + (b ?? 0n), 0n)

    it('so that the buckets of every zone add up to their range, to the nano-dollar', async () => {
      const range = fc.record({
        zone: fc.constantFrom(...ZONES),
        granularity: fc.constantFrom<Granularity>('hour', 'day', 'week', 'month'),
        start: fc.integer({ min: RANGE.start, max: RANGE.start + 6 * DAY }),
        length: fc.integer({ min: 1, max: 10 * DAY }),
        dimensions: fc.constantFrom<string[]>([], ['model'], ['provider', 'api_key_id']),
      })
      await fc.assert(
        fc.asyncProperty(range, async ({ zone, granularity, start, length, dimensions }) => {
          const asked = { start, end: start + length }
          const buckets = bucketsOf(asked, granularity, zone, 1_500)!
          const parts = (await ask({ range: asked, buckets, dimensions })).rows
          const whole = (await ask({ range: asked })).rows[0]!.metrics
          for (const [i, value] of whole.entries())
            expect(sum(parts.map(({ metrics }) => metrics[i]!))).toBe(value)
          const within = real.filter((row) => row.created_at >= start && row.created_at < start + length)
          expect(whole[0]).toBe(sum(within.map((row) => row.cost_nanos)))
          expect(whole[1]).toBe(BigInt(within.length))
        }),
        { numRuns: 40 },
      )
    })

    it.each(ZONES)('on the local days of %s', async (zone) => {
      const buckets = bucketsOf(RANGE, 'day', zone, 100)!
      const { rows } = await ask({ buckets, metrics: ['request_count'] })
      const dates = new Map<string, bigint>()
      const date = new Intl.DateTimeFormat('sv-SE', { timeZone: zone })
      for (const row of real) {
        const day = date.format(Number(row.created_at))
        dates.set(day, (dates.get(day) ?? 0n) + 1n)
      }
      expect(new Map(rows.map(({ time, metrics }) => [time, metrics[0]]))).toEqual(dates)
    })

    it('by group, with filters, and never across organizations or with test calls', async () => {
      const { rows } = await ask({
        dimensions: ['model'],
        filters: [{ field: 'api_key_id', operator: 'eq', values: ['key-a'] }],
        metrics: ['request_count'],
      })
      const expected = (model: string) =>
        BigInt(real.filter((row) => row.key_hash === 'key-a' && row.model === model).length)
      expect(rows.map(({ dimensions, metrics }) => [dimensions[0], metrics[0]])).toEqual([
        ['acme/two', expected('acme/two')],
        ['acme/one', expected('acme/one')],
      ])
      expect((await ask({ simulated: true })).rows[0]!.metrics.slice(0, 2)).toEqual([1n, 1n])
      expect((await ask({ organizationId: 'nobody' })).rows[0]!.metrics).toEqual([0n, 0n, 0n, 0n])
    })

    it('with what is unset left out of comparisons, or let in', async () => {
      const filter = { field: 'provider', operator: 'in', values: ['acme', 'other'] } as const
      const count = async (filters: UsageQuery['filters']) =>
        (await ask({ metrics: ['request_count'], filters })).rows[0]!.metrics[0]
      const unset = BigInt(real.filter(({ provider }) => provider === null).length)
      expect(await count([filter])).toBe(BigInt(real.length) - unset)
      expect(await count([{ ...filter, includeUnset: true }])).toBe(BigInt(real.length))
      expect(await count([{ field: 'provider', operator: 'not_in', values: ['acme'] }])).toBe(0n)
    })

    it('with percentiles that are values of calls, by nearest rank', async () => {
      const latencies = real.flatMap((row) => (row.latency_ms === null ? [] : [row.latency_ms]))
      latencies.sort((a, b) => a - b)
      const at = (percent: number) => BigInt(latencies[Math.ceil((latencies.length * percent) / 100) - 1]!)
      const { rows } = await ask({ metrics: ['p50_latency', 'p90_latency', 'p99_latency', 'p50_throughput'] })
      // 2 tokens in 500 ms are 4 a second, in thousandths.
      expect(rows[0]!.metrics).toEqual([at(50), at(90), at(99), 4_000n])
    })

    it('in every metric that there is, with null where there is nothing to tell', async () => {
      const { rows } = await ask({ metrics: Object.keys(METRICS) })
      expect(rows[0]!.metrics.every((value) => typeof value === 'bigint')).toBe(true)
      const none = await ask({ metrics: ['avg_latency', 'cache_hit_rate'], organizationId: 'nobody' })
      expect(none.rows[0]!.metrics).toEqual([null, null])
    })

    it('by the largest groups only, ordered and cut as asked', async () => {
      const buckets = bucketsOf(RANGE, 'day', 'UTC', 100)!
      const top = await ask({ buckets, dimensions: ['model'], groupLimit: 1, metrics: ['request_count'] })
      expect(new Set(top.rows.map(({ dimensions }) => dimensions[0]))).toEqual(new Set(['acme/two']))
      const cut = await ask({
        dimensions: ['generation_id'],
        metrics: ['total_usage'],
        orderBy: { field: 'total_usage', descending: true },
        limit: 3,
      })
      expect(cut.truncated).toBe(true)
      const largest = real
        .map((row) => row.cost_nanos ?? 0n)
        .sort((a, b) => Number(b - a))
        .slice(0, 3)
      expect(cut.rows.map(({ metrics }) => metrics[0])).toEqual(largest)
    })

    it('with comparisons of sums', async () => {
      const filters = [{ field: 'request_count', operator: 'gt', values: [500n] }] as const
      const { rows } = await ask({ dimensions: ['model'], metrics: ['request_count'], filters })
      expect(rows.map(({ dimensions }) => dimensions[0])).toEqual(['acme/two'])
    })
  })
})
