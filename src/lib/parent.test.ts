import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { whenParentGone } from './parent.ts'

describe('whenParentGone', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('calls back once when the process has got another parent', () => {
    const view = { ppid: 42 }
    const gone = vi.fn()
    whenParentGone('42', gone, { view })
    vi.advanceTimersByTime(5000)
    expect(gone).not.toHaveBeenCalled()
    view.ppid = 1
    vi.advanceTimersByTime(5000)
    expect(gone).toHaveBeenCalledTimes(1)
  })

  it('watches nothing when the variable was inherited from further up, or is absent', () => {
    const gone = vi.fn()
    whenParentGone('42', gone, { view: { ppid: 43 } })
    whenParentGone(undefined, gone, { view: { ppid: 43 } })
    vi.advanceTimersByTime(5000)
    expect(gone).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('stops watching when told', () => {
    const view = { ppid: 42 }
    const gone = vi.fn()
    const stop = whenParentGone('42', gone, { view })
    stop()
    view.ppid = 1
    vi.advanceTimersByTime(5000)
    expect(gone).not.toHaveBeenCalled()
  })
})
