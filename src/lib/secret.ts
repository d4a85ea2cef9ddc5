const MASK = '[secret]'

/**
 * Text that must never be printed: logs, JSON, string joins and `util.inspect` all show `[secret]`. The value leaves
 * only through `reveal()`, which makes every use of it easy to find.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The value itself; call it where it is sent, nowhere else. */
  reveal(): string {
    return this.#value
  }

  /** Same value, without either leaving. */
  equals(other: Secret): boolean {
    return this.#value === other.#value
  }

  toString(): string {
    return MASK
  }

  toJSON(): string {
    return MASK
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return MASK
  }
}
