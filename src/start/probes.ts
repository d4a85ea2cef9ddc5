import { localServer } from '../config/index.ts'
import type { Gateway, ProviderState, Snapshot } from '../http/gateway.ts'
import {
  type Credential,
  type Environment,
  findProvider,
  listedModels,
  type ProviderSettings,
  resolveTarget,
} from '../providers/index.ts'
import { type ProbeResult, probe, type Transport } from '../relay/index.ts'
import type { LocalServer, Wired } from './wire.ts'

/** Longest wait for a provider's answer to a free call, ms. */
const PROBE_MS = 3_000
/** Local servers answer at once or are not there, ms. */
const LOCAL_MS = 500

/** Local servers looked for on their usual ports. */
const LOCAL_SERVERS = ['ollama']

/** A provider with one of its credentials; null where it needs none. */
export interface ProbeRow {
  readonly provider: ProviderSettings
  readonly credential: Credential | null
}

/** What can be asked with free calls: every credential of every provider, local servers only where they are configured. */
export function probeRows({ providers, config }: Snapshot): ProbeRow[] {
  const configured = new Set(config.providers.map(({ id }) => id))
  const settings = [...providers.values()].filter(
    ({ definition, address }) =>
      !address.origin.startsWith('sim:') && (!definition.local || configured.has(definition.id)),
  )
  return settings.flatMap((provider) => {
    const credentials: readonly (Credential | null)[] =
      provider.credentials.length === 0 ? [null] : provider.credentials
    return credentials.map((credential) => ({ provider, credential }))
  })
}

/** A call that costs nothing; null where the provider has none, or the credential signs rather than travels. */
export async function freeCall(
  transport: Transport,
  provider: ProviderSettings,
  credential: Credential | null,
): Promise<ProbeResult | null> {
  const { probe: path } = provider.definition
  const travels = credential === null || credential.kind === 'key'
  if (path === null || !travels) return null
  const target = resolveTarget(provider, credential, { modelId: '', upstreamId: '', path, headers: [] })
  return await probe(transport, target, PROBE_MS)
}

/** Keeps what a free call said for people. */
export function tellState(
  gateway: Gateway,
  provider: ProviderSettings,
  credential: Credential | null,
  said: ProbeResult,
): void {
  const told = stateOf(provider, credential?.source, describe(said))
  const known = gateway.states.findIndex(
    ({ providerId, source }) => providerId === told.providerId && source === told.source,
  )
  if (known < 0) gateway.states.push(told)
  else gateway.states[known] = told
}

/** Tries the credentials of all providers at once and keeps what they said in `gateway.states`. Never rejects. */
export async function checkProviders({ gateway, transport }: Wired): Promise<void> {
  const rows = probeRows(gateway.snapshot)
  const states = rows.map(({ provider, credential }) => stateOf(provider, credential?.source, 'checking'))
  gateway.states = states
  await Promise.all(
    rows.map(async ({ provider, credential }, at) => {
      const said = await freeCall(transport, provider, credential)
      states[at] = stateOf(provider, credential?.source, said === null ? 'not checked' : describe(said))
    }),
  )
}

/** Local servers that answer on their usual port, with the models they list; each is noted in `gateway.states`. Never rejects. */
export async function findLocalServers(
  { gateway, transport }: Wired,
  env: Environment,
): Promise<LocalServer[]> {
  const { providers, config } = gateway.snapshot
  const configured = new Set(config.providers.map(({ id }) => id))
  const found = await Promise.all(
    LOCAL_SERVERS.filter((id) => !configured.has(id)).map(async (id) => {
      const definition = findProvider(id)!
      const settings = providers.get(id) ?? localServer(definition, env, [])?.settings
      if (settings === undefined) return null
      const target = resolveTarget(settings, null, {
        modelId: '',
        upstreamId: '',
        path: definition.probe ?? '/models',
        headers: [],
      })
      const said = await probe(transport, target, LOCAL_MS)
      if (said.state !== 'works') return null
      gateway.states.push(stateOf(settings, undefined, describe(said)))
      return localServer(definition, env, listedModels(said.body))
    }),
  )
  return found.filter((server) => server !== null)
}

function stateOf({ definition }: ProviderSettings, source: string | undefined, state: string): ProviderState {
  return { providerId: definition.id, name: definition.name, source: source ?? 'no key needed', state }
}

function describe(result: ProbeResult): string {
  switch (result.state) {
    case 'works': {
      const models = listedModels(result.body).length
      return models === 0 ? 'works' : `works (${models} model${models === 1 ? '' : 's'})`
    }
    case 'refused':
      return `refused (${result.status}): is the key still valid?`
    case 'unreachable':
      return 'unreachable'
    default:
      return result satisfies never
  }
}
