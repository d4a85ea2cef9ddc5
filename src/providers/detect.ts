import type { ProviderDefinition } from './provider.ts'
import { providers } from './registry.ts'
import { OWN_KEY_PREFIX } from './settings.ts'

/** Environment as a plain value: only `main.ts` reads the real one. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A credential seen in the environment, by the name of its variable; its value stays where it is. */
export interface Detection {
  readonly providerId: string
  readonly providerName: string
  readonly variable: string
  readonly kind: 'key' | 'aws' | 'google'
  /** Set when the value cannot be used: a sentence that says why, without the value. */
  readonly refused: string | null
}

/**
 * Which hosted providers have a credential in the environment. Local servers are found by their port instead, and no
 * `*_BASE_URL` of a client is looked at: it may well point here.
 */
export function detect(env: Environment): Detection[] {
  return providers.flatMap((definition) => {
    const found = definition.local ? null : detectFor(definition, env)
    return found === null ? [] : [found]
  })
}

/** The credential of one provider in the environment, or null. */
export function detectFor(definition: ProviderDefinition, env: Environment): Detection | null {
  const about = { providerId: definition.id, providerName: definition.name }
  const variable = firstSet(definition.env, env)
  if (variable !== null) {
    return { ...about, variable, kind: 'key', refused: refuseKey(env[variable]!.trim(), variable) }
  }
  const { kind } = definition.auth
  if (kind === 'aws' && firstSet(['AWS_ACCESS_KEY_ID'], env) && firstSet(['AWS_SECRET_ACCESS_KEY'], env)) {
    return { ...about, variable: 'AWS_ACCESS_KEY_ID', kind, refused: null }
  }
  // What every pod and instance has (a role of its own) does not say that Bedrock is meant; a profile is chosen.
  if (kind === 'aws' && firstSet(['AWS_PROFILE'], env)) {
    return { ...about, variable: 'AWS_PROFILE', kind, refused: null }
  }
  if (kind === 'google' && firstSet(['GOOGLE_APPLICATION_CREDENTIALS'], env)) {
    return { ...about, variable: 'GOOGLE_APPLICATION_CREDENTIALS', kind, refused: null }
  }
  return null
}

/** The first variable that holds more than white space, or null. */
export function firstSet(names: readonly string[], env: Environment): string | null {
  return names.find((name) => (env[name] ?? '').trim() !== '') ?? null
}

/** Why a text cannot be a provider's key, as a sentence about `where`; null when it can. The text is never repeated. */
export function refuseKey(key: string, where: string): string | null {
  if (key.startsWith(OWN_KEY_PREFIX)) {
    return `${where} holds a key of this gateway, not of the provider; calls would come back here.`
  }
  if (!/^[\x21-\x7e]+$/.test(key)) {
    return `${where} holds a space, a line break or another character that no HTTP header can carry.`
  }
  if (key.length > 16_384) return `${where} is longer than any key (over 16 KiB).`
  return null
}
