import { describe } from 'vitest'
import { freshDatabase, hasPostgres } from '../../test/harness/postgres.ts'
import { systemClock } from '../lib/index.ts'
import { describeStore } from './conformance.ts'
import { openStore } from './index.ts'

describe.skipIf(!hasPostgres)('with Postgres', () => {
  describeStore('the Postgres store', async () => {
    const { url, drop } = await freshDatabase()
    return {
      open: () => openStore({ database: url, dataDir: '', poolSize: 4, clock: systemClock }),
      remove: drop,
    }
  })
})
