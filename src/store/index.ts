export type * from './schema.ts'
export { openSqliteStore, type SqliteSettings } from './sqlite/sqlite.store.ts'
export * from './store.ts'
