import { sql } from 'kysely'
import type { Migration } from './types.ts'

/** What people are told about money: written with the charge, once for each fact, and delivered afterwards. */
export const alerts: Migration = {
  name: '0007-alerts',
  async up(tx, types) {
    await tx.schema
      .createTable('alerts')
      .addColumn('id', types.text, (c) => c.primaryKey().notNull())
      .addColumn('organization_id', types.text, (c) => c.notNull())
      .addColumn('workspace_id', types.text)
      .addColumn('creator_user_id', types.text)
      .addColumn('scope', types.text, (c) => c.notNull())
      .addColumn('scope_id', types.text, (c) => c.notNull())
      .addColumn('span', types.text, (c) => c.notNull())
      .addColumn('window_start', types.int8, (c) => c.notNull())
      .addColumn('threshold', types.int8, (c) => c.notNull())
      .addColumn('cap_nanos', types.int8)
      .addColumn('amount_nanos', types.int8, (c) => c.notNull())
      .addColumn('cause', types.text, (c) => c.notNull())
      .addColumn('created_at', types.int8, (c) => c.notNull())
      .addColumn('sent', types.int4, (c) => c.notNull())
      .addUniqueConstraint('alerts_fact', ['scope', 'scope_id', 'span', 'window_start', 'threshold'])
      .modifyEnd(types.end)
      .execute()
    await tx.schema
      .createIndex('alerts_by_organization')
      .on('alerts')
      .columns(['organization_id', 'created_at'])
      .execute()
    await tx.schema
      .createIndex('alerts_new')
      .on('alerts')
      .column('created_at')
      .where(sql.ref('sent'), '=', sql`0`)
      .execute()
    await tx.schema
      .createTable('alert_deliveries')
      .addColumn('alert_id', types.text, (c) => c.notNull())
      .addColumn('destination', types.text, (c) => c.notNull())
      .addColumn('label', types.text, (c) => c.notNull())
      .addColumn('state', types.text, (c) => c.notNull())
      .addColumn('attempts', types.int4, (c) => c.notNull())
      .addColumn('next_at', types.int8, (c) => c.notNull())
      .addColumn('leased_until', types.int8, (c) => c.notNull())
      .addColumn('last_status', types.int4)
      .addColumn('last_error', types.text)
      .addColumn('created_at', types.int8, (c) => c.notNull())
      .addColumn('updated_at', types.int8, (c) => c.notNull())
      .addPrimaryKeyConstraint('alert_deliveries_key', ['alert_id', 'destination'])
      .modifyEnd(types.end)
      .execute()
    for (const state of ['pending', 'gone']) {
      await tx.schema
        .createIndex(`alert_deliveries_${state}`)
        .on('alert_deliveries')
        .column(state === 'pending' ? 'next_at' : 'destination')
        .where(sql.ref('state'), '=', sql.lit(state))
        .execute()
    }
    await tx.schema
      .createTable('alert_mutes')
      .addColumn('organization_id', types.text, (c) => c.notNull())
      .addColumn('scope', types.text, (c) => c.notNull())
      .addColumn('scope_id', types.text, (c) => c.notNull())
      .addColumn('created_at', types.int8, (c) => c.notNull())
      .addPrimaryKeyConstraint('alert_mutes_key', ['organization_id', 'scope', 'scope_id'])
      .modifyEnd(types.end)
      .execute()
  },
}
