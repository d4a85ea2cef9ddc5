import type { Endpoint } from '../catalog/index.ts'
import type { ErrorCode } from '../chat/index.ts'
import { type FailedTry, fallback, mayFollow } from './fallback.ts'
import { HealthBook } from './health.ts'
import { planAttempts } from './plan.ts'
import type { Plan, PlanRequest, RoutingSnapshot } from './plan.types.ts'
import { endpoint, policy, request, seeded, snapshot, tariff } from './sample.fixture.ts'

/** What an endpoint does to requests for a while. */
export type Trouble = 'down' | 'silent' | 'limited' | 'half'

export interface Outage {
  readonly trouble: Trouble
  /** ms since the beginning. */
  readonly from: number
  readonly until: number
}

export interface SimOptions {
  readonly requests: number
  readonly perSecond: number
  readonly endpoints: number
  /** Gateways that share the load, each with a health book of its own. */
  readonly nodes: number
  readonly seed: number
  /** Mean time between the outages of an endpoint, ms, a minute aside. */
  readonly upMs: number
  readonly ask?: Partial<PlanRequest>
  /** False: endpoints get their whole load back with the first good probe; shows that the simulation can see a herd. */
  readonly ramp?: boolean
}

/** The end of one outage as traffic met it. */
export interface Recovery {
  readonly tag: string
  readonly outage: Outage
  /** ms from its end to the first good answer. */
  readonly foundMs: number
  /** Calls to the endpoint in the second after that, as a share of all arrivals of that second. */
  readonly firstSecond: number
}

export interface SimResult {
  readonly requests: number
  readonly succeeded: number
  readonly calls: number
  /** Paid, and the least that a healthy choice at each arrival would have cost; per-request savings below it do not count. */
  readonly paid: number
  readonly best: number
  readonly outages: number
  readonly opened: number
  /** Breakers that closed while their endpoint was wholly out of order. */
  readonly closedInOutage: number
  /** Breakers that opened again within half a minute of closing though their endpoint was well. */
  readonly flaps: number
  /** Calls to endpoints wholly out of order, from five seconds after a node has seen the first failure on; per minute of such time. */
  readonly probesPerMinute: number
  readonly recoveries: readonly Recovery[]
}

const CAPACITY_WHEN_LIMITED = 0
/** An endpoint that is back takes this share of the load at first, all of it after so long; what is more fails. */
const COLD_SHARE = 0.35
const COLD_MS = 3_000
/** Without traffic it is warm again after this long. */
const WARM_MS = 60_000
const KNOWN_MS = 5_000
const HOUR = 3_600_000

/** Outages of one endpoint, seeded: up for a minute and `upMs` more on average, then in trouble for 20 s to 2 min. */
function outagesOf(seed: number, upMs: number, untilMs: number): Outage[] {
  const random = seeded(seed)
  const troubles: readonly Trouble[] = ['down', 'silent', 'limited', 'half']
  const outages: Outage[] = []
  for (let at = 0; at < untilMs; ) {
    const from = at - Math.log(1 - random()) * upMs
    const until = from + 20_000 + random() * 100_000
    outages.push({ trouble: troubles[Math.floor(random() * troubles.length)]!, from, until })
    at = until + 60_000
  }
  return outages
}

/** One request on its way. */
interface Flight {
  readonly arrived: number
  readonly node: number
  readonly plan: Plan
  readonly tries: FailedTry[]
  index: number
  sent: number
  code: ErrorCode | null
}

interface Node {
  readonly book: HealthBook
  readonly frozen: RoutingSnapshot
}

/** A million requests by price, as `npm run test:routing-sim` runs them; the tests take fewer and more outages. */
export const FULL: SimOptions = {
  requests: 1_000_000,
  perSecond: 200,
  endpoints: 20,
  nodes: 4,
  seed: 5,
  upMs: 400_000,
  ask: { provider: { sort: { by: 'price', partition: 'model' } } },
}

/** Runs the whole decision (plan, breakers, budgets, fallback, health) against endpoints with outages, on a virtual clock. */
export function simulate(options: SimOptions): SimResult {
  return new Simulation(options).run()
}

class Simulation {
  readonly #o: SimOptions
  readonly #random: () => number
  readonly #endpoints: readonly Endpoint[]
  readonly #outages: ReadonlyMap<string, readonly Outage[]>
  readonly #nodes: Node[]
  readonly #queue = new Queue()
  readonly #start = 10 * HOUR
  #now = this.#start
  #calls = 0
  #succeeded = 0
  #paid = 0
  #best = 0
  #opened = 0
  #closedInOutage = 0
  #flaps = 0
  #probes = 0
  /** When each node first saw a whole outage fail. */
  readonly #seen = new Map<Outage, (number | undefined)[]>()
  /** Per node and endpoint: when its breaker closed last. */
  readonly #closedAt = new Map<string, number>()
  /** Per endpoint: call times of late. */
  readonly #recent = new Map<string, number[]>()
  /** First good answers after whole outages, and the calls of the second after it. */
  readonly #found = new Map<Outage, { readonly tag: string; readonly at: number; calls: number }>()
  /** The latest of them by endpoint. */
  readonly #warming = new Map<string, { readonly at: number; calls: number }>()

  constructor(options: SimOptions) {
    this.#o = options
    this.#random = seeded(options.seed)
    this.#endpoints = Array.from({ length: options.endpoints }, (_, i) =>
      endpoint(`p${i}`, { tariff: tariff(1 + i / 10) }),
    )
    const span = (options.requests / options.perSecond) * 1_000
    this.#outages = new Map(
      this.#endpoints.map(
        ({ tag }, i) => [tag, outagesOf(options.seed * 1_000 + i, options.upMs, span)] as const,
      ),
    )
    this.#nodes = Array.from({ length: options.nodes }, (_, n) => this.#node(n))
  }

  #node(n: number): Node {
    const book = new HealthBook(this.#random, (event) => {
      if (event.type === 'breaker_opened' || event.type === 'breaker_closed') {
        this.#onBreaker(`${n} ${event.endpointId}`, event.endpointId, event.type === 'breaker_opened')
      }
    })
    const more = { health: (id: string) => book.health(id, this.#now) }
    return { book, frozen: snapshot({ endpoints: this.#endpoints, more }) }
  }

  run(): SimResult {
    const { requests, perSecond, nodes } = this.#o
    let next = this.#now
    for (let n = 0; n < requests; ) {
      const due = this.#queue.peek()
      if (due !== null && due.at <= next) {
        this.#now = due.at
        this.#end(this.#queue.pop())
        continue
      }
      this.#now = next
      this.#arrive(n % nodes)
      n++
      next += (-Math.log(1 - this.#random()) * 1_000) / perSecond
    }
    for (let due = this.#queue.peek(); due !== null; due = this.#queue.peek()) {
      this.#now = due.at
      this.#end(this.#queue.pop())
    }
    return this.#result()
  }

  #arrive(node: number): void {
    const { frozen } = this.#nodes[node]!
    const plan = planAttempts(request(this.#o.ask), policy, frozen, this.#random)
    this.#send({ arrived: this.#now, node, plan, tries: [], index: 0, sent: 0, code: null }, 0)
  }

  #send(flight: Flight, index: number): void {
    const { plan, tries } = flight
    const { book } = this.#nodes[flight.node]!
    flight.index = index
    for (let i = index; i < plan.order.length; i++) {
      if (i !== index && !mayFollow(i, tries, plan)) continue
      const spare = this.#o.ramp !== false && i + 1 < plan.order.length
      if (!book.admit(plan.order[i]!.id, this.#now, spare)) continue
      flight.index = i
      break
    }
    const { id, tag } = plan.order[flight.index]!
    flight.sent = this.#now
    book.sent(id, this.#now)
    this.#calls++
    const took = this.#answer(flight, id, tag)
    this.#queue.push(this.#now + took, flight)
  }

  /** Decides how the endpoint answers; ms until then. */
  #answer(flight: Flight, id: string, tag: string): number {
    const at = this.#now - this.#start
    const outage = this.#outageAt(tag, at)
    if (outage !== null && this.#knows(flight.node, outage)) this.#probes++
    const calls = this.#callsOf(tag)
    const warming = this.#warming.get(tag)
    if (warming !== undefined && this.#now - warming.at <= 1_000) warming.calls++
    flight.code = this.#codeAt(tag, outage, at, calls)
    switch (flight.code) {
      case null:
        return 200 + this.#random() * 600
      case 'provider_timeout': {
        const slow = this.#nodes[flight.node]!.book.slowFirstToken(id, this.#now)
        return slow === null ? 10_000 : Math.min(30_000, Math.max(5_000, 2 * slow))
      }
      default:
        return 5 + this.#random() * 20
    }
  }

  #codeAt(tag: string, outage: Outage | null, at: number, calls: number): ErrorCode | null {
    switch (outage?.trouble) {
      case 'down':
        return 'provider_unavailable'
      case 'silent':
        return 'provider_timeout'
      case 'limited':
        return calls > CAPACITY_WHEN_LIMITED ? 'rate_limit_exceeded' : null
      case 'half':
        return this.#random() < 0.5 ? 'provider_overloaded' : null
      case undefined:
        return this.#tooColdFor(tag, at, calls) ? 'provider_overloaded' : null
      default:
        return outage!.trouble satisfies never
    }
  }

  /** Just back from a whole outage it fails under its full load: what a herd does to it. */
  #tooColdFor(tag: string, at: number, calls: number): boolean {
    const last = this.#outages.get(tag)!.findLast(({ until }) => until <= at)
    if (last === undefined || last.trouble === 'half' || at - last.until > WARM_MS) return false
    const warm = this.#found.get(last)
    const since = warm === undefined ? 0 : this.#now - warm.at
    if (since >= COLD_MS) return false
    return calls > this.#o.perSecond * Math.max(COLD_SHARE, since / COLD_MS)
  }

  #knows(node: number, outage: Outage): boolean {
    const seen = this.#seen.get(outage)?.[node]
    return seen !== undefined && this.#now - seen >= KNOWN_MS
  }

  #see(node: number, tag: string): void {
    const outage = this.#outageAt(tag, this.#now - this.#start)
    if (outage === null || outage.trouble === 'half') return
    let seen = this.#seen.get(outage)
    if (seen === undefined) {
      seen = []
      this.#seen.set(outage, seen)
    }
    seen[node] ??= this.#now
  }

  /** Notes a call and counts those of the last second. */
  #callsOf(tag: string): number {
    let calls = this.#recent.get(tag)
    if (calls === undefined) {
      calls = []
      this.#recent.set(tag, calls)
    }
    calls.push(this.#now)
    if (calls.length > 2_000) calls.splice(0, 1_000)
    let n = 0
    for (let i = calls.length - 1; i >= 0 && calls[i]! > this.#now - 1_000; i--) n++
    return n
  }

  #end(flight: Flight): void {
    const { plan, index, code, tries } = flight
    const { id, providerId, tag } = plan.order[index]!
    const { book } = this.#nodes[flight.node]!
    const durationMs = this.#now - flight.sent
    const waited = code === 'provider_timeout' ? durationMs : null
    book.record(
      id,
      null,
      {
        result: code === null ? 'ok' : 'failed',
        code,
        retryAfterMs: null,
        ttftMs: code === null ? durationMs / 2 : waited,
        durationMs,
        outputTokens: code === null ? 50 : 0,
        providerId,
        retry: tries.length > 0,
      },
      this.#now,
    )
    if (code === null) {
      this.#succeed(flight, tag)
      return
    }
    this.#see(flight.node, tag)
    tries.push({ index, code, retryAfterMs: null })
    const next = fallback(tries, plan, {
      contentSent: false,
      remainingMs: 1_800_000 - (this.#now - flight.arrived),
      spent: (provider) => !book.mayRetry(provider, this.#now),
    })
    if (next.do !== 'stop') this.#send(flight, next.index)
  }

  #succeed({ arrived }: Flight, tag: string): void {
    this.#succeeded++
    const at = this.#now - this.#start
    const price = (of: string): number => 1 + Number(of.slice(1)) / 10
    const healthy = this.#endpoints.find((e) => this.#outageAt(e.tag, arrived - this.#start) === null)!
    const best = price(healthy.tag)
    this.#best += best
    this.#paid += Math.max(best, price(tag))
    const ended = this.#outages.get(tag)!.findLast(({ until }) => until <= at)
    if (ended !== undefined && ended.trouble !== 'half' && !this.#found.has(ended)) {
      const found = { tag, at: this.#now, calls: 0 }
      this.#found.set(ended, found)
      this.#warming.set(tag, found)
    }
  }

  #outageAt(tag: string, at: number): Outage | null {
    return this.#outages.get(tag)!.find(({ from, until }) => from <= at && at < until) ?? null
  }

  #onBreaker(key: string, endpointId: string, opened: boolean): void {
    const tag = endpointId.split('@')[1]!
    const outage = this.#outageAt(tag, this.#now - this.#start)
    if (opened) {
      this.#opened++
      const closed = this.#closedAt.get(key) ?? Number.NEGATIVE_INFINITY
      if (outage === null && this.#now - closed < 30_000) this.#flaps++
      return
    }
    this.#closedAt.set(key, this.#now)
    // A rate limit is an answer: the endpoint is up, and cools down instead.
    const whole = outage?.trouble === 'down' || outage?.trouble === 'silent'
    if (whole && this.#now - this.#start - outage.from > 2_000) this.#closedInOutage++
  }

  #result(): SimResult {
    const { requests } = this.#o
    const span = this.#now - this.#start
    let known = 0
    for (const [{ until }, seen] of this.#seen) {
      for (const at of seen) {
        if (at !== undefined) known += Math.max(0, Math.min(span, until) - (at - this.#start) - KNOWN_MS)
      }
    }
    return {
      requests,
      succeeded: this.#succeeded,
      calls: this.#calls,
      paid: this.#paid,
      best: this.#best,
      outages: [...this.#outages.values()].flat().filter(({ from }) => from < span).length,
      opened: this.#opened,
      closedInOutage: this.#closedInOutage,
      flaps: this.#flaps,
      probesPerMinute: known === 0 ? 0 : (this.#probes * 60_000) / known,
      recoveries: this.#recoveries(),
    }
  }

  /** Of whole outages after which the endpoint was the cheapest healthy one for a minute: there was demand for it. */
  #recoveries(): Recovery[] {
    const span = this.#now - this.#start
    return [...this.#outages].flatMap(([tag, outages]) =>
      outages
        .filter(
          (outage) => outage.trouble !== 'half' && outage.until + 60_000 < span && this.#wanted(tag, outage),
        )
        .map((outage) => {
          const found = this.#found.get(outage)
          return {
            tag,
            outage,
            foundMs: found === undefined ? Number.POSITIVE_INFINITY : found.at - this.#start - outage.until,
            firstSecond: (found?.calls ?? 0) / this.#o.perSecond,
          }
        }),
    )
  }

  #wanted(tag: string, { until }: Outage): boolean {
    for (let at = until; at <= until + 60_000; at += 1_000) {
      if (this.#endpoints.find((e) => this.#outageAt(e.tag, at) === null)?.tag !== tag) return false
    }
    return true
  }
}

/** What is wrong with a result; empty when routing has kept its promises. */
export function faultsOf(result: SimResult): string[] {
  const { requests, succeeded, calls, paid, best, flaps, opened, closedInOutage, probesPerMinute } = result
  const late = result.recoveries.filter(({ foundMs }) => foundMs > 30_000)
  const herds = result.recoveries.filter(({ firstSecond }) => firstSecond > 0.4)
  const say = (wrong: boolean, sentence: string): string[] => (wrong ? [sentence] : [])
  return [
    ...say(succeeded < requests * 0.999, `${requests - succeeded} of ${requests} requests failed`),
    ...say(calls > requests * 1.1, `${calls} calls for ${requests} requests`),
    ...say(paid > best * 1.02, `cost ${(paid / best).toFixed(4)} of the cheapest healthy choice`),
    ...say(closedInOutage > 0, `${closedInOutage} breakers closed in the middle of an outage`),
    ...say(
      flaps > opened * 0.05,
      `${flaps} of ${opened} breakers opened again though their endpoint was well`,
    ),
    ...say(probesPerMinute > 8, `${probesPerMinute.toFixed(1)} probes a minute`),
    ...say(late.length > 0, `${late.length} recovered endpoints found after more than 30 s`),
    ...say(herds.length > 0, `${herds.length} of ${result.recoveries.length} recoveries met a herd`),
    ...say(result.recoveries.length === 0, 'no endpoint recovered'),
  ]
}

/** Ends of calls by time: a binary heap. */
class Queue {
  readonly #heap: { at: number; flight: Flight }[] = []

  peek(): { readonly at: number } | null {
    return this.#heap[0] ?? null
  }

  push(at: number, flight: Flight): void {
    const heap = this.#heap
    const entry = { at, flight }
    let i = heap.push(entry) - 1
    while (i > 0) {
      const above = (i - 1) >> 1
      if (heap[above]!.at <= at) break
      heap[i] = heap[above]!
      i = above
    }
    heap[i] = entry
  }

  pop(): Flight {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    const size = heap.length
    if (size === 0) return first.flight
    let i = 0
    for (;;) {
      let below = 2 * i + 1
      if (below >= size) break
      if (below + 1 < size && heap[below + 1]!.at < heap[below]!.at) below++
      if (heap[below]!.at >= last.at) break
      heap[i] = heap[below]!
      i = below
    }
    heap[i] = last
    return first.flight
  }
}
