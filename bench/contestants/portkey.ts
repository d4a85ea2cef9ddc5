import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { spawnAt } from '../machine.ts'
import { answering, type Contestant, cacheDir, freePort, modelNames, run, running } from './contestant.ts'

const VERSION = '1.15.2'
const SHIM = fileURLToPath(new URL('../portkey-shim.ts', import.meta.url))

/** Portkey's gateway as npm has it: no keys, no money, no database. */
export const portkey: Contestant = {
  name: 'Portkey',
  setup:
    '`@portkey-ai/gateway` from npm on the same Node, provider in headers; without a shim its install answers every stream with 500 (Portkey-AI/gateway#1389), so one is loaded',

  async prepare() {
    const home = cacheDir('portkey')
    if (installed(home) !== VERSION) {
      writeFileSync(join(home, 'package.json'), '{ "private": true }\n')
      const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
      await run('npm', [...args, `@portkey-ai/gateway@${VERSION}`], { cwd: home })
    }
    return VERSION
  },

  async start(mockPort) {
    const port = await freePort()
    const main = join(cacheDir('portkey'), 'node_modules/@portkey-ai/gateway/build/start-server.js')
    const args = ['--import', SHIM, main, '--headless', `--port=${port}`]
    const child = spawnAt('contestant', process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_ENV: 'production' },
    })
    await answering(`http://127.0.0.1:${port}/`, child, 15_000)
    return running(child, {
      port,
      path: '/v1/chat/completions',
      headers: {
        authorization: 'Bearer key-of-the-mock',
        'x-portkey-provider': 'openai',
        'x-portkey-custom-host': `http://127.0.0.1:${mockPort}/v1`,
      },
      models: modelNames(),
    })
  },
}

function installed(home: string): string | null {
  const file = join(home, 'node_modules/@portkey-ai/gateway/package.json')
  if (!existsSync(file)) return null
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
