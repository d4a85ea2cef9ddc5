import { configJsonSchema } from '../config/index.ts'
import type { Gateway, RouteContext } from './gateway.ts'

/** `GET /schema.json`: the JSON Schema of waybill.yaml, for editors. */
export function configSchema(_gateway: Gateway, c: RouteContext): Response {
  return c.json(configJsonSchema() as Record<string, unknown>)
}
