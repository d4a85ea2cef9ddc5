const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** When a delivery is tried, ms after its alert was made: ten times over a day, as Standard Webhooks counsels. */
const OFFSETS = [
  0,
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
]

/** An alert without its deliveries for longer than this is old news and only listed. */
export const STALE_MS = 24 * HOUR
/** After so long nobody tries any more: the node or the destination is gone. */
export const GIVE_UP_MS = 26 * HOUR
/** So much later, in parts of the offset, a try may come: many deliveries must not come at once. */
const JITTER = 0.1

/**
 * When a delivery that has failed `attempts` times is tried again, ms since the epoch; null: not any more.
 * @param random from 0 to 1
 */
export function nextTry(
  delivery: { readonly createdAt: number; readonly attempts: number },
  now: number,
  random: number,
): number | null {
  const offset = OFFSETS[delivery.attempts]
  if (offset === undefined) return null
  const due = delivery.createdAt + offset * (1 + JITTER * random)
  // What is overdue after a night without the gateway is still not tried in a burst.
  return Math.round(Math.max(due, now + OFFSETS[1]!))
}
