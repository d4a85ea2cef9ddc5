import type { Endpoint } from '../catalog/index.ts'
import type { ChatRequest } from '../chat/index.ts'
import type { Timeouts } from './types.ts'

/** Between comments to a client that waits for the first content, ms: below the 15-60 s after which proxies give up. */
export const KEEP_ALIVE_MS = 10_000
/** A finished answer waits so long for its usage, ms (design, "commit before the end"). */
export const LATE_USAGE_MS = 2_000
/** An answer that has told its usage too waits so long for its end mark, ms. */
export const END_MARK_MS = 250
/** The body of an error may take so long and be so large. */
export const ERROR_BODY_MS = 5_000
export const ERROR_BODY_BYTES = 65_536
/** After its end mark an answer may take so long to end, so that its connection can be kept, ms. */
export const TAIL_MS = 1_000
/** A deadline that is noticed so late was missed by ourselves; a provider then gets this much more, ms. */
export const STALLED_MS = 1_000
export const EXCUSE_MS = 200
/** Detached answers are read so long, ms. */
export const DRAIN_MS = 30_000
/** A crash loses at most so much of an answer from the bill. */
export const CHECKPOINT_MS = 1_000
export const CHECKPOINT_TOKENS = 256
/** Largest whole reply, and most bytes of a stream without any content. */
export const WHOLE_BYTES = 64 * 1024 * 1024
export const PREAMBLE_BYTES = 1024 * 1024

/** Until the first content of an endpoint that is not known yet; of one that thinks or draws first. */
const FIRST_TOKEN_MS = 10_000
const FIRST_TOKEN_SLOW_MS = 120_000
/** A known endpoint gets twice what 99 % of its answers took, within these bounds. */
const SLOWER_THAN_USUAL = 2
const SHORTEST_MS = 5_000
const LONGEST_MS = 30_000
const SHORTEST_SLOW_MS = 20_000
/** A prompt beyond this many bytes is long: what a slow provider reads of it in a second. */
const LONG_PROMPT_BYTES = 40_000
const PROMPT_BYTES_PER_S = 4_000
/** What a slow model generates a second, and what is assumed to be generated when no limit was asked for. */
const SLOW_TOKENS_PER_S = 25
const USUAL_TOKENS = 4_096
/** What a slow server, on a CPU, embeds a second. */
const SLOW_INPUT_BYTES_PER_S = 2_000

/** What is known of an endpoint that is about to be asked. */
export interface Pace {
  /** Time to the first token that 99 % of its streams kept, ms; null while too few were seen. */
  readonly slowMs: number | null
  /** Another endpoint could be asked instead. */
  readonly others: boolean
}

/**
 * How long an endpoint may take to its first content, ms from dispatch. A configured figure is taken as it is. `auto`:
 * by the endpoint's own pace and the kind of model, shorter than for an unknown one only where another could answer;
 * more for a long prompt. A whole reply gets the time in which a slow model generates what was asked for, since it
 * comes in one piece; embeddings the time in which they are read.
 */
export function firstTokenMs(
  timeouts: Timeouts,
  endpoint: Endpoint,
  request: ChatRequest,
  pace: Pace = UNKNOWN,
): number {
  if (timeouts.firstTokenMs !== 'auto') return timeouts.firstTokenMs
  const first = Math.min(FIRST_TOKEN_SLOW_MS, usualMs(endpoint, request, pace) + readingMs(request))
  if (request.stream) return first
  if (request.outputModalities.includes('embeddings'))
    return first + (request.promptBytes / SLOW_INPUT_BYTES_PER_S) * 1000
  const tokens = request.maxOutputTokens ?? Math.min(endpoint.maxOutput ?? USUAL_TOKENS, USUAL_TOKENS)
  return first + (tokens / SLOW_TOKENS_PER_S) * 1000
}

const UNKNOWN: Pace = { slowMs: null, others: false }

function usualMs(
  { reasoning }: Endpoint,
  { outputModalities }: ChatRequest,
  { slowMs, others }: Pace,
): number {
  const slow = reasoning || outputModalities.some((kind) => kind !== 'text' && kind !== 'embeddings')
  const unknown = slow ? FIRST_TOKEN_SLOW_MS : FIRST_TOKEN_MS
  if (slowMs === null) return unknown
  const least = others ? (slow ? SHORTEST_SLOW_MS : SHORTEST_MS) : unknown
  const most = slow ? FIRST_TOKEN_SLOW_MS : LONGEST_MS
  return Math.min(most, Math.max(least, slowMs * SLOWER_THAN_USUAL))
}

function readingMs({ promptBytes, outputModalities }: ChatRequest): number {
  if (outputModalities.includes('embeddings')) return 0
  return (Math.max(0, promptBytes - LONG_PROMPT_BYTES) / PROMPT_BYTES_PER_S) * 1000
}

/** Longest silence inside an answer, ms. */
export function idleMs(timeouts: Timeouts, endpoint: Endpoint): number {
  return endpoint.reasoning ? timeouts.idleMs * 2 : timeouts.idleMs
}
