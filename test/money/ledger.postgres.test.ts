import { describe } from 'vitest'
import { hasPostgres } from '../harness/postgres.ts'
import { ledgerConformance } from './conformance.ts'
import { postgresWorld } from './world.ts'

describe.skipIf(!hasPostgres)('Postgres ledger', () => ledgerConformance(postgresWorld))
