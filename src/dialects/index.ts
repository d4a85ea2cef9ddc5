export * from './dialect.ts'
export { encodeCount as encodeGeminiCount, parsePath as parseGeminiPath } from './gemini/index.ts'
export { failedStream, pipeFor, translatePipe } from './pipe.ts'
export {
  CLIENT_DIALECTS,
  clientDialect,
  DIALECTS,
  dialect,
  UPSTREAM_DIALECTS,
  upstreamDialect,
} from './registry.ts'
