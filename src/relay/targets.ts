import type { Endpoint } from '../catalog/index.ts'
import { type Credential, type ProviderSettings, upstreamIdOf } from '../providers/index.ts'
import { type Identities, reach } from './reach.ts'
import type { Target } from './types.ts'

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
  readonly #identities: Identities

  constructor(
    providers: ReadonlyMap<string, ProviderSettings>,
    picker: CredentialPicker,
    identities: Identities,
  ) {
    this.#picker = picker
    this.#identities = identities
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
      target = makeTarget(endpoint, settings, credential, this.#identities)
      this.#targets.set(name, target)
    }
    return target
  }
}

function makeTarget(
  endpoint: Endpoint,
  settings: ProviderSettings,
  credential: Credential | null,
  identities: Identities,
): Target {
  const { modelId, upstreamId } = endpoint
  const { definition } = settings
  return {
    ...reach(settings, credential, { modelId, upstreamId }, identities),
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
