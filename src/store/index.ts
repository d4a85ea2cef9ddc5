export { databaseFile } from './file.ts'
export { openStore, restoreSqlite } from './open.ts'
export type * from './schema.ts'
export * from './store.ts'
