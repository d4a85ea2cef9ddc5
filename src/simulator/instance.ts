import { MARKER } from './text.ts'

type Schema = Readonly<Record<string, unknown>>

/** Nesting beyond which optional parts are left out. */
const DEPTH = 6
const DEEPEST = 24
const MOST_ITEMS = 20
/** Values made for one schema; what lies beyond is left empty. */
const MOST_VALUES = 1_000
const LONGEST_STRING = 1_000

/** The schema that references start from, and how many values may still be made. */
interface Making {
  readonly root: Schema
  left: number
}

const FORMATS: Readonly<Record<string, string>> = {
  date: '2026-01-01',
  time: '12:00:00Z',
  'date-time': '2026-01-01T12:00:00Z',
  duration: 'PT1S',
  email: 'simulated@example.com',
  hostname: 'simulated.example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uri: 'https://example.com/simulated',
  uuid: '00000000-0000-4000-8000-000000000000',
}

/**
 * A value that fits a JSON Schema, the same for the same schema: const, enum and the first alternative where given,
 * every property, the fewest items. Understands the subset that structured outputs allow, with local references;
 * `pattern` and `not` are not followed.
 */
export function instanceOf(schema: unknown): unknown {
  return instance(schema, { root: asSchema(schema), left: MOST_VALUES }, 0)
}

function instance(raw: unknown, making: Making, depth: number): unknown {
  // Only alternatives that lead to nothing but themselves come so far.
  if (depth > 2 * DEEPEST) return null
  const schema = resolve(raw, making.root)
  making.left--
  if ('const' in schema) return schema['const']
  if (Array.isArray(schema['enum']) && schema['enum'].length > 0) return schema['enum'][0]
  const options = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(options) && options.length > 0)
    return instance(simplest(options, making, depth), making, depth + 1)
  if (Array.isArray(schema['allOf'])) return instance(merged(schema, making.root), making, depth + 1)
  switch (typeOf(schema, depth)) {
    case 'object':
      return object(schema, making, depth)
    case 'array':
      return array(schema, making, depth)
    case 'integer':
      return number(schema, true)
    case 'number':
      return number(schema, false)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return string(schema)
  }
}

function typeOf(schema: Schema, depth: number): unknown {
  const type = schema['type']
  if (Array.isArray(type)) return depth > DEPTH && type.includes('null') ? 'null' : type[0]
  if (type !== undefined) return type
  if ('properties' in schema) return 'object'
  return 'items' in schema ? 'array' : 'string'
}

/** The first alternative; deep down one that ends the nesting. */
function simplest(options: readonly unknown[], making: Making, depth: number): unknown {
  const flat = (option: unknown): boolean =>
    !['object', 'array'].includes(String(typeOf(resolve(option, making.root), depth)))
  return depth > DEPTH ? (options.find(flat) ?? options[0]) : options[0]
}

function object(schema: Schema, making: Making, depth: number): unknown {
  const properties = asSchema(schema['properties'])
  const required = Array.isArray(schema['required']) ? schema['required'] : []
  const out: Record<string, unknown> = {}
  if (depth > DEEPEST || making.left <= 0) return out
  for (const [name, property] of Object.entries(properties)) {
    if (depth > DEPTH && !required.includes(name)) continue
    Object.defineProperty(out, name, {
      value: instance(property, making, depth + 1),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return out
}

function array(schema: Schema, making: Making, depth: number): unknown {
  const prefix = Array.isArray(schema['prefixItems']) ? schema['prefixItems'] : []
  const least = Math.max(limit(schema['minItems'], 0), depth > DEPTH ? 0 : 1)
  const most = Math.min(limit(schema['maxItems'], MOST_ITEMS), MOST_ITEMS)
  const length = depth > DEEPEST || making.left <= 0 ? 0 : Math.min(Math.max(least, prefix.length), most)
  return Array.from({ length }, (_, i) => instance(prefix[i] ?? schema['items'] ?? {}, making, depth + 1))
}

function number(schema: Schema, whole: boolean): number {
  const step = limit(schema['multipleOf'], whole ? 1 : 0)
  const above = schema['exclusiveMinimum']
  const below = schema['exclusiveMaximum']
  const least = typeof above === 'number' ? above + (step || 0.5) : schema['minimum']
  const most = typeof below === 'number' ? below - (step || 0.5) : schema['maximum']
  let value = typeof least === 'number' ? least : 1
  if (typeof most === 'number' && value > most) value = most
  return step > 0 ? Math.ceil(value / step) * step : value
}

function string(schema: Schema): string {
  const format = FORMATS[String(schema['format'])]
  if (format !== undefined) return format
  const text = MARKER.padEnd(Math.min(limit(schema['minLength'], 0), LONGEST_STRING), '.')
  return text.slice(0, limit(schema['maxLength'], text.length))
}

function limit(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : otherwise
}

function merged(schema: Schema, root: Schema): Schema {
  const { allOf, ...own } = schema
  const parts = [own, ...(allOf as unknown[]).map((part) => resolve(part, root))]
  const properties = Object.assign({}, ...parts.map((part) => part['properties']))
  const required = parts.flatMap((part) => (Array.isArray(part['required']) ? part['required'] : []))
  const all = Object.assign({}, ...parts)
  return Object.keys(properties).length > 0 ? { ...all, properties, required } : all
}

/** Follows `$ref` below the root (`#/$defs/name`), at most ten in a row. */
function resolve(raw: unknown, root: Schema): Schema {
  let schema = asSchema(raw)
  for (let hops = 0; typeof schema['$ref'] === 'string' && hops < 10; hops++) {
    let found: unknown = root
    for (const part of schema['$ref'].replace(/^#\/?/, '').split('/')) {
      if (part !== '') found = asSchema(found)[part.replaceAll('~1', '/').replaceAll('~0', '~')]
    }
    schema = asSchema(found)
  }
  return schema
}

function asSchema(value: unknown): Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : {}
}
