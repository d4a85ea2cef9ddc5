import type { Catalog } from '../../catalog/index.ts'
import { isSimulated } from './model.ts'
import { outputModalities } from './models-query.ts'

/**
 * `GET /models/count`: models that answer in one of `output_modalities` (all without the filter); simulated ones are
 * not counted.
 * @throws GatewayError `invalid_request` for an unknown modality
 */
export function modelsCountBody(catalog: Catalog, query: URLSearchParams): { data: { count: number } } {
  const wanted = outputModalities(query, 'all')
  const count = catalog.models.filter((model) => {
    const endpoints = catalog.resolve(model.id)?.endpoints ?? []
    return (
      !isSimulated(endpoints) &&
      (wanted === null || model.outputModalities.some((kind) => wanted.includes(kind)))
    )
  }).length
  return { data: { count } }
}
