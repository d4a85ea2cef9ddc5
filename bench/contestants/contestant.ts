import type { ChildProcess } from 'node:child_process'
import { type SpawnOptions, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Address } from '../load.ts'
import { endGroup } from '../machine.ts'
import { upstreamModel, WORKLOADS, type Workload } from '../workloads.ts'

/** A running contestant. */
export interface Running {
  readonly address: Address
  /** Process group whose CPU and memory are its own. */
  readonly group: number
  stop(): Promise<void>
}

/** A gateway or proxy in front of the mock. */
export interface Contestant {
  readonly name: string
  /** What it is and how it is set up, one line for the report. */
  readonly setup: string
  /** Installs what is missing; resolves to its version. Throws an Error whose message says why it can't be measured. */
  prepare(): Promise<string>
  start(mockPort: number): Promise<Running>
}

/** Where peers are installed and databases live; not in git. */
export const CACHE = fileURLToPath(new URL('../.cache/', import.meta.url))

/** A directory in the cache, made when missing. */
export function cacheDir(name: string): string {
  const dir = join(CACHE, name)
  mkdirSync(dir, { recursive: true })
  return dir
}

/** Names of the models, by workload. */
export function modelNames(name: (workload: Workload) => string = upstreamModel): Record<Workload, string> {
  return Object.fromEntries(WORKLOADS.map((workload) => [workload, name(workload)])) as Record<
    Workload,
    string
  >
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** Runs a program to its end and resolves to its stdout; throws with the end of what it said when it fails. */
export function run(file: string, args: readonly string[], options: SpawnOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let all = ''
    child.stdout!.on('data', (piece) => {
      out += piece
      all += piece
    })
    child.stderr!.on('data', (piece) => {
      all += piece
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(out.trim())
      else reject(new Error(`${file} ended with ${code}: ${all.trim().split('\n').slice(-3).join(' / ')}`))
    })
  })
}

/** Waits until the URL answers, or throws with the end of what the process said. */
export async function answering(url: string, child: ChildProcess, patienceMs: number): Promise<void> {
  let said = ''
  const listen = (piece: unknown) => {
    said = (said + piece).slice(-2_000)
  }
  child.stdout?.on('data', listen)
  child.stderr?.on('data', listen)
  const late = performance.now() + patienceMs
  while (child.exitCode === null && performance.now() < late) {
    try {
      const answer = await fetch(url)
      await answer.arrayBuffer()
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  await endGroup(child)
  throw new Error(`did not start: ${said.trim().split('\n').slice(-3).join(' / ')}`)
}

/** The usual shape of a peer: one process (group) at one port. */
export function running(child: ChildProcess, address: Address): Running {
  return { address, group: child.pid!, stop: () => endGroup(child) }
}
