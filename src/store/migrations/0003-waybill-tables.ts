import type { Migration } from './types.ts'

/** Candidate tables of waybills, one for each model and catalog, with the day they were last needed, so that old ones can go. They take
 * the place of tables without a day. */
export const waybillTables: Migration = {
  name: '0003-waybill-tables',
  async up(tx, types) {
    await tx.schema.dropTable('candidate_tables').execute()
    await tx.schema
      .createTable('waybill_tables')
      .addColumn('hash', types.text, (c) => c.primaryKey().notNull())
      .addColumn('data', types.text, (c) => c.notNull())
      .addColumn('seen_at', types.int8, (c) => c.notNull())
      .modifyEnd(types.end)
      .execute()
    await tx.schema.createIndex('waybill_tables_by_seen_at').on('waybill_tables').column('seen_at').execute()
  },
}
