export * from './dialect.ts'
export {
  ArrayFraming as GeminiArray,
  encodeCount as encodeGeminiCount,
  inArray as geminiInArray,
  parsePath as parseGeminiPath,
} from './gemini/index.ts'
export { dearerWish, withoutHosted } from './hosted.ts'
export { withMetadata, withStreamMetadata } from './metadata.ts'
export { failedStream, pipeFor, rescuePipe, translatePipe } from './pipe.ts'
export {
  clientDialect,
  DIALECTS,
  dialect,
  upstreamDialect,
} from './registry.ts'
export type { RescueWay } from './seam.ts'
