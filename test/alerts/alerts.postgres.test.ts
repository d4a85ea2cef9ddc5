import { describe } from 'vitest'
import { systemClock } from '../../src/lib/index.ts'
import { openStore } from '../../src/store/index.ts'
import { freshDatabase, hasPostgres } from '../harness/postgres.ts'
import { describeDelivery } from './conformance.ts'

describe.skipIf(!hasPostgres)('an alert (Postgres)', () => {
  describeDelivery(async () => {
    const database = await freshDatabase()
    const store = await openStore({ database: database.url, dataDir: '', poolSize: 4, clock: systemClock })
    return { store, remove: () => database.drop() }
  })
})
