import type { RecordedCase } from '../../fixtures.ts'
import type { Answer } from '../answer.ts'
import { toldInChat } from './chat.ts'
import { toldInCohere } from './cohere.ts'
import { toldInConverse } from './converse.ts'
import { failureOf } from './errors.ts'
import { toldInGemini } from './gemini.ts'
import { toldInMessages } from './messages.ts'
import { toldInResponses } from './responses.ts'

/** Formats of recordings that are read here. */
export type Format =
  | 'openai-chat'
  | 'openai-responses'
  | 'anthropic-messages'
  | 'gemini'
  | 'bedrock-converse'
  | 'bedrock-invoke'
  | 'cohere'

/** A plain reading of what a provider said, without the gateway's code: the truth that every client has to see. */
export function told(format: Format, recorded: RecordedCase): Answer {
  if (recorded.response.status >= 400) return { choices: [], usage: null, error: failureOf(recorded) }
  const answer = READERS[format](recorded)
  // Clients are charged nothing for, and promised nothing of, an answer that broke off.
  return answer.error === null ? answer : { ...answer, usage: null }
}

const READERS: Readonly<Record<Format, (recorded: RecordedCase) => Answer>> = {
  'openai-chat': toldInChat,
  'openai-responses': toldInResponses,
  'anthropic-messages': toldInMessages,
  gemini: toldInGemini,
  'bedrock-converse': toldInConverse,
  // Recorded whole only, where it is Anthropic's own body.
  'bedrock-invoke': toldInMessages,
  cohere: toldInCohere,
}
