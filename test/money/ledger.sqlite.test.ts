import { describe } from 'vitest'
import { ledgerConformance } from './conformance.ts'
import { sqliteWorld } from './world.ts'

describe('embedded ledger', () => ledgerConformance(sqliteWorld))
