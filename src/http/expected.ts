/** So many answers of a key and model are looked back on. */
const KEPT = 64
/** With fewer the figures below are taken. */
const ENOUGH = 8
/** Share of answers that are to fit their hold without a raise. */
const QUANTILE = 0.9
/** Room above that answer. */
const ROOM = 1.25
/** Longest answer expected of somebody unknown, tokens. */
const UNKNOWN = 4_096
const UNKNOWN_REASONING = 16_384
/** Of a hold: room for some checkpoints, so that short answers never need a raise. */
const LEAST = 1_024
/** Keys × models that are remembered; the one unused for longest goes first. */
const MOST = 10_000

/**
 * How long answers are going to be, from those that a key had of a model: the 90th of 100 of the last 64, and a quarter
 * more. In memory; a new process begins with the figures for somebody unknown.
 */
export class ExpectedOutput {
  readonly #seen = new Map<string, number[]>()

  /** Tokens. */
  of(lineage: string, modelId: string, reasoning: boolean): number {
    const lengths = this.#seen.get(`${lineage} ${modelId}`)
    if (lengths === undefined || lengths.length < ENOUGH) return reasoning ? UNKNOWN_REASONING : UNKNOWN
    const sorted = [...lengths].sort((a, b) => a - b)
    return Math.max(LEAST, Math.ceil(sorted[Math.floor(sorted.length * QUANTILE)]! * ROOM))
  }

  /** An answer has ended. */
  saw(lineage: string, modelId: string, tokens: number): void {
    const name = `${lineage} ${modelId}`
    const lengths = this.#seen.get(name) ?? []
    // Last used, last in the map.
    this.#seen.delete(name)
    this.#seen.set(name, lengths)
    lengths.push(tokens)
    if (lengths.length > KEPT) lengths.shift()
    if (this.#seen.size > MOST) this.#seen.delete(this.#seen.keys().next().value!)
  }
}
