import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const READY_MS = 30_000

export interface Called {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes, read as loosely as a script would
  readonly body: any
}

/** A gateway in a process of its own, as a user would run it, on a data directory of its own. */
export interface RunningGateway {
  readonly url: string
  /** The first API key, printed once; on a restart the one of the first start. */
  readonly key: string
  readonly operatorKey: string
  readonly dataDir: string
  readonly process: ChildProcess
  /** What it printed on stderr so far. */
  readonly log: () => string
  /** Kills with SIGKILL and waits. */
  kill(): Promise<void>
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>
  /** Starts again on the same data directory. */
  restart(): Promise<RunningGateway>
  /** Stops it and removes the data directory. */
  remove(): Promise<void>
  /** Calls the API below `/api/v1` and parses the JSON. */
  call(method: string, path: string, body?: unknown, key?: string): Promise<Called>
}

export interface GatewayOptions {
  /** Text of waybill.yaml. */
  readonly config?: string
  readonly env?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  readonly dataDir?: string
}

/** Starts a gateway and waits until it is ready. Environment variables of the machine do not reach it. */
export async function startGateway(options: GatewayOptions = {}, firstKey = ''): Promise<RunningGateway> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'waybill-test-'))
  const args = ['start', '--data', dataDir, '--port', '0', '--json']
  if (options.config !== undefined) {
    const file = join(dataDir, 'waybill.yaml')
    writeFileSync(file, options.config)
    args.push('--config', file)
  }
  const child = spawn(process.execPath, [MAIN, ...args, ...(options.args ?? [])], {
    env: { PATH: process.env['PATH'] ?? '', HOME: dataDir, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr!.on('data', (chunk) => {
    stderr += chunk
  })
  const told = await firstLine(child, () => stderr)
  const runtime = JSON.parse(readFileSync(join(dataDir, 'runtime.json'), 'utf8')) as { operator_key: string }
  return handle(
    child,
    { ...options, dataDir },
    told.url,
    told.key ?? firstKey,
    runtime.operator_key,
    () => stderr,
  )
}

function handle(
  child: ChildProcess,
  options: GatewayOptions & { dataDir: string },
  url: string,
  key: string,
  operatorKey: string,
  log: () => string,
): RunningGateway {
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const end = (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    return exited
  }
  return {
    url,
    key,
    operatorKey,
    dataDir: options.dataDir,
    process: child,
    log,
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
    restart: async () => {
      await end('SIGKILL')
      return startGateway(options, key)
    },
    remove: async () => {
      await end('SIGKILL')
      rmSync(options.dataDir, { recursive: true, force: true })
    },
    call: async (method, path, body, as = key) => {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? null : JSON.parse(text),
      }
    },
  }
}

function firstLine(child: ChildProcess, log: () => string): Promise<{ url: string; key?: string }> {
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(
      () => reject(new Error(`the gateway did not start within ${READY_MS} ms:\n${log()}`)),
      READY_MS,
    )
    child.stdout!.on('data', (chunk) => {
      text += chunk
      const end = text.indexOf('\n')
      if (end === -1) return
      clearTimeout(timer)
      resolve(JSON.parse(text.slice(0, end)))
    })
    child.once('exit', (code) => {
      clearTimeout(timer)
      reject(new Error(`the gateway ended with ${code} before it was ready:\n${log()}`))
    })
  })
}
