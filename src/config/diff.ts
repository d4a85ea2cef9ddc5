import { Secret } from '../lib/index.ts'
import type { Config } from './config.ts'

/** What a reload changes. Paths only: values may be secrets. */
export interface ConfigDiff {
  /** Dotted paths, down to single settings and single providers. */
  readonly changed: readonly string[]
  /** Those of them that only a restart brings into force. */
  readonly needsRestart: readonly string[]
}

const RESTART = /^(server|data|database|redis)(\.|$)/

/** Compares two configurations; secrets are compared by value and never shown. Pure. */
export function diffConfig(before: Config, after: Config): ConfigDiff {
  const [a, b] = [leaves(before), leaves(after)]
  const paths = [...new Set([...a.keys(), ...b.keys()])]
  const changed = paths.filter((path) => a.get(path) !== b.get(path)).sort()
  return { changed, needsRestart: changed.filter((path) => RESTART.test(path)) }
}

/** A configuration in which everything that needs a restart is as it was: what a running server can take over. */
export function withoutRestart(before: Config, after: Config): Config {
  const { server, data, database, redis } = before
  return Object.freeze({ ...after, server, data, database, redis })
}

function leaves(config: Config): Map<string, string> {
  const found = new Map<string, string>()
  const { providers, ...rest } = config
  for (const [section, value] of Object.entries(rest)) {
    const nested =
      typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Secret)
    if (!nested) found.set(section, fingerprint(value))
    else for (const [key, inner] of Object.entries(value)) found.set(`${section}.${key}`, fingerprint(inner))
  }
  for (const provider of providers) found.set(`providers.${provider.id}`, fingerprint(provider))
  return found
}

/** Text that is equal exactly when the values are. Stays in memory: secrets are in it. */
function fingerprint(value: unknown): string {
  if (value instanceof Secret) return `secret:${JSON.stringify(value.reveal())}`
  if (Array.isArray(value)) return `[${value.map(fingerprint).join()}]`
  if (typeof value === 'bigint' || typeof value === 'function') return `${typeof value}:${value}`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined'
  const entries = Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${fingerprint(inner)}`).join()}}`
}
