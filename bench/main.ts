/** `npm run bench`: waybill beside nginx and its peers on one machine. See docs/reference/benchmarks.md. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runProgram } from '../scripts/program.ts'
import { run } from './contestants/contestant.ts'
import { CONTESTANTS, type Contestant } from './contestants/index.ts'
import type { OwnFigures } from './figures.ts'
import { figures } from './figures.ts'
import { type Helpers, startHelpers } from './helpers.ts'
import { machineClass, PINNED } from './machine.ts'
import { ownFigures } from './own.ts'
import { profile } from './profile.ts'
import { page, type Results, tables } from './report.ts'
import {
  MEASURED_WORKLOADS,
  type MeasuredWorkload,
  type Round,
  round,
  type Started,
  warmUp,
} from './rounds.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const PAGE = fileURLToPath(new URL('../docs/reference/benchmarks.md', import.meta.url))
/** Fewer rounds than this don't make a report. */
const ROUNDS = 5

const USAGE = `npm run bench -- [--quick] [--rounds N] [--only A,B,C,B2] [--contestants waybill,nginx,portkey,litellm]
npm run bench -- profile A|B|C|B2
npm run bench -- micro [NAME]`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean' },
      rounds: { type: 'string' },
      only: { type: 'string' },
      contestants: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  const [command, what] = positionals
  if (command === 'micro') return micro(what ?? '')
  if (!existsSync('/proc/self/stat')) throw new Error('the benchmarks read /proc: they run on Linux only')
  if (command === 'profile') return profile(workloads(what ?? 'A')[0]!)
  if (command !== undefined) throw new Error(`no such command: ${command}\n${USAGE}`)
  const quick = values.quick === true
  const rounds = Number(values.rounds ?? (quick ? 1 : ROUNDS))
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1')
  const whole = values.only === undefined && values.contestants === undefined
  const results = await compare({
    rounds,
    quick,
    workloads: values.only === undefined ? MEASURED_WORKLOADS : workloads(values.only),
    contestants: contestants(values.contestants),
    own: whole,
  })
  console.log(`\n${tables(results)}`)
  if (whole && !quick && rounds >= ROUNDS) {
    writeFileSync(PAGE, page(results))
    console.log('\nwritten to docs/reference/benchmarks.md')
  }
  return wrongAnswers(results) > 0 ? 1 : 0
}

interface Wanted {
  readonly rounds: number
  readonly quick: boolean
  readonly workloads: readonly MeasuredWorkload[]
  readonly contestants: readonly Contestant[]
  /** Whether start and idle streams are measured too. */
  readonly own: boolean
}

async function compare(wanted: Wanted): Promise<Results> {
  const began = performance.now()
  const tell = (line: string) =>
    console.log(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${line}`)
  const absent: { name: string; reason: string }[] = []
  const present: { name: string; version: string; setup: string }[] = []
  const started: Started[] = []
  const helpers = await startHelpers()
  const rounds: Round[] = []
  let own: OwnFigures = { readySeconds: null, requests: 0, idleKib: null, idleStreams: 0, deltaUs: null }
  try {
    for (const contestant of wanted.contestants) {
      const { name, setup } = contestant
      try {
        const version = await contestant.prepare()
        started.push({ contestant, running: await contestant.start(helpers.mockPort) })
        present.push({ name, version, setup })
        tell(`${name} ${version}`)
      } catch (error) {
        const reason = (error as Error).message
        absent.push({ name, reason })
        tell(`${name} is not measured: ${reason}`)
      }
    }
    await warmUp(helpers, started, { ...wanted, tell })
    tell('all are warm')
    for (let i = 1; i <= wanted.rounds; i++) {
      rounds.push(await round(helpers, started, { ...wanted, tell }))
      tell(`round ${i} of ${wanted.rounds}`)
    }
    await Promise.all(started.splice(0).map(({ running }) => running.stop()))
    if (wanted.own) own = await measureOwn(helpers, wanted.quick, tell)
  } finally {
    await Promise.all(started.map(({ running }) => running.stop()))
    await helpers.stop()
  }
  return {
    rounds,
    workloads: wanted.workloads,
    contestants: present,
    absent,
    own,
    commit: await commit(),
    date: new Date().toISOString().slice(0, 10),
    machine: machineClass(),
    pinned: PINNED,
  }
}

async function measureOwn(
  helpers: Helpers,
  quick: boolean,
  tell: (line: string) => void,
): Promise<OwnFigures> {
  tell('start, idle streams and deltas of waybill')
  return ownFigures(helpers, quick)
}

async function commit(): Promise<string> {
  try {
    const hash = await run('git', ['rev-parse', '--short', 'HEAD'], { cwd: HERE })
    const dirty = await run('git', ['status', '--porcelain', '--', '../src'], { cwd: HERE })
    return dirty === '' ? hash : `${hash} with changes`
  } catch {
    return 'unknown'
  }
}

/** Errors of waybill: a benchmark of wrong answers is none. */
function wrongAnswers({ rounds, workloads }: Results): number {
  return workloads.reduce((sum, workload) => sum + (figures(rounds, 'waybill', workload)?.errors ?? 0), 0)
}

function workloads(list: string): MeasuredWorkload[] {
  return list.split(',').map((name) => {
    const known = MEASURED_WORKLOADS.find((workload) => workload === name.trim().toUpperCase())
    if (known === undefined)
      throw new Error(`no such workload: ${name}; there are ${MEASURED_WORKLOADS.join(', ')}`)
    return known
  })
}

function contestants(list: string | undefined): readonly Contestant[] {
  if (list === undefined) return CONTESTANTS
  return list.split(',').map((wanted) => {
    const known = CONTESTANTS.find(({ name }) => name.toLowerCase() === wanted.trim().toLowerCase())
    if (known === undefined)
      throw new Error(
        `no such contestant: ${wanted}; there are ${CONTESTANTS.map(({ name }) => name.toLowerCase()).join(', ')}`,
      )
    return known
  })
}

/** Runs the benches of single functions, those whose file name holds `name`. */
async function micro(name: string): Promise<number> {
  const files = readdirSync(HERE).filter((file) => file.endsWith('.bench.ts') && file.includes(name))
  for (const file of files) {
    console.log(`\n${file.replace('.bench.ts', '')}`)
    const code = await runProgram([join(HERE, file)])
    if (code !== 0) return code
  }
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(`bench: ${(error as Error).message}`)
  process.exitCode = 1
}
