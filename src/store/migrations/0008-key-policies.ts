import type { Migration } from './types.ts'

/** What a key may use: lists as JSON, null where nothing is limited. */
export const keyPolicies: Migration = {
  name: '0008-key-policies',
  async up(tx, types) {
    for (const column of ['allowed_models', 'allowed_providers', 'ignored_providers'])
      await tx.schema.alterTable('api_keys').addColumn(column, types.text).execute()
  },
}
