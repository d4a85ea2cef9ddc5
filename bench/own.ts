import { fileURLToPath } from 'node:url'
import { freePort } from './contestants/contestant.ts'
import { freshDataDir, startArgs, startWaybill } from './contestants/index.ts'
import { slowestDelta } from './deltas.ts'
import { type OwnFigures, spread } from './figures.ts'
import type { Helpers } from './helpers.ts'
import { endGroup, spawnAt } from './machine.ts'

const LAUNCHER = fileURLToPath(new URL('../bin/waybill.js', import.meta.url))
/** Requests in the ledger that a start has to cope with. */
const REQUESTS = 10_000
const STREAMS = 2_000
const POLL_MS = 5
const READY_MS = 30_000

/** What only waybill is asked: the memory of idle streams, the time a start takes, a delta from one format to another. */
export async function ownFigures(helpers: Helpers, quick: boolean): Promise<OwnFigures> {
  const dataDir = freshDataDir('own')
  const gateway = await startWaybill(helpers.mockPort, { dataDir })
  const { address, group } = gateway
  const job = { address, group, rate: 0, warmMs: 0 }
  let requests = 0
  while (requests < REQUESTS) {
    const load = { ...job, mode: 'closed', workload: 'A', connections: 64, windowMs: 1_000 } as const
    requests += (await helpers.measure(load)).done
  }
  const idle = await helpers.measure({
    ...job,
    mode: 'idle',
    workload: 'I',
    connections: STREAMS,
    windowMs: 3_000,
  })
  await gateway.stop()
  const times: number[] = []
  for (let i = 0; i < (quick ? 1 : 5); i++) times.push(await readySeconds(dataDir))
  return {
    readySeconds: spread(times),
    requests,
    idleKib: idle.errors > 0 ? null : (idle.memoryMb * 1e6) / 1024 / STREAMS,
    idleStreams: STREAMS,
    deltaUs: slowestDelta(),
  }
}

async function readySeconds(dataDir: string): Promise<number> {
  const port = await freePort()
  const args = [LAUNCHER, ...startArgs(dataDir), '--port', String(port), '--json']
  const began = performance.now()
  const child = spawnAt('anywhere', process.execPath, args, {
    stdio: 'ignore',
    env: { PATH: process.env['PATH'], HOME: dataDir },
  })
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null || performance.now() - began > READY_MS)
        throw new Error('waybill did not start again on its data directory')
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    return (performance.now() - began) / 1000
  } finally {
    await endGroup(child)
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/ready`)).ok
  } catch {
    return false
  }
}
