import type { TokenCounting } from '../dialect.ts'
import type { Json } from '../json.ts'
import { encodeRequest } from './encode-request.ts'

/** Fields of a Messages request that have tokens; the call refuses the others. Source: Anthropic's count_tokens reference. */
const COUNTED = ['model', 'messages', 'system', 'tools', 'tool_choice', 'thinking'] as const

/** What of a Messages body is counted. */
export function counted(body: Json): Json {
  return Object.fromEntries(COUNTED.flatMap((name) => (body[name] === undefined ? [] : [[name, body[name]]])))
}

/** `POST /v1/messages/count_tokens`: free, exact. */
export const counting: TokenCounting = {
  encodeCount(chat, target) {
    const whole = encodeRequest(chat, target)
    return { ...whole, path: '/v1/messages/count_tokens', body: counted(whole.body) }
  },
  decodeCount(reply) {
    const tokens = (reply as { input_tokens?: unknown } | null)?.input_tokens
    return typeof tokens === 'number' && Number.isSafeInteger(tokens) && tokens >= 0 ? tokens : null
  },
}
