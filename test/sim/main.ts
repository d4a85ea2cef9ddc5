// `npm run test:sim [-- --requests N --seed S | --world SEED]`: simulates the ledger for a million requests or as many as
// are asked for; a run of a hundred thousand or more writes docs/reference/simulation.md.

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { simulationPage } from './page.ts'
import { simulate } from './run.ts'
import { episode } from './world.ts'

const MILLION = 1_000_000
const KEPT = 100_000
const PAGE = new URL('../../docs/reference/simulation.md', import.meta.url)

const { values } = parseArgs({
  options: { requests: { type: 'string' }, seed: { type: 'string' }, world: { type: 'string' } },
})
const seed = Number(values.seed ?? Date.now() % MILLION)
const requests = Number(values.requests ?? MILLION)

try {
  if (values.world !== undefined) await again(Number(values.world))
  else await long()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function again(world: number): Promise<void> {
  for (const mode of ['safety', 'liveness'] as const)
    console.log(mode, await episode({ seed: world, requests: 250, mode }))
}

async function long(): Promise<void> {
  const at = commit()
  const started = performance.now()
  let told = started
  const totals = await simulate({ seed, requests }, ({ requests: done, crashes }) => {
    if (performance.now() - told < 10_000) return
    told = performance.now()
    console.log(
      `${done.toLocaleString('en-US')} requests, ${crashes.toLocaleString('en-US')} crashes, no violation`,
    )
  })
  const seconds = (performance.now() - started) / 1000
  console.log({ seed, seconds: Math.round(seconds), ...totals })
  if (totals.requests < KEPT) return
  const where = `${cpus().length} × ${cpus()[0]?.model.replace(/ \d.*/, '')}, Node ${process.version}`
  const when = new Date().toISOString().slice(0, 10)
  writeFileSync(PAGE, simulationPage(totals, { seed, commit: at, when, where, seconds }))
}

function commit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
}
