import type { TokenCounting } from '../dialect.ts'
import { count, object } from '../json.ts'
import { encodeRequest } from './request.ts'

/**
 * `POST /model/{id}/count-tokens`: free, exact. It knows models, not the profiles of geographies through which they are
 * called. Source: Bedrock's API reference of CountTokens.
 */
export const counting: TokenCounting = {
  encodeCount(chat, target) {
    const { body, headers, dropped } = encodeRequest(chat, target)
    const model = target.upstreamId.replace(/^(?:[a-z]{2}(?:-gov)?|apac|global)\.(?=anthropic\.)/, '')
    const counted = Buffer.from(JSON.stringify(body)).toString('base64')
    return {
      path: `/model/${encodeURIComponent(model)}/count-tokens`,
      headers,
      body: { input: { invokeModel: { body: counted } } },
      dropped,
    }
  },
  decodeCount: (reply) => count(object(reply)?.['inputTokens']),
}
