export { Pruner } from './prune.ts'
export * from './query.ts'
export * from './record.ts'
export { WaybillTables } from './tables.ts'
