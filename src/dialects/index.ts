export * from './dialect.ts'
export { encodeCount as encodeGeminiCount, parsePath as parseGeminiPath } from './gemini/index.ts'
export { pipeFor, translatePipe } from './pipe.ts'
export { DIALECTS, dialect, UPSTREAM_DIALECTS, upstreamDialect } from './registry.ts'
