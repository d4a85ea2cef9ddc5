import { isObject, type Json } from '../json.ts'

/**
 * Keywords of JSON Schema that constrained decoding takes as they are. Source: Anthropic's page on structured outputs;
 * others answer 400.
 */
const TAKEN: ReadonlySet<string> = new Set([
  'type',
  'enum',
  'const',
  'anyOf',
  'allOf',
  '$ref',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'properties',
  'required',
  'additionalProperties',
  'items',
  '$schema',
  '$id',
])
const FORMATS: ReadonlySet<unknown> = new Set([
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'uri',
  'ipv4',
  'ipv6',
  'uuid',
])
const MAX_DEPTH = 64

/**
 * A schema as constrained decoding takes it: closed objects, `anyOf` for `oneOf`; limits that can't be enforced (lengths,
 * ranges, patterns) are told in the description instead, so that the model still knows them. Returns a new value.
 */
export function restrictSchema(schema: unknown, depth = 0): unknown {
  if (!isObject(schema) || depth > MAX_DEPTH) return schema
  const out: Json = {}
  const told: string[] = []
  for (const key in schema) {
    const value = schema[key]
    if (key === 'oneOf') out['anyOf'] = mapped(value, depth)
    else if (key === 'properties' || key === '$defs' || key === 'definitions')
      out[key] = members(value, depth)
    else if (key === 'anyOf' || key === 'allOf') out[key] = mapped(value, depth)
    else if (key === 'items') out[key] = restrictSchema(value, depth + 1)
    else if (TAKEN.has(key)) out[key] = value
    else if (key === 'format' && FORMATS.has(value)) out[key] = value
    else if (key === 'minItems' && (value === 0 || value === 1)) out[key] = value
    else told.push(`${key}: ${JSON.stringify(value)}`)
  }
  if (out['type'] === 'object' || out['properties'] !== undefined) out['additionalProperties'] = false
  if (told.length > 0) {
    const before = typeof out['description'] === 'string' ? `${out['description']} ` : ''
    out['description'] = `${before}(${told.join(', ')})`
  }
  return out
}

const mapped = (value: unknown, depth: number): unknown =>
  Array.isArray(value) ? value.map((item) => restrictSchema(item, depth + 1)) : value

function members(value: unknown, depth: number): unknown {
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, restrictSchema(member, depth + 1)]),
  )
}
