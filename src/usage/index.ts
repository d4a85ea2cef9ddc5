export * from './query.ts'
export * from './record.ts'
