import { readFileSync } from 'node:fs'

export type Json = Record<string, unknown>

/** Drops what a source leaves open, so that "absent" means "not said". */
export function said<T extends object>(values: T): T {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  ) as T
}

/** A positive figure, or nothing: sources write 0 where they do not know. */
export const positive = (value: unknown): number | undefined =>
  typeof value === 'number' && value > 0 ? value : undefined

export const readJson = (path: string): Json => JSON.parse(readFileSync(path, 'utf8')) as Json
