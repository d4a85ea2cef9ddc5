import type { Drains } from './types.ts'

/** Allows `max` answers at a time to be drained after their client left; 64 unless told otherwise. */
export class DrainSlots implements Drains {
  readonly #max: number
  #used = 0

  constructor(max = 64) {
    this.#max = max
  }

  get used(): number {
    return this.#used
  }

  enter(): boolean {
    if (this.#used >= this.#max) return false
    this.#used++
    return true
  }

  leave(): void {
    this.#used--
  }
}
