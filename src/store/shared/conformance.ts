import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Admission, Gate, Rate, SharedState } from './shared.ts'

/** What every shared state does, in real time: windows of a second, since a Redis keeps its own clock. */
export function sharedStateConformance(open: () => Promise<SharedState>): void {
  let state: SharedState
  let calls = 0
  beforeAll(async () => {
    state = await open()
  })
  afterAll(() => state.close())

  const rate = (key: string, limit: number, cost = 1, windowMs = 60_000): Rate => ({
    key,
    limit,
    windowMs,
    cost,
  })
  const call = (rates: Rate[], gates: Gate[] = [], over: Partial<Admission> = {}): Admission => ({
    id: `c${++calls}`,
    group: 'o',
    rates,
    gates,
    leaseMs: 60_000,
    ...over,
  })

  it('lets as many pass as the rate holds, and tells when the next one may', async () => {
    for (let i = 0; i < 3; i++) expect(await state.admit(call([rate('three', 3)]))).toEqual({ ok: true })
    const refused = await state.admit(call([rate('three', 3)]))
    expect(refused).toMatchObject({ ok: false, by: 'rate', index: 0, remaining: 0 })
    if (refused.ok) throw new Error('passed')
    expect(refused.retryAfterMs).toBeGreaterThan(18_000)
    expect(refused.retryAfterMs).toBeLessThanOrEqual(20_000)
  })

  it('fills evenly: a part of the window gives back a part of the limit', async () => {
    for (let i = 0; i < 4; i++) await state.admit(call([rate('even', 4, 1, 1_000)]))
    expect((await state.admit(call([rate('even', 4, 1, 1_000)]))).ok).toBe(false)
    await sleep(300)
    expect((await state.admit(call([rate('even', 4, 1, 1_000)]))).ok).toBe(true)
    expect((await state.admit(call([rate('even', 4, 1, 1_000)]))).ok).toBe(false)
  })

  it('takes from all or from none', async () => {
    await state.admit(call([rate('narrow', 1)]))
    const refused = await state.admit(call([rate('wide', 2, 2), rate('narrow', 1)]))
    expect(refused).toMatchObject({ ok: false, by: 'rate', index: 1 })
    expect(await state.admit(call([rate('wide', 2, 2)]))).toEqual({ ok: true })
  })

  it('lets a cost beyond the limit pass a full bucket only, and counts it in full', async () => {
    expect(await state.admit(call([rate('debt', 10, 25)]))).toEqual({ ok: true })
    const refused = await state.admit(call([rate('debt', 10, 1)]))
    if (refused.ok) throw new Error('passed')
    // 25 taken of 10 a minute: 16 more have to fill before one passes.
    expect(refused.retryAfterMs).toBeGreaterThan(95_000)
    expect(refused.retryAfterMs).toBeLessThanOrEqual(96_000)
  })

  it('is corrected to what a call really took, both ways', async () => {
    await state.admit(call([rate('tokens', 100, 60)]))
    state.correct('o', [rate('tokens', 100, -50)])
    await sleep(30)
    expect(await state.admit(call([rate('tokens', 100, 90)]))).toEqual({ ok: true })
    state.correct('o', [rate('tokens', 100, 100)])
    await sleep(30)
    const refused = await state.admit(call([rate('tokens', 100, 1)]))
    if (refused.ok) throw new Error('passed')
    expect(refused.retryAfterMs).toBeGreaterThan(58_000)
  })

  it('lets so many inside at once, and the next when one has left', async () => {
    const gate = [{ key: 'door', limit: 2 }]
    const first = call([], gate)
    expect(await state.admit(first)).toEqual({ ok: true })
    expect(await state.admit(call([], gate))).toEqual({ ok: true })
    expect(await state.admit(call([], gate))).toMatchObject({ ok: false, by: 'gate', index: 0 })
    state.leave(first)
    await sleep(30)
    expect(await state.admit(call([], gate))).toEqual({ ok: true })
  })

  it('who was refused at a gate has taken nothing from the rates', async () => {
    const gate = [{ key: 'shut', limit: 1 }]
    await state.admit(call([], gate))
    expect(await state.admit(call([rate('untouched', 1)], gate))).toMatchObject({ ok: false, by: 'gate' })
    expect(await state.admit(call([rate('untouched', 1)]))).toEqual({ ok: true })
  })

  it('never lets more pass than the limit, however many ask at once', async () => {
    const all = await Promise.all(Array.from({ length: 200 }, () => state.admit(call([rate('crowd', 50)]))))
    expect(all.filter(({ ok }) => ok)).toHaveLength(50)
  })
}
