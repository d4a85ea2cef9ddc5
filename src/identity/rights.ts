import type { ApiKey, LimitReset } from './keys.ts'

/** What of a key decides how much it may do. */
export type KeyPowers = Pick<ApiKey, 'kind' | 'limitNanos' | 'limitReset' | 'expiresAt'>

/** How often a cap starts anew; the same amount a day is more than in all. */
const OFTEN: readonly (LimitReset | null)[] = [null, 'monthly', 'weekly', 'daily']

/**
 * Why a key may not be given `wanted` by a key with the powers `maker`, as a sentence; null when it may. A key hands on
 * at most what it holds: its cap and window, and, to keys that administer, its time. Pure.
 */
export function beyondMaker(maker: KeyPowers, wanted: KeyPowers): string | null {
  if (maker.limitNanos !== null) {
    if (wanted.limitNanos === null || wanted.limitNanos > maker.limitNanos)
      return 'The key that asks has a limit: give a "limit" that is not above it.'
    if (OFTEN.indexOf(wanted.limitReset) > OFTEN.indexOf(maker.limitReset))
      return `The limit of the key that asks resets ${maker.limitReset ?? 'never'}: "limit_reset" must not be more often.`
  }
  if (wanted.kind === 'management' && maker.expiresAt !== null) {
    if (wanted.expiresAt === null || wanted.expiresAt > maker.expiresAt)
      return `The key that asks ends on ${new Date(maker.expiresAt).toISOString()}: a management key that it makes must not live longer ("expires_at").`
  }
  return null
}
