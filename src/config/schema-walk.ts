import type { z } from 'zod'
import type { Path } from './problem.ts'
import { expectations, fileSchema } from './schema.ts'

/** What stands at a path of the schema, in the few words that errors and coercion need. */
export interface SchemaNode {
  readonly kind: 'object' | 'record' | 'array' | 'number' | 'boolean' | 'string' | 'other'
  /** Keys of an object; empty for the rest. */
  readonly keys: readonly string[]
  readonly expects: string | null
}

/** The schema at a path of the file; null when the path leads nowhere. */
export function schemaAt(path: Path): SchemaNode | null {
  let node: z.ZodType | null = bare(fileSchema)
  for (const step of path) {
    node = node === null ? null : below(node, step)
  }
  return node === null ? null : describe(node)
}

/** Without `optional`; of a union the mapping, where it has one. */
function bare(node: z.ZodType): z.ZodType {
  const { def } = node as z.ZodType & { def: { type: string; innerType?: z.ZodType } }
  return def.type === 'optional' && def.innerType !== undefined ? bare(def.innerType) : node
}

function below(node: z.ZodType, step: string | number): z.ZodType | null {
  const { def } = node as unknown as {
    def: {
      type: string
      shape?: Record<string, z.ZodType>
      element?: z.ZodType
      valueType?: z.ZodType
      options?: z.ZodType[]
      catchall?: z.ZodType
    }
  }
  if (def.type === 'union') return below(bare(def.options!.at(-1)!), step)
  if (def.type === 'array') return typeof step === 'number' ? bare(def.element!) : null
  if (def.type === 'record') return bare(def.valueType!)
  if (def.type !== 'object') return null
  if (Object.hasOwn(def.shape!, step)) return bare(def.shape![step]!)
  const other = def.catchall === undefined ? null : bare(def.catchall)
  return other === null || (other as z.ZodType & { def: { type: string } }).def.type === 'never'
    ? null
    : other
}

const KINDS: Readonly<Record<string, SchemaNode['kind']>> = {
  object: 'object',
  record: 'record',
  array: 'array',
  number: 'number',
  int: 'number',
  boolean: 'boolean',
  string: 'string',
  enum: 'string',
}

function describe(node: z.ZodType): SchemaNode {
  const { def } = node as unknown as {
    def: { type: string; shape?: Record<string, z.ZodType>; options?: z.ZodType[] }
  }
  const mapping = def.type === 'union' ? bare(def.options!.at(-1)!) : node
  const { shape } = (mapping as unknown as { def: { shape?: Record<string, z.ZodType> } }).def
  return {
    kind: KINDS[def.type] ?? 'other',
    keys: shape === undefined ? [] : Object.keys(shape),
    expects: expectations.get(node)?.expects ?? null,
  }
}
