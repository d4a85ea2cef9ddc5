/** Time as an argument: rooms that decide take it as a number, rooms that act take this. */
export interface Clock {
  /** Wall clock, ms since the epoch: timestamps and window keys only. */
  now(): number
  /** Monotonic ms: durations and deadlines. */
  tick(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  tick: () => performance.now(),
}
