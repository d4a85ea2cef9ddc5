import { z } from 'zod'
import { GatewayError } from '../../chat/index.ts'
import { type KeyPolicy, NO_POLICY } from '../../identity/index.ts'
import { providerSlug } from '../../providers/index.ts'
import type { Snapshot } from '../gateway.ts'
import { unknownModelEntry, unknownProviderEntry } from '../policy.ts'

/** Most entries of a list, and most characters of one. */
const MOST = 200

const list = z
  .array(z.string().trim().min(1).max(MOST))
  .min(1, 'an empty list allows nothing; give null to take the list away')
  .max(MOST)
  .nullable()
  .optional()

/** Ours: what the key may use; null: no list. */
export const policyFields = {
  allowed_models: list,
  allowed_providers: list,
  ignored_providers: list,
}

type PolicyBody = z.infer<z.ZodObject<typeof policyFields>>

/** Whether a body says anything about lists. */
export function saysPolicy(body: PolicyBody): boolean {
  const { allowed_models, allowed_providers, ignored_providers } = body
  return allowed_models !== undefined || allowed_providers !== undefined || ignored_providers !== undefined
}

/**
 * The lists of a body over those from before. Throws `invalid_request` for a model or provider that nobody here knows,
 * and for lists of a management key, which calls no models.
 */
export function policyOfBody(
  body: PolicyBody,
  snapshot: Snapshot,
  management: boolean,
  before: KeyPolicy = NO_POLICY,
): KeyPolicy {
  const policy = {
    allowedModels: readList(body.allowed_models, before.allowedModels, (entry) => modelOf(entry, snapshot)),
    allowedProviders: readList(body.allowed_providers, before.allowedProviders, (entry) =>
      providerOf('allowed_providers', entry, snapshot),
    ),
    ignoredProviders: readList(body.ignored_providers, before.ignoredProviders, (entry) =>
      providerOf('ignored_providers', entry, snapshot),
    ),
  }
  if (management && Object.values(policy).some((entries) => entries !== null))
    throw new GatewayError(
      'invalid_request',
      'A management key calls no models: lists of models and providers belong to the keys that it makes.',
    )
  return policy
}

/** The lists as a key shows them. */
export function policyObject(policy: KeyPolicy): Record<string, readonly string[] | null> {
  return {
    allowed_models: policy.allowedModels,
    allowed_providers: policy.allowedProviders,
    ignored_providers: policy.ignoredProviders,
  }
}

function readList(
  given: readonly string[] | null | undefined,
  before: readonly string[] | null,
  read: (entry: string) => string,
): readonly string[] | null {
  if (given === undefined) return before
  return given === null ? null : [...new Set(given.map(read))]
}

function modelOf(entry: string, { catalog }: Snapshot): string {
  if (!/^~?[^\s/*@]+\/(\*|[^\s*@]+)$/.test(entry))
    throw wrong(
      'allowed_models',
      `"${entry}" is neither a model, author/name, nor all of an author, author/*.`,
    )
  const reason = unknownModelEntry(entry, catalog)
  if (reason !== null) throw wrong('allowed_models', reason)
  return entry
}

function providerOf(field: string, entry: string, snapshot: Snapshot): string {
  const slug = providerSlug(entry)
  const reason = unknownProviderEntry(slug, snapshot)
  if (reason !== null) throw wrong(field, `${reason} GET /api/v1/providers lists them.`)
  return slug
}

function wrong(field: string, reason: string): GatewayError {
  return new GatewayError('invalid_request', `"${field}" is wrong: ${reason}`, { metadata: { param: field } })
}
