import { type Cost, GatewayError, NO_USAGE, type Usage } from '../src/chat/index.ts'
import type { StreamPipe } from '../src/dialects/index.ts'

/** What a client got through a pipe. */
export interface Through {
  /** Sent before the end was known. */
  readonly early: string
  readonly text: string
  readonly pipe: StreamPipe
}

/**
 * Sends an answer through a pipe in these pieces and ends it as the relay does: nothing is read behind a failure or an end
 * mark, and what was used and what it cost is told, or the provider's failure. `usage` stands in where it told none.
 */
export function through(
  pipe: StreamPipe,
  pieces: readonly Uint8Array[],
  cost: Cost,
  usage: Usage | null = null,
): Through {
  const out: Uint8Array[] = []
  for (const piece of pieces) {
    const ready = pipe.push(piece)
    if (ready !== null) out.push(ready)
    if (pipe.seen.error !== null || pipe.seen.done) break
  }
  const early = Buffer.concat(out).toString()
  pipe.end()
  const { error, finish } = pipe.seen
  const told = pipe.seen.usage ?? usage
  const failure = error ?? (finish === null ? { code: 'provider_cut' as const, message: 'cut' } : null)
  out.push(
    failure === null
      ? pipe.finish(told ?? NO_USAGE, cost)
      : pipe.fail(new GatewayError(failure.code, failure.message), told, cost),
  )
  return { early, text: Buffer.concat(out).toString(), pipe }
}
