import type { Migration } from './types.ts'

/** Caps on what more than one key spends together, or each end user and member by itself. */
export const budgets: Migration = {
  name: '0005-budgets',
  async up(tx, types) {
    await tx.schema
      .createTable('budgets')
      .addColumn('id', types.text, (c) => c.primaryKey().notNull())
      .addColumn('organization_id', types.text, (c) => c.notNull())
      .addColumn('workspace_id', types.text)
      .addColumn('creator_user_id', types.text)
      .addColumn('scope', types.text, (c) => c.notNull())
      .addColumn('scope_id', types.text, (c) => c.notNull())
      .addColumn('span', types.text, (c) => c.notNull())
      .addColumn('limit_nanos', types.int8, (c) => c.notNull())
      .addColumn('created_at', types.int8, (c) => c.notNull())
      .addColumn('updated_at', types.int8, (c) => c.notNull())
      .addUniqueConstraint('budgets_scope', ['organization_id', 'scope', 'scope_id', 'span'])
      .modifyEnd(types.end)
      .execute()
  },
}
