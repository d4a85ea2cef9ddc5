export * from './fallback.ts'
export * from './health.ts'
export * from './plan.ts'
export type * from './plan.types.ts'
