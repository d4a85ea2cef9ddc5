import type { Clock } from './clock.ts'

/** Whoever is told that time is up. */
export interface Timed {
  onTimer(timer: Timer): void
}

/** One alarm, owned for life by the object it wakes; arming and disarming it allocate nothing. */
export class Timer {
  readonly owner: Timed
  /** Monotonic ms at which it is due; meaningless while it is not armed. */
  at = 0
  /** The slot it hangs in: -1 when it is not armed, -2 between due and fired. */
  slot = -1
  previous: Timer | null = null
  next: Timer | null = null

  constructor(owner: Timed) {
    this.owner = owner
  }

  get armed(): boolean {
    return this.slot !== -1
  }
}

const SLOTS = 512
const DUE = -2

/**
 * Coarse timers for many owners from one interval: an alarm never fires early and at most one step late. The interval
 * runs only while something is armed and does not keep the process alive.
 */
export class Wheel {
  /** Monotonic ms as of the last step; good enough for "how long ago" without asking the clock. */
  now: number
  /** Alarms that are armed. */
  size = 0
  readonly stepMs: number
  readonly #clock: Clock
  readonly #slots: (Timer | null)[] = new Array<Timer | null>(SLOTS).fill(null)
  #step = 0
  #interval: NodeJS.Timeout | null = null

  /** `stepMs`: how late an alarm may be. */
  constructor(clock: Clock, stepMs = 100) {
    this.#clock = clock
    this.stepMs = stepMs
    this.now = clock.tick()
  }

  /** Arms the alarm to fire `ms` from now, whether or not it was armed before. */
  arm(timer: Timer, ms: number): void {
    this.disarm(timer)
    if (this.#interval === null) this.#start()
    timer.at = this.#clock.tick() + ms
    // Never the step that has just been seen: it comes round again only after a whole turn.
    const slot = Math.max(Math.ceil(timer.at / this.stepMs), this.#step + 1) % SLOTS
    const first = this.#slots[slot] ?? null
    timer.slot = slot
    timer.next = first
    if (first !== null) first.previous = timer
    this.#slots[slot] = timer
    this.size++
  }

  /** Safe at any time, also when it is not armed or is due in this very step. */
  disarm(timer: Timer): void {
    if (timer.slot === -1) return
    if (timer.slot !== DUE) this.#unlink(timer)
    timer.slot = -1
    this.size--
    if (this.size === 0 && this.#interval !== null) {
      clearInterval(this.#interval)
      this.#interval = null
    }
  }

  /** Fires what is due; the interval calls it, tests may. */
  step(): void {
    this.now = this.#clock.tick()
    const until = Math.floor(this.now / this.stepMs)
    // After a long pause of the process one turn of the wheel sees every slot.
    const from = Math.max(this.#step + 1, until - SLOTS + 1)
    this.#step = until
    const due: Timer[] = []
    for (let step = from; step <= until; step++) {
      for (let timer = this.#slots[step % SLOTS] ?? null; timer !== null; ) {
        const next: Timer | null = timer.next
        if (timer.at <= this.now) {
          this.#unlink(timer)
          timer.slot = DUE
          due.push(timer)
        }
        timer = next
      }
    }
    for (const timer of due) {
      // An owner before it may have disarmed or re-armed this one.
      if (timer.slot !== DUE) continue
      this.disarm(timer)
      timer.owner.onTimer(timer)
    }
  }

  #start(): void {
    this.now = this.#clock.tick()
    this.#step = Math.floor(this.now / this.stepMs)
    this.#interval = setInterval(stepWheel, this.stepMs, this)
    this.#interval.unref()
  }

  #unlink(timer: Timer): void {
    if (timer.previous === null) this.#slots[timer.slot] = timer.next
    else timer.previous.next = timer.next
    if (timer.next !== null) timer.next.previous = timer.previous
    timer.previous = null
    timer.next = null
  }
}

function stepWheel(wheel: Wheel): void {
  wheel.step()
}
