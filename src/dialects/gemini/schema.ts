import { isObject, type Json, list, object, text } from '../json.ts'
import type { Drops } from './drops.ts'

/** Deeper schemas are cut off, and named. */
const MAX_DEPTH = 32

/** Keywords that Google's JSON Schema knows. Source: its reference of `responseJsonSchema` (2026-08). */
const KEPT: ReadonlySet<string> = new Set([
  '$id',
  '$anchor',
  'type',
  'title',
  'description',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
  'required',
  'propertyOrdering',
])
/** Remarks for people and tools; leaving them out changes nothing. */
const REMARKS =
  /^(\$schema|\$comment|\$vocabulary|default|examples?|deprecated|readOnly|writeOnly|discriminator|markdownDescription|content\w+|externalDocs|xml|strict|x-.*|~.*)$/
const FORMATS: ReadonlySet<unknown> = new Set([
  'date-time',
  'date',
  'time',
  'float',
  'double',
  'int32',
  'int64',
  'enum',
])

/**
 * A JSON Schema in the part of it that Google takes: `oneOf` becomes `anyOf`, `const` an `enum`, `allOf` is merged,
 * `definitions` move to `$defs`, `nullable` and exclusive bounds of integers are rewritten. What cannot be said is left
 * out and named under `parameter`.
 */
export function restrictSchema(schema: unknown, parameter: string, drops: Drops): Json {
  return new Restriction(object(schema) ?? {}, parameter, drops).schema(schema, 0)
}

class Restriction {
  private readonly root: Json
  private readonly parameter: string
  private readonly drops: Drops

  constructor(root: Json, parameter: string, drops: Drops) {
    this.root = root
    this.parameter = parameter
    this.drops = drops
  }

  schema(source: unknown, depth: number): Json {
    if (!isObject(source) || depth > MAX_DEPTH) {
      if (source === false || depth > MAX_DEPTH) this.lose(depth > MAX_DEPTH ? 'depth' : 'false')
      return {}
    }
    const wire = Array.isArray(source['allOf']) ? this.merged(source, depth) : source
    const ref = text(wire['$ref'])
    if (ref !== null) return this.reference(wire, ref, depth)
    const out: Json = {}
    for (const [key, value] of Object.entries(wire)) {
      if (KEPT.has(key)) out[key] = value
      else if (!REMARKS.test(key)) this.keyword(out, wire, key, value, depth)
    }
    if (wire['nullable'] === true) allowNull(out)
    return out
  }

  private keyword(out: Json, wire: Json, key: string, value: unknown, depth: number): void {
    switch (key) {
      case 'properties':
      case '$defs':
      case 'definitions': {
        const target = key === 'definitions' ? '$defs' : key
        const members = Object.entries(object(value) ?? {})
        out[target] = {
          ...object(out[target]),
          ...Object.fromEntries(members.map(([name, member]) => [name, this.schema(member, depth + 1)])),
        }
        return
      }
      case 'items':
        if (Array.isArray(value)) out['prefixItems'] = value.map((item) => this.schema(item, depth + 1))
        else out['items'] = this.schema(value, depth + 1)
        return
      case 'additionalProperties':
        out[key] = typeof value === 'boolean' ? value : this.schema(value, depth + 1)
        return
      case 'prefixItems':
        out[key] = list(value).map((item) => this.schema(item, depth + 1))
        return
      case 'anyOf':
        out['anyOf'] = list(value).map((item) => this.schema(item, depth + 1))
        return
      case 'oneOf':
        if (wire['anyOf'] !== undefined) this.lose(key)
        else out['anyOf'] = list(value).map((item) => this.schema(item, depth + 1))
        return
      case 'const':
        this.values(out, wire, [value])
        return
      case 'enum':
        this.values(out, wire, list(value))
        return
      case 'format':
        if (FORMATS.has(value)) out[key] = value
        else this.lose(`format: ${text(value)?.slice(0, 32)}`)
        return
      case 'exclusiveMinimum':
      case 'exclusiveMaximum':
        this.bound(out, wire, key, value)
        return
      case 'nullable':
      case 'allOf':
        return
      default:
        this.lose(key.slice(0, 64))
    }
  }

  /** A list of allowed values holds text and numbers only. */
  private values(out: Json, wire: Json, allowed: readonly unknown[]): void {
    const told = allowed.filter((value) => typeof value === 'string' || typeof value === 'number')
    const hasNull = allowed.includes(null)
    if (told.length + (hasNull ? 1 : 0) < allowed.length) {
      if (allowed.every((value) => typeof value === 'boolean')) out['type'] ??= 'boolean'
      this.lose('enum')
      return
    }
    if (told.length > 0) out['enum'] = told
    if (wire['type'] === undefined) {
      const types = [...new Set(told.map((value) => (typeof value === 'string' ? 'string' : 'number')))]
      if (hasNull) types.push('null' as never)
      if (types.length > 0) out['type'] = types.length === 1 ? types[0] : types
    } else if (hasNull) allowNull(out)
  }

  private bound(out: Json, wire: Json, key: 'exclusiveMinimum' | 'exclusiveMaximum', value: unknown): void {
    const isLow = key === 'exclusiveMinimum'
    if (wire['type'] !== 'integer' || typeof value !== 'number') this.lose(key)
    else out[isLow ? 'minimum' : 'maximum'] = isLow ? Math.floor(value) + 1 : Math.ceil(value) - 1
  }

  /** Nothing may stand beside a `$ref`; a description keeps it inside an `anyOf`. */
  private reference(wire: Json, ref: string, depth: number): Json {
    const target = { $ref: ref.replace(/^#\/definitions\//, '#/$defs/') }
    const { $ref: _ref, ...beside } = wire
    const others = this.schema(beside, depth + 1)
    return Object.keys(others).length === 0 ? target : { ...others, anyOf: [target] }
  }

  private merged(source: Json, depth: number): Json {
    const { allOf, ...own } = source
    let result: Json = own
    for (const member of list(allOf)) {
      let part = object(member)
      if (part !== null && Array.isArray(part['allOf']) && depth < MAX_DEPTH)
        part = this.merged(part, depth + 1)
      const ref = text(part?.['$ref'])
      if (ref !== null && list(allOf).length === 1 && own['properties'] === undefined)
        return { ...own, ...part }
      if (ref !== null) part = this.resolve(ref)
      if (part === null) this.lose('allOf')
      else result = combine(result, part)
    }
    return result
  }

  private resolve(ref: string): Json | null {
    if (!ref.startsWith('#/')) return null
    let found: unknown = this.root
    for (const step of ref.slice(2).split('/')) {
      found = object(found)?.[step.replaceAll('~1', '/').replaceAll('~0', '~')]
    }
    // A definition that is a merge itself is left alone: it may lead back here.
    return isObject(found) && found['allOf'] === undefined && found['$ref'] === undefined ? found : null
  }

  private lose(keyword: string): void {
    this.drops.add(this.parameter, `Google's schemas know no \`${keyword}\` here`)
  }
}

/** Both schemas hold: properties and demands add up, elsewhere the first one's word stands. */
function combine(a: Json, b: Json): Json {
  const out: Json = { ...b, ...a }
  if (a['properties'] !== undefined || b['properties'] !== undefined) {
    out['properties'] = { ...object(a['properties']), ...object(b['properties']) }
  }
  if (a['required'] !== undefined || b['required'] !== undefined) {
    out['required'] = [...new Set([...list(a['required']), ...list(b['required'])])]
  }
  return out
}

function allowNull(schema: Json): void {
  const { type } = schema
  if (typeof type === 'string' && type !== 'null') schema['type'] = [type, 'null']
  else if (Array.isArray(type) && !type.includes('null')) schema['type'] = [...type, 'null']
}

/** Members of Google's own `Schema` (OpenAPI 3.0) that hold schemas, by shape. */
const LISTS: ReadonlySet<string> = new Set(['anyOf', 'any_of', 'prefixItems', 'prefix_items'])
const MAPS: ReadonlySet<string> = new Set(['properties', 'defs'])
const NAMES: Readonly<Record<string, string>> = {
  any_of: 'anyOf',
  prefix_items: 'prefixItems',
  min_items: 'minItems',
  max_items: 'maxItems',
  min_length: 'minLength',
  max_length: 'maxLength',
  min_properties: 'minProperties',
  max_properties: 'maxProperties',
  property_ordering: 'propertyOrdering',
  additional_properties: 'additionalProperties',
  defs: '$defs',
  ref: '$ref',
}
const COUNTS = /^(min|max)(Items|Length|Properties)$/

/** Google's own `Schema` (types in capitals, `nullable`, counts as text) as JSON Schema. */
export function fromGoogleSchema(schema: unknown, depth = 0): Json {
  if (!isObject(schema) || depth > MAX_DEPTH) return {}
  const out: Json = {}
  for (const [name, value] of Object.entries(schema)) {
    const key = NAMES[name] ?? name
    if (key === 'type' && typeof value === 'string') out[key] = value.toLowerCase()
    else if (key === 'items') out[key] = fromGoogleSchema(value, depth + 1)
    else if (LISTS.has(name)) out[key] = list(value).map((item) => fromGoogleSchema(item, depth + 1))
    else if (MAPS.has(name)) {
      const members = Object.entries(object(value) ?? {})
      out[key] = Object.fromEntries(
        members.map(([member, inner]) => [member, fromGoogleSchema(inner, depth + 1)]),
      )
    } else if (COUNTS.test(key)) out[key] = Number(value)
    else if (key === 'additionalProperties' && isObject(value)) out[key] = fromGoogleSchema(value, depth + 1)
    else if (key !== 'nullable' && key !== 'propertyOrdering' && !(key === 'format' && value === 'enum'))
      out[key] = value
  }
  if (schema['nullable'] === true) allowNull(out)
  return out
}
