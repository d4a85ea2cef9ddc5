import type { ErrorCode } from '../chat/index.ts'
import { MINUTE, SECOND } from './endpoint-record.ts'
import { makeRoom } from './limits.ts'

/** A credential that is left alone since its provider refused it. */
export interface RefusedCredential {
  readonly id: string
  readonly code: ErrorCode
  readonly sinceMs: number
  readonly untilMs: number
}

/** How long a refused key rests before one request may try it again. */
export const REFUSED_MS = 10 * MINUTE
/** Credentials remembered; beyond it the oldest is forgotten. */
const MOST = 10_000
/** While that one request is under way. */
const TRYING_MS = 30 * SECOND

/** Credentials that providers refused: disabled everywhere until they are replaced, proved, or have rested. */
export class RefusedCredentials {
  readonly #refused = new Map<string, { code: ErrorCode; sinceMs: number; untilMs: number }>()
  /** Those that one endpoint alone has forbidden, with that endpoint. */
  readonly #forbidden = new Map<string, string>()

  /** True when it was in use until now. */
  refuse(id: string, code: ErrorCode, nowMs: number): boolean {
    const known = this.#refused.get(id)
    if (known === undefined) makeRoom(this.#refused, MOST)
    this.#refused.set(id, { code, sinceMs: known?.sinceMs ?? nowMs, untilMs: nowMs + REFUSED_MS })
    return known === undefined
  }

  /** Notes that an endpoint forbids its use; true when another one did so before: it is not about one model then. */
  forbid(id: string, endpointId: string): boolean {
    const first = this.#forbidden.get(id)
    if (first !== undefined) return first !== endpointId
    makeRoom(this.#forbidden, MOST)
    this.#forbidden.set(id, endpointId)
    return false
  }

  /** It works, or is a new one. True when it was refused. */
  enable(id: string): boolean {
    if (this.#refused.size + this.#forbidden.size === 0) return false
    this.#forbidden.delete(id)
    return this.#refused.delete(id)
  }

  /** When it may be used, monotonic ms; 0 when it was not refused. */
  readyAt(id: string): number {
    return this.#refused.size === 0 ? 0 : (this.#refused.get(id)?.untilMs ?? 0)
  }

  /** One request tries it: others leave it alone meanwhile. */
  trying(id: string, nowMs: number): void {
    const known = this.#refused.get(id)
    if (known !== undefined) known.untilMs = Math.max(known.untilMs, nowMs + TRYING_MS)
  }

  list(): RefusedCredential[] {
    return [...this.#refused].map(([id, { code, sinceMs, untilMs }]) => ({ id, code, sinceMs, untilMs }))
  }
}
