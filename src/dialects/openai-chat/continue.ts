import type { AnswerPrefix, EncodedRequest, WireTarget } from '../dialect.ts'
import { type Json, list, object } from '../json.ts'

/** Fields by which a model is asked to reason: it would begin with that, not with the rest of its answer. */
const REASONING = ['reasoning', 'reasoning_effort', 'thinking', 'enable_thinking'] as const
const LIMITS = ['max_tokens', 'max_completion_tokens'] as const

/** The beginning of the answer as the last message, told in the provider's way (quirk `assistantPrefix`). */
export function continueAnswer(
  encoded: EncodedRequest<Json>,
  prefix: AnswerPrefix,
  { quirks, supportedParameters }: WireTarget,
): EncodedRequest<Json> | null {
  const way = quirks.assistantPrefix
  // What a model that reasons is given to go on with, servers may take for its thoughts.
  if (way === undefined || supportedParameters?.includes('reasoning') === true) return null
  if (REASONING.some((field) => asks(encoded.body[field])) || endsWithAssistant(encoded.body)) return null
  const body = lowered(encoded.body, LIMITS, prefix.tokens)
  if (body === null) return null
  const message: Json = { role: 'assistant', content: prefix.text }
  if (way === 'continue_final_message') {
    body['continue_final_message'] = true
    body['add_generation_prompt'] = false
  } else if (way !== 'plain') message[way] = true
  body['messages'] = [...list(body['messages']), message]
  return { ...encoded, body }
}

const asks = (value: unknown): boolean =>
  value !== undefined && value !== false && value !== 'none' && object(value)?.['type'] !== 'disabled'

/** The client itself has begun the answer: what it wrote and what was delivered can't be told apart in two messages. */
export function endsWithAssistant(body: Json): boolean {
  return object(list(body['messages']).at(-1))?.['role'] === 'assistant'
}

/** A copy of the body with less room in its limits; null when no room is left. */
export function lowered(body: Json, limits: readonly string[], tokens: number): Json | null {
  const copy = { ...body }
  for (const limit of limits) {
    const most = copy[limit]
    if (typeof most !== 'number') continue
    if (most <= tokens) return null
    copy[limit] = most - tokens
  }
  return copy
}
