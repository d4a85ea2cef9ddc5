import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chownSync, openSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { bound, findTool, freePort, temporaryHome } from './machine.ts'

const USER = 'waybill'
const START_MS = 60_000

/** A Postgres of one's own in a temporary directory, durable as in production (fsync on), reachable on loopback only. */
export interface PostgresServer {
  /** The address of a database in it; `postgres` is always there. */
  url(database: string): string
  /** Starts it again after `stop`, on the same port and data. */
  start(): Promise<void>
  /** Ends it: `fast` cleanly, `immediate` as in a crash. */
  stop(mode: 'fast' | 'immediate'): Promise<void>
  /** Ends it and deletes its files. */
  remove(): Promise<void>
}

/** Postgres refuses to run as root: then it runs as `postgres`, or `nobody` where that user is missing. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (!user) throw new Error('Postgres cannot run as root, and there is neither a user postgres nor nobody.')
  return { uid: Number(user[2]), gid: Number(user[3]) }
}

async function initialise(
  bin: string,
  home: string,
  user: ReturnType<typeof unprivilegedUser>,
): Promise<void> {
  // The cluster itself may be written without fsync: nobody relies on it before it runs.
  const options = ['--auth=trust', '--username', USER, '--encoding=UTF8', '--locale=C', '--no-sync']
  const { command, args } = bound(join(bin, 'initdb'), ['-D', join(home, 'data'), ...options], user)
  await promisify(execFile)(command, args, { cwd: home })
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

/** Creates and starts a Postgres; throws with the end of its log when it doesn't come up within 60 s. */
export async function createPostgres(): Promise<PostgresServer> {
  const initdb = findTool('postgres')
  if (!initdb)
    throw new Error('Postgres is not installed (test/harness/machine.ts tells where it is looked for).')
  const bin = dirname(initdb)
  const user = unprivilegedUser()
  const home = temporaryHome('postgres')
  if (user) chownSync(home, user.uid, user.gid)
  const port = await freePort()
  let child: ChildProcess | undefined
  const url = (database: string) => `postgres://${USER}@127.0.0.1:${port}/${database}`

  async function start(): Promise<void> {
    const settings = [
      'listen_addresses=127.0.0.1',
      `port=${port}`,
      'unix_socket_directories=',
      'max_connections=100',
    ]
    const flags = ['-D', join(home, 'data'), ...settings.flatMap((setting) => ['-c', setting])]
    const { command, args } = bound(join(bin, 'postgres'), flags, user)
    const log = openSync(join(home, 'server.log'), 'a')
    const started = spawn(command, args, { cwd: home, stdio: ['ignore', log, log] })
    started.on('error', () => {})
    child = started
    for (const deadline = Date.now() + START_MS; !(await answers(url('postgres'))); await sleep(50)) {
      if (started.exitCode === null && Date.now() < deadline) continue
      throw new Error(
        `Postgres did not start:\n${readFileSync(join(home, 'server.log'), 'utf8').slice(-2000)}`,
      )
    }
  }

  async function stop(mode: 'fast' | 'immediate'): Promise<void> {
    const stopping = child
    if (!stopping || stopping.exitCode !== null || stopping.signalCode !== null) return
    const ended = new Promise((resolve) => stopping.once('exit', resolve))
    stopping.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await ended
  }

  const removeNow = () => {
    child?.kill('SIGQUIT')
    rmSync(home, { recursive: true, force: true })
  }
  process.once('exit', removeNow)

  async function remove(): Promise<void> {
    await stop('immediate')
    rmSync(home, { recursive: true, force: true })
    process.off('exit', removeNow)
  }

  try {
    await initialise(bin, home, user)
    await start()
  } catch (error) {
    await remove()
    throw error
  }
  return { url, start, stop, remove }
}
