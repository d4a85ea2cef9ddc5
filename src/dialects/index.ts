export * from './dialect.ts'
export { pipeFor, translatePipe } from './pipe.ts'
export { DIALECTS, dialect, UPSTREAM_DIALECTS, upstreamDialect } from './registry.ts'
