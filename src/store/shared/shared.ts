/** So much may pass in a window: a bucket that holds `limit` and fills evenly, `limit` in `windowMs`. */
export interface Rate {
  readonly key: string
  readonly limit: number
  readonly windowMs: number
  /** What this call takes. More than `limit` passes a full bucket, and leaves it in debt. */
  readonly cost: number
}

/** So many may be inside at once. */
export interface Gate {
  readonly key: string
  readonly limit: number
}

/** What a call wants to pass, all or nothing. */
export interface Admission {
  /** Unique per call: it leaves the gates by it. */
  readonly id: string
  /** Everything of one group is kept together; keys of two groups never meet in an admission. */
  readonly group: string
  readonly rates: readonly Rate[]
  readonly gates: readonly Gate[]
  /** A call that its node never saw leave is forgotten after this long, ms. */
  readonly leaseMs: number
}

export type Verdict =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly by: 'rate' | 'gate'
      /** Position among `rates` or `gates`. */
      readonly index: number
      /** When a rate will let this call pass, ms; a gate opens when somebody leaves, which nobody can tell: 1000. */
      readonly retryAfterMs: number
      /** What the rate would let pass now, whole. */
      readonly remaining: number
    }

/**
 * What nodes share to keep rates together. It may be lost at any time, which costs one burst at most: money is never in
 * it. Two implementations, one conformance suite: memory (one node) and Redis (several).
 */
export interface SharedState {
  /** Answers at once where nothing has to be asked. Never rejects. */
  admit(admission: Admission): Verdict | Promise<Verdict>
  /** Takes more (or, with a negative cost, gives back) when it is known what a call really took. Not awaited. */
  correct(group: string, rates: readonly Rate[]): void
  /** The call has ended. Not awaited. */
  leave(admission: Pick<Admission, 'id' | 'group' | 'gates'>): void
  close(): Promise<void>
}

/** How long somebody waits who came to a full gate, ms. */
export const GATE_RETRY_MS = 1_000
