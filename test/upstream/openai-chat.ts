import { json, type Step, sse } from './step.ts'

export interface AnswerFacts {
  readonly id?: string
  readonly model?: string
  readonly finish?: string
  /** null: the provider reports none. */
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null
  readonly done?: boolean
}

/** Server-sent events of a chat completion in OpenAI's format, one event a piece of text, then finish, usage and `[DONE]`. */
export function chatEvents(texts: readonly string[], facts: AnswerFacts = {}): string[] {
  const { id = 'chatcmpl-1', model = 'upstream-model', finish = 'stop' } = facts
  const usage =
    facts.usage === undefined ? { prompt_tokens: 10, completion_tokens: texts.length } : facts.usage
  const event = (choices: unknown[], more: object = {}) =>
    `data: ${JSON.stringify({ id, object: 'chat.completion.chunk', created: 1, model, choices, ...more })}\n\n`
  const events = [event([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }])]
  for (const content of texts) events.push(event([{ index: 0, delta: { content }, finish_reason: null }]))
  events.push(event([{ index: 0, delta: {}, finish_reason: finish }]))
  if (usage !== null) events.push(event([], { usage: withTotal(usage) }))
  if (facts.done !== false) events.push('data: [DONE]\n\n')
  return events
}

/** A streamed answer as a step. */
export function chatStream(texts: readonly string[], facts: AnswerFacts = {}, more: Step = {}): Step {
  return sse(chatEvents(texts, facts), more)
}

/** A whole answer as a step. */
export function chatReply(text: string, facts: AnswerFacts = {}, more: Step = {}): Step {
  const { id = 'chatcmpl-1', model = 'upstream-model', finish = 'stop' } = facts
  const usage = facts.usage === undefined ? { prompt_tokens: 10, completion_tokens: 3 } : facts.usage
  const choices = [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: finish }]
  const body = { id, object: 'chat.completion', created: 1, model, choices }
  return { ...json(200, usage === null ? body : { ...body, usage: withTotal(usage) }), ...more }
}

/** Streams or replies as the request asks, like a real provider. */
export function chat(
  texts: readonly string[],
  facts: AnswerFacts = {},
  more: Step = {},
): (request: { body: string }) => Step {
  return ({ body }) =>
    JSON.parse(body || '{}').stream === true
      ? chatStream(texts, facts, more)
      : chatReply(texts.join(''), facts, more)
}

function withTotal(usage: { readonly prompt_tokens: number; readonly completion_tokens: number }) {
  return { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens }
}
