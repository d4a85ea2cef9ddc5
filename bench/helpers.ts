import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Job, Measured } from './load.ts'
import { endGroup, spawnAt } from './machine.ts'

/** The mock and the load generator, each in its process, both beside the contestants. */
export interface Helpers {
  readonly mockPort: number
  /** Carries out one job at a time. */
  measure(job: Job): Promise<Measured>
  stop(): Promise<void>
}

/** Starts both; they also end with this process. */
export async function startHelpers(): Promise<Helpers> {
  const mock = helper('mock.ts')
  const load = helper('load.ts')
  const { port } = await message<{ port: number }>(mock)
  return {
    mockPort: port,
    async measure(job) {
      const answer = message<{ measured: Measured } | { error: string }>(load)
      load.send(job)
      const told = await answer
      if ('error' in told) throw new Error(`the load generator failed: ${told.error}`)
      return told.measured
    },
    async stop() {
      await Promise.all([endGroup(mock), endGroup(load)])
    },
  }
}

function helper(name: string): ChildProcess {
  const file = fileURLToPath(new URL(name, import.meta.url))
  return spawnAt('load', process.execPath, [file], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`a helper of the bench ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', (told) => {
      child.off('exit', onExit)
      resolve(told as T)
    })
  })
}
