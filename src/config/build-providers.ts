import { type ConfiguredModel, FREE } from '../catalog/index.ts'
import { Secret } from '../lib/index.ts'
import {
  DIALECTS,
  dialectOf,
  findProvider,
  ownProvider,
  type PathVariables,
  type ProviderDefinition,
  parseBaseUrl,
  providerNames,
  refuseKey,
} from '../providers/index.ts'
import type { ConfiguredKey, ConfiguredProvider } from './config.ts'
import { type BuildContext, pathOf } from './context.ts'
import { tariffOf } from './price.ts'
import { type Path, pathText } from './problem.ts'
import type { FileModel, FileProvider } from './schema.ts'
import { didYouMean } from './suggest.ts'

/** Names that mean something else wherever providers are named. */
const RESERVED = ['simulator', 'sim', 'waybill', 'auto']
/** The relay's own business, or a way to smuggle a second request. */
const FORBIDDEN_HEADERS =
  /^(host|content-length|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|x-waybill-.*)$/

/** Every entry under `providers`, in the file's order; one that makes no sense is reported and skipped. */
export function buildProviders(
  entries: Readonly<Record<string, FileProvider>>,
  context: BuildContext,
): ConfiguredProvider[] {
  const seen = new Map<string, string>()
  return Object.entries(entries).flatMap(([name, entry]) => {
    const path = ['providers', name]
    const definition = definitionOf(name, entry, path, context)
    if (definition === null) return []
    const earlier = seen.get(definition.id)
    if (earlier !== undefined) {
      const both = `${pathText(path)} and providers.${earlier} are the same provider (${definition.id}); keep one.`
      context.problem(path, both, true)
      return []
    }
    seen.set(definition.id, name)
    return [providerOf(definition, entry, path, context)]
  })
}

/** The known provider of that name, or one of the operator's own; null when it can be neither. */
function definitionOf(
  name: string,
  { dialect, base_url }: FileProvider,
  path: Path,
  { problem }: BuildContext,
): ProviderDefinition | null {
  const refusal = base_url === undefined ? null : parseBaseUrl(base_url)
  if (typeof refusal === 'string') {
    problem([...path, 'base_url'], `${pathText(path)}.base_url ${refusal}.`)
    return null
  }
  const known = findProvider(name)
  if (known !== undefined)
    return dialect === undefined ? known : Object.freeze({ ...known, dialect, dialects: [] })
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name) || RESERVED.includes(name)) {
    const rule = 'cannot name a provider: take lower-case letters, digits and dashes, at most 64'
    problem(path, `\`${name}\` ${RESERVED.includes(name) ? 'is a reserved name' : rule}.`, true)
    return null
  }
  if (dialect === undefined || base_url === undefined) {
    const lacks = [dialect === undefined && 'dialect', base_url === undefined && 'base_url'].filter(Boolean)
    const meant = didYouMean(name, providerNames())
    const own = `To add your own, give it ${lacks.join(' and ')} (dialects: ${DIALECTS.join(', ')}).`
    problem(path, `\`${name}\` is no known provider.${meant} ${own}`, true)
    return null
  }
  return ownProvider(name, dialect, base_url)
}

function providerOf(
  definition: ProviderDefinition,
  entry: FileProvider,
  path: Path,
  context: BuildContext,
): ConfiguredProvider {
  if (entry.profile !== undefined && definition.auth.kind !== 'aws') {
    const at = [...path, 'profile']
    context.problem(
      at,
      `${pathText(at)} names a profile of AWS, which ${definition.name} does not use.`,
      true,
    )
  }
  return {
    id: definition.id,
    own: findProvider(definition.id) === undefined,
    enabled: entry.enabled ?? true,
    definition: withPrefix(definition, entry),
    keys: keysOf(entry, path, context),
    baseUrl: entry.base_url ?? null,
    headers: headersOf(entry, path, context),
    variables: variablesOf(entry, path, context),
    credentialsFile:
      entry.credentials_file === undefined
        ? null
        : pathOf(entry.credentials_file, [...path, 'credentials_file'], context),
    profile: entry.profile ?? null,
    deployments: { ...entry.deployments },
    ...(entry.data_policy !== undefined && { dataPolicy: entry.data_policy }),
    models: modelsOf(definition, entry, path, context),
  }
}

function withPrefix(definition: ProviderDefinition, { assistant_prefix }: FileProvider): ProviderDefinition {
  if (assistant_prefix === undefined) return definition
  const quirks = { ...definition.quirks, assistantPrefix: assistant_prefix }
  return Object.freeze({ ...definition, quirks })
}

function keysOf(entry: FileProvider, path: Path, { problem, keySource }: BuildContext): ConfiguredKey[] {
  if (entry.api_key !== undefined && entry.api_keys !== undefined) {
    problem([...path, 'api_keys'], `${pathText(path)} has api_key and api_keys; keep one of them.`, true)
  }
  const single = entry.api_key === undefined ? [] : [{ text: entry.api_key, at: [...path, 'api_key'] }]
  const several = (entry.api_keys ?? []).map((text, index) => ({ text, at: [...path, 'api_keys', index] }))
  const unique = new Map([...single, ...several].map((key) => [key.text.trim(), key.at] as const))
  return [...unique].map(([key, at]) => {
    const refused = refuseKey(key, pathText(at))
    if (refused !== null) problem(at, refused)
    return { secret: new Secret(key), source: keySource(at) }
  })
}

function headersOf(
  entry: FileProvider,
  path: Path,
  { problem }: BuildContext,
): (readonly [string, Secret])[] {
  return Object.entries(entry.headers ?? {}).map(([given, value]) => {
    const name = given.toLowerCase()
    const at = [...path, 'headers', given]
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(name)) problem(at, `\`${given}\` is no header name.`, true)
    if (FORBIDDEN_HEADERS.test(name))
      problem(at, `The header ${name} is set by the gateway itself; remove it.`, true)
    if (!/^[\x20-\x7e]*$/.test(value)) {
      problem(at, `The value of the header ${name} holds a character that no HTTP header can carry.`)
    }
    return [name, new Secret(value)] as const
  })
}

function variablesOf(entry: FileProvider, path: Path, { problem }: BuildContext): PathVariables {
  const { region, project, account, resource, api_version: apiVersion } = entry
  const given = { region, project, account, resource, apiVersion }
  const set = Object.entries(given).filter((pair): pair is [string, string] => pair[1] !== undefined)
  for (const [name, value] of set) {
    const key = name === 'apiVersion' ? 'api_version' : name
    if (!/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/.test(value)) {
      problem(
        [...path, key],
        `${pathText(path)}.${key} must be one word of letters, digits, dashes and dots.`,
      )
    }
  }
  return Object.fromEntries(set)
}

function modelsOf(
  definition: ProviderDefinition,
  entry: FileProvider,
  path: Path,
  context: BuildContext,
): ConfiguredModel[] {
  const seen = new Set<string>()
  return (entry.models ?? []).map((model, index) => {
    const at = [...path, 'models', index]
    if (model.id.startsWith('sim/')) {
      context.problem([...at, 'id'], `${model.id}: names that begin with sim/ belong to the simulator.`)
    }
    if (seen.has(model.id))
      context.problem([...at, 'id'], `${model.id} stands twice in ${pathText(path)}.models.`)
    seen.add(model.id)
    return modelOf(definition, model, at, context)
  })
}

function modelOf(
  definition: ProviderDefinition,
  model: FileModel,
  at: Path,
  context: BuildContext,
): ConfiguredModel {
  const report = (path: Path, message: string) => context.problem(path, `${pathText(path)} ${message}`)
  // A known local server (Ollama, vLLM) costs nobody anything; what stands behind one's own address is not known.
  const freeByNature = definition.local && findProvider(definition.id) !== undefined
  const price = model.price ?? (freeByNature ? 'free' : undefined)
  const tariff = price === undefined ? null : tariffOf(price, [...at, 'price'], report)
  return {
    providerId: definition.id,
    providerName: definition.name,
    dialect: dialectOf(definition, model.upstream_id ?? model.id),
    id: model.id,
    upstreamId: model.upstream_id ?? model.id,
    contextLength: model.context_length ?? null,
    maxOutput: model.max_output ?? null,
    tariff,
    free: tariff === FREE,
    capabilities: [...new Set(model.capabilities ?? [])],
  }
}
