import type { z } from 'zod'
import { type Path, pathText } from './problem.ts'
import { schemaAt } from './schema-walk.ts'
import { didYouMean } from './suggest.ts'

/** A fault of shape, before it is given a place. `atKey` points at the key, not at its value. */
export interface Fault {
  readonly path: Path
  readonly atKey: boolean
  readonly message: string
}

/** Values whose text is never shown. */
const SECRET = /^(database|redis)$|^providers\.[^.]+\.(api_key|api_keys|headers|base_url)\b/

/** Turns what zod found into sentences: what must be there, what is, and the word that was probably meant. */
export function faultsOf(error: z.ZodError, raw: unknown, hidden: (path: Path) => boolean): Fault[] {
  return error.issues.flatMap((issue) => faults(issue, [], raw, hidden))
}

type Issue = z.core.$ZodIssue

function faults(issue: Issue, above: Path, raw: unknown, hidden: (path: Path) => boolean): Fault[] {
  const path = [...above, ...(issue.path as (string | number)[])]
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key))
  const value = valueAt(raw, path)
  const branch = issue.code === 'invalid_union' && isMapping(value) ? issue.errors.at(-1) : undefined
  if (branch !== undefined) return branch.flatMap((inner) => faults(inner, path, raw, hidden))
  return [{ path, atKey: value === undefined, message: mismatch(path, value, issue, hidden(path)) }]
}

function unknownKey(path: Path, key: string): Fault {
  const known = schemaAt(path)?.keys ?? []
  const inside = path.length === 0 ? '' : ` in ${pathText(path)}`
  const meant = didYouMean(key, known) || ` Known here: ${known.join(', ')}.`
  return { path: [...path, key], atKey: true, message: `Unknown key \`${key}\`${inside}.${meant}` }
}

function mismatch(path: Path, value: unknown, issue: Issue, hidden: boolean): string {
  const name = pathText(path) || 'The file'
  const node = schemaAt(path)
  const expects = node?.expects ?? EXPECTED[node?.kind ?? 'other'] ?? 'something else'
  if (value === undefined) return `${name} is missing; it must be ${expects}.`
  if (issue.code === 'too_big' && Array.isArray(value))
    return `${name} has ${value.length} entries, at most ${issue.maximum} are read.`
  if (issue.code === 'too_small' && Array.isArray(value)) return `${name} must have at least one entry.`
  const secret = hidden || SECRET.test(pathText(path))
  const meant = issue.code === 'invalid_value' && typeof value === 'string' && !secret
  const suggestion = meant ? didYouMean(value as string, issue.values.map(String)) : ''
  return `${name} must be ${expects}, not ${secret ? kindOf(value) : shown(value)}.${suggestion}`
}

const EXPECTED: Readonly<Record<string, string>> = {
  object: 'a mapping of keys',
  record: 'a mapping of names',
  array: 'a list',
  number: 'a number',
  boolean: 'true or false',
  string: 'a text',
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'empty' : JSON.stringify(value.slice(0, 60))
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return kindOf(value)
}

function kindOf(value: unknown): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  if (typeof value === 'string') return value === '' ? 'empty' : 'this text'
  return `this ${typeof value}`
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value at a path of plain data, or undefined. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string | number, unknown>)[step]
  }
  return value
}
