import type { Measured } from './load.ts'
import type { MeasuredWorkload, Round, Sample } from './rounds.ts'

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly n: number
}

export function spread(values: readonly number[]): Spread | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  const median = sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)!, n: sorted.length }
}

/** CPU microseconds of the contestant per whole answer; in B2 per event. */
export function cpuMicros({ cpu, done }: Measured): number {
  return done === 0 ? Number.NaN : (cpu * 1e6) / done
}

/** Share of the fixed rate that has to be answered for a latency to mean anything. */
const KEEPS_UP = 0.95

/** One contestant under one workload: medians over the rounds. */
export interface Figures {
  readonly cpuUs: Spread
  /** Answers (B2: events) a second with the closed loop. */
  readonly perSecond: number
  /** Share of its processor that the contestant used meanwhile: below about 0.9 the rate is not its limit. */
  readonly busy: number
  readonly memoryMb: number
  /** Added to the direct way at the fixed rate, microseconds, Infinity when it can't keep up; in B2 the delay of an event. */
  readonly addedP50: number
  readonly addedP99: number
  readonly errors: number
  readonly fault: string | null
}

export function figures(
  rounds: readonly Round[],
  contestant: string,
  workload: MeasuredWorkload,
): Figures | null {
  const samples = rounds.flatMap((round) => round.get(contestant)?.get(workload) ?? [])
  const cpuUs = spread(samples.map(({ closed }) => cpuMicros(closed)).filter(Number.isFinite))
  if (cpuUs === null) return null
  const median = (read: (sample: Sample) => number) => spread(samples.map(read))!.median
  return {
    cpuUs,
    perSecond: median(({ closed }) => closed.done / closed.seconds),
    busy: median(({ closed }) => closed.cpu / closed.seconds),
    memoryMb: Math.max(...samples.map(({ closed }) => closed.memoryMb)),
    addedP50: median((sample) => added(sample, 'p50')),
    addedP99: median((sample) => added(sample, 'p99')),
    errors: samples.reduce((sum, { closed, open }) => sum + closed.errors + (open?.errors ?? 0), 0),
    fault: samples.map(({ closed, open }) => closed.fault ?? open?.fault ?? null).find(Boolean) ?? null,
  }
}

function added({ closed, open, direct }: Sample, which: 'p50' | 'p99'): number {
  if (direct === null) return closed[which]
  const keptUp = open !== null && open.done >= direct.done * KEEPS_UP
  return keptUp ? open[which] - direct[which] : Number.POSITIVE_INFINITY
}

/** CPU per request (B2: per event) of one contestant over another's, each pair from the same round. */
export function ratio(
  rounds: readonly Round[],
  of: string,
  to: string,
  workload: MeasuredWorkload,
): Spread | null {
  const ratios = rounds.flatMap((round) => {
    const [a, b] = [round.get(of)?.get(workload), round.get(to)?.get(workload)]
    return a && b ? [cpuMicros(a.closed) / cpuMicros(b.closed)] : []
  })
  return spread(ratios.filter(Number.isFinite))
}

/** What only waybill is asked; null when it was not measured. */
export interface OwnFigures {
  /** From `waybill start` to `/ready`, seconds, on a database of `requests` requests. */
  readonly readySeconds: Spread | null
  readonly requests: number
  /** Memory that an idle stream holds, KiB. */
  readonly idleKib: number | null
  readonly idleStreams: number
  /** Decoding and encoding one delta between two formats, µs: the slowest pair of them. */
  readonly deltaUs: Spread | null
}

export interface Target {
  readonly name: string
  readonly limit: number
  readonly value: Spread | null
  readonly unit: string
  /** null: not measured. */
  readonly met: boolean | null
}

const TO_NGINX: Readonly<Record<MeasuredWorkload, number>> = { A: 8, B: 4, C: 7, B2: 2.2 }
const TO_PORTKEY: Readonly<Partial<Record<MeasuredWorkload, number>>> = { A: 1 / 5, B: 1 / 5, C: 1 / 3 }
const READY_SECONDS = 1
const MEMORY_MB = 220
const IDLE_KIB = 64
const DELTA_US = 10

/** The targets and how far they are met. */
export function targets(
  rounds: readonly Round[],
  workloads: readonly MeasuredWorkload[],
  own: OwnFigures,
): Target[] {
  const list: Target[] = []
  const add = (name: string, limit: number, value: Spread | null, unit: string) =>
    list.push({ name, limit, value, unit, met: value === null ? null : value.median <= limit })
  for (const workload of workloads) {
    const what = workload === 'B2' ? 'CPU per streamed token (B2)' : `CPU per request in ${workload}`
    add(`${what}, of nginx`, TO_NGINX[workload], ratio(rounds, 'waybill', 'nginx', workload), '×')
    const limit = TO_PORTKEY[workload]
    if (limit !== undefined)
      add(`${what}, of Portkey`, limit, ratio(rounds, 'waybill', 'Portkey', workload), '×')
  }
  const memory = figures(rounds, 'waybill', 'A')?.memoryMb
  if (workloads.includes('A'))
    add('Peak memory in A', MEMORY_MB, memory === undefined ? null : spread([memory]), ' MB')
  add('Start to ready', READY_SECONDS, own.readySeconds, ' s')
  add('Memory of an idle stream', IDLE_KIB, own.idleKib === null ? null : spread([own.idleKib]), ' KiB')
  add('One delta between two dialects (slowest pair)', DELTA_US, own.deltaUs, ' µs')
  return list
}
