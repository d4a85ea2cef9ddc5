import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'

/** Ticks of /proc a second: fixed in Linux's interface to programs. */
const TICKS = 100

/** True when contestants and load can have a processor each. */
export const PINNED = availableParallelism() >= 2 && existsSync('/usr/bin/taskset')

export type Place = 'contestant' | 'load' | 'anywhere'
const CPU: Readonly<Record<Place, string>> = { contestant: '0', load: '1', anywhere: '' }

/** Starts a program on the processor of its part, as the leader of a process group of its own. */
export function spawnAt(
  place: Place,
  file: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const detached = { ...options, detached: true }
  return PINNED && place !== 'anywhere'
    ? spawn('/usr/bin/taskset', ['-c', CPU[place], file, ...args], detached)
    : spawn(file, args, detached)
}

/** Ends a process group: SIGTERM, after `patienceMs` SIGKILL. Resolves when its leader is gone. */
export function endGroup(child: ChildProcess, patienceMs = 10_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
    return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(() => signalGroup(child.pid!, 'SIGKILL'), patienceMs)
    child.once('exit', () => {
      clearTimeout(timer)
      // Children that outlived their leader.
      signalGroup(child.pid!, 'SIGKILL')
      resolve()
    })
    signalGroup(child.pid!, 'SIGTERM')
  })
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch {
    // Nobody is left in it.
  }
}

/** Processes of the group. */
function members(group: number): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d/.test(pid)) return false
    return fieldsOf(pid)?.[2] === String(group)
  })
}

/** The fields of /proc/PID/stat after the command's name: state, parent, group, … */
function fieldsOf(pid: string): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

/** User and system time that all threads of the group's processes took so far, seconds. */
export function cpuSeconds(group: number): number {
  let ticks = 0
  for (const pid of members(group)) {
    const fields = fieldsOf(pid)
    if (fields !== null) ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks / TICKS
}

/** `VmRSS` (now) or `VmHWM` (peak) of the group's processes together, MB. */
export function memoryMb(group: number, what: 'VmRSS' | 'VmHWM'): number {
  let kib = 0
  for (const pid of members(group)) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      kib += Number(new RegExp(`${what}:\\s*(\\d+)`).exec(status)?.[1] ?? 0)
    } catch {
      // It has ended.
    }
  }
  return (kib * 1024) / 1e6
}

/** Lets `VmHWM` begin anew (5: see clear_refs in proc(5)). */
export function resetPeak(group: number): void {
  for (const pid of members(group)) {
    try {
      writeFileSync(`/proc/${pid}/clear_refs`, '5')
    } catch {
      // Not allowed here: the peak is then that of the whole life.
    }
  }
}

/** The machine's class for the report: no names of hosts. */
export function machineClass(): string {
  const [first] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} × ${first?.model.trim() || process.arch}, ${memory} GiB, Node ${process.version}`
}
