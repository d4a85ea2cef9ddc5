import type { Contestant, Running } from './contestants/index.ts'
import { modelNames } from './contestants/index.ts'
import type { Helpers } from './helpers.ts'
import type { Address, Job, Measured } from './load.ts'
import { cpuSeconds } from './machine.ts'
import type { Workload } from './workloads.ts'

/** What the tables have columns for. */
export const MEASURED_WORKLOADS = ['A', 'B', 'C', 'B2'] as const satisfies readonly Workload[]
export type MeasuredWorkload = (typeof MEASURED_WORKLOADS)[number]

/** Requests a second at which latency is compared: below what the slowest peer can take. */
export const OPEN_RATE: Readonly<Record<MeasuredWorkload, number | null>> = {
  A: 500,
  B: 200,
  C: 200,
  B2: null,
}

const CONNECTIONS: Readonly<Record<MeasuredWorkload, number>> = { A: 64, B: 64, C: 64, B2: 500 }

/** One contestant under one workload in one round. */
export interface Sample {
  readonly closed: Measured
  /** The same at a fixed rate; null for who can't keep up with it, and for B2, whose streams have one of their own. */
  readonly open: Measured | null
  /** That rate without anything between: what the mock and the load generator take. */
  readonly direct: Measured | null
}

/** By name of the contestant. */
export type Round = ReadonlyMap<string, ReadonlyMap<MeasuredWorkload, Sample>>

export interface Plan {
  readonly workloads: readonly MeasuredWorkload[]
  readonly quick: boolean
  readonly tell: (line: string) => void
}

export interface Started {
  readonly contestant: Contestant
  readonly running: Running
}

/** Visits each contestant once and measures each workload on it. */
export async function round(helpers: Helpers, started: readonly Started[], plan: Plan): Promise<Round> {
  const direct = await measureDirect(helpers, plan)
  const visits = new Map<string, Map<MeasuredWorkload, Sample>>()
  for (const { contestant, running } of started) {
    const samples = new Map<MeasuredWorkload, Sample>()
    for (const workload of plan.workloads) {
      const { address, group } = running
      const closed = await helpers.measure(job('closed', workload, address, group, plan))
      const rate = OPEN_RATE[workload]
      // Who does not reach the rate on its own would only pile up a queue.
      const keepsUp = rate !== null && closed.done / closed.seconds > rate
      const open = keepsUp ? await helpers.measure(job('open', workload, address, group, plan)) : null
      samples.set(workload, { closed, open, direct: direct.get(workload) ?? null })
      const error = closed.fault ?? open?.fault ?? null
      if (error !== null) plan.tell(`  ${contestant.name}, ${workload}: ${error}`)
    }
    visits.set(contestant.name, samples)
    await calm(running.group)
  }
  return visits
}

/** Lets each contestant run warm, compiled as in long use, before anything counts. */
export async function warmUp(helpers: Helpers, started: readonly Started[], plan: Plan): Promise<void> {
  for (const { running } of started) {
    for (const workload of plan.workloads) {
      const warm = job('closed', workload, running.address, running.group, plan)
      await helpers.measure({ ...warm, windowMs: plan.quick ? 1_500 : 4_000 })
    }
    await calm(running.group)
  }
}

async function measureDirect(helpers: Helpers, plan: Plan): Promise<Map<MeasuredWorkload, Measured>> {
  const address = {
    port: helpers.mockPort,
    path: '/v1/chat/completions',
    headers: {},
    models: modelNames(),
  }
  const measured = new Map<MeasuredWorkload, Measured>()
  for (const workload of plan.workloads)
    if (OPEN_RATE[workload] !== null)
      measured.set(workload, await helpers.measure(job('open', workload, address, null, plan)))
  return measured
}

function job(
  mode: 'open' | 'closed',
  workload: MeasuredWorkload,
  address: Address,
  group: number | null,
  { quick }: Plan,
): Job {
  const slow = workload === 'B2' ? 1.5 : 1
  return {
    mode,
    workload,
    address,
    group,
    connections: CONNECTIONS[workload],
    rate: OPEN_RATE[workload] ?? 0,
    warmMs: mode === 'open' ? 300 : quick ? 600 : 1_000,
    windowMs: (quick ? 1_000 : 2_000) * slow,
  }
}

/** Waits until an overloaded contestant has worked off what was left, so that it does not disturb the next one. */
async function calm(group: number): Promise<void> {
  const late = performance.now() + 20_000
  for (let before = cpuSeconds(group); performance.now() < late; ) {
    await new Promise((resolve) => setTimeout(resolve, 250))
    const now = cpuSeconds(group)
    if (now - before <= 0.02) return
    before = now
  }
}
