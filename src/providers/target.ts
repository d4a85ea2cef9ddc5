import { GatewayError } from '../chat/index.ts'
import type { AuthScheme } from './provider.ts'
import { type Credential, OWN_KEY_PREFIX, type ProviderSettings } from './settings.ts'

/** Sent to replaced addresses; a request that arrives with it has come round to us and is answered 508. */
export const HOP_HEADER = 'x-waybill-hop'

/** What the dialect made of a call, as far as its address is concerned. */
export interface Call {
  /** Catalog id of the model. */
  readonly modelId: string
  /** The endpoint's name of the model at the provider. */
  readonly upstreamId: string
  /** The dialect's path below the base URL, with query. */
  readonly path: string
  /** The dialect's headers. */
  readonly headers: readonly (readonly [string, string])[]
}

/** Where a call goes, ready for the transport. */
export interface Target {
  readonly origin: string
  /** With query. */
  readonly path: string
  /** Flat: name, value, name, value; lower-case names, each once. */
  readonly headers: string[]
}

/** The provider's name of a model in this installation: a deployment where the file names one, else the endpoint's. */
export function upstreamIdOf(
  settings: ProviderSettings,
  endpoint: { readonly modelId: string; readonly upstreamId: string },
): string {
  const { deployments } = settings
  if (Object.hasOwn(deployments, endpoint.modelId)) return deployments[endpoint.modelId]!
  if (Object.hasOwn(deployments, endpoint.upstreamId)) return deployments[endpoint.upstreamId]!
  return endpoint.upstreamId
}

/**
 * Joins settings, credential and a dialect's path to the address of one call. Pure.
 * Throws GatewayError `loop_detected` for a key of our own, `provider_auth` for a credential that must sign.
 */
export function resolveTarget(settings: ProviderSettings, credential: Credential | null, call: Call): Target {
  const { definition, address, headers: extra } = settings
  const headers: string[] = []
  for (const [name, value] of call.headers) addUnless(extra, headers, name.toLowerCase(), value)
  if (credential !== null) {
    const [name, value] = authHeader(definition.auth, credential, definition.name)
    addUnless(extra, headers, name, value)
  }
  for (const [name, value] of extra) headers.push(name, value.reveal())
  if (settings.ownAddress) headers.push(HOP_HEADER, '1')
  return { origin: address.origin, path: targetPath(settings, call), headers }
}

/** The operator's header of the same name wins. */
function addUnless(extra: ProviderSettings['headers'], headers: string[], name: string, value: string): void {
  if (!extra.some(([taken]) => taken === name)) headers.push(name, value)
}

function authHeader(auth: AuthScheme, credential: Credential, provider: string): [string, string] {
  if (credential.kind !== 'key') {
    throw new GatewayError('provider_auth', `${provider} takes this credential only as a signature.`)
  }
  const key = credential.secret.reveal()
  if (key.startsWith(OWN_KEY_PREFIX)) {
    throw new GatewayError(
      'loop_detected',
      `The key for ${provider} is one of this gateway's own, so the call would come back here. Set a key of ${provider}.`,
    )
  }
  switch (auth.kind) {
    case 'header':
      return [auth.name, key]
    case 'google':
      return ['x-goog-api-key', key]
    case 'bearer':
    case 'optional-bearer':
    case 'aws':
      return ['authorization', `Bearer ${key}`]
  }
}

/**
 * A base URL that already ends in a version is taken as it is: the dialect's own version is not added a second time,
 * and a provider's special paths (Azure's) give way to the plain ones.
 */
function targetPath(settings: ProviderSettings, call: Call): string {
  const { definition, address, variables } = settings
  const version = /\/v\d[^/]*$/.exec(address.basePath)?.[0]
  const special = definition.path
  const path =
    special !== null && (version === undefined || !settings.ownAddress)
      ? special(call.path, upstreamIdOf(settings, call), variables, address.basePath)
      : call.path
  const doubled = version !== undefined && path.startsWith(`${version}/`)
  return address.basePath + (doubled ? path.slice(version.length) : path)
}
