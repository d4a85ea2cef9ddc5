import { describe } from 'vitest'
import { hasPostgres } from '../harness/postgres.ts'
import { ledgerConformance } from './conformance.ts'
import { ledgerModel } from './model.ts'
import { ledgerRaces } from './race.ts'
import { postgresWorld } from './world.ts'

describe.skipIf(!hasPostgres)('Postgres ledger', () => {
  ledgerConformance(postgresWorld)
  ledgerRaces(postgresWorld, 4)
  ledgerModel(postgresWorld, 20)
})
