import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { micros } from './client.ts'
import { freshDataDir, startWaybill } from './contestants/index.ts'
import { cpuMicros } from './figures.ts'
import { startHelpers } from './helpers.ts'
import type { MeasuredWorkload } from './rounds.ts'

const SRC = fileURLToPath(new URL('../src/', import.meta.url))
const TOP = 40
const WINDOW_MS = 6_000

interface Frame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: Frame
    readonly children?: readonly number[]
  }[]
  /** Microseconds of the monotonic clock. */
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Time in microseconds: by function, by the room it is in, and by the room of ours that it was done for. */
export interface Costs {
  readonly total: number
  readonly functions: ReadonlyMap<string, number>
  readonly rooms: ReadonlyMap<string, number>
  readonly causes: ReadonlyMap<string, number>
  /** By function of ours, with everything that it called. */
  readonly inclusive: ReadonlyMap<string, number>
}

/** Runs waybill under a load with the profiler on and prints where its time went. */
export async function profile(workload: MeasuredWorkload): Promise<number> {
  const helpers = await startHelpers()
  const dir = freshDataDir('profile')
  let from: number
  let until: number
  try {
    const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${dir}`, '--cpu-prof-interval=250']
    const gateway = await startWaybill(helpers.mockPort, { nodeArgs })
    const job = {
      mode: 'closed',
      workload,
      address: gateway.address,
      group: gateway.group,
      connections: workload === 'B2' ? 500 : 64,
      rate: 0,
    } as const
    await helpers.measure({ ...job, warmMs: 0, windowMs: 6_000 })
    from = micros()
    const measured = await helpers.measure({ ...job, warmMs: 0, windowMs: WINDOW_MS })
    until = micros()
    await gateway.stop()
    console.log(
      `${workload}: ${cpuMicros(measured).toFixed(1)} µs CPU each while profiled, ${measured.errors} errors`,
    )
  } finally {
    await helpers.stop()
  }
  for (const file of readdirSync(dir).filter((name) => name.endsWith('.cpuprofile'))) {
    const costs = costsOf(JSON.parse(readFileSync(join(dir, file), 'utf8')) as CpuProfile, from, until)
    console.log(
      `\n${file}: ${(costs.total / 1e6).toFixed(2)} s busy of ${((until - from) / 1e6).toFixed(2)} s`,
    )
    print('on behalf of', costs.causes, costs.total)
    print('in', costs.rooms, costs.total)
    print('function', costs.functions, costs.total)
    print('function of ours with what it calls', costs.inclusive, costs.total)
  }
  return 0
}

/** Sums the samples between two times of the monotonic clock; idle time is left out. */
export function costsOf(profile: CpuProfile, from: number, until: number): Costs {
  const functions = new Map<string, number>()
  const rooms = new Map<string, number>()
  const causes = new Map<string, number>()
  const inclusive = new Map<string, number>()
  const parents = new Map<number, number>()
  const frames = new Map<number, Frame>()
  for (const { id, callFrame, children } of profile.nodes) {
    frames.set(id, callFrame)
    for (const child of children ?? []) parents.set(child, id)
  }
  let at = profile.startTime
  let total = 0
  for (const [i, id] of profile.samples.entries()) {
    const delta = profile.timeDeltas[i]!
    at += delta
    const frame = frames.get(id)!
    if (at < from || at > until || frame.functionName === '(idle)') continue
    total += delta
    add(functions, nameOf(frame), delta)
    add(rooms, roomOf(frame), delta)
    add(causes, causeOf(id, parents, frames), delta)
    for (const name of callers(id, parents, frames)) add(inclusive, name, delta)
  }
  return { total, functions, rooms, causes, inclusive }
}

function add(sums: Map<string, number>, name: string, value: number): void {
  sums.set(name, (sums.get(name) ?? 0) + value)
}

function nameOf(frame: Frame): string {
  const place =
    frame.url === ''
      ? ''
      : ` ${frame.url.replace(`file://${SRC}`, '').replace(/.*node_modules\//, '')}:${frame.lineNumber + 1}`
  return `${frame.functionName || '(anonymous)'}${place}`
}

/** The room of ours, the package, or the part of Node. */
function roomOf({ url, functionName }: Frame): string {
  if (url.startsWith(`file://${SRC}`)) return url.slice(`file://${SRC}`.length).split('/')[0]!
  const dependency = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)
  if (dependency !== null) return dependency[1]!
  if (url.startsWith('node:')) return url.replace(/^node:(internal\/)?([^/]+).*/, 'node:$2')
  return functionName.startsWith('(') ? functionName : 'native'
}

/** The innermost room of ours on the stack. */
function causeOf(
  id: number,
  parents: ReadonlyMap<number, number>,
  frames: ReadonlyMap<number, Frame>,
): string {
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
    const frame = frames.get(at)!
    if (frame.url.startsWith(`file://${SRC}`)) return roomOf(frame)
  }
  const own = roomOf(frames.get(id)!)
  return own.startsWith('(') ? own : 'Node itself'
}

/** The functions of ours on the stack, each once. */
function callers(
  id: number,
  parents: ReadonlyMap<number, number>,
  frames: ReadonlyMap<number, Frame>,
): Set<string> {
  const names = new Set<string>()
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
    const frame = frames.get(at)!
    if (frame.url.startsWith(`file://${SRC}`)) names.add(nameOf(frame))
  }
  return names
}

function print(title: string, sums: ReadonlyMap<string, number>, total: number): void {
  console.log(`\n${title}`)
  const sorted = [...sums].sort((a, b) => b[1] - a[1]).slice(0, TOP)
  for (const [name, time] of sorted)
    if (time / total >= 0.003) console.log(`  ${((time / total) * 100).toFixed(1).padStart(5)} %  ${name}`)
}
