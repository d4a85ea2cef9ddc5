/** Longest cool-down that a Retry-After can cause. */
const LONGEST_MS = 600_000
/** Cool-down after a rate limit that names no time; doubles with each in a row, up to the longest. */
const BARE_MS = 1_000
const LONGEST_BARE_MS = 25_000
/** Credentials remembered at one endpoint; beyond it the oldest is forgotten. */
const MOST = 200

interface Limit {
  untilMs: number
  /** Rate limits since the last success. */
  inARow: number
  /** When the last of them was counted. */
  sinceMs: number
}

/** Cool-downs of one endpoint, by credential (`''`: none needed). */
export class Limits {
  readonly #limits = new Map<string, Limit>()

  get none(): boolean {
    return this.#limits.size === 0
  }

  /** Its only credential was limited and has not succeeded since. */
  get limited(): boolean {
    if (this.#limits.size !== 1) return false
    for (const { inARow } of this.#limits.values()) return inARow > 0
    return false
  }

  /**
   * Cools down as long as the provider asked or, when it named no time, ever longer. Limits that hit requests of the same
   * moment count as one.
   */
  cool(credentialId: string | null, askedMs: number | null, nowMs: number, sentMs: number): void {
    const limit = this.#of(credentialId ?? '')
    if (sentMs >= limit.sinceMs) {
      limit.inARow++
      limit.sinceMs = nowMs
    }
    const bare = Math.min(LONGEST_BARE_MS, BARE_MS * 2 ** Math.min(limit.inARow - 1, 10))
    const wait = askedMs === null || askedMs <= 0 ? bare : Math.min(askedMs, LONGEST_MS)
    limit.untilMs = Math.max(limit.untilMs, nowMs + wait)
  }

  /** Leaves a credential alone until then for another reason than a limit. */
  rest(credentialId: string, untilMs: number): void {
    const limit = this.#of(credentialId)
    limit.untilMs = Math.max(limit.untilMs, untilMs)
  }

  /** Notes a success; true when it follows a limit. */
  succeed(credentialId: string | null): boolean {
    if (this.#limits.size === 0) return false
    const limit = this.#limits.get(credentialId ?? '')
    if (limit === undefined || limit.inARow === 0) return false
    limit.inARow = 0
    return true
  }

  /** When the credential may be used, monotonic ms; 0 when it never cooled. */
  readyAt(credentialId: string): number {
    return this.#limits.size === 0 ? 0 : (this.#limits.get(credentialId)?.untilMs ?? 0)
  }

  /** ms until the readiest of the credentials may be used; without a list, until the last cool-down ends. */
  left(credentialIds: readonly string[] | null, nowMs: number): number {
    if (this.#limits.size === 0) return 0
    let until = 0
    if (credentialIds === null || credentialIds.length === 0) {
      for (const { untilMs } of this.#limits.values()) until = Math.max(until, untilMs)
    } else {
      until = Number.POSITIVE_INFINITY
      for (const id of credentialIds) until = Math.min(until, this.readyAt(id))
    }
    return Math.max(0, until - nowMs)
  }

  #of(key: string): Limit {
    let limit = this.#limits.get(key)
    if (limit === undefined) {
      makeRoom(this.#limits, MOST)
      limit = { untilMs: 0, inARow: 0, sinceMs: Number.NEGATIVE_INFINITY }
      this.#limits.set(key, limit)
    }
    return limit
  }
}

/** Forgets the oldest entry of a map that holds `most`. */
export function makeRoom(map: Map<string, unknown>, most: number): void {
  if (map.size < most) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}
