import { readFileSync } from 'node:fs'
import { configJsonSchema } from '../config/index.ts'
import type { Gateway, RouteContext } from './gateway.ts'

/** `GET /schema.json`: the JSON Schema of waybill.yaml, for editors. */
export function configSchema(_gateway: Gateway, c: RouteContext): Response {
  return c.json(configJsonSchema() as Record<string, unknown>)
}

/** `GET /docs/errors.md`: what `metadata.doc` of an error leads to. */
export function errorsPage(_gateway: Gateway, c: RouteContext): Response {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  return c.body(page, 200, { 'content-type': 'text/markdown; charset=utf-8' })
}
