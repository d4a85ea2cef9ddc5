import { isMapping, valueAt } from './issues.ts'
import type { Path } from './problem.ts'
import { schemaAt } from './schema-walk.ts'
import { SETTINGS, type Setting } from './settings.ts'

export type Flags = Readonly<Record<string, string | number | boolean | undefined>>
type Environment = Readonly<Record<string, string | undefined>>

/** A setting that environment or command line decided. */
export interface Override {
  readonly setting: Setting
  readonly kind: 'flag' | 'env'
  /** `--port`, `WAYBILL_PORT`. */
  readonly name: string
}

/** Puts environment and flags over the file's tree (changed in place); a flag beats a variable, which beats the file. */
export function overlay(tree: Record<string, unknown>, env: Environment, flags: Flags): Override[] {
  return SETTINGS.flatMap((setting): Override[] => {
    const flag = setting.flag === null ? undefined : flags[setting.flag]
    const fromEnv = (env[setting.env] ?? '').trim()
    if (flag === undefined && fromEnv === '') return []
    setAt(tree, setting.path, coerce(setting.path, flag ?? fromEnv))
    const off = flag === false ? 'no-' : ''
    return flag === undefined
      ? [{ setting, kind: 'env', name: setting.env }]
      : [{ setting, kind: 'flag', name: `--${off}${setting.flag}` }]
  })
}

/** Text of a variable or flag as the kind of value the schema has at the path; left alone when it doesn't fit. */
export function coerce(path: Path, value: unknown): unknown {
  if (typeof value !== 'string') return value
  switch (schemaAt(path)?.kind) {
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value
    case 'boolean':
      if (/^(true|yes|on|1)$/i.test(value)) return true
      return /^(false|no|off|0)$/i.test(value) ? false : value
    case 'array':
      return value.split(',').map((part) => part.trim())
    default:
      return value
  }
}

/** Sets a value in plain data, making the mappings above it; a scalar in the way is replaced. */
export function setAt(root: Record<string, unknown>, path: Path, value: unknown): void {
  let node: Record<string | number, unknown> = root
  for (const step of path.slice(0, -1)) {
    const next = valueAt(node, [step])
    const usable = isMapping(next) || Array.isArray(next)
    if (!usable) node[step] = {}
    node = node[step] as Record<string | number, unknown>
  }
  node[path.at(-1)!] = value
}
