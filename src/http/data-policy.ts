import { dataPolicyOf, type Endpoint } from '../catalog/index.ts'
import { findProvider } from '../providers/index.ts'
import type { DataPolicy } from '../routing/index.ts'
import type { Snapshot } from './gateway.ts'

/** A server on the operator's own machine or network: prompts do not leave it. */
const ON_SITE: DataPolicy = { trains: false, retains: false }

/**
 * What a provider does with the prompts of a model here: as the operator says in the configuration, else nothing for a
 * server of one's own, else as the provider publishes; undefined when it is not known.
 */
export function policyAt({ config }: Snapshot, providerId: string, modelId: string): DataPolicy | undefined {
  const said = config.providers.find(({ id }) => id === providerId)?.dataPolicy
  if (said !== undefined) return said
  return findProvider(providerId)?.local === true ? ON_SITE : dataPolicyOf(providerId, modelId)
}

/** Whether an endpoint is known to keep no prompts. */
export function keepsNothing(snapshot: Snapshot, { providerId, modelId }: Endpoint): boolean {
  return policyAt(snapshot, providerId, modelId)?.retains === false
}
