import { randomBytes } from 'node:crypto'
import type { Clock } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import { openEmbedded } from './embedded.ts'
import type { LedgerEvent } from './engine.ts'
import type { Ledger } from './ledger.ts'
import { openPostgres } from './postgres.ts'
import type { AlertRules } from './state.ts'

export interface OpenLedger {
  readonly clock: Clock
  /** Name of this process for people (host name or the like). */
  readonly node: string
  /** On top of every price, parts per million; 0 when absent. */
  readonly markupPpm?: bigint
  /** What people are told of now; nothing when absent. */
  readonly alerts?: () => AlertRules
  readonly onEvent?: (event: LedgerEvent) => void
}

/**
 * Opens the ledger on a store, with the engine that the store asks for. Call `recover` before serving, `close` before
 * the store's.
 * @throws StoreError when the store cannot be read.
 */
export async function openLedger(store: Store, options: OpenLedger): Promise<Ledger> {
  const epoch = `${options.node}-${options.clock.now().toString(36)}-${randomBytes(4).toString('hex')}`
  const open = store.engine === 'sqlite' ? openEmbedded : openPostgres
  return await open(store, { ...options, epoch })
}
