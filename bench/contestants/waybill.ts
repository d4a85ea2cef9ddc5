import type { ChildProcess } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { version } from '../../src/lib/index.ts'
import { endGroup, spawnAt } from '../machine.ts'
import { upstreamModel, WORKLOADS, type Workload } from '../workloads.ts'
import { type Contestant, cacheDir, modelNames, type Running } from './contestant.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
// As `npm start` runs it.
const COMPILED = fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url))
const { SERVER_FLAGS } = createRequire(import.meta.url)('../../bin/launch.cjs') as { SERVER_FLAGS: string[] }
const READY_MS = 30_000
const CREDIT_USD = 1_000_000

/** Waybill with everything on: auth, routing, hold, ledger, usage rows, waybills; prepaid credit and a key with a limit. */
export const waybill: Contestant = {
  name: 'waybill',
  setup:
    '`start` from the sources, embedded database on the disk; prepaid credit and a key with a daily limit, so that each request is authenticated, routed, held, settled in the ledger and recorded',
  prepare: async () => version,
  start: (mockPort) => startWaybill(mockPort),
}

export interface RunningWaybill extends Running {
  readonly dataDir: string
  readonly child: ChildProcess
}

export interface WaybillOptions {
  readonly dataDir?: string
  /** Flags of Node. */
  readonly nodeArgs?: readonly string[]
  readonly place?: 'contestant' | 'anywhere'
}

/** Starts a gateway on a fresh data directory in the cache, with credit, a limited key and a provider at the mock. */
export async function startWaybill(mockPort: number, options: WaybillOptions = {}): Promise<RunningWaybill> {
  const dataDir = options.dataDir ?? freshDataDir('waybill')
  writeFileSync(join(dataDir, 'waybill.yaml'), config(mockPort))
  const args = [
    ...SERVER_FLAGS,
    ...(options.nodeArgs ?? []),
    MAIN,
    ...startArgs(dataDir),
    '--port',
    '0',
    '--json',
  ]
  const child = spawnAt(options.place ?? 'contestant', process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: dataDir, NODE_COMPILE_CACHE: COMPILED },
  })
  const { url } = await firstLine(child)
  const { operator_key } = JSON.parse(readFileSync(join(dataDir, 'runtime.json'), 'utf8')) as {
    operator_key: string
  }
  const call = async (path: string, body: object): Promise<{ key?: string }> => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${operator_key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as { key?: string }
  }
  await call('/admin/credits', { amount_usd: CREDIT_USD, reference: 'bench' })
  const { key } = await call('/keys', { name: 'bench', limit: CREDIT_USD, limit_reset: 'daily' })
  return {
    address: {
      port: Number(new URL(url).port),
      path: '/api/v1/chat/completions',
      headers: { authorization: `Bearer ${key}` },
      models: modelNames(modelId),
    },
    group: child.pid!,
    dataDir,
    child,
    stop: async () => {
      await endGroup(child, 30_000)
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** An empty directory in the cache, this process's own, gone when it ends: on the disk, where a commit costs what it costs. */
export function freshDataDir(name: string): string {
  const dataDir = cacheDir(`data-${name}-${process.pid}`)
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }))
  return dataDir
}

/** `start …` on a data directory that `startWaybill` has made. */
export function startArgs(dataDir: string): string[] {
  return ['start', '--data', dataDir, '--config', join(dataDir, 'waybill.yaml'), '--no-detect']
}

function modelId(workload: Workload): string {
  return `bench/${workload.toLowerCase()}`
}

function config(mockPort: number): string {
  const models = WORKLOADS.map(
    (workload) => `
      - { id: ${modelId(workload)}, upstream_id: ${upstreamModel(workload)}, context_length: 131072,
          max_output: 8192, price: { prompt: "1", completion: "2" } }`,
  )
  return `credits: prepaid
log: { level: warn }
providers:
  mock:
    dialect: openai-chat
    base_url: "http://127.0.0.1:${mockPort}/v1"
    api_key: key-of-the-mock
    models:${models.join('')}
`
}

function firstLine(child: ChildProcess): Promise<{ url: string }> {
  return new Promise((resolve, reject) => {
    let out = ''
    let err = ''
    const fail = () => reject(new Error(`did not start: ${err.trim().split('\n').slice(-3).join(' / ')}`))
    const timer = setTimeout(fail, READY_MS)
    child.stderr!.on('data', (piece) => {
      err = (err + piece).slice(-4_000)
    })
    child.stdout!.on('data', (piece) => {
      out += piece
      const end = out.indexOf('\n')
      if (end === -1) return
      clearTimeout(timer)
      resolve(JSON.parse(out.slice(0, end)) as { url: string })
    })
    child.once('exit', fail)
  })
}
