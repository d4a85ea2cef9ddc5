import { type Command, EXIT } from '../command.ts'

interface Status {
  version: string
  url: string
  database: string
  credits: string
  models: number
  endpoints_reachable: number
  providers: { id: string; name: string; source: string; state: string }[]
  refused_credentials: { id: string; code: string }[]
  warnings: string[]
}

interface Check {
  readonly name: string
  readonly state: 'ok' | 'warning' | 'problem'
  readonly detail: string
}

export const doctor: Command = {
  name: 'doctor',
  summary: 'check the installation and say how to mend what is wrong',
  args: '',
  options: {},
  help: {},
  examples: ['waybill doctor', 'waybill doctor --data ./data --json'],
  async run({ json, client, out }) {
    const checks = [nodeCheck(), ...(await serverChecks(client))]
    if (json) out(JSON.stringify({ ok: checks.every((check) => check.state !== 'problem'), checks }))
    else for (const check of checks) out(`${MARKS[check.state]} ${check.name}: ${check.detail}`)
    return checks.some((check) => check.state === 'problem') ? EXIT.failed : EXIT.ok
  },
}

const UNREACHABLE = '; does it run, is its base_url right, does this machine need a proxy (HTTPS_PROXY)?'

const MARKS = { ok: '✔', warning: '!', problem: '✖' } as const

function nodeCheck(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const good = major > 22 || (major === 22 && minor >= 19)
  return {
    name: 'Node',
    state: good ? 'ok' : 'problem',
    detail: good
      ? `v${process.versions.node}`
      : `v${process.versions.node} is too old; install 22.19 or newer`,
  }
}

async function serverChecks(
  connect: () => Promise<{ call<T>(method: 'GET', path: string): Promise<T> }>,
): Promise<Check[]> {
  let status: Status
  try {
    status = (await (await connect()).call<{ data: Status }>('GET', '/admin/status')).data
  } catch (error) {
    return [{ name: 'Server', state: 'problem', detail: (error as Error).message }]
  }
  return [
    {
      name: 'Server',
      state: 'ok',
      detail: `waybill ${status.version} at ${status.url}, ${status.database}, credits ${status.credits}`,
    },
    {
      name: 'Catalog',
      state: status.models > 0 ? 'ok' : 'problem',
      detail: `${status.models} models; your keys reach ${status.endpoints_reachable} endpoint${status.endpoints_reachable === 1 ? '' : 's'}`,
    },
    ...status.providers.map(
      (provider): Check => ({
        name: provider.name,
        state: /^(refused|unreachable)/.test(provider.state) ? 'problem' : 'ok',
        detail: `${provider.source}: ${provider.state}${provider.state === 'unreachable' ? UNREACHABLE : ''}`,
      }),
    ),
    ...status.refused_credentials.map(
      ({ id, code }): Check => ({
        name: 'Key',
        state: 'problem',
        detail: `${id} was refused by its provider (${code}) and is left alone; replace it or top up its account`,
      }),
    ),
    ...status.warnings.map(
      (warning): Check => ({ name: 'Configuration', state: 'warning', detail: warning }),
    ),
  ]
}
