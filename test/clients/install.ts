import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const here = import.meta.dirname
const modules = join(here, 'node_modules')
const record = join(modules, '.installed')
const LIMIT_MS = 240_000

// biome-ignore lint/suspicious/noExplicitAny: clients that the repository's own packages don't include, so without types
export type Loose = any

/** One of the packages in package.json beside this file, by the name under which it stands there. */
export const load = (name: string): Promise<Loose> => import(/* @vite-ignore */ name)

const withLock: (file: string, locked: (release: () => void) => void) => void = createRequire(
  import.meta.url,
)('../../scripts/lock.cjs').withLock

/**
 * Installs the clients as their lockfile says, once, without their scripts; another process waits for the first.
 * Returns why they can't be had, undefined when they are there. Throws the same where nothing may be left out.
 */
export async function clientsMissing(): Promise<string | undefined> {
  const locked = createHash('sha256')
    .update(readFileSync(join(here, 'package-lock.json')))
    .digest('hex')
  const isInstalled = () => existsSync(record) && readFileSync(record, 'utf8') === locked
  if (isInstalled()) return undefined
  const failure = await new Promise<string | undefined>((resolve, reject) => {
    withLock(join(here, '../../.install.lock-clients'), (release) => {
      const done = isInstalled() ? Promise.resolve(undefined) : install()
      done.then((it) => {
        if (it === undefined) writeFileSync(record, locked)
        resolve(it)
      }, reject)
      done.finally(release).catch(() => {})
    })
  })
  if (failure === undefined) return undefined
  const reason = `the clients could not be installed with npm: ${failure}`
  if (process.env['WAYBILL_TEST_ALL'] === '1') throw new Error(reason)
  console.warn(`left out: official clients (${reason})`)
  return reason
}

/** What npm says went wrong; undefined when nothing did. */
function install(): Promise<string | undefined> {
  rmSync(record, { force: true })
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  const patience = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-timeout=60000']
  const npm = spawn('npm', ['ci', ...options, ...patience], {
    cwd: here,
    // On Windows npm is a script of the shell.
    shell: process.platform === 'win32',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: LIMIT_MS,
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
