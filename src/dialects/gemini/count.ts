import type { TokenCounting } from '../dialect.ts'
import { count, type Json, object, without } from '../json.ts'
import { encodeRequest, modelPath } from './encode-request.ts'

/** Members that the plain form of the call does not know. */
const UNCOUNTED: ReadonlySet<string> = new Set([
  'toolConfig',
  'tool_config',
  'safetySettings',
  'labels',
  'cachedContent',
])

/** `POST …:countTokens`: free, exact. AI Studio counts a whole request only when it stands in `generateContentRequest`. */
export const counting: TokenCounting = {
  encodeCount(chat, target) {
    const whole = encodeRequest(chat, target)
    const path = modelPath(target.upstreamId, 'countTokens')
    // Vertex, which refuses the field of tiers, reads the members at the top.
    if (target.quirks.unsupported?.includes('serviceTier')) {
      return { ...whole, path, body: without(whole.body, UNCOUNTED) }
    }
    const model = `models/${target.upstreamId.replace(/^models\//, '')}`
    return { ...whole, path, body: { generateContentRequest: { model, ...whole.body } } }
  },
  decodeCount: (reply) => count(object(reply)?.['totalTokens']),
}

/** The reply of `countTokens` to a client; `estimated` says that no provider counted. */
export const encodeCount = (tokens: number, estimated: boolean): Json => ({
  totalTokens: tokens,
  ...(estimated && { estimated: true }),
})
