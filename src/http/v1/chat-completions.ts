import type { IncomingMessage, ServerResponse } from 'node:http'
import { dialect } from '../../dialects/index.ts'
import type { Gateway } from '../gateway.ts'
import { journey, type Surface } from '../journey.ts'

const CHAT: Surface = { name: 'chat', dialect: dialect('openai-chat')! }
const TARGET = { path: '/chat/completions', query: '' }

/** `POST /chat/completions`: OpenAI's format with OpenRouter's extensions, streamed or whole. */
export function chatCompletions(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  return journey(gateway, CHAT, TARGET, request, response)
}
