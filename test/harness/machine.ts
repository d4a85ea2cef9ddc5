import { spawnSync } from 'node:child_process'
import { accessSync, constants, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A program of the machine that some tests need; without it they are left out, and said to be. */
export interface Tool {
  readonly name: ToolName
  /** What is left out without it, as the end of a sentence. */
  readonly leftOut: string
  readonly apt: string
  readonly brew: string
}

export type ToolName = 'postgres' | 'redis' | 'nginx' | 'chromium' | 'python3' | 'strace' | 'faketime'

export const TOOLS: readonly Tool[] = [
  { name: 'postgres', leftOut: 'everything on Postgres', apt: 'postgresql', brew: 'postgresql' },
  { name: 'redis', leftOut: 'state shared through Redis', apt: 'redis-server', brew: 'redis' },
  { name: 'nginx', leftOut: 'the proxy in front and the speed comparison', apt: 'nginx', brew: 'nginx' },
  { name: 'chromium', leftOut: 'the dashboard in a browser', apt: 'chromium', brew: '--cask chromium' },
  { name: 'python3', leftOut: 'clients in Python', apt: 'python3-venv', brew: 'python' },
  { name: 'strace', leftOut: 'counting system calls', apt: 'strace', brew: '' },
  { name: 'faketime', leftOut: 'clocks that jump', apt: 'faketime', brew: 'libfaketime' },
]

/** The command that installs a tool here; undefined where there is none. */
export function installCommand(tool: Tool, platform: NodeJS.Platform = process.platform): string | undefined {
  if (platform === 'linux') return `sudo apt-get install -y ${tool.apt}`
  return platform === 'darwin' && tool.brew ? `brew install ${tool.brew}` : undefined
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The first of `names` that PATH or one of `more` directories has, as a path. */
export function findProgram(names: readonly string[], more: readonly string[] = []): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...more]
  for (const directory of directories) {
    const name = names.find((name) => isExecutable(join(directory, name)))
    if (name) return join(directory, name)
  }
  return undefined
}

/** Debian keeps Postgres' programs out of PATH, in a directory for each version; the newest counts. */
function postgresDirectories(): string[] {
  const home = '/usr/lib/postgresql'
  try {
    const versions = readdirSync(home).sort((a, b) => Number(b) - Number(a))
    return versions.map((version) => join(home, version, 'bin'))
  } catch {
    return []
  }
}

function findPython(): string | undefined {
  const python = findProgram(['python3'])
  // Debian's python3 comes without the part that makes virtual environments.
  return python && spawnSync(python, ['-c', 'import venv, ensurepip']).status === 0 ? python : undefined
}

/** Where a tool is on this machine: the path of its program (of `initdb` for Postgres), else undefined. */
export function findTool(name: ToolName): string | undefined {
  if (process.env[leaveOutVariable(name)] === '0') return undefined
  switch (name) {
    case 'postgres':
      return findProgram(['initdb'], postgresDirectories())
    case 'redis':
      return findProgram(['redis-server'])
    case 'nginx':
      return findProgram(['nginx'], ['/usr/sbin', '/usr/local/sbin'])
    case 'chromium':
      return findProgram(['chromium', 'chromium-browser', 'google-chrome'])
    case 'python3':
      return findPython()
    default:
      return findProgram([name])
  }
}

/** `WAYBILL_TEST_POSTGRES=0` and its like leave a tool out although it is there. */
export function leaveOutVariable(name: ToolName): string {
  return `WAYBILL_TEST_${name.toUpperCase()}`
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * A new temporary directory that carries this process's id in its name. What processes left behind that were killed
 * before they could clean up is deleted on the way.
 */
export function temporaryHome(kind: string): string {
  const prefix = `waybill-test-${kind}-`
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix) || isAlive(Number(name.slice(prefix.length).split('-')[0]))) continue
    rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
  return mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`))
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

/**
 * Command and arguments that run a program so that it dies with this process, even by SIGKILL (Linux), and, where
 * `user` is given, as that user. `user` is only possible for root.
 */
export function bound(
  command: string,
  args: readonly string[],
  user?: { uid: number; gid: number },
): { command: string; args: string[] } {
  const setpriv = process.platform === 'linux' ? findProgram(['setpriv'], ['/usr/bin']) : undefined
  if (!setpriv) return { command, args: [...args] }
  const identity = user ? [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'] : []
  return { command: setpriv, args: [...identity, '--pdeathsig', 'INT', '--', command, ...args] }
}
