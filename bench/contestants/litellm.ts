import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnAt } from '../machine.ts'
import { WORKLOADS } from '../workloads.ts'
import { answering, type Contestant, cacheDir, freePort, modelNames, run, running } from './contestant.ts'

const KEY = 'sk-of-the-bench'

/** LiteLLM's proxy as pip has it, without its database: no spend is written. */
export const litellm: Contestant = {
  name: 'LiteLLM',
  setup: '`litellm[proxy]` from pip, one worker, a master key, no database, no logging',

  async prepare() {
    const home = cacheDir('litellm')
    const python = join(home, 'bin/python')
    if (!existsSync(join(home, 'bin/litellm'))) {
      await run('python3', ['-m', 'venv', home])
      await run(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', 'litellm[proxy]'])
    }
    return run(python, ['-c', 'from importlib.metadata import version; print(version("litellm"))'])
  },

  async start(mockPort) {
    const port = await freePort()
    const home = cacheDir('litellm')
    const file = join(home, 'bench.yaml')
    writeFileSync(file, config(mockPort))
    const args = ['--config', file, '--host', '127.0.0.1', '--port', String(port), '--num_workers', '1']
    const child = spawnAt('contestant', join(home, 'bin/litellm'), args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        LITELLM_LOG: 'ERROR',
        LITELLM_LOCAL_MODEL_COST_MAP: 'True',
      },
    })
    await answering(`http://127.0.0.1:${port}/health/liveliness`, child, 120_000)
    return running(child, {
      port,
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${KEY}` },
      models: modelNames(),
    })
  },
}

function config(mockPort: number): string {
  const names = Object.values(modelNames())
  const models = WORKLOADS.map(
    (_, i) => `
  - model_name: ${names[i]}
    litellm_params:
      model: openai/${names[i]}
      api_base: http://127.0.0.1:${mockPort}/v1
      api_key: key-of-the-mock
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002`,
  )
  return `model_list:${models.join('')}
general_settings:
  master_key: ${KEY}
litellm_settings:
  telemetry: false
  num_retries: 0
  request_timeout: 600
`
}
