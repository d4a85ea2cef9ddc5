import { GatewayError } from '../../chat/index.ts'
import type { Json } from '../json.ts'

/** Top-level fields that are ours to write; everything else passes. */
const OURS: ReadonlySet<string> = new Set([
  'id',
  'object',
  'created',
  'model',
  'provider',
  'choices',
  'usage',
  'error',
  'openrouter_metadata',
  'user_id',
])

/** The provider's own top-level fields; a null fingerprint of a chunk is refused by OpenRouter's SDK. */
export function topLevel(chunk: Json): Json {
  const fields: Json = {}
  for (const key in chunk) {
    if (!OURS.has(key) && !(key === 'system_fingerprint' && chunk[key] === null)) fields[key] = chunk[key]
  }
  return fields
}

/** `gen-1732-Ab` → `1732Ab`: what ids of tool calls are made from where a provider leaves them out. */
export const toolSeed = (id: string): string => id.replace(/^gen-/, '').replace(/[^A-Za-z0-9]/g, '')

/** The provider sent something that cannot be read. */
export const protocol = (message: string): GatewayError => new GatewayError('provider_protocol', message)
