import type { AnswerPrefix, EncodedRequest, WireTarget } from '../dialect.ts'
import { type Json, list, object } from '../json.ts'
import { endsWithAssistant, lowered } from '../openai-chat/continue.ts'
import { traitsOf } from './models.ts'

/** The beginning of the answer as the assistant's last turn, for the models that go on with one and do not think first. */
export function continueAnswer(
  encoded: EncodedRequest<Json>,
  prefix: AnswerPrefix,
  { upstreamId, quirks }: WireTarget,
): EncodedRequest<Json> | null {
  const thinking = object(encoded.body['thinking'])?.['type'] ?? 'disabled'
  const takes = traitsOf(upstreamId).prefix || quirks.assistantPrefix !== undefined
  if (!takes || thinking !== 'disabled' || endsWithAssistant(encoded.body)) return null
  const body = lowered(encoded.body, ['max_tokens'], prefix.tokens)
  const turn = { role: 'assistant', content: prefix.text }
  return body && { ...encoded, body: { ...body, messages: [...list(body['messages']), turn] } }
}
