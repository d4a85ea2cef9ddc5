/** What a plan and a health record cost. Run: node bench/routing.bench.ts */

import { createCatalog, loadSeed } from '../src/catalog/index.ts'
import {
  encodeWaybill,
  HealthBook,
  type Plan,
  type PlanRequest,
  planAttempts,
  type RoutingSnapshot,
  type Try,
  waybillLine,
} from '../src/routing/index.ts'
import { endpoint, policy, request, seeded, snapshot, tariff } from '../src/routing/sample.fixture.ts'

const ROUNDS = 4_000
const PER_ROUND = 20

/** Median µs of one call over many rounds, after warming up. */
function median(call: () => unknown): number {
  for (let i = 0; i < 20_000; i++) call()
  const rounds = new Float64Array(ROUNDS)
  for (let r = 0; r < ROUNDS; r++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < PER_ROUND; i++) call()
    rounds[r] = Number(process.hrtime.bigint() - start) / 1_000 / PER_ROUND
  }
  return rounds.sort()[ROUNDS >> 1]!
}

function line(name: string, micros: number): void {
  process.stdout.write(`${name.padEnd(58)} ${micros.toFixed(2).padStart(7)} µs\n`)
}

/** A model with `n` endpoints at as many providers, the last quarter without a key, and real health for each. */
function world(n: number): RoutingSnapshot {
  const endpoints = Array.from({ length: n }, (_, i) =>
    endpoint(`provider${i}`, {
      tariff: tariff(0.1 + i / 10, 0.4 + i / 5),
      supportedParameters: ['tools', 'max_tokens'],
    }),
  )
  const book = new HealthBook(seeded(1))
  for (const [i, e] of endpoints.entries()) {
    for (let k = 0; k < 200; k++) {
      book.record(e.id, 'key', outcome(100 + i), 1_000_000 + k * 100)
    }
  }
  const without = endpoints.slice(Math.ceil(n * 0.75)).map((e) => e.providerId)
  return snapshot({ endpoints, without, more: { health: (id) => book.health(id, 1_020_000) } })
}

function outcome(ttftMs: number) {
  return { result: 'ok', code: null, retryAfterMs: null, ttftMs, durationMs: 900, outputTokens: 80 } as const
}

const random = seeded(7)
const plain = request()
const asks: [string, PlanRequest][] = [
  ['load balance', plain],
  [
    'tools, max_tokens, max_price',
    request({ parameters: ['tools'], maxOutputTokens: 500, provider: { maxPrice: { prompt: 2_000_000n } } }),
  ],
  ['order of 3', request({ provider: { order: ['provider3', 'provider1', 'provider5'] } })],
  ['sort by throughput', request({ provider: { sort: { by: 'throughput', partition: 'model' } } })],
]
const warm = 'acme/one@provider2'
asks.push(['warm cache', request({ sticky: warm, promptTokensUpper: 200 })])
for (const n of [8, 30]) {
  const frozen = world(n)
  for (const [name, ask] of asks) {
    line(
      `planAttempts, ${n} endpoints, ${name}`,
      median(() => planAttempts(ask, policy, frozen, random)),
    )
  }
}

const keys = [{ id: 'own', fallback: false, required: false, order: 0 }]
const owned = { ...world(30), ownKeys: (e: { tag: string }) => (e.tag === 'provider3' ? keys : []) }
line(
  'planAttempts, 30 endpoints, an own key',
  median(() => planAttempts(plain, policy, owned, random)),
)
const catalog = createCatalog(loadSeed())
const seeds: RoutingSnapshot = {
  ...world(8),
  resolve: (name) => catalog.resolve(name),
  models: () => catalog.all,
  latest: () => catalog.latest,
  hasCredential: () => true,
  hasDialect: () => true,
}
const auto = request({ models: ['openrouter/auto'] })
line(
  'planAttempts, openrouter/auto over the seed',
  median(() => planAttempts(auto, policy, seeds, random)),
)
const latest = request({ models: ['~anthropic/claude-sonnet-latest:nitro'] })
line(
  'planAttempts, ~author/family-latest:nitro',
  median(() => planAttempts(latest, policy, seeds, random)),
)

const plan: Plan = planAttempts(plain, policy, world(30), random)
const tried = [
  {
    endpointId: plan.order[0]!.id,
    outcome: 'ok',
    status: 200,
    startMs: 1,
    ttftMs: 210,
    durationMs: 900,
    outputTokens: 80,
  },
]
const made: Try[] = [
  {
    endpointId: plan.order[0]!.id,
    provider: 'Provider',
    model: 'acme/one',
    outcome: 'pending',
    status: 200,
    errorCode: null,
  },
]
const facts = { plan, attempts: tried, dropped: [], usage: null, promptTokens: 100, maxOutputTokens: null }
line(
  'encodeWaybill, 30 endpoints',
  median(() => encodeWaybill(facts)),
)
line(
  'waybillLine, 30 endpoints',
  median(() => waybillLine(plan, made)),
)

const book = new HealthBook(random)
let now = 0
line(
  'HealthBook.record',
  median(() => book.record('acme/one@a', 'key', outcome(120), now++)),
)
line(
  'HealthBook.health',
  median(() => book.health('acme/one@a', now++)),
)
const before = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
for (let i = 0; i < 1_000; i++) book.record(`e${i}`, 'key', outcome(120), now)
const after = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
process.stdout.write(
  `memory of one endpoint in the book: ${((after - before) / 1_000 / 1_024).toFixed(1)} KiB\n`,
)
