import type { TokenCounting } from '../dialect.ts'
import { encodeRequest } from './encode-request.ts'

/** Fields of a Messages request that have tokens; the call refuses the others. Source: Anthropic's count_tokens reference. */
const COUNTED = ['model', 'messages', 'system', 'tools', 'tool_choice', 'thinking'] as const

/** `POST /v1/messages/count_tokens`: free, exact. */
export const counting: TokenCounting = {
  encodeCount(chat, target) {
    const whole = encodeRequest(chat, target)
    const body: Record<string, unknown> = {}
    for (const name of COUNTED) if (whole.body[name] !== undefined) body[name] = whole.body[name]
    return { ...whole, path: '/v1/messages/count_tokens', body }
  },
  decodeCount(reply) {
    const tokens = (reply as { input_tokens?: unknown } | null)?.input_tokens
    return typeof tokens === 'number' && Number.isSafeInteger(tokens) && tokens >= 0 ? tokens : null
  },
}
