import type { Clock } from '../../src/lib/index.ts'

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
}

interface Entry {
  readonly due: number
  readonly seq: number
  readonly run: () => void
  readonly every: number | null
  /** Runs on in a process that was killed: it belongs to the world, not to a process. */
  readonly world: boolean
  cancelled: boolean
}

/** What a timer function gives back; `unref` means nothing here, as the world decides when it ends. */
interface Handle {
  readonly entry: Entry
  ref(): Handle
  unref(): Handle
}

/**
 * Virtual time: while it is installed, the timers of this thread run when the world turns to them and nothing waits in
 * earnest. Between two of them all promises settle, so that one seed has one order of events.
 */
export class VirtualTime implements Clock {
  #tick = 0
  #skew: number
  #frozen: number | null = null
  #seq = 0
  /** By due time, then by age. */
  #queue: Entry[] = []

  /** @param wall ms since the epoch at tick 0 */
  constructor(wall: number) {
    this.#skew = wall
  }

  now(): number {
    return Math.floor(this.#frozen ?? this.#tick + this.#skew)
  }

  tick(): number {
    return this.#tick
  }

  /** The wall clock is set forward (or back) by so many ms. */
  jump(ms: number): void {
    this.#skew += ms
  }

  /** The wall clock does not move any more. */
  freeze(): void {
    this.#frozen = this.now()
  }

  /** Calls `run` after so many ms, whatever becomes of the process. */
  after(ms: number, run: () => void): void {
    this.#add(ms, run, null, true)
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve)
    })
  }

  /** The process is gone and with it whatever it was waiting for. */
  forgetProcess(): void {
    this.#queue = this.#queue.filter((entry) => entry.world)
  }

  /** Turns the world until `done`, or throws after `limitMs` of its time. */
  async run(done: () => boolean, limitMs: number): Promise<void> {
    const end = this.#tick + limitMs
    for (;;) {
      await settled()
      if (done()) return
      const next = this.#queue.shift()
      if (next === undefined) throw new Error('the world stands still: somebody waits for what never comes')
      if (next.due > end) throw new Error(`the world has not come to its end in ${limitMs} ms of its time`)
      if (next.cancelled) continue
      this.#tick = next.due
      if (next.every !== null) this.#insert({ ...next, due: next.due + next.every, seq: ++this.#seq }, next)
      next.run()
    }
  }

  /** Puts itself in the place of this thread's timers; call the result to give them back. */
  install(): () => void {
    const cancel = (handle: unknown) => {
      const entry = (handle as Handle | undefined)?.entry
      if (entry !== undefined) this.#cancel(entry)
    }
    const add =
      (every: boolean) =>
      (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
        handleOf(this.#add(ms ?? 0, () => run(...args), every ? (ms ?? 1) : null, false))
    Object.assign(globalThis, {
      setTimeout: add(false),
      setInterval: add(true),
      setImmediate: (run: (...args: unknown[]) => void, ...args: unknown[]) =>
        handleOf(this.#add(0, () => run(...args), null, false)),
      clearTimeout: cancel,
      clearInterval: cancel,
      clearImmediate: cancel,
    })
    return () => void Object.assign(globalThis, real)
  }

  #add(ms: number, run: () => void, every: number | null, world: boolean): Entry {
    const due = this.#tick + Math.max(0, ms)
    const entry: Entry = { due, seq: ++this.#seq, run, every, world, cancelled: false }
    this.#insert(entry)
    return entry
  }

  /** @param origin the interval that `entry` repeats: cancelling it cancels this too */
  #insert(entry: Entry, origin?: Entry): void {
    let at = this.#queue.length
    while (at > 0 && this.#queue[at - 1]!.due > entry.due) at--
    this.#queue.splice(at, 0, entry)
    if (origin !== undefined) this.#repeats.set(origin, entry)
  }

  readonly #repeats = new WeakMap<Entry, Entry>()

  #cancel(entry: Entry): void {
    for (let one: Entry | undefined = entry; one !== undefined; one = this.#repeats.get(one)) {
      one.cancelled = true
    }
  }
}

function handleOf(entry: Entry): Handle {
  const handle: Handle = { entry, ref: () => handle, unref: () => handle }
  return handle
}

/** Resolves when no promise has anything left to do. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    real.setImmediate(resolve)
  })
}
