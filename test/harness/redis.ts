import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { bound, findTool, freePort, temporaryHome } from './machine.ts'

const START_MS = 20_000

/** Whether this machine has Redis: `describe.skipIf(!hasRedis)('…')`. */
export const hasRedis: boolean = findTool('redis') !== undefined

/** A Redis of one's own, empty, in memory only, on loopback. */
export interface FreshRedis {
  /** `redis://…`, as the server's `redis` setting takes it. */
  readonly url: string
  /** Ends it as a crash does; what it held is lost. */
  stop(): Promise<void>
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>
  /** Ends it for good and deletes its directory. */
  drop(): Promise<void>
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.setTimeout(1000, () => socket.destroy())
    socket.once('data', (data) => {
      resolve(data.toString().startsWith('+PONG'))
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}

/** Starts a Redis (about 50 ms). Throws when Redis is missing or doesn't answer within 20 s. */
export async function freshRedis(): Promise<FreshRedis> {
  const program = findTool('redis')
  if (!program)
    throw new Error('Redis is not installed (test/harness/machine.ts tells where it is looked for).')
  const home = temporaryHome('redis')
  const port = await freePort()
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    const memoryOnly = ['--save', '', '--appendonly', 'no', '--dir', home]
    const { command, args } = bound(program!, ['--port', String(port), '--bind', '127.0.0.1', ...memoryOnly])
    const started = spawn(command, args, { stdio: 'ignore' })
    started.on('error', () => {})
    child = started
    for (const deadline = Date.now() + START_MS; !(await answers(port)); await sleep(20)) {
      if (started.exitCode === null && Date.now() < deadline) continue
      throw new Error(`redis-server did not start on port ${port}.`)
    }
  }

  async function stop(): Promise<void> {
    const stopping = child
    if (!stopping || stopping.exitCode !== null || stopping.signalCode !== null) return
    const ended = new Promise((resolve) => stopping.once('exit', resolve))
    stopping.kill('SIGKILL')
    await ended
  }

  const removeNow = () => {
    child?.kill('SIGKILL')
    rmSync(home, { recursive: true, force: true })
  }
  process.once('exit', removeNow)

  async function drop(): Promise<void> {
    await stop()
    rmSync(home, { recursive: true, force: true })
    process.off('exit', removeNow)
  }

  await start()
  return { url: `redis://127.0.0.1:${port}`, start, stop, drop }
}
