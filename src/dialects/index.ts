export * from './dialect.ts'
export { encodeCount as encodeGeminiCount, parsePath as parseGeminiPath } from './gemini/index.ts'
export { withoutHosted } from './hosted.ts'
export { failedStream, pipeFor, translatePipe } from './pipe.ts'
export {
  clientDialect,
  DIALECTS,
  dialect,
  upstreamDialect,
} from './registry.ts'
