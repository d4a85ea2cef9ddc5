import { type ChatRequest, GatewayError } from '../../chat/index.ts'
import type { RequestTarget } from '../dialect.ts'
import { isObject, type Json, without } from '../json.ts'
import { optional, refuse } from '../openai-chat/check.ts'
import { decodeRequest as decodeChat } from '../openai-chat/request.ts'

/** Most log probabilities of a token. Source: OpenAI's reference of completions. */
const MAX_LOGPROBS = 5

/** Fields that a text completion alone has. */
const LEGACY: ReadonlySet<string> = new Set(['prompt', 'suffix', 'echo', 'best_of', 'logprobs'])

/** What belongs to conversations: taking it here and answering in text would lose it. */
const FOREIGN = [
  'messages',
  'tools',
  'tool_choice',
  'functions',
  'function_call',
  'modalities',
  'audio',
] as const

/**
 * A legacy text completion, asked as a conversation of one message: the request that comes out is one of `openai-chat`,
 * with the same parameters. Throws GatewayError `invalid_request` for what a conversation cannot do.
 * Source of fields: OpenRouter's completions (2025-11) and OpenAI's reference.
 */
export function decodeRequest(body: unknown, target: RequestTarget): ChatRequest {
  if (!isObject(body)) throw new GatewayError('invalid_request', 'The body must be a JSON object.')
  for (const field of FOREIGN)
    if ((body[field] ?? null) !== null)
      refuse(field, `\`${field}\` is not for text completions: send it to POST /api/v1/chat/completions.`)
  const prompt = promptOf(body)
  const logprobs = checkLegacy(body)
  const chat: Json = { ...without(body, LEGACY), messages: [{ role: 'user', content: prompt }] }
  if (logprobs !== undefined) {
    chat['logprobs'] = true
    if (logprobs > 0) chat['top_logprobs'] = logprobs
  }
  const request = decodeChat(chat, target)
  return body['echo'] === true ? { ...request, echo: prompt } : request
}

function promptOf(body: Json): string {
  const { prompt } = body
  const one = Array.isArray(prompt) && prompt.length === 1 ? (prompt[0] as unknown) : prompt
  if (typeof one === 'string' && one !== '') return one
  if (Array.isArray(one) && one.some((item) => typeof item === 'number' || Array.isArray(item)))
    return refuse('prompt', '`prompt` as tokens by number is not served: send it as text.')
  if (Array.isArray(one) && one.length > 1)
    return refuse(
      'prompt',
      '`prompt` may hold one text: send a request for each, or ask for several choices with `n`.',
    )
  return refuse('prompt', '`prompt` must be a text that is not empty.')
}

/** Serves or refuses each field of its own; returns the log probabilities asked for. */
function checkLegacy(body: Json): number | undefined {
  if ((optional.string(body, 'suffix', Number.MAX_SAFE_INTEGER) ?? '') !== '')
    refuse('suffix', '`suffix` is not served: models answer a prompt here and do not fill a gap.')
  const bestOf = optional.integer(body, 'best_of', 1, 128)
  if (bestOf !== undefined && bestOf !== (optional.integer(body, 'n', 1, 128) ?? 1))
    refuse('best_of', '`best_of` is not served beyond `n`: ask for `n` choices and choose among them.')
  const logprobs = optional.integer(body, 'logprobs', 0, MAX_LOGPROBS)
  if (optional.boolean(body, 'echo') === true && logprobs !== undefined)
    refuse('echo', '`echo` with `logprobs` is not served: no log probabilities are known for a prompt.')
  return logprobs
}
