import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { faultsPage } from './page.ts'
import { runFaults, score, type Verdict } from './run.ts'
import { FAST, FLAP, FULL, SCENARIOS } from './scenarios.ts'
import { SURFACES, type SurfaceName } from './surfaces.ts'

const ALL = [...SCENARIOS, FLAP].toSorted((a, b) => a.id.localeCompare(b.id))

const timing = process.env['WAYBILL_TEST_FULL'] === '1' ? FULL : FAST
const PAGE = new URL('../../docs/reference/faults.md', import.meta.url)

describe(`the sixteen faults, ${timing === FULL ? 'at full timings' : 'with scaled waits'}`, () => {
  let verdicts: readonly Verdict[] = []

  beforeAll(async () => {
    verdicts = await runFaults(timing)
  }, 300_000)

  afterAll(() => {
    console.log(`faults: ${score(verdicts)}`)
    if (timing === FAST) return
    const where = `${cpus().length} × ${cpus()[0]?.model.replace(/ \d.*/, '')}, Node ${process.version}`
    writeFileSync(PAGE, faultsPage(verdicts, new Date().toISOString().slice(0, 10), where))
  })

  describe.each(Object.keys(SURFACES) as SurfaceName[])('through %s', (surface) => {
    it.each(ALL)('$id $title: $bound', ({ id }) => {
      const verdict = verdicts.find((it) => it.id === id && it.surface === surface)
      expect(verdict).toBeDefined()
      expect(verdict!.wrong).toBeNull()
    })
  })

  it('end in 16 of 16', () => {
    expect(score(verdicts)).toBe('16 of 16')
  })
})
