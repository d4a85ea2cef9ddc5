import type { Migration } from './types.ts'

/** Presets of organizations, and their versions, which are added to and never changed. */
export const presets: Migration = {
  name: '0002-presets',
  async up(tx, types) {
    await tx.schema
      .createTable('presets')
      .addColumn('id', types.text, (c) => c.primaryKey().notNull())
      .addColumn('organization_id', types.text, (c) => c.notNull())
      .addColumn('workspace_id', types.text, (c) => c.notNull())
      .addColumn('creator_user_id', types.text)
      .addColumn('slug', types.text, (c) => c.notNull())
      .addColumn('name', types.text, (c) => c.notNull())
      .addColumn('description', types.text)
      .addColumn('status', types.text, (c) => c.notNull())
      .addColumn('status_updated_at', types.int8)
      .addColumn('version', types.int4, (c) => c.notNull())
      .addColumn('created_at', types.int8, (c) => c.notNull())
      .addColumn('updated_at', types.int8, (c) => c.notNull())
      .addUniqueConstraint('presets_slug', ['organization_id', 'slug'])
      .modifyEnd(types.end)
      .execute()
    await tx.schema
      .createTable('preset_versions')
      .addColumn('id', types.text, (c) => c.primaryKey().notNull())
      .addColumn('preset_id', types.text, (c) => c.notNull())
      .addColumn('organization_id', types.text, (c) => c.notNull())
      .addColumn('workspace_id', types.text, (c) => c.notNull())
      .addColumn('creator_user_id', types.text)
      .addColumn('creator_id', types.text, (c) => c.notNull())
      .addColumn('version', types.int4, (c) => c.notNull())
      .addColumn('system_prompt', types.text)
      .addColumn('config', types.text, (c) => c.notNull())
      .addColumn('created_at', types.int8, (c) => c.notNull())
      .addUniqueConstraint('preset_versions_number', ['preset_id', 'version'])
      .modifyEnd(types.end)
      .execute()
  },
}
