import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Timer, Wheel } from './wheel.ts'

class Owner {
  readonly fired: number[] = []
  readonly clock = { time: 0, now: () => 0, tick: () => this.clock.time }
  readonly wheel = new Wheel(this.clock, 10)
  hook: (timer: Timer) => void = () => {}

  onTimer(timer: Timer): void {
    this.fired.push(this.clock.time)
    this.hook(timer)
  }

  run(until: number): void {
    while (this.clock.time < until) {
      this.clock.time += 10
      this.wheel.step()
    }
  }
}

describe('the wheel', () => {
  it('fires every alarm once, never early and at most a step late', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 30 }),
        (delays) => {
          const owner = new Owner()
          const timers = delays.map(() => new Timer(owner))
          const at = new Map<Timer, number>()
          owner.hook = (timer) => {
            expect(at.has(timer)).toBe(false)
            at.set(timer, owner.clock.time)
          }
          delays.forEach((ms, i) => {
            owner.wheel.arm(timers[i]!, ms)
          })
          owner.run(20_050)
          delays.forEach((ms, i) => {
            const late = at.get(timers[i]!)! - ms
            expect(late).toBeGreaterThanOrEqual(0)
            expect(late).toBeLessThanOrEqual(10)
          })
          expect(owner.wheel.size).toBe(0)
        },
      ),
      { numRuns: 30 },
    )
  })

  it('fires nothing that was disarmed, and only the last arming of the same alarm', () => {
    const owner = new Owner()
    const gone = new Timer(owner)
    const moved = new Timer(owner)
    owner.wheel.arm(gone, 50)
    owner.wheel.arm(moved, 50)
    owner.wheel.arm(moved, 100)
    owner.wheel.disarm(gone)
    owner.wheel.disarm(gone)
    owner.run(500)
    expect(owner.fired).toEqual([100])
  })

  it('lets one alarm disarm another that is due in the same step, and arm itself again', () => {
    const owner = new Owner()
    const [a, b] = [new Timer(owner), new Timer(owner)]
    owner.hook = (timer) => {
      owner.wheel.disarm(timer === a ? b : a)
      if (owner.fired.length < 3) owner.wheel.arm(timer, 20)
    }
    owner.wheel.arm(a, 20)
    owner.wheel.arm(b, 20)
    owner.run(200)
    expect(owner.fired).toEqual([20, 40, 60])
    expect(owner.wheel.size).toBe(0)
  })

  it('catches up after a pause longer than a turn', () => {
    const owner = new Owner()
    owner.wheel.arm(new Timer(owner), 30)
    owner.clock.time = 60_000
    owner.wheel.step()
    expect(owner.fired).toEqual([60_000])
  })
})
