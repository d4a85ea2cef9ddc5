import type { Endpoint } from '../catalog/index.ts'
import { type Credential, type ProviderSettings, resolveTarget, upstreamIdOf } from '../providers/index.ts'
import type { GoogleTokens } from './google-token.ts'
import { signAws } from './sign-aws.ts'
import type { Address, Target } from './types.ts'

/** Routing's health book, as far as it knows credentials. */
export interface CredentialPicker {
  pickCredential(
    ids: readonly string[],
    nowMs: number,
    random: () => number,
    endpointId: string,
  ): string | null
}

interface Reach {
  readonly settings: ProviderSettings
  readonly credentials: ReadonlyMap<string, Credential>
  readonly ids: readonly string[]
}

/**
 * The addresses of this installation: which providers can be called and how an endpoint is reached with which
 * credential. Made anew from every configuration; targets are made once for each pair of endpoint and credential.
 */
export class Targets {
  readonly #providers = new Map<string, Reach>()
  readonly #targets = new Map<string, Target>()
  readonly #picker: CredentialPicker
  readonly #tokens: GoogleTokens

  constructor(
    providers: ReadonlyMap<string, ProviderSettings>,
    picker: CredentialPicker,
    tokens: GoogleTokens,
  ) {
    this.#picker = picker
    this.#tokens = tokens
    for (const [id, settings] of providers) {
      const { credentials } = settings
      this.#providers.set(id, {
        settings,
        credentials: new Map(credentials.map((credential) => [credential.id, credential])),
        ids: credentials.map((credential) => credential.id),
      })
    }
  }

  /** The provider can be called: it has a credential, or needs none. */
  reaches(providerId: string): boolean {
    const reach = this.#providers.get(providerId)
    return reach !== undefined && (reach.credentials.size > 0 || reach.settings.keyless)
  }

  /** Credentials of the provider, for its health; null when none is needed or known. */
  credentialIds(providerId: string): readonly string[] | null {
    const ids = this.#providers.get(providerId)?.ids
    return ids === undefined || ids.length === 0 ? null : ids
  }

  /** How to reach the endpoint with a credential that is not among `failed`; null when there is none left. */
  target(
    endpoint: Endpoint,
    failed: ReadonlySet<string>,
    nowMs: number,
    random: () => number,
  ): Target | null {
    const reach = this.#providers.get(endpoint.providerId)
    if (reach === undefined) return null
    if (reach.credentials.size === 0) return reach.settings.keyless ? this.#of(endpoint, reach, null) : null
    const ids = failed.size === 0 ? reach.ids : reach.ids.filter((id) => !failed.has(id))
    const picked = this.#picker.pickCredential(ids, nowMs, random, endpoint.id)
    return picked === null ? null : this.#of(endpoint, reach, reach.credentials.get(picked)!)
  }

  #of(endpoint: Endpoint, { settings }: Reach, credential: Credential | null): Target {
    const name = `${endpoint.id} ${credential?.id ?? ''}`
    let target = this.#targets.get(name)
    if (target === undefined) {
      target = makeTarget(endpoint, settings, credential, this.#tokens)
      this.#targets.set(name, target)
    }
    return target
  }
}

function makeTarget(
  endpoint: Endpoint,
  settings: ProviderSettings,
  credential: Credential | null,
  tokens: GoogleTokens,
): Target {
  const { modelId, upstreamId } = endpoint
  const { definition } = settings
  return {
    ...reach(settings, credential, { modelId, upstreamId }, tokens),
    credentialId: credential?.id ?? null,
    cancelStopsBilling: definition.cancelStopsBilling,
    wire: {
      upstreamId: upstreamIdOf(settings, endpoint),
      maxOutput: endpoint.maxOutput,
      quirks: definition.quirks,
      supportedParameters: endpoint.supportedParameters.length === 0 ? null : endpoint.supportedParameters,
    },
  }
}

/** A key goes along as a header, AWS's secrets sign each call, Google's file stands for a token that is fetched. */
function reach(
  settings: ProviderSettings,
  credential: Credential | null,
  names: { readonly modelId: string; readonly upstreamId: string },
  tokens: GoogleTokens,
): Pick<Target, 'address' | 'sign' | 'ready'> {
  switch (credential?.kind) {
    case 'aws':
      return {
        address: (path, headers) => resolveTarget(settings, null, { ...names, path, headers }),
        sign: signer(settings, credential),
      }
    case 'google': {
      const token = tokens.of(credential.secret.reveal())
      return {
        address: (path, headers) => {
          const bearer = ['authorization', `Bearer ${token.value}`] as const
          return resolveTarget(settings, null, { ...names, path, headers: [...headers, bearer] })
        },
        ready: () => token.ready(),
      }
    }
    default:
      return {
        address: (path, headers) => resolveTarget(settings, credential ?? null, { ...names, path, headers }),
      }
  }
}

/** Signs calls of Bedrock, whose name in signatures is shorter than its host. A header of the operator's own wins. */
function signer(
  { variables }: ProviderSettings,
  { secret, parts }: Credential,
): (address: Address, body: string, nowMs: number) => Address {
  return (address, body, nowMs) => {
    if (address.headers.includes('authorization')) return address
    const signed = signAws({
      method: 'POST',
      url: address.origin + address.path,
      headers: [],
      body,
      region: variables.region ?? 'us-east-1',
      service: 'bedrock',
      accessKeyId: parts['accessKeyId']?.reveal() ?? '',
      secret: secret.reveal(),
      sessionToken: parts['sessionToken']?.reveal() ?? null,
      nowMs,
    })
    return { ...address, headers: [...address.headers, ...signed.flat()] }
  }
}
