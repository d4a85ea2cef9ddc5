import { type ConfiguredModel, FREE } from '../catalog/index.ts'
import { Secret } from '../lib/index.ts'
import {
  type Credential,
  completeBaseUrl,
  detectFor,
  type Environment,
  firstSet,
  providers as known,
  type PathVariables,
  type ProviderDefinition,
  type ProviderSettings,
  resolveAddress,
  type VariableName,
} from '../providers/index.ts'
import type { Config, ConfiguredProvider } from './config.ts'

/** The providers of this installation, with what the file adds to the catalog. */
export interface ResolvedProviders {
  /** By provider id; only those that can be called: address known, a credential at hand or none needed. */
  readonly settings: ReadonlyMap<string, ProviderSettings>
  readonly models: readonly ConfiguredModel[]
  /** One sentence each, without secrets: why a provider that was meant to be there is not. */
  readonly warnings: readonly string[]
}

/**
 * Joins configuration and environment to what routing and relay use. Providers of the file take the key of the file,
 * else the environment's; others are there when `detect` is on and the environment holds a key. Pure.
 */
export function providerSettings(config: Config, env: Environment): ResolvedProviders {
  const settings = new Map<string, ProviderSettings>()
  const models: ConfiguredModel[] = []
  const warnings: string[] = []
  for (const provider of config.providers) {
    if (!provider.enabled) continue
    const resolved = settingsOf(provider, env, true)
    if (typeof resolved === 'string') warnings.push(resolved)
    else settings.set(provider.id, resolved)
    models.push(...provider.models)
  }
  const named = new Set([...config.providers.map(({ id }) => id), ...config.leftOut])
  for (const definition of config.detect ? known : []) {
    if (named.has(definition.id) || !isDetected(definition, env)) continue
    const resolved = settingsOf(undeclared(definition), env)
    if (typeof resolved === 'string') warnings.push(resolved)
    else settings.set(definition.id, resolved)
  }
  return { settings, models, warnings }
}

/**
 * A local server that was found running, as settings; its models cost nothing. `names` are from its own list
 * (`listedModels`); in the catalog they stand below the provider's id: `ollama/llama3.2:3b`.
 */
export function localServer(
  definition: ProviderDefinition,
  env: Environment,
  names: readonly string[],
): { settings: ProviderSettings; models: ConfiguredModel[] } | null {
  const settings = settingsOf(undeclared(definition), env)
  if (typeof settings === 'string') return null
  const models = names.map((name) => ({
    providerId: definition.id,
    providerName: definition.name,
    dialect: definition.dialect,
    id: `${definition.id}/${name}`,
    upstreamId: name,
    contextLength: null,
    maxOutput: null,
    tariff: FREE,
    free: true,
    capabilities: [],
  }))
  return { settings, models }
}

/** As if the file named the provider and said nothing more. */
function undeclared(definition: ProviderDefinition): ConfiguredProvider {
  return {
    id: definition.id,
    own: false,
    enabled: true,
    definition,
    keys: [],
    baseUrl: null,
    headers: [],
    variables: {},
    credentialsFile: null,
    profile: null,
    deployments: {},
    models: [],
  }
}

function isDetected(definition: ProviderDefinition, env: Environment): boolean {
  return !definition.local && detectFor(definition, env) !== null
}

/** Settings, or the sentence that says why there are none. */
function settingsOf(
  provider: ConfiguredProvider,
  env: Environment,
  declared = false,
): ProviderSettings | string {
  const { definition } = provider
  const given = credentialsOf(provider, env)
  if (typeof given === 'string') return given
  const credentials = given.length === 0 && declared ? ambient(definition, env) : given
  const variables = variablesOf(definition, provider.variables, env)
  const fromEnv = firstSet(definition.baseUrlEnv, env)
  const baseUrl =
    provider.baseUrl ?? (fromEnv === null ? null : completeBaseUrl(definition, env[fromEnv]!.trim()))
  const address = resolveAddress(definition, variables, baseUrl)
  if ('message' in address) return unreachable(provider, address.message, address.missing, fromEnv)
  const keyless = definition.local
  if (credentials.length === 0 && !keyless) {
    return `${definition.name} has no key: set ${definition.env[0]}, or api_key under providers.${definition.id}.`
  }
  return Object.freeze({
    definition,
    credentials,
    keyless,
    address,
    ownAddress: baseUrl !== null,
    headers: provider.headers,
    deployments: provider.deployments,
    variables,
  })
}

function unreachable(
  { definition, baseUrl }: ConfiguredProvider,
  message: string,
  missing: readonly VariableName[],
  fromEnv: string | null,
): string {
  if (missing.length === 0) {
    const where = baseUrl === null && fromEnv !== null ? fromEnv : `providers.${definition.id}.base_url`
    return `${definition.name} is left out: ${where} ${message}.`
  }
  const [first] = missing as [VariableName, ...VariableName[]]
  const names = [...(definition.variables[first]?.env ?? []), ...definition.baseUrlEnv]
  const fromFile = `${first}${definition.baseUrl.includes(`{${first}}`) ? ' or base_url' : ''}`
  const set = names.length > 0 ? `set ${names.join(' or ')}, or ` : 'set '
  return `${definition.name} is left out: its ${first} is not known; ${set}${fromFile} under providers.${definition.id}.`
}

function variablesOf(definition: ProviderDefinition, given: PathVariables, env: Environment): PathVariables {
  const values: Record<string, string> = {}
  for (const [name, variable] of Object.entries(definition.variables)) {
    const fromEnv = firstSet(variable.env, env)
    const value = fromEnv === null ? variable.fallback : env[fromEnv]!.trim()
    if (value !== undefined) values[name] = value
  }
  return Object.freeze({ ...values, ...given })
}

/** Keys of the file, else of the environment, else what signs; a sentence when the environment's cannot be used. */
function credentialsOf(provider: ConfiguredProvider, env: Environment): readonly Credential[] | string {
  const { definition, keys, credentialsFile, profile } = provider
  if (keys.length > 0) {
    return keys.map(({ secret, source }, index) => ({
      id: `${definition.id}/${source === 'file' ? `file:${index + 1}` : source}`,
      source,
      kind: 'key' as const,
      secret,
      parts: {},
    }))
  }
  if (credentialsFile !== null) return [signing(definition, 'google', 'file', credentialsFile)]
  if (profile !== null) return [{ ...signing(definition, 'aws', 'profile', profile), parts: awsParts(env) }]
  const found = detectFor(definition, env)
  if (found === null) return []
  if (found.refused !== null) return `${definition.name} is left out: ${found.refused}`
  const value = (env[found.variable] ?? '').trim()
  const source = `env:${found.variable}`
  if (found.kind === 'google') return [signing(definition, 'google', source, value)]
  if (found.kind === 'key') {
    const id = `${definition.id}/${source}`
    return [{ id, source, kind: 'key', secret: new Secret(value), parts: {} }]
  }
  if (found.variable === 'AWS_PROFILE') {
    return [{ ...signing(definition, 'aws', source, value), parts: awsParts(env) }]
  }
  const token = (env['AWS_SESSION_TOKEN'] ?? '').trim()
  const parts = { accessKeyId: new Secret(value), ...(token && { sessionToken: new Secret(token) }) }
  return [{ ...signing(definition, 'aws', source, env['AWS_SECRET_ACCESS_KEY']!.trim()), parts }]
}

/** Whoever this machine is to AWS or Google: found out when the first call is made. Only for providers that the file names. */
function ambient(definition: ProviderDefinition, env: Environment): readonly Credential[] {
  switch (definition.auth.kind) {
    case 'aws':
      return [{ ...signing(definition, 'aws', 'machine', ''), parts: awsParts(env) }]
    case 'google':
      return [{ ...signing(definition, 'google', 'machine', ''), parts: googleParts(env) }]
    default:
      return []
  }
}

/** What AWS's tools look at, and what a command of a profile needs to run. */
function awsParts(env: Environment): Record<string, Secret> {
  const names = Object.keys(env).filter((name) => /^(AWS_\w+|HOME|USERPROFILE|PATH|SYSTEMROOT)$/i.test(name))
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, new Secret(env[name])]] : [])))
}

/** Where gcloud leaves a login, and where the metadata server is. */
function googleParts(env: Environment): Record<string, Secret> {
  const home = env['HOME'] ?? env['USERPROFILE']
  const folder =
    env['CLOUDSDK_CONFIG'] ?? (env['APPDATA'] ? `${env['APPDATA']}/gcloud` : home && `${home}/.config/gcloud`)
  const host = env['GCE_METADATA_HOST']?.trim()
  return {
    ...(folder && { usualFile: new Secret(`${folder}/application_default_credentials.json`) }),
    ...(host && { metadataHost: new Secret(host) }),
  }
}

function signing(
  definition: ProviderDefinition,
  kind: 'aws' | 'google',
  source: string,
  secret: string,
): Credential {
  return { id: `${definition.id}/${source}`, source, kind, secret: new Secret(secret), parts: {} }
}
