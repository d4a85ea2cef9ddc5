import { GatewayError } from '../../chat/index.ts'
import type { Clock } from '../../lib/index.ts'

/** What a service handed out. */
export interface Fresh<T> {
  readonly value: T
  /** How long it holds, ms from the moment it was asked for. */
  readonly forMs: number
}

/** Something that runs out is renewed this long before its end, while it still serves, ms; short-lived things at three quarters. */
const RENEW_MS = 5 * 60_000
/** So near to its end it is not sent any more: it may run out on the way, ms. */
const MARGIN_MS = 10_000
/** After a failure nobody asks again for so long, ms. */
const PAUSE_MS = 5_000

/** A value that runs out, kept fresh: renewed in the background before its end, by one fetch at a time. */
export class Renewed<T> {
  readonly #fetch: () => Promise<Fresh<T>>
  readonly #clock: Clock
  readonly #name: string
  #held: { readonly value: T; readonly renewAt: number; readonly endsAt: number } | null = null
  #failed: { readonly error: GatewayError; readonly at: number } | null = null
  #running: Promise<void> | null = null

  /** @param name what it is, for sentences: `Google access token` */
  constructor(name: string, clock: Clock, fetch: () => Promise<Fresh<T>>) {
    this.#name = name
    this.#clock = clock
    this.#fetch = fetch
  }

  /** Null when it is at hand, else a promise of it. It rejects with GatewayError `provider_auth` or `provider_unavailable`. */
  ready(): Promise<void> | null {
    const now = this.#clock.tick()
    const held = this.#held
    if (held !== null && now < held.renewAt) return null
    const pausing = this.#failed !== null && now - this.#failed.at < PAUSE_MS
    if (held !== null && now < held.endsAt - MARGIN_MS) {
      // A failed renewal is told only when nothing is left.
      if (!pausing) this.#renew().catch(() => {})
      return null
    }
    return pausing ? Promise.reject(this.#failed!.error) : this.#renew()
  }

  /** Throws GatewayError `provider_auth` when there is none: wait for `ready()` first. */
  get value(): T {
    if (this.#held === null) throw new GatewayError('provider_auth', `There is no ${this.#name} yet.`)
    return this.#held.value
  }

  #renew(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  async #run(): Promise<void> {
    const asked = this.#clock.tick()
    try {
      const { value, forMs } = await this.#fetch()
      const early = Math.min(RENEW_MS, forMs / 4)
      this.#held = { value, renewAt: asked + forMs - early, endsAt: asked + forMs }
      this.#failed = null
    } catch (thrown) {
      const error =
        thrown instanceof GatewayError
          ? thrown
          : new GatewayError('provider_auth', `No ${this.#name} could be made.`)
      this.#failed = { error, at: this.#clock.tick() }
      throw error
    }
  }
}
