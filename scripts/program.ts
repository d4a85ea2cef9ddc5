import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { dirname } from 'node:path'
import { whenParentGone } from '../src/lib/parent.ts'

/** The repository's directory. */
export const root: string = dirname(import.meta.dirname)

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

let running: ChildProcess | undefined
let interrupted: NodeJS.Signals | undefined

/**
 * Ends the running program, then this process with the shell's code for `signal`. A terminal sends SIGINT to the
 * program as well: it is not sent twice, since vitest takes a second one as impatience and leaves its servers behind.
 */
function interrupt(signal: NodeJS.Signals): void {
  if (interrupted) return
  interrupted = signal
  if (!running) process.exit(128 + constants.signals[signal])
  if (signal !== 'SIGINT' || !process.stdin.isTTY) running.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal)
}

for (const signal of SIGNALS) process.on(signal, interrupt)
whenParentGone(process.env['WAYBILL_LAUNCHER_PID'], () => interrupt('SIGTERM'))

/**
 * Runs a JavaScript or TypeScript program on this Node, in the repository's directory, and answers its exit code. It
 * writes to this process's output, or, with `output`, to that function piece by piece.
 */
export function runProgram(
  args: readonly string[],
  { env = {}, output }: { env?: NodeJS.ProcessEnv; output?: (piece: string) => void } = {},
): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: output ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    })
    running = child
    child.stdout?.on('data', (piece: Buffer) => output?.(piece.toString()))
    child.stderr?.on('data', (piece: Buffer) => output?.(piece.toString()))
    child.once('error', (error) => {
      console.error(`could not start ${args[0]}: ${error.message}`)
      resolve(126)
    })
    child.once('close', (code, signal) => {
      running = undefined
      if (interrupted) process.exit(128 + constants.signals[interrupted])
      resolve(signal ? 128 + constants.signals[signal] : (code ?? 1))
    })
  })
}
