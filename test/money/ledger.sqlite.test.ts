import { describe } from 'vitest'
import { ledgerConformance } from './conformance.ts'
import { ledgerModel } from './model.ts'
import { ledgerRaces } from './race.ts'
import { sqliteWorld } from './world.ts'

describe('embedded ledger', () => {
  ledgerConformance(sqliteWorld)
  ledgerRaces(sqliteWorld, 1)
  ledgerModel(sqliteWorld, 60)
})
