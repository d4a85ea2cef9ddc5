import { figures, type OwnFigures, ratio, type Spread, type Target, targets } from './figures.ts'
import { type MeasuredWorkload, OPEN_RATE, type Round } from './rounds.ts'

/** Everything that a run found out. */
export interface Results {
  readonly rounds: readonly Round[]
  readonly workloads: readonly MeasuredWorkload[]
  /** By name: version and setup of those that ran. */
  readonly contestants: readonly { readonly name: string; readonly version: string; readonly setup: string }[]
  /** Those that did not, with the reason. */
  readonly absent: readonly { readonly name: string; readonly reason: string }[]
  readonly own: OwnFigures
  readonly commit: string
  readonly date: string
  readonly machine: string
  readonly pinned: boolean
}

const TITLES: Readonly<Record<MeasuredWorkload, string>> = {
  A: 'A: a request of 1.5 KB, a whole reply of 0.7 KB, 64 connections',
  B: 'B: a stream of 100 events in one burst, 64 connections',
  C: 'C: a request of 100 KB, a whole reply of 0.7 KB, 64 connections',
  B2: 'B2: 500 streams, an event each 20 ms (25,000 a second); per event',
}

type Row = readonly string[]

/** The tables as Markdown, which also reads well in a terminal. */
export function tables(results: Results): string {
  const { rounds, workloads, contestants, own } = results
  const parts: string[] = []
  for (const workload of workloads) {
    const rows = contestants.map(({ name }) => row(rounds, name, workload))
    parts.push(`### ${TITLES[workload]}\n\n${table(headings(workload), rows)}`)
  }
  parts.push(
    `### Ratios of CPU, both from the same round: median (range)\n\n${ratioTable(rounds, workloads, contestants)}`,
  )
  const found = targets(rounds, workloads, own)
  parts.push(
    `### Targets\n\n${table(['target', 'at most', 'measured', 'met'], found.map(targetRow))}\n\n${sentence(found)}`,
  )
  return parts.join('\n\n')
}

function headings(workload: MeasuredWorkload): Row {
  const rate = OPEN_RATE[workload]
  const delay = rate === null ? 'delay of an event' : `added at ${rate}/s`
  const unit = rate === null ? 'events/s' : 'requests/s'
  return [
    '',
    'CPU µs (range)',
    unit,
    'busy',
    `p50 ${delay}, µs`,
    `p99 ${delay}, µs`,
    'peak memory, MB',
    'errors',
  ]
}

function row(rounds: readonly Round[], name: string, workload: MeasuredWorkload): Row {
  const found = figures(rounds, name, workload)
  if (found === null) return [name, 'not measured', '', '', '', '', '', '']
  const { cpuUs, perSecond, busy, addedP50, addedP99, memoryMb, errors } = found
  return [
    name,
    range(cpuUs, 1),
    whole(perSecond),
    `${Math.round(busy * 100)} %`,
    delay(addedP50),
    delay(addedP99),
    whole(memoryMb),
    String(errors),
  ]
}

function ratioTable(
  rounds: readonly Round[],
  workloads: readonly MeasuredWorkload[],
  contestants: Results['contestants'],
): string {
  const others = contestants.filter(({ name }) => name !== 'waybill')
  const pairs = others.map(({ name }): readonly [string, string] => ['waybill', name])
  for (const { name } of others) if (name !== 'nginx') pairs.push([name, 'nginx'])
  const rows = pairs.map(([of, to]) => [
    `${of} / ${to}`,
    ...workloads.map((workload) => {
      const found = ratio(rounds, of, to, workload)
      return found === null ? '' : range(found, 2)
    }),
  ])
  return table(['', ...workloads], rows)
}

function targetRow({ name, limit, value, unit, met }: Target): Row {
  const most = limit < 1 && unit === '×' ? `1/${Math.round(1 / limit)}` : `${limit}${unit}`
  if (value === null) return [name, most, 'not measured', '']
  const digits = unit === ' MB' || unit === ' KiB' ? 0 : 2
  const shown = value.n === 1 ? value.median.toFixed(digits) : range(value, digits)
  return [name, most, shown + unit, met ? 'yes' : '**no**']
}

function sentence(found: readonly Target[]): string {
  const measured = found.filter(({ met }) => met !== null)
  const met = measured.filter((target) => target.met).length
  return `${met} of ${measured.length} targets are met${measured.length < found.length ? `, ${found.length - measured.length} were not measured` : ''}.`
}

function range({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}

function delay(value: number): string {
  return Number.isFinite(value) ? whole(value) : 'saturated'
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function table(head: Row, rows: readonly Row[]): string {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((cells) => cells[i]!.length)))
  const line = (cells: Row) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(head), rule, ...rows.map(line)].join('\n')
}

/** The page `docs/reference/benchmarks.md`. */
export function page(results: Results): string {
  const { contestants, absent, rounds, own } = results
  const who = contestants.map(({ name, version, setup }) => `- **${name}** ${version}: ${setup}.`)
  for (const { name, reason } of absent) who.push(`- **${name}**: not measured: ${reason}.`)
  return `# Benchmarks

Written by \`npm run bench\`; do not edit. Commit ${results.commit}, ${results.date}, ${results.machine}, ${rounds.length} rounds.

## What is measured

A mock upstream and a load generator, each in a process of its own${results.pinned ? ', share one processor; the contestant has the other' : '; the machine has one processor, which everything shares'}.
Each round visits each contestant once; figures are medians over the rounds. Trust the ratios, which compare the same
round, more than the figures: they depend on the machine and its neighbours.

- *CPU* is user and system time of all processes and threads of the contestant (\`/proc/PID/stat\`) over the requests that
  ended in the window. *busy* is the share of its processor that it used: where that is well below 100 %, the
  rate is not its limit (nginx waits for the load generator), and its CPU per request is that of a less busy loop.
- Latency is measured at a fixed rate whatever the answers do, and counts from the send; what the mock takes without
  anything between is subtracted (*saturated*: it can't take that rate; B2: from the mock's write of an event to the client's read, nothing subtracted).
- *Peak memory* is the highest resident memory within the window, of all processes of the contestant.
- *errors*: answers with another status than 200, without their end, their text or their usage, or none at all.

${who.join('\n')}

## Results

${tables(results)}

The start was timed from \`waybill start\` to the first \`200\` of \`/ready\`, on a data directory with ${own.requests.toLocaleString('en-US')} requests in its ledger;
idle streams are ${own.idleStreams.toLocaleString('en-US')} open answers of which one event has come, with their connections to the provider.
A delta between two dialects is a streamed piece of text or of a tool's arguments, decoded from one format of
conversations and encoded in another: the slowest pair of formats, measured in the benchmark's own process.

## Run it

\`\`\`
npm run bench                                   # everything, about ten minutes; writes this page
npm run bench -- --quick                        # one round, short windows; prints only
npm run bench -- --only A,B --contestants waybill,nginx --rounds 7
npm run bench -- profile A                      # where waybill's time goes
npm run bench -- micro                          # what single functions cost
\`\`\`

nginx comes from the system or Debian's package, Portkey from npm, LiteLLM from pip; they are put into \`bench/.cache\` when
first needed. What can't be installed is left out and named above. Linux only: the figures come from \`/proc\`.
`
}
