export * from './base62.ts'
export * from './clock.ts'
export * from './id.ts'
