import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { systemClock } from '../../src/lib/index.ts'
import { openStore } from '../../src/store/index.ts'
import { describeDelivery } from './conformance.ts'

describe('an alert (embedded)', () => {
  describeDelivery(async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'waybill-alerts-'))
    const store = await openStore({ dataDir, clock: systemClock })
    return { store, remove: () => rm(dataDir, { recursive: true, force: true }) }
  })
})
