import type { ColumnTypes, Migration } from './types.ts'

/** Deleted keys, workspaces beside the first with their members, feedback on calls, and answers kept for repeated writes. */
export const accounts: Migration = {
  name: '0006-accounts',
  async up(tx, types) {
    await tx.schema.alterTable('api_keys').addColumn('deleted_at', types.int8).execute()
    for (const [column, type] of workspaceColumns(types))
      await tx.schema.alterTable('workspaces').addColumn(column, type).execute()
    await tx.schema
      .createTable('members')
      .addColumn('id', types.text, (c) => c.primaryKey().notNull())
      .addColumn('organization_id', types.text, (c) => c.notNull())
      .addColumn('email', types.text, (c) => c.notNull())
      .addColumn('first_name', types.text)
      .addColumn('last_name', types.text)
      .addColumn('role', types.text, (c) => c.notNull())
      .addColumn('created_at', types.int8, (c) => c.notNull())
      .addUniqueConstraint('members_email', ['organization_id', 'email'])
      .modifyEnd(types.end)
      .execute()
    await tx.schema
      .createTable('workspace_members')
      .addColumn('id', types.text, (c) => c.primaryKey().notNull())
      .addColumn('organization_id', types.text, (c) => c.notNull())
      .addColumn('workspace_id', types.text, (c) => c.notNull())
      .addColumn('user_id', types.text, (c) => c.notNull())
      .addColumn('created_at', types.int8, (c) => c.notNull())
      .addUniqueConstraint('workspace_members_user', ['workspace_id', 'user_id'])
      .modifyEnd(types.end)
      .execute()
    await tx.schema
      .createTable('feedback')
      .addColumn('id', types.text, (c) => c.primaryKey().notNull())
      .addColumn('organization_id', types.text, (c) => c.notNull())
      .addColumn('workspace_id', types.text, (c) => c.notNull())
      .addColumn('creator_user_id', types.text)
      .addColumn('generation_id', types.text, (c) => c.notNull())
      .addColumn('category', types.text, (c) => c.notNull())
      .addColumn('comment', types.text)
      .addColumn('created_at', types.int8, (c) => c.notNull())
      .modifyEnd(types.end)
      .execute()
    await tx.schema
      .createIndex('feedback_by_organization_id_created_at')
      .on('feedback')
      .columns(['organization_id', 'created_at'])
      .execute()
    await tx.schema
      .createTable('idempotency')
      .addColumn('scope', types.text, (c) => c.primaryKey().notNull())
      .addColumn('organization_id', types.text, (c) => c.notNull())
      .addColumn('request_hash', types.text, (c) => c.notNull())
      .addColumn('status', types.int4)
      .addColumn('answer', types.blob)
      .addColumn('created_at', types.int8, (c) => c.notNull())
      .modifyEnd(types.end)
      .execute()
    await tx.schema.createIndex('idempotency_by_created_at').on('idempotency').column('created_at').execute()
  },
}

function workspaceColumns(types: ColumnTypes) {
  return [
    ['description', types.text],
    ['created_by', types.text],
    ['updated_at', types.int8],
    ['deleted_at', types.int8],
  ] as const
}
