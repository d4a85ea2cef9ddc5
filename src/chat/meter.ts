import type { GatewayError } from './errors.ts'
import type { Usage } from './usage.ts'

/** What a settled attempt owes, as far as the relay knows it; prices stay with the meter. */
export interface Outcome {
  /** Number of the attempt that served (1-based). */
  readonly attempt: number
  readonly usage: Usage
  /**
   * `complete`: the answer ended by itself. `client_gone`: the client left, what was produced is billed.
   * `failed`: error finish or zero completion, charged 0 (zero-completion insurance).
   */
  readonly result: 'complete' | 'client_gone' | 'failed'
  /**
   * All attempts that worked for the answer, each with what it used itself, where that is more than `usage` at `attempt`: an
   * answer that broke and was finished elsewhere. The client pays `usage` only.
   */
  readonly upstream?: readonly { readonly attempt: number; readonly usage: Usage }[]
}

/** What the client is told after the settle, nano-USD. */
export interface Settled {
  readonly costNanos: bigint | null
  readonly upstreamPromptNanos: bigint | null
  readonly upstreamCompletionNanos: bigint | null
  readonly isByok: boolean
}

/**
 * The relay's door to money. One meter per request, made from its hold by `http/` and implemented by `money/`.
 * Every promise resolves only when the change is durable; a rejected one means the store failed (answer 503).
 */
export interface Meter {
  /** Resolves when the hold itself is durable; the first byte to the client waits for it. */
  readonly held: Promise<void>
  /** Raises the hold to cover a dearer endpoint (index of the attempt's endpoint); false when balance or a limit is in the way. */
  extend(endpointId: string): Promise<boolean>
  /** Records where the request stands, so that a crash can be settled: attempt dispatched, or tokens streamed so far. Never awaited. */
  checkpoint(mark: {
    readonly attempt: number
    readonly endpointId: string
    readonly phase: 'dispatched' | 'streaming'
    readonly usage: Usage | null
  }): void
  /**
   * Told, after a checkpoint, that neither balance nor a limit covers more of the answer: what was delivered is covered, and it has to
   * end now, with this error. May be told again.
   */
  watch?(onShort: (error: GatewayError) => void): void
  /** Charges and frees the rest. Idempotent. */
  settle(outcome: Outcome): Promise<Settled>
  /** Frees the whole hold: nothing was delivered. Idempotent. */
  release(reason: string): Promise<void>
}
