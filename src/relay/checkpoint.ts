import type { Meter } from '../chat/index.ts'
import type { Attempt } from './attempt.ts'
import { CHECKPOINT_MS, CHECKPOINT_TOKENS } from './deadline.ts'
import type { Rescue } from './rescue.ts'
import type { RelayDeps } from './types.ts'

/** Tells the meter where a request stands, often enough that a crash loses little of it from the bill. */
export class Checkpoints {
  readonly #meter: Meter
  readonly #deps: RelayDeps
  readonly #rescue: Rescue
  /** Of the present attempt: when it was told of last, and how many bytes of output it had then. */
  #at = Number.NEGATIVE_INFINITY
  #bytes = 0

  constructor(meter: Meter, deps: RelayDeps, rescue: Rescue) {
    this.#meter = meter
    this.#deps = deps
    this.#rescue = rescue
  }

  /** An attempt begins; one that goes on with an answer begins with what was delivered of it. */
  dispatched({ trace, endpoint }: Attempt): void {
    const { active, delivered } = this.#rescue
    this.#at = Number.NEGATIVE_INFINITY
    this.#bytes = 0
    this.#meter.checkpoint({
      attempt: trace.n,
      endpointId: endpoint.id,
      phase: active ? 'streaming' : 'dispatched',
      usage: active ? delivered : null,
    })
  }

  /** More has come: told once a second, and every so many tokens. */
  pushed(attempt: Attempt): void {
    const { outputBytes } = attempt.pipe!.seen
    const grown = outputBytes - this.#bytes
    if (grown === 0) return
    const { now } = this.#deps.wheel
    if (now - this.#at < CHECKPOINT_MS && this.#deps.estimateTokens(grown) < CHECKPOINT_TOKENS) return
    this.#at = now
    this.#bytes = outputBytes
    this.#meter.checkpoint({
      attempt: attempt.trace.n,
      endpointId: attempt.endpoint.id,
      phase: 'streaming',
      usage: this.#rescue.charged(attempt),
    })
  }
}
