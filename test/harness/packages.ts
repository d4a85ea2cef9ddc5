import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'

const withLock: (file: string, locked: (release: () => void) => void) => void = createRequire(
  import.meta.url,
)('../../scripts/lock.cjs').withLock

/** Holds the hash of the lockfile that was installed. */
const RECORD = 'node_modules/.installed'

/**
 * Installs the packages of a folder, once, without their scripts: as its lockfile says, or as its package.json where
 * there is none. Another process waits for the first. Returns why they can't be had, undefined when they are there;
 * `limitMs` is what npm may take.
 */
export async function installPackages(dir: string, limitMs: number): Promise<string | undefined> {
  const record = join(dir, RECORD)
  const [list] = ['package-lock.json', 'package.json'].map((name) => join(dir, name)).filter(existsSync)
  const locked = createHash('sha256').update(readFileSync(list!)).digest('hex')
  const isInstalled = () => existsSync(record) && readFileSync(record, 'utf8') === locked
  if (isInstalled()) return undefined
  return new Promise((resolve, reject) => {
    withLock(join(import.meta.dirname, `../../.install.lock-${basename(dir)}`), (release) => {
      const done = isInstalled() ? Promise.resolve(undefined) : install(dir, limitMs)
      done.then((failure) => {
        if (failure === undefined) writeFileSync(record, locked)
        resolve(failure)
      }, reject)
      done.finally(release).catch(() => {})
    })
  })
}

/** What npm says went wrong; undefined when nothing did. */
function install(dir: string, limitMs: number): Promise<string | undefined> {
  rmSync(join(dir, RECORD), { force: true })
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  const patience = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-timeout=60000']
  const locked = existsSync(join(dir, 'package-lock.json'))
  const how = locked ? ['ci'] : ['install', '--no-save', '--no-package-lock']
  const npm = spawn('npm', [...how, ...options, ...patience], {
    cwd: dir,
    // On Windows npm is a script of the shell.
    shell: process.platform === 'win32',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: limitMs,
  })
  let said = ''
  npm.stderr.on('data', (chunk) => {
    said += chunk
  })
  return new Promise((resolve) => {
    npm.once('error', (error) => resolve(error.message))
    npm.once('close', (code, signal) => {
      if (code === 0) resolve(undefined)
      else resolve(said.trim().split('\n').at(0) || `it ended with ${signal ?? code}`)
    })
  })
}
