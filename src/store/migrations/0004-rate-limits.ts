import type { Migration } from './types.ts'

/** Rates of a key's own, in place of those that the configuration gives every key. */
export const rateLimits: Migration = {
  name: '0004-rate-limits',
  async up(tx, types) {
    for (const column of ['requests_per_minute', 'tokens_per_minute', 'concurrency'])
      await tx.schema.alterTable('api_keys').addColumn(column, types.int4).execute()
  },
}
