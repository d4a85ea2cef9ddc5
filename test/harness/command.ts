import { type ChildProcess, spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { run } from '../../src/cli/index.ts'

const LAUNCHER = fileURLToPath(new URL('../../bin/waybill.js', import.meta.url))

/** What a command printed and answered. */
export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Runs as this user, where the tests may (root). */
  readonly uid?: number
}

/** Runs `waybill ARGV…` in this process: as fast as a function, against a server in its own process. */
export async function waybill(argv: readonly string[], options: CommandOptions = {}): Promise<Ran> {
  const out: string[] = []
  const err: string[] = []
  const code = await run(argv, {
    out: (line) => void out.push(line),
    error: (line) => void err.push(line),
    env: { ...options.env },
    cwd: options.cwd ?? tmpdir(),
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}

/** `waybill ARGV…` as a process of its own, as a shell starts it. */
export interface Spawned {
  readonly child: ChildProcess
  /** Printed so far. */
  out(): string
  err(): string
  /** Resolves to stdout once it holds `text`; rejects when the process ends before, or after 20 s. */
  until(text: string | RegExp): Promise<string>
  readonly ended: Promise<Ran>
}

export function spawnWaybill(argv: readonly string[], options: CommandOptions = {}): Spawned {
  const child = spawn(process.execPath, [LAUNCHER, ...argv], {
    env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), ...options.env },
    cwd: options.cwd ?? tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
  })
  let out = ''
  let err = ''
  child.stdout!.setEncoding('utf8').on('data', (text) => {
    out += text
  })
  child.stderr!.setEncoding('utf8').on('data', (text) => {
    err += text
  })
  const ended = new Promise<Ran>((resolve) => child.once('close', (code) => resolve({ code, out, err })))
  return { child, out: () => out, err: () => err, ended, until }

  async function until(text: string | RegExp): Promise<string> {
    const holds = () => (typeof text === 'string' ? out.includes(text) : text.test(out))
    const deadline = performance.now() + 20_000
    let over = false
    void ended.then(() => {
      over = true
    })
    while (!holds()) {
      if (over || performance.now() > deadline)
        throw new Error(`waybill ${argv.join(' ')} never printed ${text}:\n${out}\n${err}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return out
  }
}
