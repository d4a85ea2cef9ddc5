import { initial } from './0001-initial.ts'
import { presets } from './0002-presets.ts'
import { waybillTables } from './0003-waybill-tables.ts'
import { rateLimits } from './0004-rate-limits.ts'
import { budgets } from './0005-budgets.ts'
import { accounts } from './0006-accounts.ts'
import { alerts } from './0007-alerts.ts'
import { keyPolicies } from './0008-key-policies.ts'
import type { Migration } from './types.ts'

export type { Migration } from './types.ts'
export { columnTypes } from './types.ts'

/** In order; the version of a schema is the number of migrations applied. */
export const migrations: readonly Migration[] = [
  initial,
  presets,
  waybillTables,
  rateLimits,
  budgets,
  accounts,
  alerts,
  keyPolicies,
]
