import { describe } from 'vitest'
import { freshDatabase, hasPostgres } from '../../test/harness/postgres.ts'
import { systemClock } from '../lib/index.ts'
import { openStore } from '../store/index.ts'
import { describeDelivery } from './conformance.ts'

describe.skipIf(!hasPostgres)('an alert (Postgres)', () => {
  describeDelivery(async () => {
    const database = await freshDatabase()
    const store = await openStore({ database: database.url, dataDir: '', poolSize: 4, clock: systemClock })
    return { store, remove: () => database.drop() }
  })
})
