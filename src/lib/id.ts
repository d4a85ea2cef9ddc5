import { randomFillSync } from 'node:crypto'
import { base62Digits } from './base62.ts'
import type { Clock } from './clock.ts'

const POOL_BYTES = 20 * 256

/** Mints `gen-<unix seconds>-<20 base 62 digits>` (about 119 random bits) from a refilled pool, since one call to the kernel per id would cost more than the id. */
export class GenerationIds {
  readonly #clock: Clock
  readonly #pool = Buffer.alloc(POOL_BYTES)
  #at = POOL_BYTES

  constructor(clock: Clock) {
    this.#clock = clock
  }

  next(): string {
    if (this.#at === POOL_BYTES) {
      randomFillSync(this.#pool)
      this.#at = 0
    }
    const digits = base62Digits(this.#pool.subarray(this.#at, this.#at + 20))
    this.#at += 20
    return `gen-${Math.floor(this.#clock.now() / 1000)}-${digits}`
  }
}
