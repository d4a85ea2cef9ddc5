import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../lib/index.ts'
import { describeStore } from './conformance.ts'
import { openStore } from './index.ts'

describeStore('the embedded store', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'waybill-store-'))
  return {
    open: () => openStore({ dataDir, clock: systemClock }),
    remove: async () => rmSync(dataDir, { recursive: true, force: true }),
  }
})
