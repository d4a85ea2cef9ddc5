export * from './dialect.ts'
export { pipeFor, translatePipe } from './pipe.ts'
export { DIALECTS, dialect } from './registry.ts'
