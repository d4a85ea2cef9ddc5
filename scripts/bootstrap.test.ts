import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { root } from './program.ts'

const NODES = [process.execPath, ...oldNodes()]

/** Nodes of this machine that are too old for the server, which the launchers have to survive. */
function oldNodes(): string[] {
  const files = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'].map((dir) =>
    join(dir, 'node'),
  )
  const found = [...new Set(files.filter(existsSync).map((file) => realpathSync(file)))]
  const isOld = (file: string) => /^v(1\d|20|21)\./.test(spawnSync(file, ['-v'], { encoding: 'utf8' }).stdout)
  return found.filter(isOld).slice(0, 1)
}

/** A program in place of npm: it records how it was called and leaves behind what the lockfile names. */
const FAKE_NPM = `
const fs = require('fs'), path = require('path')
fs.appendFileSync('npm-calls', process.argv.slice(2).join(' ') + '\\n')
if (process.env.FAKE_NPM_FAILS) { console.error('npm error ' + process.env.FAKE_NPM_FAILS + '\\nnpm error A complete log of this run: x'); process.exit(1) }
const production = process.argv.includes('--omit=dev')
const packages = JSON.parse(fs.readFileSync('package-lock.json')).packages
setTimeout(() => {
  for (const place of Object.keys(packages)) {
    if (!place || (production && packages[place].dev)) delete packages[place]
    else fs.mkdirSync(place, { recursive: true })
  }
  fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages }))
}, Number(process.env.FAKE_NPM_MS || 0))
`

const LOCK = {
  packages: {
    '': { dependencies: { used: '1.0.0' } },
    'node_modules/used': { version: '1.0.0' },
    'node_modules/vitest': { version: '1.0.0', dev: true },
    'node_modules/elsewhere': { version: '1.0.0', optional: true, os: ['aix'] },
  },
}

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

let home = ''

function write(path: string, text: string): void {
  mkdirSync(dirname(join(home, path)), { recursive: true })
  writeFileSync(join(home, path), text)
}

function launch(node: string, command: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(node, [join(home, 'scripts/bootstrap.cjs'), ...command.split(' ')], {
    cwd: home,
    env: {
      PATH: [join(home, 'node_modules/.bin'), dirname(process.execPath), '/usr/bin'].join(delimiter),
      npm_execpath: join(home, 'npm-cli.cjs'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function end(child: ChildProcess): Promise<Ended> {
  let out = ''
  let err = ''
  child.stdout?.on('data', (piece) => {
    out += piece
  })
  child.stderr?.on('data', (piece) => {
    err += piece
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })))
}

const run = (node: string, command: string, env?: NodeJS.ProcessEnv) => end(launch(node, command, env))
const npmCalls = () =>
  existsSync(join(home, 'npm-calls')) ? readFileSync(join(home, 'npm-calls'), 'utf8').trim().split('\n') : []

/** The `node-<platform>` package, which is this very Node. */
function pinNode(version = process.version.slice(1)): void {
  const name = `node-${process.platform}-${process.arch}`
  write(`node_modules/${name}/package.json`, JSON.stringify({ version, bin: { node: 'bin/node' } }))
  write(`node_modules/${name}/bin/node`, `#!/bin/sh\nexec '${process.execPath}' "$@"\n`)
  spawnSync('chmod', ['+x', join(home, `node_modules/${name}/bin/node`)])
}

/** Marks the dependencies as installed by a plain npm. */
function installed(set: 'production' | 'all'): void {
  const packages = Object.entries(LOCK.packages).filter(
    ([place, entry]) => place && (set === 'all' || !('dev' in entry)),
  )
  for (const [place] of packages) mkdirSync(join(home, place), { recursive: true })
  write('node_modules/.package-lock.json', JSON.stringify({ packages: Object.fromEntries(packages) }))
}

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'waybill-bootstrap-')))
  for (const name of ['bootstrap', 'install', 'lock', 'console']) {
    cpSync(join(root, `scripts/${name}.cjs`), join(home, `scripts/${name}.cjs`))
  }
  cpSync(join(root, 'bin'), join(home, 'bin'), { recursive: true })
  write('package-lock.json', JSON.stringify(LOCK))
  write('npm-cli.cjs', FAKE_NPM)
  write('package.json', JSON.stringify({ type: 'module', dependencies: { used: '1.0.0' } }))
  write(
    'src/main.ts',
    'const words: string[] = process.argv.slice(2)\nconsole.log(words.join(" "), process.env["PATH"])',
  )
  write('scripts/test.ts', 'process.exitCode = 3')
  write(
    'src/cli/index.ts',
    'export const run = async (argv: string[]): Promise<number> => { console.log(argv.join(" ")); return 5 }',
  )
})

afterEach(() => rmSync(home, { recursive: true, force: true }))

describe.each(NODES)('the bootstrap on %s', (node) => {
  const pin = () => (node === process.execPath ? undefined : pinNode())

  it('installs production dependencies once and starts the server with its arguments', async () => {
    // The package with the pinned Node comes with the installation: the fake npm cannot, so it is there from the start.
    installed('production')
    pin()
    rmSync(join(home, 'node_modules/.package-lock.json'))
    const first = await run(node, 'start --port 0')
    expect(first.err).toMatch(
      /^waybill: installing 1 packages and the pinned Node\nwaybill: installed in \d+\.\d s\n$/,
    )
    expect(first.out).toContain('start --port 0')
    expect(first.code).toBe(0)
    const second = await run(node, 'start')
    expect(second.err).toBe('')
    expect(npmCalls()).toEqual([
      expect.stringMatching(/^install --no-save --omit=dev --include=optional --ignore-scripts /),
    ])
  })

  it('passes the exit code through', async () => {
    installed('all')
    pin()
    expect(await run(node, 'test')).toEqual({ code: 3, out: '', err: '' })
  })

  it('ends as the shell would say when the program is ended by a signal', async () => {
    installed('all')
    pin()
    write('src/main.ts', 'process.kill(process.pid, "SIGKILL")')
    expect((await run(node, 'start')).code).toBe(137)
  })

  it('hands SIGTERM on and waits for the program', async () => {
    installed('all')
    pin()
    write(
      'src/main.ts',
      'process.on("SIGTERM", () => setTimeout(() => { console.log("drained"); process.exit(4) }, 200))\nsetInterval(() => {}, 1000)\nconsole.log("up")',
    )
    const child = launch(node, 'start')
    child.stdout?.once('data', () => child.kill('SIGTERM'))
    expect(await end(child)).toMatchObject({ code: 4, out: 'up\ndrained\n' })
  })
})

describe('the bootstrap', () => {
  it('keeps node_modules/.bin out of the PATH of what it starts', async () => {
    installed('all')
    const { out } = await run(process.execPath, 'start')
    expect(out).toContain(dirname(process.execPath))
    expect(out).not.toContain(join(home, 'node_modules/.bin'))
  })

  it('recognises what a plain `npm ci` installed', async () => {
    installed('all')
    await run(process.execPath, 'test')
    expect(npmCalls()).toEqual([])
  })

  it('adds the tools without taking away what a server may be running on', async () => {
    installed('production')
    await run(process.execPath, 'start')
    await run(process.execPath, 'test')
    expect(npmCalls()).toEqual([expect.stringMatching(/^install --no-save --include=dev /)])
  })

  it('keeps the tools when the lockfile changes and the server is started', async () => {
    installed('all')
    await run(process.execPath, 'test')
    write(
      'package-lock.json',
      JSON.stringify({ packages: { ...LOCK.packages, 'node_modules/used': { version: '2.0.0' } } }),
    )
    await run(process.execPath, 'start')
    expect(npmCalls()).toEqual([expect.stringMatching(/^install --no-save --include=dev /)])
    expect(existsSync(join(home, 'node_modules/vitest'))).toBe(true)
  })

  it('lets a second one wait for the first', async () => {
    const runs = [
      run(process.execPath, 'start', { FAKE_NPM_MS: '800' }),
      run(process.execPath, 'start', { FAKE_NPM_MS: '800' }),
    ]
    const ended = await Promise.all(runs)
    expect(ended.map(({ code }) => code)).toEqual([0, 0])
    expect(ended.filter(({ err }) => /another command is installing \(process \d+\)/.test(err))).toHaveLength(
      1,
    )
    expect(npmCalls()).toHaveLength(1)
    expect(existsSync(join(home, '.install.lock'))).toBe(false)
  })

  it('takes over the lock of a dead process', async () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid
    write('.install.lock', `${dead} ${hostname()}`)
    expect(await run(process.execPath, 'start')).toMatchObject({ code: 0 })
    expect(existsSync(join(home, '.install.lock'))).toBe(false)
  })

  it.each([
    ['code ENOTFOUND', 'the npm registry cannot be reached: check the network'],
    ['code ENOSPC', 'the disk is full: free about 500 MB'],
    ['code EACCES', 'npm may not write to this directory or to its cache'],
    ['something else', 'see the lines of npm below'],
  ])('says what is wrong when npm ends with %s', async (failure, sentence) => {
    const { code, err } = await run(process.execPath, 'start', { FAKE_NPM_FAILS: failure })
    expect(code).toBe(1)
    expect(err).toContain(sentence)
    expect(err).toContain(`  npm error ${failure}`)
    expect(err).not.toMatch(/complete log|\n\s+at /)
    expect(existsSync(join(home, '.install.lock'))).toBe(false)
  })

  it('refuses a package.json that the lockfile does not answer', async () => {
    write('package.json', JSON.stringify({ type: 'module', dependencies: { used: '2.0.0' } }))
    const { code, err } = await run(process.execPath, 'start')
    expect({ code, err }).toEqual({
      code: 1,
      err: 'waybill: package.json and package-lock.json disagree about used: restore both with `git checkout package.json package-lock.json`, or bring the lockfile up to date with `npm install`.\n',
    })
    expect(npmCalls()).toEqual([])
  })

  it('does not take an incomplete installation for a good one', async () => {
    write('npm-cli.cjs', "require('fs').mkdirSync('node_modules/used', { recursive: true })")
    const { code, err } = await run(process.execPath, 'start')
    expect(code).toBe(1)
    expect(err).toContain('npm did not install all that package-lock.json names')
    expect(existsSync(join(home, 'node_modules/.waybill-install.json'))).toBe(false)
  })

  it.skipIf(process.platform !== 'linux')(
    'ends what it started when npm is killed, though a shell stands in between',
    async () => {
      installed('all')
      write(
        'src/main.ts',
        'process.on("SIGTERM", () => process.exit(0))\nsetInterval(() => {}, 1000)\nconsole.log(process.pid)',
      )
      const bootstrap = `'${process.execPath}' '${join(home, 'scripts/bootstrap.cjs')}' start; true`
      write(
        'npm.cjs',
        `require('child_process').spawn('/bin/sh', ['-c', ${JSON.stringify(bootstrap)}], { stdio: 'inherit' })`,
      )
      const npm = spawn(process.execPath, [join(home, 'npm.cjs')], {
        env: { PATH: '/usr/bin', npm_lifecycle_event: 'start' },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const server = await new Promise<number>((resolve) =>
        npm.stdout.once('data', (pid) => resolve(Number(pid))),
      )
      npm.kill('SIGKILL')
      await vi.waitFor(() => expect(() => process.kill(server, 0)).toThrow('ESRCH'), {
        timeout: 10_000,
        interval: 100,
      })
    },
  )

  it('ends npm and gives up the lock when it is interrupted while installing', async () => {
    const child = launch(process.execPath, 'start', { FAKE_NPM_MS: '20000' })
    const ended = end(child)
    while (npmCalls().length === 0) await sleep(20)
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130 })
    expect(existsSync(join(home, '.install.lock'))).toBe(false)
  })

  it('says in one sentence what to do when every Node is too old', async () => {
    installed('all')
    write('old.cjs', "Object.defineProperty(process, 'version', { value: 'v18.20.1' })")
    const { code, err } = await run(process.execPath, 'start', {
      NODE_OPTIONS: `--require ${join(home, 'old.cjs')}`,
    })
    expect(code).toBe(1)
    expect(err).toBe(
      'waybill: Waybill needs Node 22.19 or newer, but this is v18.20.1: install a newer one from https://nodejs.org and run the command again.\n',
    )
  })
})

describe.each(NODES)('the published command on %s', (node) => {
  const waybill = (env: NodeJS.ProcessEnv = {}, ...args: string[]) =>
    end(
      spawn(node, [...args, join(home, 'bin/waybill.js'), 'keys', 'list'], {
        env: { PATH: '/usr/bin', ...env },
      }),
    )

  it('runs the command line and passes its exit code through, on a packaged Node where its own is too old', async () => {
    pinNode()
    expect(await waybill()).toEqual({ code: 5, out: 'keys list\n', err: '' })
  })

  it('runs dist/ where there are no sources', async () => {
    pinNode()
    rmSync(join(home, 'src'), { recursive: true })
    write('dist/cli/index.js', 'export const run = async () => { console.log("built"); return 0 }')
    expect(await waybill()).toEqual({ code: 0, out: 'built\n', err: '' })
  })

  it('ends in one sentence on a Node that is too old, without looking at a packaged one that is as old', async () => {
    pinNode('20.0.0')
    write('old.cjs', "Object.defineProperty(process, 'version', { value: 'v22.18.0' })")
    const { code, err } = await waybill({}, '--require', join(home, 'old.cjs'))
    expect({ code, err }).toEqual({
      code: 1,
      err: 'waybill: Waybill needs Node 22.19 or newer, but this is v22.18.0: install a newer one from https://nodejs.org and run the command again.\n',
    })
  })
})

describe('the launchers', () => {
  it.each([
    'bin/waybill.js',
    'bin/launch.cjs',
    'scripts/bootstrap.cjs',
    'scripts/install.cjs',
    'scripts/lock.cjs',
    'scripts/console.cjs',
  ])('%s is written for any old Node', (file) => {
    const code = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    const newer =
      /=>|\b(?:let|const|class|async|await|import)\b(?!\s*:)|\.\.\.|\?\.|\?\?|(?:require\(')node:|,\s*\)|\/`\//
    expect(code.replace(/'[^'\n]*'/g, "''").match(newer)?.[0]).toBeUndefined()
    expect(code).not.toMatch(/require\('node:/)
  })
})
