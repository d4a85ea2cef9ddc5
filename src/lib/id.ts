import { randomFillSync } from 'node:crypto'
import { base62Digits, base62Number } from './base62.ts'
import type { Clock } from './clock.ts'

const RANDOM_DIGITS = 16
const ORDER_DIGITS = 4
const POOL_BYTES = RANDOM_DIGITS * 256
/** Ids of one millisecond that keep their order. */
const PER_MS = 10_000

/**
 * Mints `gen-<unix seconds>-<20 base 62 digits>`: 4 that tell the order within the second, 16 random ones (95 bits).
 * Ids that sort in the order of their minting let a database put new rows at the end of each index, where they share
 * pages; random ones would touch a page of every index for every row. The random digits come from a pool, since one call
 * to the kernel per id would cost more than the id.
 */
export class GenerationIds {
  readonly #clock: Clock
  readonly #pool = Buffer.alloc(POOL_BYTES)
  #at = POOL_BYTES
  #ms = 0
  #inMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  next(): string {
    const now = this.#clock.now()
    if (now !== this.#ms) {
      this.#ms = now
      this.#inMs = 0
    }
    const order = (now % 1000) * PER_MS + (this.#inMs++ % PER_MS)
    return `gen-${Math.floor(now / 1000)}-${base62Number(order, ORDER_DIGITS)}${this.#random()}`
  }

  #random(): string {
    if (this.#at === POOL_BYTES) {
      randomFillSync(this.#pool)
      this.#at = 0
    }
    const digits = base62Digits(this.#pool.subarray(this.#at, this.#at + RANDOM_DIGITS))
    this.#at += RANDOM_DIGITS
    return digits
  }
}
