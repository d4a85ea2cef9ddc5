/**
 * `npm run test:agents [-- claude | codex | opencode | gemini]`: installs coding agents from npm beside this file, lets
 * them work over a gateway and scripted providers, and keeps the result of a run of all in docs/reference/agents.md.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { closingLine } from '../../scripts/test-reporter.ts'
import { type Agent, claudeCode, codex, geminiCli, opencode } from './agents.ts'
import {
  countCalls,
  countFaults,
  droppedIn,
  faultsOf,
  keyWith,
  modelCalls,
  REFUSALS,
  refusedAs,
  returnsThoughts,
} from './judge.ts'
import { type Counted, type Line, type Refused, type Report, renderPage } from './page.ts'
import { installAgents, programOf } from './programs.ts'
import { run } from './run.ts'
import { sentIn } from './sent.ts'
import type { Exchange } from './tap.ts'
import { UPSTREAMS } from './upstreams.ts'

const ROOT = join(import.meta.dirname, '../..')
const PAGE = join(ROOT, 'docs/reference/agents.md')
const AGENTS: readonly Agent[] = [claudeCode, codex, opencode, geminiCli]
const total = { passed: 0, failed: 0, skipped: 0 }

function tell(name: string, faults: readonly string[], printed: string): void {
  total[faults.length === 0 ? 'passed' : 'failed']++
  console.log(`${faults.length === 0 ? 'passed' : 'FAILED'}  ${name}`)
  for (const fault of faults) console.log(`        ${fault}`)
  if (faults.length > 0) console.log(printed.slice(-2000).replace(/^/gm, '        | '))
}

async function tryOut(agent: Agent, failure: string | undefined): Promise<Report> {
  const program = programOf(agent)
  const head = { name: agent.name, package: agent.package, version: program.version }
  if ('missing' in program) {
    const missing = failure ?? program.missing
    const count = UPSTREAMS.length + REFUSALS.length
    total.skipped += count
    console.log(`left out: ${agent.name} (${missing})`)
    return { ...head, missing, lines: [], counted: [], refused: [] }
  }
  const exchanges: Exchange[] = []
  const lines: Line[] = []
  for (const upstream of UPSTREAMS)
    lines.push(
      await run(agent, program.file, upstream, keyWith(5), async (ran) => {
        const over = `${upstream.provider} (${upstream.dialect})`
        const faults = await faultsOf(ran)
        tell(`${agent.name} ${program.version} over ${over}`, faults, ran.printed)
        exchanges.push(...ran.exchanges)
        const dropped = await droppedIn(ran)
        const calls = modelCalls(ran).length
        return { over, model: upstream.model, faults, calls, returned: returnsThoughts(ran), dropped }
      }),
    )
  const counted: Counted[] = []
  const { count } = agent
  for (const upstream of count === undefined ? [] : UPSTREAMS)
    counted.push(
      await run({ ...agent, start: count! }, program.file, upstream, keyWith(5), async (ran) => {
        const over = `${upstream.provider} (${upstream.dialect})`
        const faults = await countFaults(ran)
        tell(`${agent.name} ${program.version} counts over ${over}`, faults, ran.printed)
        exchanges.push(...ran.exchanges)
        const calls = countCalls(ran)
        return { over, faults, calls: calls.length, estimated: /estimated/.test(calls[0]?.answer ?? '') }
      }),
    )
  const refused: Refused[] = []
  for (const refusal of REFUSALS)
    refused.push(
      await run(agent, program.file, refusal.upstream, refusal.key, async (ran) => {
        const result = refusedAs(refusal, ran)
        tell(`${agent.name} ${program.version}, ${refusal.what}`, result.faults, ran.printed)
        return result
      }),
    )
  const sent = sentIn(
    exchanges,
    UPSTREAMS.map(({ model }) => model),
  )
  return { ...head, lines, counted, refused, sent }
}

const wanted = process.argv.slice(2)
const chosen = AGENTS.filter(
  ({ name }) => wanted.length === 0 || wanted.some((word) => name.toLowerCase().includes(word.toLowerCase())),
)
const failure = await installAgents()
if (failure !== undefined) console.log(`npm could not install the agents: ${failure}`)
const reports: Report[] = []
for (const agent of chosen) reports.push(await tryOut(agent, failure))
if (chosen.length === AGENTS.length) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim()
  writeFileSync(PAGE, renderPage(reports, commit, `${process.platform}-${process.arch}`))
}
console.log(closingLine(total))
process.exitCode = total.failed > 0 || chosen.length === 0 ? 1 : 0
